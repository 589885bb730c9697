"""A store that is read must be there: a mistyped name is no store without runs."""

import pytest


@pytest.mark.parametrize(
    "arguments",
    [
        ("results", "list"),
        ("results", "verify"),
        ("results", "export"),
        ("results", "rebuild"),
        ("results", "diff", "."),
        ("baseline", "self-check", "main"),
        ("leaderboard", "build", "--tables"),
    ],
)
def test_a_store_that_is_not_there(command, tmp_path, arguments):
    named = ("nope",) if "diff" in arguments else ("--store", "nope")
    done = command(*arguments, *named)
    assert (done.code, done.out) == (2, "") and not (tmp_path / "nope").exists()
    assert done.errors == ["error: no result store at nope; 'harness eval' makes one, --store names another"]


def test_what_is_no_store_is_not_verified(command, tmp_path):
    (tmp_path / "src").mkdir()
    for where, says in (("src", "src is no result store but an empty folder"), (".", ". is no result store")):
        done = command("results", "verify", "--store", where)
        assert (done.code, done.out) == (2, "") and len(done.errors) == 1
        assert done.errors[0].startswith(f"error: {says}")


def test_clean_says_what_it_removes_and_with_dry_run_what_it_would(command, tmp_path):
    left = tmp_path / "results/.running/seal-0123"
    left.mkdir(parents=True)
    line = "results/.running/seal-0123 (an attempt that was not sealed; its journal is kept)\n"
    assert command("results", "clean", "--dry-run").out == f"would remove: {line}" and left.exists()
    assert command("results", "clean", "--dry-run", "--json").out == (
        '{"schema": 1, "would_remove": [{"path": "results/.running/seal-0123", "what": "an attempt that was '
        'not sealed; its journal is kept"}]}\n'
    )
    assert command("results", "clean").out == f"removed: {line}" and not left.exists()
    assert command("results", "clean").out == "nothing to remove\n"

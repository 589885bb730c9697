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

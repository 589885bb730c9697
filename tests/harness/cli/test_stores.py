"""A store that is read must be there: a mistyped name is no store without runs."""

import json
import os
import re

import pytest

from tests.damages import ATTEMPTS, RECORDS, build


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


def test_what_is_broken_is_named_by_every_command_and_all_else_goes_on(command, tmp_path):
    """Three runs of six are damaged, each in its way; tests/faults has every damage alone."""
    store = tmp_path / "results"
    build(store)
    folders = sorted(path.parent for path in store.rglob("run.json") if "/vote/" in str(path))
    damages = dict((name, damage) for name, damage, _ in (*RECORDS, *ATTEMPTS))
    damages["NaN in a metric"](folders[0])
    damages["an empty usage"](folders[1])
    damages["other scores"](folders[2])
    records = [f"{folder.relative_to(store)}/run.json" for folder in folders[:2]]
    attempts = f"{folders[2].relative_to(store)}/samples.parquet was changed after it was sealed"

    done = command("results", "verify")
    lines = done.out.splitlines()
    assert (done.code, lines[-1]) == (1, "3 sound, 3 broken") and len(lines) == 4
    listed = json.loads(command("results", "list", "--json").out)
    assert len(listed["runs"]) == 4 and len(listed["invalid"]) == 2
    for arguments, found, names in (
        (("results", "list"), 4, records),
        (("results", "export"), 4, records),
        (("results", "export", "--format", "eee"), 4, records),
        (("results", "export", "--format", "markdown"), None, [*records, attempts]),
        (("results", "export", "--format", "latex"), None, [*records, attempts]),
        (("results", "rebuild"), None, records),
        (("compare", "--task", "simulated", "--baseline", "direct"), None, None),
        (("leaderboard", "build"), None, [*records, attempts]),
        (("eval", "--task", "arc1d", "-T", "level=1", "--limit", "1", "--model", "echo/1"), None, []),
    ):
        done = command(*arguments)
        if names is None:  # no run of the candidate is left
            assert done.code == 2 and records[0] in done.err
            assert "and 2 more" in done.err
            continue
        assert done.code == 0, done
        for name in names:
            assert name in done.err, (arguments, done)
        if found is not None:
            assert len(re.findall("simulated(?:,|/accuracy|  )", done.out)) >= found
    assert command("show", folders[0].name).code == 2 and command("show", folders[2].name).code == 0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda tables: tables.write_text("x"),
            r"results/tables is no folder, and the tables go there; move",
        ),
        (
            lambda tables: (tables / "results.csv").mkdir(parents=True),
            r"results/tables/results.csv is no file, and the tables go there; move it away or remove it$",
        ),
        (
            lambda tables: (tables.mkdir(), os.mkfifo(tables / "results.md")),
            r"results/tables/results.md is no file, and",
        ),
    ],
)
@pytest.mark.parametrize("check", [(), ("--check",)])
def test_what_lies_where_tables_go_is_named(command, tmp_path, make, says, check):
    build(tmp_path / "results")
    make(tmp_path / "results/tables")
    done = command("results", "rebuild", *check)
    assert done.code == 2 and len(done.errors) == 1 and re.search(says, done.errors[0]), done.errors


def test_a_table_that_is_no_text_is_written_again(command, tmp_path):
    build(tmp_path / "results")
    table = tmp_path / "results/tables/results.csv"
    table.parent.mkdir()
    table.write_bytes(b"\xff\xfe")
    assert command("results", "rebuild").code == 0 and table.read_text().startswith("task,")

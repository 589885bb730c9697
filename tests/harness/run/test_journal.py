"""The journal of a run that goes: what a later one finds of it, and what it doesn't."""

import json
import os
from pathlib import Path

import pytest

from harness.base.errors import RecordError
from harness.results.record import retract
from harness.results.store import Store
from harness.run.journal import Journal, held, outlived
from harness.testing import seal_scores


def line(n, **more):
    return {"n": n, "epoch": 0, "status": "ok", "usage": {}, "metrics": {"accuracy": 1.0}, **more}


@pytest.fixture
def folder(tmp_path):
    """The folder of a journal with three attempts."""
    with Journal(tmp_path / "run") as journal:
        for n in range(3):
            journal.append(line(n, answer=f"{n} \u00e9"))
    return tmp_path / "run"


def found(folder):
    with Journal(folder) as journal:
        return [attempt["n"] for attempt in journal.attempts()], journal.broken


def test_what_was_left_behind_is_not_found_by_whoever_goes_on(folder):
    with Journal(folder) as journal:
        journal.clear()
        journal.append(line(7))
    assert found(folder) == ([7], 0)


def edit(number, change):
    def damage(path):
        lines = path.read_bytes().splitlines(keepends=True)
        lines[number] = change(lines[number])
        path.write_bytes(b"".join(lines))

    return damage


def old(text):
    return lambda made: json.dumps({**line(1), **text}).encode() + b"\n"


@pytest.mark.parametrize(
    ("damage", "kept", "broken"),
    [
        (edit(2, lambda text: text[:-9]), [0, 1], 0),  # a kill in mid-line
        (edit(1, lambda text: text.replace(b"1.0", b"0.0")), [0, 2], 1),
        (edit(1, lambda text: b"\0" * (len(text) - 1) + b"\n"), [0, 2], 1),
        (edit(1, lambda text: b"\n"), [0, 2], 1),
        (edit(1, lambda text: b"[1]\n"), [0, 2], 1),
        (edit(1, lambda text: b"[" * 100_000 + b"\n"), [0, 2], 1),
        (edit(1, lambda text: b"\xff\xfe\n"), [0, 2], 1),
        (edit(1, old({})), [0, 1, 2], 0),  # as earlier versions wrote it
        (edit(1, old({"n": -1})), [0, 2], 1),
        (edit(1, old({"n": True})), [0, 2], 1),
        (edit(1, old({"n": "1"})), [0, 2], 1),
        (edit(1, old({"epoch": None})), [0, 2], 1),
        (edit(1, old({"status": "fine"})), [0, 2], 1),
        (edit(1, old({"status": []})), [0, 2], 1),
        (edit(1, old({"usage": [1]})), [0, 2], 1),
        (edit(1, old({"metrics": {"accuracy": float("nan")}})), [0, 2], 1),
        (edit(1, old({"answer": "\ud800"})), [0, 2], 1),
        (edit(2, old({"status": "error"})), [0], 0),  # the last line of an attempt counts
        (lambda path: path.write_bytes(b""), [], 0),
        (lambda path: path.unlink(), [], 0),
    ],
)
def test_a_damaged_line_is_asked_again_and_no_other(folder, damage, kept, broken):
    damage(folder / "samples.jsonl")
    assert found(folder) == (kept, broken)


@pytest.mark.parametrize("name", ["samples.jsonl", "lock"])
@pytest.mark.parametrize(
    "make", [os.mkfifo, os.mkdir, lambda p: os.symlink(p, p), lambda p: os.symlink("/dev/null", p)]
)
def test_a_journal_that_is_no_file_is_one_line(folder, name, make):
    (folder / name).unlink()
    make(folder / name)
    with pytest.raises(RecordError, match=f"can't write to {folder}: ") as said:
        found(folder)
    assert len(str(said.value).splitlines()) == 1


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"code": 3, "attempt": "x"}', b"[" * 100_000])
def test_what_a_journal_says_of_itself_may_be_damaged(folder, text):
    (folder / "about.json").write_bytes(text)
    with Journal(folder) as journal:
        assert (journal.code, journal.attempt, len(journal.places)) == ({}, 1, 3)


def test_a_journal_dies_with_the_seal_it_becomes(tmp_path):
    store = Store(tmp_path)
    record = seal_scores(tmp_path, [1, 0], method="direct")
    folder = Path(record["record"]).parent
    assert outlived(store, folder, 1) and not outlived(store, folder, 2)
    retract(store, record, "wrong", "")
    assert outlived(store, folder, 1) and outlived(store, folder, 2) and not outlived(store, folder, 3)
    assert not outlived(store, folder.with_name("0" * 12), 1)


def test_nobody_retracts_a_run_while_it_is_written(folder):
    with Journal(folder), pytest.raises(RecordError, match="measures this run"), held(folder):
        pass
    assert found(folder) == ([0, 1, 2], 0)
    with held(folder):
        pass
    assert not folder.exists()

"""A method in a process of its own is measured as in this one; what can't be isolated is said first."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

from harness.base.errors import UsageError
from harness.external.workers import walls
from harness.registry import registry
from harness.results.store import Store
from harness.results.stored import read_attempts
from harness.run.cell import run_cell
from harness.run.isolation import method as isolated
from harness.run.isolation.reach import reach_of
from harness.run.plan import Request, plan
from harness.run.session import Session
from harness.spec import MethodSpec
from tests.harness.run.isolation.test_spies import HERE, run
from tests.one_cell import rows

VOLATILE = {
    "created_at",
    "command",
    "environment",
    "volatile",
    "result_digest",
    "record",
    "samples_path",
    "isolated",
}


def known(record):
    return {name: value for name, value in record.items() if name not in VOLATILE}


def test_the_same_result_in_both_modes(tmp_path, caplog):
    """Labelled data, pool, demonstrations, calls, votes, rewards, draws, traces, measures, files."""
    records = []
    for isolate in (False, True):
        result, session = run(tmp_path / str(isolate), "Honest", isolate, limit=3)
        assert result.record is not None, result.error
        records.append(result.record)
    here, apart = records
    assert known(here) == known(apart) and (here.get("isolated", False), apart["isolated"]) == (False, True)
    assert apart["data_access"] == {"labels_seen": 3, "pool_size": 3} and apart["draw_digest"]
    assert [r.getMessage() for r in caplog.records if "fitted" in r.getMessage()][-1] == "fitted \\x1b[1mthis"


def test_half_a_character_is_the_same_in_both_modes(tmp_path):
    found = []
    for isolate in (False, True):
        result, _ = run(tmp_path / str(isolate), "Half", isolate, limit=2)
        assert result.record is not None, result.error
        found.append(read_attempts(result.record).to_pylist())
    assert found[0][0]["completion"] == "caf\u00e9 \ufffd" and "\ufffd" in found[0][0]["trace"]
    seen = [[(row["completion"], row["trace"], row["answer"]) for row in rows] for rows in found]
    assert seen[0] == seen[1]


def test_only_an_isolated_run_answers_for_one(tmp_path):
    first, _ = run(tmp_path, "Plain", False)
    again, session = run(tmp_path, "Plain", True)
    assert not first.record.get("isolated") and again.record["isolated"] and not again.record.get("reused")
    assert any("wasn't isolated; it is measured again" in said for said in session.notices)
    shown, _ = run(tmp_path, "Plain", False)
    assert shown.record["reused"] and shown.record["isolated"]


def test_an_interrupt_ends_the_worker_and_keeps_what_was_answered(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(isolated, "Worker", lambda *given: made.append(Worker(*given)) or made[-1])
    address = f"{HERE}/spies.py:Bad"
    (cell,) = plan(
        Request(f"{HERE}/words.py:Words", address, "echo/x", method_args={"act": "hanging"}, isolate=True)
    )

    async def interrupted():
        work = asyncio.create_task(run_cell(cell, Session(Store(tmp_path))))
        while not list(tmp_path.glob(".running/*/samples.jsonl")) or not journal().read_text():
            await asyncio.sleep(0.02)
        process = made[0]._process
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        return process

    def journal():
        return next(tmp_path.glob(".running/*/samples.jsonl"))

    process = asyncio.run(interrupted())
    assert process.returncode == -9 and not os.path.exists(made[0]._scratch)
    assert [json.loads(line)["sample_id"] for line in journal().read_text().splitlines()] == ["q0"]


Worker = isolated.Worker

NEEDS = [
    ("curriculum-uniform", r"method 'curriculum-uniform' needs trainable, which --isolate doesn't carry"),
    (f"{HERE}/nowhere.py:M", r"no file .*nowhere.py; give a method as path/to/file.py:Class"),
    (f"{HERE}/words.py", r"words.py holds no method; a subclass of harness.Method is one"),
]


@pytest.mark.parametrize(("name", "line"), NEEDS)
def test_what_cant_be_isolated_is_said_before_anything_is_asked(name, line):
    with pytest.raises(UsageError, match=line):
        plan(Request("countdown", name, isolate=True))


def test_a_method_that_imports_the_task_is_refused(tmp_path):
    (tmp_path / "puzzle.py").write_text((HERE / "words.py").read_text().replace("Words(", "Puzzle("))
    peek = tmp_path / "peek.py"
    peek.write_text("import puzzle\n")
    task = registry().task(f"{tmp_path}/puzzle.py:Puzzle")
    method = MethodSpec("peek", "", "", "peek.py:Peek", origin="file", path=str(peek), folder=str(tmp_path))
    with pytest.raises(UsageError, match=r"can't keep puzzle.py of method 'peek' apart from the task"):
        reach_of(method, {}, task, [])
    with pytest.raises(UsageError, match=r"can't keep peek.py of method 'peek' apart from"):
        reach_of(method, {}, None, [tmp_path])


def test_without_landlock_nothing_is_isolated(monkeypatch):
    monkeypatch.setattr(walls, "landlock_version", lambda: 2)
    with pytest.raises(
        UsageError, match=r"--isolate needs a Linux kernel with Landlock 3 .* without --isolate if you"
    ):
        plan(Request("countdown", "direct", isolate=True))


def test_the_past_of_a_user_is_the_same_in_both_modes(tmp_path):
    told, access = [], []
    for isolate in (False, True):
        result, session = run(tmp_path / str(isolate), "Historian", isolate)
        assert result.record is not None, result.error
        told.append([json.loads(row["completion"]) for row in rows(result.record)])
        access.append(result.record["data_access"])
    assert told[0] == told[1] and told[0][0] == ["a", ["a0", "a1"], 2]  # q0 is asked before a's last event
    assert told[0][1] == ["b", ["b0", "b1", "b2"], 3]
    assert access == [{"history": 6}, {"history": 6}]


def test_a_file_is_found_wherever_the_worker_runs(tmp_path, monkeypatch):
    """A path of the user's is from the user's folder."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs.jsonl").write_text('{"id": "a", "text": "a film"}\n')
    request = Request(
        task="personal/synthetic",
        task_args={"users": 1, "history": 2, "test": 1},
        method="react-personal",
        method_args={"corpus": "docs.jsonl"},
        model="sim/person",
        isolate=True,
    )
    (cell,) = plan(request)
    record = asyncio.run(run_cell(cell, Session(Store(tmp_path / "out"))))
    assert record["counts"]["ok"] == 1

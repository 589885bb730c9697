"""Two processes on the same cells, kills between seal and clean-up, and what they leave behind."""

import os
import signal
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.base import paths
from harness.base.errors import RecordError
from harness.base.locks import Lock, abandoned, own_folder, remove_abandoned
from harness.results.store import Store
from harness.results.verify import verify_store
from harness.run import cell
from harness.run import journal as journals
from harness.run.litter import clean, litter
from harness.run.plan import Request, plan
from harness.run.session import Session
from tests.harness.run.test_runner import go, only, start, wait_for
from tests.holder import holder

__all__ = ["holder", "start"]


def test_a_lock_dies_with_its_process_and_not_with_its_children(holder, tmp_path):
    lock = Lock(tmp_path / "lock")
    process = holder(tmp_path / "lock")
    assert lock.take() == "process 4711 on elsewhere"
    process.kill()
    process.wait()
    assert lock.take() is None
    told, tells = os.pipe()
    child = os.fork()
    if not child:  # it would hold the lock after its parent has let it go
        os.write(tells, b".")
        signal.pause()
    try:
        assert os.read(told, 1) == b"."
        lock.release()
        assert Lock(tmp_path / "lock").take() is None
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_lock_whose_file_is_taken_away_is_taken_anew(tmp_path):
    first, second = Lock(tmp_path / "a" / "lock"), Lock(tmp_path / "a" / "lock")
    assert first.take() is None and second.take().startswith(f"process {os.getpid()}")
    first.release(remove=True)
    (tmp_path / "a").rmdir()
    assert second.take() is None and first.take() is not None


def test_two_processes_on_the_same_cell_pay_once(plugin, start, tmp_path):
    note = tmp_path / "note"
    first = start(tmp_path / "a", 0.1, note)
    wait_for(note, 2)
    second = start(tmp_path / "a", 0.1, note)
    (_, said), (out, waited) = first.communicate(timeout=60), second.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0), (said, waited)
    assert len(note.read_text().split()) == 12
    assert f"process {first.pid} on " in waited and "waiting for its record" in waited
    assert "reused" in out and verify_store(tmp_path / "a") == ([], 1)


def test_what_another_process_seals_while_a_method_is_opened_is_found(plugin, tmp_path, monkeypatch):
    """A worker of --isolate takes seconds to start, in which the lock is free again."""
    opened, began = cell.opened, []

    @asynccontextmanager
    async def late(prepared, session):
        if not began:
            began.append(True)
            (planned,) = plan(Request(task="colours", method="direct", model="echo/red"))
            await cell.run_cell(planned, Session(Store(tmp_path)))
        async with opened(prepared, session) as method:
            yield method

    monkeypatch.setattr(cell, "opened", late)
    record = only(go(tmp_path, method="direct"))
    assert record["reused"] and began and len(list(tmp_path.glob("v1/*/*/*/*/*/run.json"))) == 1


def test_a_killed_process_is_not_waited_for(plugin, holder, tmp_path):
    record = only(go(tmp_path / "a"))
    process = holder(tmp_path / "b" / ".running" / record["run_id"][:12] / "lock")
    process.kill()
    process.wait()
    began = time.monotonic()
    assert only(go(tmp_path / "b"))["counts"]["ok"] == 12 and time.monotonic() - began < 20


@pytest.mark.parametrize("then", ["retracted", "corrected", "nothing"])
def test_a_kill_between_seal_and_clean_up_leaves_no_answers(plugin, tmp_path, monkeypatch, then):
    store = Store(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(journals.Journal, "remove", lambda self: None)  # killed before it could
        record = only(go(tmp_path, method="direct"))
    left = store.running_folder(record["run_id"])
    assert (left / "samples.jsonl").read_bytes().count(b"\n") == 12
    if then == "nothing":
        assert only(go(tmp_path, method="direct"))["reused"] and not left.exists()
        return
    if then == "retracted":
        from harness.results.record import retract

        retract(store, record, "wrong server", "")
    asked = []
    from harness.model.echo import Echo

    generate = Echo.generate

    async def counted(self, call):
        asked.append(call.question.id)
        return await generate(self, call)

    monkeypatch.setattr(Echo, "generate", counted)
    again = only(go(tmp_path, method="direct", overwrite=then == "corrected"))
    assert len(asked) == 12 and again["attempt"] == (3 if then == "retracted" else 2)


def test_a_stopped_run_goes_on_and_a_retracted_one_does_not(plugin, tmp_path):
    from harness.results.record import retract

    first = only(go(tmp_path, budget_calls=5, max_connections=1))
    assert first["status"] == "stopped"
    (path,) = tmp_path.glob(".running/*/samples.jsonl")
    assert path.read_bytes().count(b"\n") == 5
    retract(Store(tmp_path), first, "wrong", "")
    again = only(go(tmp_path, budget_calls=3, max_connections=1))
    assert again["counts"]["ok"] == 3 and again["attempt"] == 3
    assert only(go(tmp_path))["counts"]["ok"] == 12


@pytest.mark.parametrize("error", [17, 39, 5, 30])
def test_a_rename_that_fails_ends(tmp_path, monkeypatch, error):
    def fails(self, to):
        raise OSError(error, os.strerror(error))

    store = Store(tmp_path)
    monkeypatch.setattr(Path, "rename", fails)
    with store.sealing() as made, pytest.raises(RecordError, match="can't seal the run"):
        store.seal(tmp_path / "v1/t/1/m/x/0123456789ab", made, lambda attempt: b"{}")
    assert not list((tmp_path / ".running").iterdir())


def test_litter_goes_and_what_is_held_stays(plugin, tmp_path, monkeypatch):
    record = only(go(tmp_path / "a", method="direct"))
    running, cache = tmp_path / "a" / ".running", paths.cache_dir()
    old = time.time() - 40 * 86400
    made = [
        running / "seal-0123",
        running / "0123456789ab-0123.parquet",
        cache / "artifacts" / "0123-4567.part",
        cache / "workspaces" / "0123",
        tmp_path / "a" / ".index" / "rows.part",
    ]
    for path in made:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet" or path.name == "rows.part":
            path.write_bytes(b"x")
        else:
            path.mkdir()
            (path / "file").write_bytes(b"x")
            os.utime(path / "file", (old, old))
        os.utime(path, (old, old))
    fresh = cache / "workspaces" / "4567"
    fresh.mkdir()
    live = running / "0123456789cd"
    with journals.Journal(live) as journal:
        journal.append({"n": 0, "epoch": 0, "status": "ok"})
    with own_folder(running, "seal-") as held:
        assert not abandoned(held) and not remove_abandoned(held)
        assert {each.path for each in litter(tmp_path / "a")} == set(made)
        assert {each.path for each in clean(tmp_path / "a")} == set(made)
        assert held.exists() and fresh.exists() and (live / "samples.jsonl").exists()
    assert not any(path.exists() for path in made) and clean(tmp_path / "a") == []
    made[0].mkdir()
    assert only(go(tmp_path / "a", method="direct"))["reused"] and not made[0].exists()
    assert verify_store(tmp_path / "a") == ([], 1) and record

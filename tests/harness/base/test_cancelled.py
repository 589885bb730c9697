"""Waiting for a lock in code that is not asynchronous ends when its task is cancelled."""

import asyncio
import threading

import pytest

from harness.base import locks
from harness.base.locks import Lock


def test_outside_of_a_loop_nothing_is_cancelled(monkeypatch, tmp_path):
    assert locks._cancelled() is False
    monkeypatch.setattr(locks, "AGAIN", 0.001)
    owners = iter(["process 1 on host", "process 1 on host", "process 1 on host", None])
    monkeypatch.setattr(Lock, "take", lambda self: next(owners))
    said = []
    assert Lock(tmp_path / "lock").wait_here(said.append) is True
    assert said == ["process 1 on host"], "told once, at the second look"


def test_a_task_that_is_cancelled_stops_waiting(monkeypatch, tmp_path):
    monkeypatch.setattr(locks, "AGAIN", 0.001)
    looked = threading.Event()

    def taken(self):
        looked.set()
        return "process 1 on host"

    monkeypatch.setattr(Lock, "take", taken)

    async def main():
        async def wait():
            assert locks._cancelled() is False
            asyncio.current_task().cancel()
            Lock(tmp_path / "lock").wait_here(lambda owner: None)

        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(wait())

    asyncio.run(main())
    assert looked.is_set()

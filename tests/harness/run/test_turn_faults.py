"""A turn that can't be locked: one line, and nothing is held any longer."""

import asyncio
import errno
import os
from types import SimpleNamespace as Some

import pytest

from harness.base.errors import RecordError
from harness.base.locks import Lock
from harness.results.store import Store
from harness.run.turn import Turn


@pytest.mark.parametrize(
    "error, said",
    [
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/d/lock"),
            "can't lock /d/lock: No space left on device",
        ),
        (OSError(errno.EROFS, os.strerror(errno.EROFS)), "can't lock {folder}: Read-only file system"),
        (OSError("made over and over"), "can't lock {folder}: made over and over"),
    ],
)
def test_it_says_which_file_and_why(tmp_path, monkeypatch, error, said):
    async def fails(self, says):
        raise error

    store = Store(tmp_path)
    provider = Some(remote=False, person=False)
    prepared = Some(run_id="a" * 64, provider=provider, roles={}, cell=Some(title="t"))
    monkeypatch.setattr(Lock, "wait", fails)

    async def take():
        async with Turn(prepared, Some(store=store, notice=print)):
            raise AssertionError("taken")

    with pytest.raises(RecordError) as caught:
        asyncio.run(take())
    assert str(caught.value) == said.format(folder=store.running_folder("a" * 64))
    monkeypatch.undo()
    assert Lock(store.running_folder("a" * 64) / "lock").take() is None

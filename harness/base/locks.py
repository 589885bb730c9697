"""What one process holds at a time. A lock is the kernel's (flock): it ends with its process, whatever ends
that, and so does the claim to a folder that a process made for itself."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
import socket
import stat
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

#: seconds between two looks at a lock that another process holds
AGAIN = 0.1
#: a lock file that others keep removing
MOST_TRIES = 100
#: open descriptors that hold a lock; a forked child closes its copies, or it would hold them after its parent
_held: set[int] = set()


def _leave_to_parent() -> None:
    for handle in _held:
        with suppress(OSError):
            os.close(handle)
    _held.clear()


os.register_at_fork(after_in_child=_leave_to_parent)


class Lock:
    """A file that one process holds at a time, with its id and host in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def take(self) -> str | None:
        """Takes the lock. None where that worked, else who has it: `process 4711 on host`.

        Raises:
            OSError: the file can't be made, or locked.
        """
        for _ in range(MOST_TRIES):
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
            except FileNotFoundError:  # who held it has removed the folder meanwhile
                continue
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = _owner(handle)
                os.close(handle)
                return owner
            except BaseException:
                os.close(handle)
                raise
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                os.close(handle)
                raise OSError(errno.EINVAL, "its lock is no regular file")
            if _is_at(handle, self.path):
                _held.add(handle)
                self._handle = handle
                os.ftruncate(handle, 0)
                os.pwrite(handle, _name().encode(), 0)
                return None
            os.close(handle)  # who held it has removed it meanwhile
        raise OSError(f"{self.path} is made and removed over and over")

    async def wait(self, says: Callable[[str], None]) -> bool:
        """Takes the lock, as soon as it is free. `says` is told once who has it; whether anybody had.

        Raises:
            OSError: as `take`.
        """
        tries = 0
        while (owner := self.take()) is not None:
            if (tries := tries + 1) == 2:  # who only looks whether it is held holds it for a moment
                says(owner)
            await asyncio.sleep(AGAIN)
        return tries > 0

    def wait_here(self, says: Callable[[str], None]) -> bool:
        """The same from code that is not asynchronous. Within a task it ends when that is cancelled.

        Raises:
            OSError: as `take`.
            asyncio.CancelledError: the task was cancelled.
        """
        tries = 0
        while (owner := self.take()) is not None:
            if (tries := tries + 1) == 2:
                says(owner)
            time.sleep(AGAIN)
            if _cancelled():
                raise asyncio.CancelledError
        return tries > 0

    def release(self, remove: bool = False) -> None:
        """Lets others take the lock; `remove` takes its file away. Nothing where it isn't held."""
        if self._handle in _held:
            if remove:
                self.path.unlink(missing_ok=True)
            _held.discard(self._handle)
            os.close(self._handle)
        self._handle = None


def own(owner: str) -> bool:
    """Whether a lock's holder is this very process."""
    return owner == f"process {_name()}"


def _name() -> str:
    return f"{os.getpid()} on {socket.gethostname()}"


def _owner(handle: int) -> str:
    try:
        text = os.pread(handle, 200, 0).decode("utf-8", "replace").strip()
    except OSError:
        text = ""
    return f"process {text}" if text else "another process"


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except OSError:
        return False


def _cancelled() -> bool:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return False
    return task is not None and task.cancelling() > 0


@contextmanager
def own_folder(parent: Path, begin: str, end: str = "") -> Iterator[Path]:
    """A new folder that this process alone writes, and which goes after the block unless it was moved. Of one
    that a killed process left, `remove_abandoned` knows that nobody holds it.

    Raises:
        OSError: it can't be made.
    """
    parent.mkdir(parents=True, exist_ok=True)
    while True:
        path = parent / f"{begin}{uuid.uuid4().hex}{end}"
        path.mkdir()
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if _is_at(handle, path):  # else it was taken for abandoned just now
            break
        os.close(handle)
    _held.add(handle)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        if handle in _held:
            _held.discard(handle)
            os.close(handle)


@contextmanager
def own_file(path: Path) -> Iterator[BinaryIO]:
    """A file that this process alone writes meanwhile: empty, whatever a killed process left in it.

    Raises:
        OSError: it can't be made, or locked.
    """
    while True:
        with open(path, "ab", opener=_open_own) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file.fileno(), path):  # else who held it has put it in place meanwhile
                _held.add(file.fileno())
                try:
                    file.truncate(0)
                    yield file
                finally:
                    _held.discard(file.fileno())
                return


def _open_own(path: str, flags: int) -> int:
    """Opens a file, never what a link leads to, nor a pipe."""
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no regular file", path)
    return handle


def abandoned(path: Path) -> bool:
    """Whether no process holds a folder or file; False where that can't be told."""
    return _unheld(path, lambda: None)


def remove_abandoned(path: Path) -> bool:
    """Removes a folder or file that no process holds; whether it is gone."""

    def remove() -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    return _unheld(path, remove) and not os.path.lexists(path)


def _unheld(path: Path, act: Callable[[], None]) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        act()
    except OSError:
        return False
    finally:
        os.close(handle)
    return True

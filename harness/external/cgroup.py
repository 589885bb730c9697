"""A group of processes whose number the kernel limits, for root as well, where we may make one (Linux)."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
#: enters the group that is named, and becomes the program
_ENTER = 'echo $$ > "$0" && exec "$@"'


@contextmanager
def limited(processes: int) -> Iterator[Sequence[str]]:
    """What to put before a command so that it and all that it starts are at most so many processes at a time;
    nothing where no group can be made here. At the end, whatever is left in the group is killed."""
    folder = _made(processes)
    if folder is None:
        yield ()
        return
    try:
        yield ("/bin/sh", "-c", _ENTER, str(folder / "cgroup.procs"))
    finally:
        _end(folder)


def _made(processes: int) -> Path | None:
    for parent in _parents():
        folder = parent / f"harness-{uuid.uuid4().hex}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / "pids.max").write_text(str(processes))
            return folder
        except OSError:  # its parent has no such limit to give
            folder.rmdir()
    return None


def _parents() -> list[Path]:
    """Where a group of this process's may be made, by either version of cgroups."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found = []
    for _, controllers, path in (line.split(":", 2) for line in lines):
        if "pids" in controllers.split(","):
            found.append(_ROOT / "pids" / path.lstrip("/"))
        elif not controllers and (_ROOT / "cgroup.controllers").exists():
            found.append(_ROOT / path.lstrip("/"))
    return found


def _end(folder: Path) -> None:
    for _ in range(100):
        try:
            for process in (folder / "cgroup.procs").read_text().split():
                os.kill(int(process), signal.SIGKILL)
            folder.rmdir()
            return
        except OSError:  # some are still ending
            time.sleep(0.01)

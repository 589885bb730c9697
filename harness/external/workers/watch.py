"""What a worker wrote, counted from outside, and its end with all that it started."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
from pathlib import Path

#: what a worker's scratch folder and the removed files that it holds may have in all, in bytes
WRITTEN_BYTES = 256 << 20
#: what a file takes at least
BLOCK = 4096


def end(process: subprocess.Popen[bytes]) -> None:
    """Kills a worker and its group, which it can't leave where the kernel refuses it processes."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # it is gone, or not yet the first of its group
        process.kill()


def written(folder: Path, process: int) -> int:
    """Bytes in the files below a folder, and in removed files that a process still holds. A file counts as at
    least a block."""
    size, folders = 0, [str(folder)]
    while folders and size <= WRITTEN_BYTES:
        try:
            with os.scandir(folders.pop()) as found:
                for entry in found:
                    size += max(BLOCK, entry.stat(follow_symlinks=False).st_size)
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    if size > WRITTEN_BYTES:
                        break
        except OSError:  # it goes while we look
            continue
    try:
        held = os.listdir(f"/proc/{process}/fd")
    except OSError:  # another kernel
        held = []
    for name in held:
        try:
            status = os.stat(f"/proc/{process}/fd/{name}")
        except OSError:
            continue
        size += status.st_size if stat.S_ISREG(status.st_mode) and status.st_nlink == 0 else 0
    return size

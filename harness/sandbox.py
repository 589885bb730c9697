"""Shell commands that a model wrote, in a sandbox of bubblewrap: no network, one folder to read, nothing to
write, no environment, and no process that outlives the command."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError

#: how much of what a command prints is kept, in bytes
OUTPUT_BYTES = 1 << 20
MEMORY_BYTES = 1 << 30
BASH = "/bin/bash"


@dataclass(frozen=True)
class Ran:
    """How a command ended. `code` is None if it took too long."""

    code: int | None
    stdout: str
    stderr: str


def check() -> None:
    """Whether there is a sandbox here.

    Raises:
        UsageError: there is none; says how to get it.
    """
    if not sys.platform.startswith("linux") or shutil.which("bwrap") is None:
        raise UsageError("a shell for the agent needs bubblewrap, on Linux: apt install bubblewrap")


async def run(command: str, folder: Path, seconds: float) -> Ran:
    """Runs a command in bash where `folder` is, as `/data`.

    Raises:
        UsageError: there is no sandbox here.
    """
    check()
    limited = f'ulimit -v {MEMORY_BYTES >> 10} -c 0; exec "$0" -c "$1"'
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *_walls(folder), BASH, "-c", limited, BASH, command,
        stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe, env={"PATH": os.defpath},
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    printed = asyncio.gather(_beginning(process.stdout), _beginning(process.stderr))
    try:
        async with asyncio.timeout(seconds):
            stdout, stderr = await asyncio.shield(printed)
            return Ran(await process.wait(), stdout, stderr)
    except TimeoutError:
        return Ran(None, "", "")
    finally:
        if process.returncode is None:
            process.kill()
            await printed  # else a full pipe would keep the process from being waited for
            await process.wait()


def _walls(folder: Path) -> list[str]:
    walls = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
             "--proc", "/proc", "--dev", "/dev", "--ro-bind", "/usr", "/usr",
             "--ro-bind-try", "/etc/alternatives", "/etc/alternatives",
             "--ro-bind", str(folder.resolve()), "/data", "--chdir", "/data",
             "--clearenv", "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "LANG", "C.UTF-8"]  # fmt: skip
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        place = Path("/", name)
        if place.is_symlink():
            walls += ["--symlink", os.readlink(place), str(place)]
        elif place.is_dir():
            walls += ["--ro-bind", str(place), str(place)]
    return walls


async def _beginning(stream: asyncio.StreamReader) -> str:
    """What fits of a stream; the rest is read and dropped."""
    kept = bytearray()
    while part := await stream.read(1 << 16):
        kept += part[: OUTPUT_BYTES - len(kept)]
    return kept.decode("utf-8", "replace")

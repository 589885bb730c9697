"""Shell commands that a model wrote, in a sandbox of bubblewrap: no network, one folder to read, nothing to
write, no environment, and no process that outlives the command. A process has a limit on its memory; all
together have one on their number, where the kernel lets us set it, and on the time."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.base.errors import UsageError
from harness.external.cgroup import limited

#: how much of what a command prints is kept, in bytes
OUTPUT_BYTES = 1 << 20
MEMORY_BYTES = 1 << 30
PROCESSES = 128
BASH = "/bin/bash"


@dataclass(frozen=True)
class Ran:
    """How a command ended. `code` is None if it took too long."""

    code: int | None
    stdout: str
    stderr: str


def check() -> str:
    """The program that makes sandboxes here.

    Raises:
        UsageError: there is none, or it isn't allowed to; says how to get it.
    """
    program = shutil.which("bwrap") if sys.platform.startswith("linux") else None
    if program is None:
        raise UsageError("a shell for the agent needs bubblewrap, on Linux: apt install bubblewrap")
    _try(program)
    return program


@cache
def _try(program: str) -> None:
    done = subprocess.run(
        [*_walls(program, Path(tempfile.gettempdir())), BASH, "-c", "true"],
        capture_output=True,
        text=True,
        env={},
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1][:200]
        raise UsageError(
            f"bubblewrap can't make a sandbox here: {reason}; a shell for the agent needs a "
            "machine that allows user namespaces"
        )


async def run(command: str, folder: Path, seconds: float) -> Ran:
    """Runs a command in bash where `folder` is, as `/data`.

    Raises:
        UsageError: there is no sandbox here.
    """
    program = check()
    inside = f'ulimit -v {MEMORY_BYTES >> 10} -c 0; exec "$0" -c "$1"'
    with limited(PROCESSES) as before:
        return await _run([*before, *_walls(program, folder), BASH, "-c", inside, BASH, command], seconds)


async def _run(words: list[str], seconds: float) -> Ran:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe, env={}
    )
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


def _walls(program: str, folder: Path) -> list[str]:
    walls = [
        program,
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--ro-bind",
        "/usr",
        "/usr",
        "--ro-bind-try",
        "/etc/alternatives",
        "/etc/alternatives",
        "--ro-bind",
        str(folder.resolve()),
        "/data",
        "--chdir",
        "/data",
        "--clearenv",
        "--setenv",
        "PATH",
        "/usr/bin:/bin",
        "--setenv",
        "LANG",
        "C.UTF-8",
    ]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        place = Path("/", name)
        if place.is_symlink():
            walls += ["--symlink", os.readlink(place), str(place)]
        elif place.is_dir():
            walls += ["--ro-bind", str(place), str(place)]
    return [*walls, "--remount-ro", "/dev", "--remount-ro", "/"]


async def _beginning(stream: asyncio.StreamReader) -> str:
    """What fits of a stream; the rest is read and dropped."""
    kept = bytearray()
    while part := await stream.read(1 << 16):
        kept += part[: OUTPUT_BYTES - len(kept)]
    return kept.decode("utf-8", "replace")

"""The process that a method runs in, seen from the runner: started behind walls, heard, watched, ended."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness.base.errors import HarnessError, UsageError
from harness.base.locks import own_folder, remove_abandoned
from harness.external.workers import walls
from harness.external.workers.watch import WRITTEN_BYTES, end, written
from harness.run.isolation import boot
from harness.run.isolation.forms import breach, parsed
from harness.run.isolation.reach import Reach

#: the longest line that a worker may say, in bytes; seconds in which it starts, and between looks at it
LINE, START_SECONDS, LOOK_SECONDS = 64 << 20, 120.0, 0.5
#: what is written and not yet read by a worker, in bytes, at most
UNREAD = 256 << 20
SCRATCH = "harness-isolated-"
_HERE = Path(boot.__file__)


def check_machine() -> None:
    """Whether this machine can keep files from a process for good.

    Raises:
        UsageError: it can't, so that nothing is isolated here.
    """
    if walls.landlock_version() < boot.LANDLOCK:
        raise UsageError(
            f"--isolate needs a Linux kernel with Landlock {boot.LANDLOCK} (6.2 or newer) on x86-64 or "
            "ARM64, which this machine hasn't: nothing here keeps files from a method; run it elsewhere, or "
            "without --isolate if you trust the method"
        )


class Worker(asyncio.Protocol):
    """One process. What it says goes to `hear`, a message each; that it is gone, or did what none does, to
    `gone`, once."""

    def __init__(
        self, name: str, hear: Callable[[dict[str, Any]], None], gone: Callable[[HarnessError], None]
    ) -> None:
        self._name, self._hear, self._gone = name, hear, gone
        self._process: subprocess.Popen[bytes] | None = None
        self._transport: asyncio.Transport | None = None
        self._scratch, self._held = "", ExitStack()
        self._rest, self._searched = bytearray(), 0
        self._ended = False
        self._look: asyncio.TimerHandle | None = None
        self.heard = time.monotonic()

    async def start(self, reach: Reach, load: Mapping[str, Any], secret: list[Path]) -> None:
        """Starts the process, which loads what `load` says once its walls stand.

        Args:
            secret: files that it must not be able to read, as it tries.
        """
        for left in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"):  # by a runner that was killed
            remove_abandoned(left)
        self._scratch = str(self._held.enter_context(own_folder(Path(tempfile.gettempdir()), SCRATCH)))
        ours, theirs = socket.socketpair()
        with theirs:
            os.set_inheritable(theirs.fileno(), True)
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-B", str(_HERE), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd=self._scratch,
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: self, sock=ours)
        environment = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        environment |= {
            "HOME": self._scratch,
            "TMPDIR": self._scratch,
            "HARNESS_CACHE": f"{self._scratch}/cache",
        }
        environment |= {"HF_HUB_OFFLINE": "1", "JOBLIB_MULTIPROCESSING": "0"}
        folder = Path(walls.__file__).parent
        self.tell(
            {
                "parent": os.getpid(),
                "scratch": self._scratch,
                "readable": reach.readable,
                "listed": reach.listed,
                "places": reach.places,
                "path": reach.path,
                "walls": {name: str(folder / f"{name}.py") for name in ("walls", "seccomp")},
                "secret": [str(path) for path in secret],
                "load": {**load, "environment": environment},
            }
        )
        self._look = loop.call_later(LOOK_SECONDS, self._watch)

    # -- what it hears and says ----------------------------------------------------------------------

    def tell(self, message: Mapping[str, Any], brought: Any = None) -> None:
        """Says something to the worker, with an object of Python's where one is brought."""
        if self._transport is None or self._ended:
            return
        payload = b"" if brought is None else pickle.dumps(brought, pickle.HIGHEST_PROTOCOL)
        head = {**message, "size": len(payload)} if payload else message
        self._transport.write(json.dumps(head, separators=(",", ":")).encode() + b"\n" + payload)
        if self._transport.get_write_buffer_size() > UNREAD:
            self._end(breach(self._name, "it doesn't hear what it asked for"))

    def hold(self, held: bool) -> None:
        """Whether the worker is to wait with what it says next."""
        if self._transport is not None and not self._ended and self._transport.is_reading() == held:
            (self._transport.pause_reading if held else self._transport.resume_reading)()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard = time.monotonic()
        rest = self._rest
        rest += data
        begin, first = 0, self._searched
        while (at := rest.find(b"\n", max(begin, first))) >= 0 and not self._ended:
            line, begin = bytes(rest[begin:at]), at + 1
            try:
                self._hear(parsed(line))
            except HarnessError as error:
                self._end(error)
            except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
                self._end(breach(self._name, f"it says what can't be read ({type(error).__name__}: {error})"))
        del rest[:begin]
        self._searched = len(rest)
        if len(rest) > LINE:
            self._end(breach(self._name, f"a message is longer than {LINE >> 20} MiB"))

    def connection_lost(self, error: Exception | None) -> None:
        if self._ended or self._process is None:
            return
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            code = None
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit status {code}"
        self._end(breach(self._name, f"it ended {how}, as where it has no memory left"))

    # -- its end --------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Looks from time to time at what it wrote."""
        if self._ended or self._process is None:
            return
        if written(Path(self._scratch), self._process.pid) > WRITTEN_BYTES:
            self._end(breach(self._name, f"it wrote more than {WRITTEN_BYTES >> 20} MiB"))
            return
        self._look = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._watch)

    def _end(self, error: HarnessError) -> None:
        if not self._ended:
            self.close()
            self._gone(error)

    def close(self) -> None:
        """Kills the process, and removes what it wrote."""
        if self._ended:
            return
        self._ended = True
        if self._look is not None:
            self._look.cancel()
        if self._process is not None:
            end(self._process)
            self._process.wait()
        if self._transport is not None:
            self._transport.close()
        self._held.close()

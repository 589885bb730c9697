"""Pools of isolated processes, for code that must not run in the harness's own process.

Benchmark packages bring process-wide state, hostile pins and `eval` on strings that a model wrote.
Their code runs in workers: an interpreter without site-packages or environment variables, with limits
on memory, files and time, no processes, no network, and files only below its packages and a scratch folder.
A worker that dies or takes too long is replaced; the request that it was serving fails alone. What its
code must have from outside it asks for, and whoever made the request decides (see
`harness.external.services`).
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from harness.base.errors import HarnessError
from harness.external.workers.watch import WRITTEN_BYTES, end, written

T = TypeVar("T")

START_SECONDS = 120.0
REQUEST_SECONDS = 60.0
MEMORY_BYTES = 2 << 30
SCRATCH = "harness-worker-"
#: what runs in a worker
INSIDE = Path(__file__).with_name("inside.py")
#: how often what a worker wrote is looked at, in seconds
LOOK_SECONDS = 0.25
#: the longest line that a worker may write, in bytes, and how often and how long, in seconds, one request
#: may ask for what is outside
LINE_BYTES = 128 << 20
WANTS = 500
WANTS_SECONDS = 3600.0

#: serves what a worker's code wants from outside, `{"what": ..., ...}`, given the worker's scratch folder
Outside = Callable[[dict[str, Any], Path], Awaitable[Any]]


class WorkerError(HarnessError):
    """A worker could not serve a request: it raised, died or took too long. `broken` says that this is no
    matter of what was asked: it has no process, no memory, or a file or module of its package is missing."""

    def __init__(self, message: str, broken: bool = True) -> None:
        super().__init__(message)
        self.broken = broken


class WorkerLost(WorkerError):
    """A worker died under a request, took too long or wrote too much, which may be the request's doing."""


async def nothing_outside(wanted: dict[str, Any], scratch: Path) -> Any:
    """For requests whose code has no business outside.

    Raises:
        WorkerError: always.
    """
    raise WorkerError(f"a worker wants {wanted.get('what')!r} from outside, which this request doesn't allow")


#: threads that wait for a worker's lock, and threads that speak with a worker, which its lock lets one at a
#: time do: however many wait, those that hold a lock go on. Neither are the loop's own, which others need
_waiting = ThreadPoolExecutor(64, thread_name_prefix="worker-turn")
_speaking = ThreadPoolExecutor(64, thread_name_prefix="worker")


class _Turn:
    """A lock that is waited for in a thread, and may be given up from another: by then, or later, it is free
    again. The loop may be closed before the thread has it, so that nothing is left to the loop."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock, self._state = lock, threading.Lock()
        self._has = self._wants_none = False

    def wait(self) -> None:
        self._lock.acquire()
        with self._state:
            self._has = not self._wants_none
        if not self._has:
            self._lock.release()

    def give_up(self) -> None:
        with self._state:
            self._wants_none = True
        if self._has:
            self._lock.release()


class Worker:
    """One process that answers JSON with JSON, a line each; started when it is first asked. An answer is
    `{"value": ...}`, `{"error": ...}`, or `{"wants": ...}`, after which it gets an answer itself."""

    def __init__(self, script: Path, packages: Path | None, memory: int) -> None:
        self._settings = {"script": str(script), "packages": str(packages or ""), "memory": memory}
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._scratch = ""
        self._rest = b""
        self._looked = 0.0
        self.lock = threading.Lock()

    @property
    def started(self) -> bool:
        return self._process is not None

    def ask(self, request: Any, seconds: float = REQUEST_SECONDS) -> Any:
        """The answer of the script's `handle(request)`, which may want nothing from outside.

        Raises:
            WorkerError: as above; the next request gets a new process if this one is gone.
        """
        with self.lock:
            try:
                self._ready()
                found = self._exchange(request, seconds)
                if "wants" in found:
                    raise WorkerError("a worker wants something from outside, which isn't to be had now")
            except BaseException:
                self.close()  # it may be in the middle of an answer
                raise
        return _value(found)

    async def answer(
        self, request: Any, seconds: float = REQUEST_SECONDS, outside: Outside = nothing_outside
    ) -> Any:
        """`ask` without blocking the loop, and with `outside`, whose time isn't counted. Once that raised,
        the script may end its answer, and no more. A request that is cancelled ends the process.

        Raises:
            WorkerError: as above.
            Exception: whatever `outside` raised; the script sees an `OSError` in its place.
        """
        turn = _Turn(self.lock)
        try:
            await asyncio.get_running_loop().run_in_executor(_waiting, turn.wait)
        except asyncio.CancelledError:
            turn.give_up()
            raise
        try:
            found, refused = await self._converse(request, seconds, outside)
        except BaseException:
            self.close()  # it may be in the middle of an answer
            raise
        finally:
            self.lock.release()
        if refused is not None:
            raise refused
        return _value(found)

    async def _converse(
        self, request: Any, seconds: float, outside: Outside
    ) -> tuple[dict[str, Any], Exception | None]:
        """The script's last word, and what was refused to it."""
        waited, count = 0.0, 0
        refused: Exception | None = None
        await self._in_thread(self._ready)
        begun = time.monotonic()
        found = await self._in_thread(self._exchange, request, seconds)
        while "wants" in found:
            count += 1
            if refused is not None or count > WANTS or waited > WANTS_SECONDS:
                raise refused or WorkerError("a worker wants too much from outside")
            asked = time.monotonic()
            try:
                brought = {"value": await outside(found["wants"], Path(self._scratch))}
            except Exception as error:
                refused, brought = error, {"error": str(error)}
            waited += time.monotonic() - asked
            left = begun + seconds + waited - time.monotonic()
            try:
                found = await self._in_thread(self._exchange, brought, left)
            except WorkerError as error:
                raise refused or error from None
        return found, refused

    async def _in_thread(self, step: Callable[..., T], *arguments: Any) -> T:
        """A step in a thread; cancelled, it is over soon, as the process that it waits for is ended."""
        under_way = asyncio.get_running_loop().run_in_executor(_speaking, step, *arguments)
        try:
            return await asyncio.shield(under_way)
        except asyncio.CancelledError:
            if self._process is not None:
                end(self._process)
            await asyncio.wait([under_way])
            raise

    def _ready(self) -> None:
        """Has a process that waits for a request."""
        if self._process is not None and self._spoke_unasked():
            self.close()
        if self._process is None:
            self._start()

    def _spoke_unasked(self) -> bool:
        """Whether there is an answer to no request, which would be taken for that to the next."""
        assert self._channel is not None
        return bool(self._rest) or bool(select.select([self._channel], [], [], 0)[0])

    def _start(self) -> None:
        self._scratch = tempfile.mkdtemp(prefix=SCRATCH)
        settings = json.dumps({**self._settings, "scratch": self._scratch, "parent": os.getpid()})
        self._channel, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-S", str(INSIDE), settings],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            cwd=self._scratch,
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": self._scratch,
                "LANG": "C.UTF-8",
                "OMP_NUM_THREADS": "1",
                "PYTHONHASHSEED": "0",
            },
            start_new_session=True,
        )
        theirs.close()
        self._channel.setblocking(False)
        self._rest = b""
        started = self._exchange(None, START_SECONDS)
        if "error" in started:
            self.close()
            raise WorkerError(str(started["error"]))

    def _exchange(self, message: Any, seconds: float) -> dict[str, Any]:
        """Writes a message, if there is one, and reads the next, both before the deadline."""
        view = memoryview(b"" if message is None else json.dumps(message).encode() + b"\n")
        channel, deadline = self._channel, time.monotonic() + seconds
        assert channel is not None
        answer, size = [self._rest], len(self._rest)
        while b"\n" not in answer[-1]:
            left = deadline - time.monotonic()
            readable, writable, _ = select.select(
                [channel], [channel] if view else [], [], max(0.0, min(left, LOOK_SECONDS))
            )
            if fault := self._fault(left, seconds, size):
                self.close()
                raise WorkerLost(fault)
            try:
                if writable:
                    view = view[channel.send(view) :]
                chunk = channel.recv(1 << 20) if readable else b""
            except OSError:
                readable, chunk = [channel], b""
            if readable and not chunk:
                self.close()
                raise WorkerLost("a worker died: out of memory, or stopped from inside")
            if chunk:
                answer.append(chunk)
                size += len(chunk)
        text, _, self._rest = b"".join(answer).partition(b"\n")
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        wants = found.get("wants") if isinstance(found, dict) else None
        if not isinstance(found, dict) or not found or (wants is not None and not isinstance(wants, dict)):
            self.close()
            raise WorkerError("a worker's answer can't be read")
        return found

    def _fault(self, left: float, seconds: float, size: int) -> str:
        """What ends a request before its answer; empty if nothing does."""
        if left <= 0:
            return f"a worker took longer than {seconds:.3g} s"
        if size > LINE_BYTES:
            return f"a worker's answer is longer than {LINE_BYTES >> 20} MiB"
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return ""
        self._looked = time.monotonic()
        assert self._process is not None
        if written(Path(self._scratch), self._process.pid) > WRITTEN_BYTES:
            return f"a worker wrote more than {WRITTEN_BYTES >> 20} MiB"
        return ""

    def close(self) -> None:
        """Ends the process, with all that it started, and removes its scratch folder."""
        process, self._process = self._process, None
        channel, self._channel = self._channel, None
        if process is not None:
            end(process)
            process.wait()
            shutil.rmtree(self._scratch, ignore_errors=True)
        if channel is not None:
            channel.close()


def _value(found: dict[str, Any]) -> Any:
    if "error" in found:
        raise WorkerError(str(found["error"]), bool(found.get("broken")))
    return found.get("value")


class Pool:
    """Workers with the same script."""

    def __init__(self, script: Path, packages: Path | None, size: int, memory: int = MEMORY_BYTES) -> None:
        self.workers = [Worker(script, packages, memory) for _ in range(size)]
        self._turn = count()
        self._free = self.workers[::-1]  # the first, which has most likely been started, goes first
        self._waiting: deque[asyncio.Future[Worker]] = deque()

    async def acquire(self) -> Worker:
        """A worker that no one else gets until it is given back, for packages that hold one episode a
        process; waits while there is none. For one event loop at a time."""
        if self._free:
            return self._free.pop()
        turn: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(turn.result())
            raise

    def give_back(self, worker: Worker) -> None:
        """To the one who has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(worker)
                return
        self._free.append(worker)

    def one(self) -> Worker:
        """A worker, in turn, for what keeps state in it."""
        return self.workers[next(self._turn) % len(self.workers)]

    def each(self, requests: Iterable[Any], seconds: float = REQUEST_SECONDS) -> Iterator[Any | WorkerError]:
        """The answer to every request or its error, in order, while the workers share the work: as many
        as there are cores, those that have been started first."""
        ready = iter(sorted(self.workers, key=lambda worker: not worker.started))
        free = threading.local()

        def serve(request: Any) -> Any:
            if not hasattr(free, "worker"):
                free.worker = next(ready)
            try:
                return free.worker.ask(request, seconds)
            except WorkerError as error:
                return error

        with ThreadPoolExecutor(min(len(self.workers), os.cpu_count() or 1)) as threads:
            yield from threads.map(serve, requests)

    def close(self) -> None:
        for worker in self.workers:
            worker.close()


@cache
def pool(
    script: Path, packages: Path | None = None, memory: int = MEMORY_BYTES, size: int | None = None
) -> Pool:
    """The process's pool for a script: one worker a core, eight at most, unless `size` says how many;
    closed at exit."""
    made = Pool(script, packages, size or min(8, os.cpu_count() or 1), memory)
    atexit.register(made.close)
    return made

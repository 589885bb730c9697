"""A worker's end of the pipe: what it says is a line of JSON, what it hears may bring pickled bytes."""

from __future__ import annotations

import asyncio
import json
import pickle
import select
import socket
import threading
from itertools import count
from typing import Any

from harness.run.isolation.forms import raised, written


class Pipe:
    """Questions to the runner, and its answers, by number.

    A question is asked with `ask`, which other coroutines go on beside, or with `ask_now`, for what is no
    coroutine: the answers to others that come meanwhile are kept for them.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._numbers = count(1)
        self._rest = b""
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._found: dict[int, dict[str, Any]] = {}
        self._loop = asyncio.get_running_loop()
        self._thread, self._lock = threading.get_ident(), threading.Lock()
        self._now: int | None = None
        #: what the runner says without being asked
        self.commands: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        channel.setblocking(True)
        self._loop.add_reader(channel.fileno(), self._readable)

    def tell(self, **what: Any) -> None:
        """Says something that has no answer."""
        line = written(what)
        with self._lock:
            self._channel.sendall(line)

    async def ask(self, **what: Any) -> Any:
        """The runner's answer.

        Raises:
            Exception: what the runner raised.
        """
        number = next(self._numbers)
        waiting = self._waiting[number] = self._loop.create_future()
        try:
            self.tell(id=number, **what)
            return await waiting
        except asyncio.CancelledError:
            self.tell(do="cancel", of=number)
            raise
        finally:
            self._waiting.pop(number, None)

    def ask_now(self, **what: Any) -> Any:
        """The same from code that is no coroutine, from any thread.

        Raises:
            Exception: what the runner raised.
        """
        if threading.get_ident() != self._thread:
            return asyncio.run_coroutine_threadsafe(self.ask(**what), self._loop).result()
        number = self._now = next(self._numbers)
        self.tell(id=number, **what)
        while number not in self._found:
            self._hear(self._received(wait=True))
        self._now = None
        return _value(self._found.pop(number))

    def _readable(self) -> None:
        if select.select([self._channel], [], [], 0)[0]:
            self._hear(self._received(wait=False))

    def _received(self, wait: bool) -> bytes:
        data = self._channel.recv(1 << 18, 0 if wait else socket.MSG_DONTWAIT)
        if not data:
            raise SystemExit(0)  # the runner is gone
        return data

    def _hear(self, data: bytes) -> None:
        self._rest += data
        while (end := self._rest.find(b"\n")) >= 0:
            said = json.loads(self._rest[:end])
            size, begin = said.pop("size", 0), end + 1
            if len(self._rest) < begin + size:
                self._rest += self._all(begin + size - len(self._rest))
            if size:
                said["ok"] = pickle.loads(self._rest[begin : begin + size])
            self._rest = self._rest[begin + size :]
            self._give(said)

    def _all(self, size: int) -> bytes:
        parts = []
        while size > 0:
            parts.append(self._received(wait=True))
            size -= len(parts[-1])
        return b"".join(parts)

    def _give(self, said: dict[str, Any]) -> None:
        number = said.get("id")
        if number is None:
            self.commands.put_nowait(said)
        elif number == self._now:
            self._found[number] = said
        elif (waiting := self._waiting.get(number)) is not None and not waiting.done():
            if "error" in said:
                waiting.set_exception(raised(said["error"]))
            else:
                waiting.set_result(said.get("ok"))


def _value(said: dict[str, Any]) -> Any:
    if "error" in said:
        raise raised(said["error"])
    return said.get("ok")

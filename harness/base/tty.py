"""A dialogue with the person at the terminal, whatever stdin and stdout are.

What is shown is `printable`; what is typed is one line, as the terminal's own editing leaves it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import select
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from harness.base.terminal import printable_lines

DEVICE = "/dev/tty"
#: seconds between two looks for what was typed, and bytes of it that are read at once
AGAIN, MOST = 0.05, 65536

#: what draws over the terminal by itself: how it is stopped, and started again
_drawing: list[tuple[Callable[[], None], Callable[[], None]]] = []


@contextmanager
def drawing(stop: Callable[[], None], start: Callable[[], None]) -> Iterator[None]:
    """A block in which something draws over the terminal by itself, but not during a dialogue."""
    _drawing.append((stop, start))
    try:
        yield
    finally:
        _drawing.remove((stop, start))


class Hangup(Exception):
    """Nobody is at the terminal any more."""


class Terminal:
    """The terminal of this process, for one dialogue at a time, also among processes."""

    def __init__(self) -> None:
        """
        Raises:
            OSError: the process has none.
        """
        self._handle = os.open(DEVICE, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)

    def close(self) -> None:
        os.close(self._handle)

    @contextmanager
    def dialogue(self) -> Iterator[None]:
        """A block in which nothing else draws here. What was typed before it is thrown away."""
        stopped = [*_drawing]
        for stop, _ in stopped:
            stop()
        try:
            with suppress(termios.error):
                termios.tcflush(self._handle, termios.TCIFLUSH)
            yield
        finally:
            for _, start in stopped:
                start()

    async def mine(self, says: Callable[[], None]) -> None:
        """Waits until no other process has a dialogue here; `says` is called once where one has. It ends with
        `close`."""
        told = False
        while True:
            try:
                return fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not told:
                    told = True
                    says()
                await asyncio.sleep(AGAIN)

    def show(self, text: str) -> None:
        """Shows lines, made printable.

        Raises:
            Hangup: nobody is there.
        """
        left = (printable_lines(text)).encode("utf-8", "replace")
        try:
            while left:
                left = left[os.write(self._handle, left) :]
        except OSError:
            raise Hangup from None

    async def line(self) -> str | None:
        """The next line that is typed, without its end; None where the person ended it (Ctrl-D).

        Raises:
            Hangup: nobody is there.
        """
        typed = b""
        while not typed.endswith(b"\n"):
            while not select.select([self._handle], [], [], 0)[0]:
                await asyncio.sleep(AGAIN)
            try:
                came = os.read(self._handle, MOST)
            except OSError:
                raise Hangup from None
            if not came:  # Ctrl-D at the beginning of a line
                return typed.decode("utf-8", "replace") or None
            typed += came
        return typed.decode("utf-8", "replace").rstrip("\r\n")

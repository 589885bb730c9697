"""How long a worker that owes outcomes has been at what nobody can see the end of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Idle:
    """A clock that stands while the runner itself works for the worker, and begins again when an outcome or
    the answer of a model or a world comes. What a worker merely says (progress, a line for the log, a text to
    be parsed) changes nothing: it may say that for ever."""

    def __init__(self) -> None:
        self._passed, self._since, self._under_way = 0.0, time.monotonic(), 0

    @property
    def seconds(self) -> float:
        """What it shows."""
        return self._passed + (0.0 if self._under_way else time.monotonic() - self._since)

    def again(self) -> None:
        """Something came of it."""
        self._passed, self._since = 0.0, time.monotonic()

    @contextmanager
    def stands(self) -> Iterator[None]:
        """A block in which the runner works for the worker; several may run beside each other."""
        self._passed = self.seconds
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._since = time.monotonic()

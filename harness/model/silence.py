"""What a server's failures come to: they are told while they last, and a minute of nothing else ends the
cell, so that a dead server costs a line and a minute, and not a night."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.base.errors import ServerSilent
from harness.model import backoff

#: retries of one call that failed before the server's sentence is told
TOLD_AFTER = 3
#: seconds of nothing but failures after which a server counts as dead, and after which it is told of again;
#: each later line comes after twice as long as the one before
MINUTE = 60.0
#: failures below which a minute without an answer says nothing
FEW = TOLD_AFTER + 1
#: statuses that may be of what was asked: one prompt, tried again and again, is no dead server
OF_THE_PROMPT = (400, 408, 413, 422, 500)
TOO_MANY = 429


@dataclass
class _Kind:
    """Failures of one kind: with one status, or one sentence where there was none."""

    failures: int = 0
    calls: set[int] = field(default_factory=set)
    since: float = 0.0
    told_next: float = 0.0
    wait: float = MINUTE


class Silence:
    """Of one server, shared by all that ask it. A server is silent from the first failure after an answer.

    Args:
        notice: takes the lines for the user; None tells nothing.
        ends: whether a silence ends what asks; it is told in any case.
        clock: seconds, for which only differences count.
    """

    def __init__(
        self,
        notice: Callable[[str], None] | None = None,
        *,
        ends: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._notice, self._ends, self._clock = notice or (lambda line: None), ends, clock
        self._kinds: dict[object, _Kind] = {}
        self._under_way: dict[int, float] = {}  # when each try was sent
        self._number = 0
        self._begin()

    def _begin(self) -> None:
        """A server that wasn't heard to fail."""
        self._since: float | None = None
        self._failures, self._asked_to_wait, self._told = 0, 0.0, False
        self._calls: set[int] = set()

    def sent(self) -> int:
        """A try is sent; the number by which `over` knows it."""
        self._number += 1
        self._under_way[self._number] = self._clock()
        return self._number

    def over(self, number: int) -> None:
        """A try ended, however it did."""
        self._under_way.pop(number, None)

    def answers(self, name: str) -> None:
        """The server answered."""
        if self._told and self._since is not None:
            self._notice(f"{name} answers again, after {self._clock() - self._since:.0f} s without an answer")
        if self._since is not None:
            self._begin()

    def again(self) -> None:
        """Another cell begins: what was before it isn't held against the server."""
        self._begin()

    def failed(
        self, name: str, line: str, *, call: int, tries: int, status: int | None, wait: float | None = None
    ) -> None:
        """A try failed.

        Args:
            name: of the model, the embedder or the service.
            line: what the server said, or why it can't be asked.
            call: a number that tries of the same call share.
            tries: how many of the call's failed, this one among them.
            status: of HTTP, where it answered.
            wait: for how many seconds it asks not to be asked.

        Raises:
            ServerSilent: it has done nothing but fail for a minute, beside the longest time for which it
                asked to wait. Calls that were sent before and are still under way may yet be answered where
                a server answers at all.
        """
        now = self._clock()
        if self._since is None:
            self._since = now
        self._failures += 1
        self._calls.add(call)
        if wait is None and status == TOO_MANY:
            wait = backoff.LONGEST_WAIT  # what a minute allows is there again after one, and a little more
        self._asked_to_wait = max(self._asked_to_wait, min(backoff.CEILING, wait or 0.0))
        self._tell(name, line, status, call, tries, now)
        seconds = now - self._since
        if not self._ends or self._failures < FEW or seconds < MINUTE + self._asked_to_wait:
            return
        if len(self._calls) == 1 and status in OF_THE_PROMPT:
            return
        if status is not None and any(began < self._since for began in self._under_way.values()):
            return
        raise ServerSilent(
            f"{name}: {line}: each of the {self._failures} tries of the last {seconds:.0f} s failed, so the "
            "cell ends here; what was answered is kept: see to the server and run the same command to go on, "
            "or --keep-going counts such calls as errors"
        )

    def _tell(self, name: str, line: str, status: int | None, call: int, tries: int, now: float) -> None:
        """Says what fails once a call was made again often enough, and from then on less and less often."""
        kind = self._kinds.setdefault((name, status or line), _Kind(since=now))
        kind.failures += 1
        kind.calls.add(call)
        if (tries <= TOLD_AFTER and not kind.told_next) or now < kind.told_next:
            return
        if kind.told_next:
            kind.wait *= 2
        kind.told_next = now + kind.wait
        self._told = True
        calls = "one call" if len(kind.calls) == 1 else f"{len(kind.calls)} calls"
        self._notice(
            f"{name}: {line}: {kind.failures} failed tries of {calls} in {now - kind.since:.0f} s; "
            "calls are made again"
        )

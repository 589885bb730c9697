"""What a server's failures come to: they are told while they last, and a minute of nothing else ends the
cell, so that a dead server costs a line and a minute, and not a night. One that hangs fails only when calls
are given up: that nothing comes is told before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
#: how many times as long as its longest answer so far took a server is waited for, if that is more than a
#: minute: a long answer is no dead server
SLOW = 2
#: statuses that may be of what was asked: one prompt, tried again and again, is no dead server
OF_THE_PROMPT = (400, 408, 413, 422, 500)
TOO_MANY = 429


@dataclass(frozen=True)
class Failure:
    """A try that failed.

    name: of the model, the embedder or the service.
    line: what the server said, or why it can't be asked.
    call: a number that tries of the same call share.
    tries: how many of the call's failed, this one among them.
    status: of HTTP, where it answered.
    wait: for how many seconds it asks not to be asked.
    seconds: that the try took.
    """

    name: str
    line: str
    call: int
    tries: int
    status: int | None
    wait: float | None
    seconds: float

    @property
    def hung(self) -> bool:
        """Whether it was waited for as long as several tries are that fail at once."""
        return self.seconds >= MINUTE


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
        self._longest = 0.0  # that an answer took
        self._begin()

    def _begin(self) -> None:
        """A server that wasn't heard to fail, or hang."""
        self._heard = self._clock()
        self._since: float | None = None
        self._failures, self._asked_to_wait = 0, 0.0
        self._calls: set[int] = set()
        self._told_since: float | None = None  # since when nothing came, once that or a failure was told
        self._quiet = 0.0  # seconds without an answer when that is told again; 0 if it wasn't told

    def sent(self) -> int:
        """A try is sent; the number by which `over` knows it."""
        self._number += 1
        self._under_way[self._number] = self._clock()
        return self._number

    def over(self, number: int) -> None:
        """A try ended, however it did."""
        self._under_way.pop(number, None)

    def answers(self, name: str, seconds: float = 0.0) -> None:
        """The server answered a try that took so many seconds."""
        self._longest = max(self._longest, seconds)
        if self._told_since is not None:
            silent = self._clock() - self._told_since
            self._notice(f"{name} answers again, after {silent:.0f} s without an answer")
        self._heard = self._clock()
        if self._since is not None or self._told_since is not None:
            self._begin()

    def waited_for(self, name: str) -> None:
        """A look at the tries under way: whether nothing has come for too long, which is told."""
        sent = [*self._under_way.values()]
        if not sent:
            return
        began = max(self._heard, min(sent))
        quiet = self._clock() - began
        if quiet < (self._quiet or max(MINUTE, SLOW * self._longest)):
            return
        self._quiet = 2 * quiet
        self._told_since = began if self._told_since is None else self._told_since
        calls = "one call is" if len(sent) == 1 else f"{len(sent)} calls are"
        self._notice(f"{name}: no answer for {quiet:.0f} s: {calls} under way, each until its time-out")

    @contextmanager
    def watched(self, name: str) -> Iterator[None]:
        """A try that blocks its thread: that nothing comes for a minute is told from another one."""
        number, clock = self.sent(), threading.Timer(MINUTE, self.waited_for, [name])
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            clock.cancel()
            self.over(number)

    def again(self) -> None:
        """Another cell begins: what was before it isn't held against the server."""
        self._begin()

    def failed(self, failure: Failure) -> None:
        """A try failed.

        Raises:
            ServerSilent: it has done nothing but fail for a minute, beside the longest time for which it
                asked to wait. Calls that were sent before and are still under way may yet be answered where
                a server answers at all.
        """
        now, wait = self._clock(), failure.wait
        began = max(self._heard, now - failure.seconds)
        self._since = began if self._since is None else min(self._since, began)
        self._failures += 1
        self._calls.add(failure.call)
        if wait is None and failure.status == TOO_MANY:
            wait = backoff.LONGEST_WAIT  # what a minute allows is there again after one, and a little more
        self._asked_to_wait = max(self._asked_to_wait, min(backoff.CEILING, wait or 0.0))
        if self._ends and self._is_dead(failure.status, failure.hung, now):
            raise ServerSilent(
                f"{failure.name}: {failure.line}: each of the {self._failures} tries of the last "
                f"{now - self._since:.0f} s failed, so the cell ends here; what was answered is kept: see to "
                "the server and run the same command to go on, or --keep-going counts such calls as errors"
            )
        self._tell(failure, began, now)

    def _is_dead(self, status: int | None, hung: bool, now: float) -> bool:
        """Whether nothing but failures is an end by now."""
        began, one = now if self._since is None else self._since, len(self._calls) == 1
        if self._failures < FEW and (one or not hung):  # two that hung say as much as several at once
            return False
        if one and status in OF_THE_PROMPT:
            return False
        if now - began < max(MINUTE + self._asked_to_wait, SLOW * self._longest if hung else 0.0):
            return False
        return status is None or not any(sent < began for sent in self._under_way.values())

    def _tell(self, failure: Failure, began: float, now: float) -> None:
        """Says what fails once a call was made again often enough, or hung, and from then on less and less
        often."""
        kind = self._kinds.setdefault((failure.name, failure.status or failure.line), _Kind(since=began))
        kind.failures += 1
        kind.calls.add(failure.call)
        enough = failure.tries > TOLD_AFTER or failure.hung or kind.told_next
        if not enough or now < kind.told_next:
            return
        if kind.told_next:
            kind.wait *= 2
        kind.told_next = now + kind.wait
        if self._told_since is None:
            self._told_since = self._since
        calls = "one call" if len(kind.calls) == 1 else f"{len(kind.calls)} calls"
        self._notice(
            f"{failure.name}: {failure.line}: {kind.failures} failed tries of {calls} in "
            f"{now - kind.since:.0f} s; calls are made again"
        )

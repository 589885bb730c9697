"""How many calls go to a server at once and how close together: so many as were asked for, or as it takes."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import deque

from harness.model import backoff
from harness.model.provider import Provider

#: the value of --max-connections with which the server decides
AUTO = "auto"
#: calls at once at the beginning of an adaptive pace, and at most
START, MOST = 16, 256
#: an answer takes as long as so many tokens more than it has, so that short and long ones can be compared
BEFORE_THE_FIRST = 32
#: what is left of the limit after a refusal
CUT = 0.7
#: statuses by which a server says that it is asked too much: by this client, or by all
BUSY = (429, 503, 529)


class Pace:
    """Of one server's model, shared by all that ask it; calls have their turn in the order in which they
    come. `async with` it is one call's turn.

    An adaptive limit begins at 16 and doubles, as long as it is used in full and an answer takes less than
    twice its time at the beginning; then it grows by a sixteenth at a time. Growth that doubles the time is
    taken back. A refusal (429, 503, 529) cuts the limit by three tenths, once for all calls that were under
    way. Whatever the limit, what a server says of when to come again holds for every call.
    """

    def __init__(self, limit: int, *, adaptive: bool = False, per_minute: int | None = None) -> None:
        """
        Args:
            limit: calls at once; where the pace is adaptive, the most of them.
            adaptive: whether the server decides.
            per_minute: requests a minute at most, spread evenly; None for any number.
        """
        self.limit = min(START, limit) if adaptive else limit
        self._most, self._adaptive = limit, adaptive
        self._spacing = 60.0 / per_minute if per_minute else 0.0
        self._busy = 0  # calls that have their turn
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._free_at = self._held_until = 0.0  # when the next call may go, and when the server allows one
        self._door: asyncio.Lock | None = None  # of the running loop
        # what an adaptive limit is judged by: the time of a token since the limit's last change
        self._times: list[float] = []
        self._since, self._base, self._before = 0.0, 0.0, 0
        self._warm, self._doubles, self._full = False, True, False

    @classmethod
    def of(cls, provider: Provider, per_minute: int | None = None) -> Pace:
        """That of a model that was just opened."""
        each = None if provider.batched or provider.person else per_minute
        return cls(provider.connections, adaptive=provider.adaptive, per_minute=each)

    @property
    def questions(self) -> int:
        """Questions to have under way: a quarter more than calls, so that the next call is at hand as soon as
        one ends."""
        return self.limit + self.limit // 4

    @property
    def in_line(self) -> int:
        """Calls that wait for their turn."""
        return sum(not turn.done() for turn in self._waiting)

    async def __aenter__(self) -> None:
        if self._busy < self.limit and not self._waiting:
            self._busy += 1
        else:
            await self._in_line()
        self._full = self._full or self._busy >= self.limit
        if self._spacing or self._held_until:
            try:
                await self._allowed()
            except BaseException:
                self._leave()
                raise

    async def __aexit__(self, *ended: object) -> None:
        self._leave()

    async def _in_line(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # its turn came as it was cancelled
                self._leave()
            raise

    def _leave(self) -> None:
        self._busy -= 1
        self._call_in()

    def _call_in(self) -> None:
        while self._waiting and self._busy < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._busy += 1
                turn.set_result(None)

    async def _allowed(self) -> None:
        """Waits until a request may be sent."""
        self._door = self._door or asyncio.Lock()
        async with self._door:  # in order, and one at a time
            while (wait := max(self._free_at, self._held_until) - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            self._free_at = time.monotonic() + self._spacing
            self._held_until = 0.0

    def answered(self, began: float, tokens: int = 0) -> None:
        """An answer of so many tokens came to a call that was sent at `began` (monotonic)."""
        if not self._adaptive or began < self._since:  # it says nothing of the present limit
            return
        self._times.append((time.monotonic() - began) / (BEFORE_THE_FIRST + tokens))
        if len(self._times) < max(self.limit, 4):
            return
        if not self._warm:  # the first calls also open connections
            self._warm = True
            return self._set(self.limit)
        typical = statistics.median(self._times)
        self._base = min(self._base or typical, typical)
        if typical >= 2 * self._base:
            limit, self._doubles = self._before or self.limit, False
        elif self._full:
            limit = min(self._most, self.limit + (self.limit if self._doubles else 1 + self.limit // 16))
        else:
            limit = self.limit
        self._before = self.limit if limit > self.limit else 0
        self._set(limit)

    def refused(self, status: int | None, began: float, wait: float | None) -> None:
        """A call that was sent at `began` was refused; `wait` is in how many seconds it may be made again,
        if the server says so."""
        if status not in BUSY:
            return
        if wait:
            wait = min(wait, backoff.CEILING)
            self._held_until = max(self._held_until, time.monotonic() + wait)
        if self._adaptive and began >= self._since:
            self._doubles, self._before = False, 0
            self._set(max(1, int(CUT * min(self.limit, self._busy + 1))))

    def _set(self, limit: int) -> None:
        self.limit, self._full = limit, False
        self._since = time.monotonic()
        self._times.clear()
        self._call_in()

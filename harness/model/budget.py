"""The limits of a run, and the line in which calls wait until what they may take fits below them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from harness.base.errors import BudgetSpent

if TYPE_CHECKING:
    from harness.model.ledger import Usage


class _Turn:
    """A call's turn in the line; `called` is what it waits for."""

    called: asyncio.Future[None] | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """At most what a call takes. `alone`: nobody knows it well enough for another call beside it."""

    calls: int = 1
    tokens: int = 0
    usd: float = 0.0
    alone: bool = False


class Place:
    """What one call holds of a budget while it is under way."""

    def __init__(self, budget: Budget, spent: Usage, bound: Callable[[], Bound]) -> None:
        self._budget, self._spent, self._bound = budget, spent, bound
        self.held: Bound | None = None

    async def take(self) -> None:
        """Waits until the call fits, and holds what it may take.

        Raises:
            BudgetSpent: it doesn't fit, and nothing is under way that could turn out cheaper.
        """
        if self.held is None and self._budget._limited:
            self.held = await self._budget._admit(self._spent, self._bound)

    def give_back(self) -> None:
        """Holds nothing any more, once what the call took is charged."""
        if self.held is not None:
            self._budget._release(self.held)
            self.held = None

    async def renew(self) -> None:
        """For a call that is made again after it may have cost something, which is charged: what it held is
        given back, and it waits for its turn like any other.

        Raises:
            BudgetSpent: as `take`.
        """
        self.give_back()
        await self.take()


class Budget:
    """Limits of one run; None is no limit. A call is made only if what was spent, what calls under way may
    still take and what it may take itself stay within every limit, so that a run ends below them. One that
    doesn't fit waits while others are under way. Calls have their turn in the order in which they ask, and
    the first that doesn't fit ends the run. Calls served by the cache count as if they had been made: a
    limit means the same on a cold and on a warm cache.

    Args:
        calls: model calls; a retry is none of its own.
        tokens: of prompts and completions together.
        usd: cost.
        time: seconds from now; calls under way are given up then.
    """

    def __init__(
        self,
        calls: int | None = None,
        tokens: int | None = None,
        usd: float | None = None,
        time: float | None = None,
    ) -> None:
        self.calls, self.tokens, self.usd, self.time = calls, tokens, usd, time
        self._started = monotonic()
        self._calls, self._tokens, self._usd, self._under_way = 0, 0, 0.0, 0  # of calls under way
        self._alone = False
        self._line: deque[_Turn] = deque()
        self._refused = ""

    @property
    def _limited(self) -> bool:
        return not (self.calls is None and self.tokens is None and self.usd is None and self.time is None)

    @property
    def metered(self) -> bool:
        """Whether tokens or USD are limited, so that the bound of a call must be known."""
        return self.tokens is not None or self.usd is not None

    @property
    def under_way(self) -> int:
        """Calls that hold a place."""
        return self._under_way

    def check(self, spent: Usage, more: Usage | None = None) -> None:
        """Whether the run may go on: no limit is reached, and `more`, which is at most what comes next, fits.

        Raises:
            BudgetSpent: it ends here; names the limit.
        """
        self._in_time()
        calls, tokens, usd = more.measured if more is not None else (0, 0, 0.0)
        self._check_room(spent, Bound(calls, tokens, usd), reached=more is None)

    def left(self) -> float | None:
        """Seconds that are left of the run; None without a limit of time.

        Raises:
            BudgetSpent: none.
        """
        return self._in_time()

    def place(self, spent: Usage, bound: Callable[[], Bound]) -> AbstractAsyncContextManager[Place]:
        """A place for one call, held until the block ends, which must have charged it to `spent` by then.

        Args:
            spent: what the run has spent, as it grows.
            bound: what the call takes at most, asked when it is its turn.

        Raises:
            BudgetSpent: there is none, or the time is over within the block.
        """
        place = Place(self, spent, bound)
        return self._kept(place) if self._limited else nullcontext(place)

    @asynccontextmanager
    async def _kept(self, place: Place) -> AsyncIterator[Place]:
        if self._refused:
            raise BudgetSpent(self._refused)
        left = self._in_time()
        try:
            async with asyncio.timeout(left) as clock:
                try:
                    await place.take()
                    yield place
                finally:
                    place.give_back()
        except TimeoutError:
            if not clock.expired():
                raise
            raise BudgetSpent(_line("time", self.time or 0.0)) from None

    async def _admit(self, spent: Usage, bound: Callable[[], Bound]) -> Bound:
        turn = _Turn()
        self._line.append(turn)
        try:
            while True:
                if self._refused:
                    raise BudgetSpent(self._refused)
                if self._line[0] is turn and (wanted := self._fitting(spent, bound())) is not None:
                    self._hold(wanted, 1)
                    return wanted
                turn.called = asyncio.get_running_loop().create_future()
                await turn.called
        finally:
            self._line.remove(turn)
            self._wake()

    def _fitting(self, spent: Usage, wanted: Bound) -> Bound | None:
        """What may be held now; None where it may fit once others are done."""
        if self._under_way and (wanted.alone or self._alone):
            return None
        try:
            self._check_room(spent, wanted)
        except BudgetSpent as error:
            if self._under_way:
                return None
            self._refused = str(error)
            raise
        return wanted

    def _wake(self) -> None:
        """The first in the line looks whether it fits; all of them, where the run ends."""
        for turn in self._line:
            if turn.called is not None and not turn.called.done():
                turn.called.set_result(None)
            if not self._refused:
                return

    def _hold(self, bound: Bound, sign: int) -> None:
        self._calls += sign * bound.calls
        self._tokens += sign * bound.tokens
        self._under_way += sign
        self._usd = self._usd + sign * bound.usd if self._under_way else 0.0  # sums of floats leave crumbs
        self._alone = bound.alone if sign > 0 else False

    def _release(self, bound: Bound) -> None:
        self._hold(bound, -1)
        self._wake()

    def _in_time(self) -> float | None:
        """Seconds that are left; None without a limit."""
        if self.time is None:
            return None
        left = self.time - (monotonic() - self._started)
        if left <= 0:
            raise BudgetSpent(_line("time", self.time))
        return left

    def _check_room(self, spent: Usage, bound: Bound, reached: bool = False) -> None:
        calls, tokens, usd = spent.measured
        for name, limit, so_far, held, wanted in (
            ("calls", self.calls, calls, self._calls, bound.calls),
            ("tokens", self.tokens, tokens, self._tokens, bound.tokens),
            ("usd", self.usd, usd, self._usd, bound.usd),
        ):
            if limit is None:
                continue
            total = so_far + held + wanted
            if total > limit * (1 + 1e-12) or (reached and so_far and total >= limit):
                raise BudgetSpent(_line(name, limit, so_far, wanted))


def _line(name: str, limit: float, so_far: float = 0.0, wanted: float = 0.0) -> str:
    more = ""
    if wanted > (name == "calls"):
        unit = name.upper() if name == "usd" else name
        more = f": {so_far:.6g} {unit} so far, and what comes next may take {wanted:.6g}"
    return (
        f"the run's --budget-{name} of {limit:g} is spent{more}; raise it and run the same command to go on"
    )

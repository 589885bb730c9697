"""Who speaks when in one round: each agent after all that it hears, and as many at once as that allows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from harness.base.errors import BudgetSpent, UsageError


def layered(senders: Sequence[Sequence[int]]) -> list[int]:
    """The agents in an order in which each comes after all that it hears.

    Raises:
        UsageError: there is none, as some hear each other.
    """
    left, order, done = list(range(len(senders))), list[int](), set[int]()
    while left:
        ready = [i for i in left if done.issuperset(senders[i])]
        if not ready:
            raise UsageError(
                "the topology made a graph with a cycle: agents of one round that hear each other"
            )
        order += ready
        done.update(ready)
        left = [i for i in left if i not in done]
    return order


async def when_heard(
    senders: Sequence[Sequence[int]], order: Sequence[int], speak: Callable[[int], Awaitable[None]]
) -> None:
    """Lets every agent speak as soon as all that it hears have. When the run's budget is spent nobody else is
    asked, and those under way are waited for, as they may be paid for."""
    spoken: dict[int, asyncio.Task[None]] = {}
    failures: list[BaseException] = []

    async def after(i: int) -> None:
        if senders[i]:
            await asyncio.wait([spoken[j] for j in senders[i]])
        if failures:
            return
        try:
            await speak(i)
        except Exception as error:
            failures.append(error)

    try:
        for i in order:
            spoken[i] = asyncio.create_task(after(i))
        await asyncio.wait(spoken.values())
    except asyncio.CancelledError:
        for task in spoken.values():
            task.cancel()
        await asyncio.gather(*spoken.values(), return_exceptions=True)
        raise
    if failures:
        raise next((error for error in failures if not isinstance(error, BudgetSpent)), failures[0])

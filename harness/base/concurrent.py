"""Bounded concurrency over a stream, without a task per item when nothing waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from harness.base.errors import BudgetSpent

In = TypeVar("In")
Out = TypeVar("Out")


async def each(work: Callable[[In], Awaitable[Out]], items: Iterable[In], limit: int) -> AsyncIterator[Out]:
    """The results of `work` for every item, at most `limit` at once, as they finish.

    An exception ends the stream, after the results that were finished before it. When the budget is
    spent no further item is begun, those under way are finished, and then it is raised.
    """
    stream = iter(items)
    finished: asyncio.Queue[Out | BaseException | None] = asyncio.Queue(maxsize=4 * limit)
    spent: list[BudgetSpent] = []

    async def worker() -> None:
        for item in stream:
            if spent:
                return
            try:
                result = await work(item)
            except BudgetSpent as error:
                spent.append(error)
                return
            await finished.put(result)

    async def supervise() -> None:
        end: Any = None
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(limit):
                    group.create_task(worker())
        except BaseExceptionGroup as failures:
            end = failures.exceptions[0]
        await finished.put(end or (spent[0] if spent else None))

    supervisor = asyncio.create_task(supervise())
    try:
        while True:
            result = await finished.get()
            if result is None:
                return
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        supervisor.cancel()
        await asyncio.gather(supervisor, return_exceptions=True)


async def in_order(work: Callable[[In], Awaitable[Out]], items: Sequence[In], limit: int) -> list[Out]:
    """The results of `work`, one an item in their order, at most `limit` at once.

    After an exception no further item is begun; those under way are finished, as they may be paid
    for, and then it is raised.
    """
    results: dict[int, Out] = {}
    stream, failures = iter(enumerate(items)), list[BaseException]()

    async def worker() -> None:
        for at, item in stream:
            try:
                results[at] = await work(item)
            except Exception as error:
                failures.append(error)
            if failures:
                return

    await asyncio.gather(*(worker() for _ in range(min(limit, len(items)))))
    if failures:
        raise failures[0]
    return [results[at] for at in range(len(items))]

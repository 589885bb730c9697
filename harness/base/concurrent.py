"""Bounded concurrency over a stream, without a task per item when nothing waits; and a way in from code that
is not asynchronous."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
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
    spent: list[BaseException] = []

    async def worker() -> None:
        for item in stream:
            if spent:
                return
            try:
                result = await work(item)
            except (BudgetSpent, KeyboardInterrupt) as error:
                # an interrupt that left a task would end the loop before others could clean up
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


def run_sync(work: Coroutine[Any, Any, Out]) -> Out:
    """What `work` returns, from code that is not asynchronous; a loop may run in this thread (a notebook).

    A loop that runs already can't be entered again, so there the work gets a thread and a loop of its own.
    An interrupt cancels the work, which may still return what it has; a second one no longer waits for it.

    Raises:
        KeyboardInterrupt: it was interrupted and returned nothing.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    return _in_a_thread(work)


def _in_a_thread(work: Coroutine[Any, Any, Out]) -> Out:
    import contextvars
    import threading
    from concurrent.futures import Future

    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = Future()
    ended: Future[Out] = Future()

    async def announced() -> Out:
        task = asyncio.current_task()
        assert task is not None
        started.set_result((asyncio.get_running_loop(), task))
        return await work

    def run() -> None:
        try:
            ended.set_result(asyncio.run(announced()))
        except BaseException as error:
            ended.set_exception(error)

    # the context goes along: by it a notebook knows below which cell to print
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name="harness", daemon=True).start()
    with _interruptible():
        try:
            return ended.result()
        except KeyboardInterrupt:
            if ended.done():
                raise
            loop, task = started.result()
            loop.call_soon_threadsafe(task.cancel)
        try:
            return ended.result()
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None


@contextmanager
def _interruptible() -> Iterator[None]:
    """Within it Ctrl-C raises KeyboardInterrupt at once. `asyncio.run` has a handler that waits for its loop,
    which stands still meanwhile."""
    import signal
    import threading

    former = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(former):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)

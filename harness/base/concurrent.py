"""Bounded concurrency over a stream, without a task per item when nothing waits; and a way in from code that
is not asynchronous."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Any, TypeVar

from harness.base import interrupts, loops
from harness.base.errors import BudgetSpent, CacheFailed

In = TypeVar("In")
Out = TypeVar("Out")


#: how many at once: a number, or what gives the number as it is now
Limit = int | Callable[[], int]
#: seconds after which a limit that changes is looked at again, where no item has ended
BEAT = 1.0


class _End:
    """Ends a stream of results: with an error, or because there are no more."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


async def each(work: Callable[[In], Awaitable[Out]], items: Iterable[In], limit: Limit) -> AsyncIterator[Out]:
    """The results of `work` for every item, at most `limit` at once, as they finish.

    An exception ends the stream, after the results that were finished before it. When the budget is
    spent, or the cache fails, no further item is begun, those under way are finished, then it is raised.
    """
    stream = iter(items)
    now = _now(limit)
    finished: asyncio.Queue[Out | _End] = asyncio.Queue(maxsize=4 * max(now(), 64))
    spent: list[BaseException] = []

    async def one(item: In) -> None:
        try:
            result = await work(item)
        except (BudgetSpent, CacheFailed, KeyboardInterrupt) as error:
            # an interrupt that left a task would end the loop before others could clean up
            spent.append(error)
            return
        if not left:  # code that swallows the end of its task would fill a queue that nobody reads
            await finished.put(result)

    async def supervise() -> None:
        end: Any = None
        try:
            await _workers(one, stream, now, steady=isinstance(limit, int), ended=lambda: left or bool(spent))
        except BaseExceptionGroup as failures:
            end = failures.exceptions[0]
        await finished.put(_End(end or (spent[0] if spent else None)))

    supervisor = asyncio.create_task(supervise())
    left = False
    try:
        while True:
            result = await finished.get()
            if isinstance(result, _End):  # and nothing else: a result may be anything, an exception too
                if result.error is not None:
                    raise result.error
                return
            yield result
    finally:
        left = True
        supervisor.cancel()
        await asyncio.gather(supervisor, return_exceptions=True)


def _now(limit: Limit) -> Callable[[], int]:
    return (lambda: limit) if isinstance(limit, int) else limit


async def _workers(
    one: Callable[[In], Awaitable[None]],
    stream: Iterator[In],
    limit: Callable[[], int],
    *,
    steady: bool,
    ended: Callable[[], bool],
) -> None:
    """`one` for every item of the stream until it is `ended`, at most `limit` at once: of a limit that isn't
    `steady` there are more workers where it grew, and some end where it shrank."""
    running = 0
    over = asyncio.Event()

    async def worker(first: In) -> None:
        nonlocal running
        try:
            for item in chain([first], stream):
                if ended():
                    break
                await one(item)
                if not steady and running != limit():
                    if running > limit():
                        return
                    grow()
            over.set()
        finally:
            running -= 1

    def grow() -> None:
        nonlocal running
        while running < limit() and not over.is_set():
            for item in stream:
                running += 1
                group.create_task(worker(item))
                break
            else:
                over.set()

    async with asyncio.TaskGroup() as group:
        grow()
        while not steady and not over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), BEAT)
            grow()


async def in_order(work: Callable[[In], Awaitable[Out]], items: Sequence[In], limit: Limit) -> list[Out]:
    """The results of `work`, one an item in their order, at most `limit` at once.

    After an exception no further item is begun; those under way are finished, as they may be paid
    for, and then it is raised.
    """
    results: dict[int, Out] = {}
    stream, failures = iter(enumerate(items)), list[BaseException]()

    async def one(numbered: tuple[int, In]) -> None:
        at, item = numbered
        try:
            results[at] = await work(item)
        except Exception as error:
            failures.append(error)

    if items:
        steady, now = isinstance(limit, int), _now(limit)
        most = len(items)
        await _workers(one, stream, lambda: min(now(), most), steady=steady, ended=lambda: bool(failures))
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
        return loops.run(work)
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
            ended.set_result(loops.run(announced()))
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
            interrupts.note()
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

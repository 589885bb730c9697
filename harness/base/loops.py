"""A loop that code of others can't end or hold up: `sys.exit()` in a task of its own, `loop.stop()`, tasks
and threads that never end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar
from weakref import WeakSet

from harness.base import interrupts
from harness.base.errors import Escape, placed_reason
from harness.base.terminal import tell

Out = TypeVar("Out")
#: seconds for which the end of a loop waits for tasks and threads that were given up
PATIENCE = 3.0
_ours: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
#: what would have ended the process, in tasks and threads that perhaps nobody waits for
_escaped: list[BaseException] = []
#: whether code that runs is that of a block of `shared`, and makes tasks for it
_within: ContextVar[bool] = ContextVar("within", default=False)


def run(work: Coroutine[Any, Any, Out]) -> Out:
    """As `asyncio.run`. What would end the process in a task (`sys.exit()`) reaches whoever waits for that
    task, `escaped` has it, and the loop goes on.

    Raises:
        KeyboardInterrupt: the user pressed Ctrl-C, and the work returned nothing.
    """
    loop = asyncio.new_event_loop()
    _ours.add(loop)
    loop.set_default_executor(_Impatient())
    loop.set_exception_handler(_unattended)
    task = loop.create_task(work)

    def interrupted() -> None:
        task.cancel()
        loop.call_soon_threadsafe(lambda: None)  # it may be asleep

    with interrupts.watched(interrupted), _threads():
        try:
            asyncio.set_event_loop(loop)
            return _until_done(loop, task)
        except asyncio.CancelledError:
            if interrupts.came():
                raise KeyboardInterrupt from None
            raise
        finally:
            _close(loop)


def cancelled() -> bool:
    """Whether the task that runs is cancelled by whoever runs the loop: the user, where the loop is `run`'s.
    Code within a task may cancel it, too, or raise the exception itself."""
    task = asyncio.current_task()
    if interrupts.came() or task is None:
        return True
    return task.get_loop() not in _ours and task.cancelling() > 0


@contextmanager
def shared() -> Iterator[None]:
    """A block of a task on the caller's own loop. A task that code in it makes ends with `Escape` where it
    would end the process, `escaped` has what it raised, and the caller's loop goes on. Tasks of others are
    left as they are."""
    loop = asyncio.get_running_loop()
    former = loop.get_task_factory()

    def factory(loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> Any:
        kept = _kept(work) if _within.get() and asyncio.iscoroutine(work) else work
        return asyncio.Task(kept, loop=loop, **more) if former is None else former(loop, kept, **more)

    token = _within.set(True)
    loop.set_task_factory(factory)
    try:
        with _threads():
            yield
    finally:
        _within.reset(token)
        if loop.get_task_factory() is factory:  # another block may be within this one
            loop.set_task_factory(former)


async def _kept(work: Coroutine[Any, Any, Out]) -> Out:
    try:
        return await work
    except (SystemExit, KeyboardInterrupt) as error:
        task = asyncio.current_task()
        if interrupts.came() or task is None:
            raise
        _escaped.append(error)
        task.add_done_callback(asyncio.Task.exception)  # known here, whoever waits for it
        raise Escape from error


@contextmanager
def escaped() -> Iterator[list[BaseException]]:
    """The list of what would have ended the process during the block, known at its end."""
    found: list[BaseException] = []
    before = len(_escaped)
    try:
        yield found
    finally:
        found += _escaped[before:]


def _until_done(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Out]) -> Out:
    while True:
        try:
            return loop.run_until_complete(task)
        except (SystemExit, KeyboardInterrupt) as error:
            if task.done() or interrupts.came():
                raise
            _escaped.append(error)
        except RuntimeError:  # it was stopped from within
            if task.done() or loop.is_closed():
                raise


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Ends what is left on a loop, as `asyncio.run` does, but doesn't wait for it for ever."""

    def wait_for(last: Awaitable[Any]) -> None:
        async def waited() -> None:
            async with asyncio.timeout(PATIENCE):
                await last

        try:
            _until_done(loop, loop.create_task(waited()))
        except TimeoutError:
            pass

    try:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            wait_for(asyncio.wait(left))
        for task in left:
            if not task.done():
                name = getattr(task.get_coro(), "__qualname__", task.get_name())
                tell(f"warning: a task that was left running doesn't end: {name}")
        wait_for(loop.shutdown_asyncgens())
        wait_for(loop.shutdown_default_executor())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


class _Impatient(ThreadPoolExecutor):
    """Threads for what can't be awaited; its end doesn't wait for ever for those that were given up."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=cancel_futures)
        end = time.monotonic() + PATIENCE - 0.5
        for thread in self._threads if wait else ():
            thread.join(max(0.0, end - time.monotonic()))


def _unattended(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """One line of what went wrong in a task that nobody waited for."""
    error = context.get("exception")
    if isinstance(error, Exception):
        tell(f"warning: a task that nobody waited for failed{placed_reason(error)}")


@contextmanager
def _threads() -> Iterator[None]:
    """While it lasts, a thread that fails says so in one line."""
    former = threading.excepthook

    def failed(told: threading.ExceptHookArgs) -> None:
        error = told.exc_value
        if isinstance(error, Exception):
            tell(f"warning: a thread that nobody waited for failed{placed_reason(error)}")
        elif error is not None:
            _escaped.append(error)

    threading.excepthook = failed
    try:
        yield
    finally:
        threading.excepthook = former

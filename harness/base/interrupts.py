"""Whether the user pressed Ctrl-C: code of others raises KeyboardInterrupt itself, swallows one, or takes the
signal away, and then the exception says nothing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

#: Ctrl-C since the outermost block began, and how many blocks there are
_came, _depth = 0, 0


def came() -> bool:
    """Whether the user pressed Ctrl-C since the outermost `watched` block began."""
    return _came > 0


def note() -> None:
    """The user pressed Ctrl-C, which another thread than the one that runs got to know."""
    global _came
    _came += 1


@contextmanager
def watched(first: Callable[[], object] | None = None) -> Iterator[None]:
    """A block that runs code of others. Ctrl-C does in it what it did before, and is noted; the handler of
    before is put back, whatever became of it.

    Args:
        first: is called at the first Ctrl-C, where that would raise KeyboardInterrupt right away; a second
            one does.
    """
    global _came, _depth
    former = signal.getsignal(signal.SIGINT)
    ours = threading.current_thread() is threading.main_thread() and callable(former)
    once = [first] if first is not None and former is signal.default_int_handler else []

    def noted(number: int, frame: FrameType | None) -> None:
        note()
        if once:
            once.pop()()
        elif callable(former):
            former(number, frame)

    if ours:
        signal.signal(signal.SIGINT, noted)
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if ours:
            signal.signal(signal.SIGINT, former)
        if not _depth:
            _came = 0

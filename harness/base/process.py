"""Settings that a whole process shares, and that code of others may leave changed."""

from __future__ import annotations

import locale
import logging
import math
import os
import resource
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple


class _Setting(NamedTuple):
    name: str
    read: Callable[[], Any]
    put: Callable[[Any], object]


@contextmanager
def kept(say: Callable[[str, str], object] | None = None) -> Iterator[None]:
    """After the block everything that a process has once is as it was before: folder, locale, streams, hooks,
    limits, timers, handlers of signals and which of them are blocked, the variables HARNESS_*. `say` is told
    the names of what was put back, and of what can't be: a hard limit that was lowered.

    What a module sets when it is imported, and is imported once, stays: other variables, the levels and
    handlers of loggers, filters of warnings (but for those that make errors of them), what was added to
    sys.path.
    """
    before = [(each, _read(each)) for each in _SETTINGS]
    path, errors = [*sys.path], _errors()
    try:
        yield
    finally:
        changed = [(each, value) for each, value in before if not _same(each, value)]
        for each, value in changed:
            with suppress(OSError, ValueError, locale.Error):
                each.put(value)
        sys.path += [each for each in path if each not in sys.path]
        if added := [each for each in _errors() if each not in errors]:
            warnings.filters[:] = [each for each in warnings.filters if each not in added]  # type: ignore[index]
            warnings._filters_mutated()  # type: ignore[attr-defined]
        if changed and say is not None:
            stuck = [each.name for each, value in changed if each in _LIMITS and not _same(each, value)]
            say(", ".join(each.name for each, _ in changed if each.name not in stuck), ", ".join(stuck))


def _read(setting: _Setting) -> Any:
    try:
        return setting.read()
    except (OSError, ValueError):  # a folder that is gone
        return None


def _same(setting: _Setting, value: Any) -> bool:
    now = _read(setting)
    return now is value or (type(now) in (str, int, float, dict, set, tuple, _Timer) and bool(now == value))


def _errors() -> list[Any]:
    return [each for each in warnings.filters if each[0] == "error"]


def _mask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _ours() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("HARNESS_")}


def _put_ours(values: dict[str, str]) -> None:
    for name in _ours().keys() - values.keys():
        del os.environ[name]
    os.environ.update(values)


def _attribute(name: str, owner: Any, attribute: str) -> _Setting:
    return _Setting(
        name, lambda: getattr(owner, attribute, None), lambda value: setattr(owner, attribute, value)
    )


def _timeout() -> float | None:
    found: float | None = sys.modules["socket"].getdefaulttimeout() if "socket" in sys.modules else None
    return found


def _put_timeout(seconds: float | None) -> None:
    sys.modules["socket"].setdefaulttimeout(seconds)


def _put_locale(name: str) -> None:
    locale.setlocale(locale.LC_ALL, name)


def _handler(number: int) -> _Setting:
    """What is done at a signal."""

    def put(handler: Any) -> None:
        if threading.current_thread() is threading.main_thread() and handler is not None:
            signal.signal(number, handler)

    name = number.name if isinstance(number, signal.Signals) else f"signal {number}"
    return _Setting(name, lambda: signal.getsignal(number), put)


class _Timer(NamedTuple):
    """When a timer of the process goes off, by its own clock, and at which interval again; infinite where it
    doesn't. One that went off meanwhile, or was read a moment later, is the same."""

    end: float
    interval: float

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Timer):
            return False
        if math.inf in (self.end, other.end):
            return self.end == other.end or min(self.end, other.end) <= time.monotonic()
        return abs(self.end - other.end) < _MOMENT and self.interval == other.interval


#: seconds by which the ends of the same timer may differ
_MOMENT = 0.2


def _read_timer() -> _Timer:
    left, interval = signal.getitimer(signal.ITIMER_REAL)
    return _Timer(time.monotonic() + left if left else math.inf, interval)


def _put_timer(timer: _Timer) -> None:
    left = 0.0 if timer.end == math.inf else max(timer.end - time.monotonic(), 1e-3)
    signal.setitimer(signal.ITIMER_REAL, left, timer.interval)


def _limit(name: str) -> _Setting:
    """A limit on what the process may take: the soft one and the hard one, which only root can raise."""
    which = getattr(resource, name)

    def put(value: tuple[int, int]) -> None:
        try:
            resource.setrlimit(which, value)
        except (OSError, ValueError):
            hard = resource.getrlimit(which)[1]
            resource.setrlimit(which, (_least(value[0], hard), hard))

    return _Setting(name, lambda: resource.getrlimit(which), put)


def _least(soft: int, hard: int) -> int:
    return hard if soft == resource.RLIM_INFINITY or -1 < hard < soft else soft


_LIMITS = [  # RLIMIT_OFILE is the BSDs' name of RLIMIT_NOFILE
    _limit(name) for name in sorted(vars(resource)) if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE"
]
_SETTINGS = (
    _Setting("the working folder", os.getcwd, os.chdir),
    _Setting("the locale", lambda: locale.setlocale(locale.LC_ALL), _put_locale),
    _Setting("the mode of new files", _mask, os.umask),
    _Setting("the limit of recursion", sys.getrecursionlimit, sys.setrecursionlimit),
    _Setting("the timeout of sockets", _timeout, _put_timeout),
    # first the timer, that none goes off at a handler that was put back
    _Setting("the timer of signal.alarm", _read_timer, _put_timer),
    *map(_handler, sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGINT})),
    _Setting(
        "which signals are blocked",
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        lambda mask: signal.pthread_sigmask(signal.SIG_SETMASK, mask),
    ),
    *_LIMITS,
    _Setting("variables HARNESS_*", _ours, _put_ours),
    _Setting("logging.disable", lambda: logging.root.manager.disable, logging.disable),
    _attribute("sys.stdin", sys, "stdin"),
    _attribute("sys.stdout", sys, "stdout"),
    _attribute("sys.stderr", sys, "stderr"),
    _attribute("sys.excepthook", sys, "excepthook"),
    _attribute("sys.unraisablehook", sys, "unraisablehook"),
    _attribute("threading.excepthook", threading, "excepthook"),
    _attribute("warnings.showwarning", warnings, "showwarning"),
)

"""Settings that a whole process shares, and that code of others may leave changed."""

from __future__ import annotations

import locale
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple


class _Setting(NamedTuple):
    name: str
    read: Callable[[], Any]
    put: Callable[[Any], object]


@contextmanager
def kept(say: Callable[[str], object] | None = None) -> Iterator[None]:
    """After the block everything that a process has once is as it was before: folder, locale, streams, hooks,
    limits, signals, the variables HARNESS_*. `say` is told the names of what was put back.

    What a module sets when it is imported, and is imported once, stays: other variables, the levels and
    handlers of loggers, filters of warnings (but for those that make errors of them), what was added to
    sys.path.
    """
    before = [(each, _read(each)) for each in _SETTINGS]
    path, errors = [*sys.path], _errors()
    try:
        yield
    finally:
        changed = [each.name for each, value in before if not _same(each, value) and _put(each, value)]
        sys.path += [each for each in path if each not in sys.path]
        if added := [each for each in _errors() if each not in errors]:
            warnings.filters[:] = [each for each in warnings.filters if each not in added]  # type: ignore[index]
            warnings._filters_mutated()  # type: ignore[attr-defined]
        if changed and say is not None:
            say(", ".join(changed))


def _read(setting: _Setting) -> Any:
    try:
        return setting.read()
    except (OSError, ValueError):  # a folder that is gone
        return None


def _same(setting: _Setting, value: Any) -> bool:
    now = _read(setting)
    return now is value or (type(now) in (str, int, float, dict) and now == value)


def _put(setting: _Setting, value: Any) -> bool:
    with suppress(OSError, ValueError, locale.Error):
        setting.put(value)
    return True


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


def _put_terminate(handler: Any) -> None:
    if threading.current_thread() is threading.main_thread() and handler is not None:
        signal.signal(signal.SIGTERM, handler)


_SETTINGS = (
    _Setting("the working folder", os.getcwd, os.chdir),
    _Setting("the locale", lambda: locale.setlocale(locale.LC_ALL), _put_locale),
    _Setting("the mode of new files", _mask, os.umask),
    _Setting("the limit of recursion", sys.getrecursionlimit, sys.setrecursionlimit),
    _Setting("the timeout of sockets", _timeout, _put_timeout),
    _Setting("SIGTERM", lambda: signal.getsignal(signal.SIGTERM), _put_terminate),
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

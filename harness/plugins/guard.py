"""Code of a plugin before any run: it is imported, and objects are made of its classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.base import forks, interrupts, process
from harness.base.errors import HarnessError, PluginError


@contextmanager
def guarded(explained: Callable[[BaseException], str]) -> Iterator[None]:
    """A block that calls code of a plugin. What it changes of the process is put back after it (see
    `harness.base.process`), and Ctrl-C stays the user's.

    Raises:
        HarnessError: as it was raised, or PluginError with what `explained` makes of anything else.
        KeyboardInterrupt: the user pressed Ctrl-C.
    """
    with forks.alone(), interrupts.watched(), process.kept():
        try:
            yield
        except HarnessError:
            raise
        except BaseException as error:
            forks.check(error)
            if interrupts.came():
                raise KeyboardInterrupt from error
            raise PluginError(explained(error)) from error

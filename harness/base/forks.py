"""A process that code of others forked and that comes back into the harness: a second harness would write the
same journal, pay for the same calls and print the same results."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

#: the process that runs the harness, while code of others may fork it
_home = 0
#: this process, without asking the system for it at every question
_here = os.getpid()


def _note() -> None:
    global _here
    _here = os.getpid()


os.register_at_fork(after_in_child=_note)


@contextmanager
def alone() -> Iterator[None]:
    """A block that one process alone leaves: the one that entered it."""
    global _home
    _note()
    former, _home = _home, _here
    try:
        yield
    finally:
        _note()  # a fork of foreign code tells nobody
        check()
        _home = former


def check(error: BaseException | None = None) -> None:
    """Ends this process where it is a child that came back; of `sys.exit(n)` with that code, else with 1."""
    if not _home or _here == _home:
        return
    code = 1
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    else:
        line = "warning: a process that a plugin forked came back, and is ended; os._exit() ends one\n"
        os.write(2, line.encode())
    os._exit(code & 0xFF)

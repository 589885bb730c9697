"""How a plugin's own error is reported: its distribution, and the place in its code."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

from harness.base import forks, interrupts, loops, process
from harness.base.errors import HarnessError, PluginError, original, placed_reason
from harness.base.plain import Unfit
from harness.plugins.base import Plugin
from harness.spec import Spec

if TYPE_CHECKING:
    from harness.run.plan import Cell


def fault(spec: Spec, where: str, error: BaseException) -> PluginError:
    """A plugin's own fault, with the place in its code."""
    return failed(spec, where, placed_reason(error, spec.folder))


def failed(spec: Spec, where: str, reason: str) -> PluginError:
    """The same with a reason as `placed_reason` gives it."""
    return PluginError(f"{where} of {spec.name!r}{_from(spec)} failed{reason}")


def whose(spec: Spec) -> str:
    """A plugin as messages name it: `method 'x' (distribution y)`."""
    return f"{spec.noun} {spec.name!r}{_from(spec)}"


def _from(spec: Spec) -> str:
    return f" (distribution {spec.distribution})" if spec.distribution else ""


def given(spec: Spec, what: str, error: Unfit, cure: str = "") -> PluginError:
    """What a plugin gave can't be taken.

    Args:
        what: what it was given for, as in ` for question 'q1'`.
        error: as the functions of `harness.run.door` raise it.
    """
    return PluginError(f"{whose(spec)} gave{what} {error}{f'; {cure}' if cure else ''}")


def settings_kept(spec: Spec, notice: Callable[[str], object]) -> AbstractContextManager[None]:
    """A block after which the process's settings are as they were (see `harness.base.process`); `notice` is
    told what the plugin left changed."""

    def say(back: str, left: str) -> None:
        said = f"changed {back} of this process, put back after it" if back else ""
        stays = f"lowered the hard limit {left} of this process, which stays so" if left else ""
        notice(f"{whose(spec)} {' and '.join(filter(None, (said, stays)))}")

    return process.kept(say)


@contextmanager
def step(of: Spec | Cell, name: str) -> Iterator[None]:
    """A step of a run that is a plugin's code, such as `fit`: whatever it raises is its fault, but for what
    has a meaning here. So is a wish to end the process in a thread or a task that it left alone.

    Args:
        of: the plugin; or a cell, whose method it is that may call the task's code.

    Raises:
        HarnessError: as it was raised, or PluginError with the place of the fault.
        KeyboardInterrupt: the user pressed Ctrl-C.
        CancelledError: whoever runs the loop cancelled the task.
    """
    try:
        with loops.escaped() as escaped:
            yield
    except HarnessError as error:
        if not escaped or not isinstance(error, PluginError):  # which may be what came of it
            raise
    except BaseException as error:
        if stops(error):
            raise
        raise _fault(of, name, error) from error
    forks.check()
    if escaped:
        raise _fault(of, name, escaped[0])


def stops(error: BaseException) -> bool:
    """Whether an exception ends more than the cell in which it was raised: the user's Ctrl-C, or the end of
    the task by whoever runs it. A child of a plugin's `os.fork` ends here."""
    forks.check(error)
    if isinstance(error, asyncio.CancelledError):
        return loops.cancelled()
    return isinstance(error, KeyboardInterrupt) and interrupts.came()


def _fault(of: Spec | Cell, where: str, error: BaseException) -> PluginError:
    """The fault of what a plugin was doing: of a method, the task's where it was the task's code that
    failed."""
    if isinstance(of, Spec):
        return fault(of, where, error)
    spec, name = _owner(of, error) or (of.method, where)
    return fault(spec, where if spec is of.method else name, error)


@contextmanager
def foreseen(cell: Cell) -> Iterator[None]:
    """A block that does something with a cell: whatever fails in it is an error of one line, which names the
    plugin whose code failed.

    Raises:
        HarnessError: something failed.
        KeyboardInterrupt: the user pressed Ctrl-C.
        CancelledError: whoever runs the loop cancelled the task.
    """
    try:
        yield
    except HarnessError:
        raise
    except BaseException as error:
        if stops(error):
            raise
        if owner := _owner(cell, error):
            raise fault(*owner, error) from error
        raise HarnessError(
            f"nobody foresaw{placed_reason(error)} (HARNESS_DEBUG=1 says more, please report it)"
        ) from error


def _owner(cell: Cell, error: BaseException) -> tuple[Spec, str] | None:
    """Whose code failed, and which function of it; None where it was neither the task's nor the method's."""
    codes = [(spec, _codes(spec)) for spec in (cell.task, cell.method)]
    for frame, _ in reversed([*traceback.walk_tb(original(error).__traceback__)]):
        code = frame.f_code
        owners = [spec for spec, known in codes if code in known]
        owners = owners or [s for s, known in codes if code.co_filename in {k.co_filename for k in known}]
        if len(owners) == 1:  # two may stand in one file
            return owners[0], code.co_name
    return None


def _codes(spec: Spec) -> set[CodeType]:
    """The code of a plugin's class and of those that it is made from, but for the harness's own."""
    module, _, name = spec.entry.partition(":")
    cls = spec.implementation or getattr(sys.modules.get(module), name, None)
    if not isinstance(cls, type):
        return set()
    classes = [each for each in cls.__mro__ if issubclass(each, Plugin) and "spec_type" not in vars(each)]
    parts = [getattr(part, "fget", None) or part for each in classes for part in vars(each).values()]
    return {part.__code__ for part in parts if isinstance(part, FunctionType)}

"""How a plugin's own error is reported: its distribution, and the place in its code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

from harness.base.errors import HarnessError, PluginError
from harness.base.plain import Unfit
from harness.plugins.base import Plugin
from harness.spec import Spec

if TYPE_CHECKING:
    from harness.run.plan import Cell


def fault(name: str, distribution: str, where: str, error: Exception) -> PluginError:
    """A plugin's own fault, with the place in its code."""
    whose = f" (distribution {distribution})" if distribution else ""
    return PluginError(f"{where} of {name!r}{whose} failed{place_of(error)}: {_said(error)}")


def given(spec: Spec, what: str, error: Unfit, cure: str = "") -> PluginError:
    """What a plugin gave can't be taken.

    Args:
        what: what it was given for, as in ` for question 'q1'`.
        error: as the functions of `harness.run.door` raise it.
    """
    whose = f" (distribution {spec.distribution})" if spec.distribution else ""
    return PluginError(f"{spec.noun} {spec.name!r}{whose} gave{what} {error}{f'; {cure}' if cure else ''}")


def fault_in(cell: Cell, where: str, error: Exception) -> PluginError:
    """The fault of what a method was doing: of the task, where it was the task's code that failed."""
    spec, name = _owner(cell, error) or (cell.method, where)
    if spec is cell.method:
        name = where
    return fault(spec.name, spec.distribution, name, error)


@contextmanager
def foreseen(cell: Cell) -> Iterator[None]:
    """A block that does something with a cell: whatever fails in it is an error of one line, which names the
    plugin whose code failed.

    Raises:
        HarnessError: something failed.
    """
    try:
        yield
    except HarnessError:
        raise
    except Exception as error:
        if owner := _owner(cell, error):
            spec, name = owner
            raise fault(spec.name, spec.distribution, name, error) from error
        raise HarnessError(
            f"nobody foresaw{place_of(error)}: {_said(error)} (HARNESS_DEBUG=1 says more, please report it)"
        ) from error


def _owner(cell: Cell, error: Exception) -> tuple[Spec, str] | None:
    """Whose code failed, and which function of it; None where it was neither the task's nor the method's."""
    codes = [(spec, _codes(spec)) for spec in (cell.task, cell.method)]
    for frame, _ in reversed([*traceback.walk_tb(error.__traceback__)]):
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


def place_of(error: BaseException) -> str:
    """Where an exception was raised, as ` at file.py:12`; empty where nobody knows."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _said(error: Exception) -> str:
    """The type of an exception and the first line of what it says, which its own code may keep it from."""
    try:
        said = str(error).strip()
    except Exception:
        said = ""
    return f"{type(error).__name__}: {(said or 'no message').splitlines()[0]}"

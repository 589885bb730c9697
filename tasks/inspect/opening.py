"""From the name of an inspect task and its arguments to the task itself, as its package makes it."""

from __future__ import annotations

import contextlib
import importlib
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.errors import DataError, UsageError, nearest
from harness.base.values import typed

if TYPE_CHECKING:
    import inspect_ai

HOME = "inspect_evals"
#: what was opened to be looked at, by (function that makes it, arguments, mirror), until it is loaded: its
#: data are read once
_looked_at: dict[tuple[Any, str, str | None], inspect_ai.Task] = {}


def open_task(name: str, arguments: str, mirror: Path | None, *, keep: bool = False) -> inspect_ai.Task:
    """The inspect task.

    Args:
        name: `task` of inspect_evals, or `package/task`.
        arguments: of the task, as `fewshot=0,shuffle=false`.
        mirror: a folder with copies of Hub repositories.
        keep: whether it is opened to be looked at, and loaded next.

    Raises:
        UsageError: no such package or task, or arguments that it doesn't take.
        DataError: its data can't be had.
    """
    function, given = _function(name), _arguments(name, arguments)
    key = (function, arguments, str(mirror) if mirror else None)
    made = _looked_at.pop(key, None)
    if made is None:
        # a mirror holds repositories as folders, which `datasets` takes for the repositories themselves
        with contextlib.chdir(mirror) if mirror else contextlib.nullcontext():
            try:
                made = function(**given)
            except TypeError as error:
                raise UsageError(f"inspect/{name}: {error}") from error
            except Exception as error:  # whatever its loader raises without a network, or access
                raise DataError(
                    f"inspect/{name} can't be loaded: {type(error).__name__}: {str(error).strip()[:300]}"
                ) from error
    if keep:
        _looked_at.clear()
        _looked_at[key] = made
    return made


def _function(name: str) -> Any:
    """What makes the task."""
    package, _, task = name.rpartition("/")
    package = package or HOME
    points = {point.name: point for point in entry_points(group="inspect_ai")}
    if package not in points:
        cure = (
            "pip install 'method-harness[inspect-evals]'"
            if package == HOME
            else nearest(package, points, "package")
        )
        raise UsageError(
            f"inspect/{name}: no installed package {package!r} registers tasks with inspect-ai; {cure}"
        )
    module = importlib.import_module(points[package].value)
    found = getattr(module, task, None)
    if not callable(found):
        known = [key for key in vars(module) if not key.startswith("_")]
        raise UsageError(f"inspect/{name}: {package} has no task {task!r}; {nearest(task, known, 'task')}")
    return found


def _arguments(name: str, text: str) -> dict[str, Any]:
    pairs = [part.partition("=") for part in text.split(",") if part]
    if not all(sign for _, sign, _ in pairs):
        raise UsageError(f"inspect/{name}: args={text!r} is not written as fewshot=0,shuffle=false")
    return {key.strip(): typed(value) if value else None for key, _, value in pairs}

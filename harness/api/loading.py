"""Opening what the harness knows by name: a task, a method; and a store's results as a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api.requests import named
from harness.api.settings import STORE
from harness.base.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from harness.api.requests import MethodLike, TaskLike
    from harness.method import Method
    from harness.task import Task


def load_task(task: TaskLike, **args: Any) -> Task:
    """A task, ready to load its data, to ask and to score.

    Args:
        task: a name, "file.py:MyTask" or a class.
        args: its arguments, as those of `-T`.

    Raises:
        UsageError: no such task, several of that name, or an argument that it doesn't know.
        PluginError: it can't be imported.

    Example:
        >>> task = harness.load_task("arc1d", level=1)
        >>> splits = task.load(harness.Data())
        >>> sample = splits.test[0]
        >>> task.score(sample, harness.Outcome(sample.id, answer=task.parse("...", sample.question)))
    """
    from harness.model.factory import NO_MODEL
    from harness.registry import load_task, registry
    from harness.run.plan import task_arguments

    name, own = _one("task", task)
    spec = registry().task(name)
    return load_task(spec, task_arguments(spec, {**own, **args}, NO_MODEL))


def load_method(method: MethodLike, **args: Any) -> Method:
    """A method with its arguments, as those of `-M`.

    Raises:
        UsageError: no such method, several of that name, or an argument that it doesn't know.
        PluginError: it can't be imported.

    Example:
        >>> harness.load_method("self-consistency", samples=5).args
    """
    from harness.registry import load_method, registry

    name, own = _one("method", method)
    spec = registry().method(name)
    return load_method(spec, spec.arguments({**own, **args}))


def load(store: str | Path = STORE, **filters: Any) -> pd.DataFrame:
    """The results of a store: one row a run and metric, of the runs in force. Records that can't be trusted
    are left out, each with a warning.

    Args:
        store: the result store.
        filters: a column and the value wanted, `task="aime24"`.

    Raises:
        UsageError: a filter is no column.

    Example:
        >>> harness.load(task="arc1d", metric="accuracy")[["method", "model", "value"]]
    """
    from harness.results.table import frame

    return frame(store, **filters)


def _one(noun: str, given: Any) -> tuple[str, Mapping[str, Any]]:
    """The one name that `given` stands for, and the arguments of an object.

    Raises:
        UsageError: it is none, or stands for several.
    """
    from harness.registry import registry

    found = [(name, own) for part, own in named(noun, given) for name in registry().match(noun, part)]
    if len(found) != 1:
        raise UsageError(f"one {noun} is wanted, and {given!r} is {len(found)}")
    return found[0]

"""The runs of a sweep before any is made: its values, and the seeds of each."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.base.errors import UsageError, nearest

if TYPE_CHECKING:
    from harness.run.plan import Cell, Request


def cells_of(
    request: Request, settings: Sequence[tuple[str, Sequence[Any]]], same_seeds: bool = False
) -> tuple[tuple[str, ...], list[Cell]]:
    """The swept parameters without their owners, and the cells of every value, or of every pair of values,
    smallest first. Methods that draw something per run get seeds of their own at each, unless `same_seeds`.

    Args:
        settings: one or two names with their values.

    Raises:
        UsageError: fewer than two values, a value is no number, nothing in the grid has such a parameter,
            more than two names or one twice, or there are more seeds than a value has of its own.
    """
    from harness.run.plan import plan

    swept = [_swept(request, name, values) for name, values in settings]
    shorts = tuple(name.rpartition(".")[2] for name, _ in settings)
    if not 0 < len(shorts) <= 2 or len(set(shorts)) < len(shorts):
        raise UsageError(f"--set {', '.join(shorts)}: a sweep is over one argument, or over two of two names")
    cells = []
    for at in itertools.product(*(values for _, values in swept)):
        changed: dict[str, Any] = {}
        for (name, _), (field, _), value in zip(settings, swept, at, strict=True):
            changed[field] = {**changed.get(field, getattr(request, field)), name: value}
        first = 0 if same_seeds else first_seed(*map(float, at))
        for cell in plan(replace(request, **changed)):
            draws = cell.method.draws == "run"
            if draws and not same_seeds and request.seeds > SEEDS:
                raise UsageError(f"--seeds {request.seeds}: a value has {SEEDS} of its own; or --same-seeds")
            cells.append(replace(cell, seed=first + cell.seed) if draws else cell)
    return shorts, cells


def _swept(request: Request, name: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """Whose argument it is (`method_args` or `task_args`), and its values, smallest first."""
    from harness.registry import registry

    values = list(dict.fromkeys(values))
    if len(values) < 2:
        raise UsageError(f"--set {name}: a sweep takes two values or more, not {values}")
    try:
        values.sort(key=float)
    except (TypeError, ValueError):
        raise UsageError(f"--set {name}={','.join(map(str, values))}: a swept value is a number") from None
    known, short = registry(), name.rpartition(".")[2]
    owner = name.rpartition(".")[0]
    of_methods = {m: known.method(m).params for m in known.match("method", request.method)}
    of_tasks = {t: known.task(t).params for t in known.match("task", request.task)}
    if owner in of_methods or (not owner and any(short in params for params in of_methods.values())):
        field, holders = "method_args", of_methods
    elif owner in of_tasks or (not owner and any(short in params for params in of_tasks.values())):
        field, holders = "task_args", of_tasks
    else:
        every = {p for params in (*of_methods.values(), *of_tasks.values()) for p in params}
        raise UsageError(f"--set {name}: no method or task of this grid has it; {nearest(short, every)}")
    without = [each for each, params in holders.items() if short not in params]
    if without and not owner:
        raise UsageError(
            f"--set {name}: {without[0]!r} has no such parameter; sweep it alone, and "
            "measure the others with 'harness eval'"
        )
    return field, values


#: seeds that a value has of its own
SEEDS = 1000


def first_seed(*values: float) -> int:
    """The first of the own seeds of a value, or of a pair of values: 16000 for k=16. It depends on nothing
    else, so that values added later leave the runs of the others as they are; what is no whole number below a
    million, or a pair, has a place above.
    """
    from harness.base.digest import digest

    million, (value, *more) = 1_000_000, values
    if not more and value.is_integer() and 0 <= value < million:
        return SEEDS * int(value)
    return SEEDS * (million + int(digest([value, *more] if more else value)[:8], 16) % million)

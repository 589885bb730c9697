"""A complete grid of methods and models (and tasks): how much of the differences each makes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.base.errors import UsageError, nearest
from harness.comparison.arms import Arm
from harness.comparison.attempt_metrics import attempt_metric
from harness.comparison.claims import HOLDS_FOR
from harness.comparison.common import common_items
from harness.comparison.grid_levels import draws_of, level_names
from harness.comparison.items import Items, ItemTables, of_the_set
from harness.comparison.select import by_key
from harness.results.ceiling import ceilings
from harness.spec import MetricRange
from harness.stats.grid import Decomposition, decompose
from harness.stats.grid_noise import CellMeans, cell_means, tasks_noise
from harness.stats.reversals import Reversal, reversals

#: the factors of a grid, and those that every grid has
FACTORS = ("method", "model", "task")
LEAST = FACTORS[:2]
Load = Callable[[Arm, str], Items]
Names = tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A complete grid, taken apart. Numbers are in points (of the metric's range, where tasks have several
    ranges), variances in squared points.

    Attributes:
        factors: their names, in the order of `means`.
        levels: the names of each factor's levels.
        means: of the cells, one axis a factor.
        arms: of the cells, by the names of their levels.
        metric: of the cells; empty where tasks have several.
        unit: what a point is.
        items: of each task, items that every cell has, and groups that they fall into.
        decomposition: components, shares, HV and MV.
        reversals: of methods, by the factor over which they are looked for.
        claim: what the intervals and tests hold for, in words.
        left_out: what was left out to make the grid complete, a sentence each.
        notes: what else a reader has to know, a sentence each.
    """

    factors: Names
    levels: Mapping[str, list[str]]
    means: NDArray[Any]
    arms: Mapping[Names, Arm]
    metric: str
    unit: str
    items: Mapping[str, tuple[int, int]]
    decomposition: Decomposition
    reversals: Mapping[str, list[Reversal]]
    claim: str
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Its size, and its task where there is one."""
        size = " x ".join(f"{len(self.levels[name])} {name}s" for name in self.factors)
        return size if "task" in self.factors else f"{next(iter(self.items))}: {size}"


def parse_factors(given: str | Sequence[str]) -> Names:
    """The factors of a grid, from `method,model` or `method,model,task`.

    Raises:
        UsageError: another factor, or one of the two that every grid has is missing.
    """
    named = [part.strip() for part in given.split(",")] if isinstance(given, str) else list(given)
    for name in named:
        if name not in FACTORS:
            raise UsageError(f"a grid has no factor {name!r}; {nearest(name, FACTORS, 'factor')}")
    if not set(LEAST) <= set(named):
        raise UsageError("a grid is of method,model or method,model,task")
    return tuple(name for name in FACTORS if name in named)


def grids(
    arms: Sequence[Arm], factors: Names = LEAST, metric: str | None = None, load: Load | None = None
) -> list[Grid]:
    """The grids that arms make: one for each comparability key, or one over all tasks where `task` is one of
    the factors.

    Args:
        arms: those that were stopped, or are ceilings, are left out.
        metric: another than each task's primary one.
        load: gives the table of an arm, such as an `ItemTables` that keeps them.

    Raises:
        UsageError: no grid of two levels a factor is complete; two arms are at one place; a task has several
            comparability keys and is a factor; or metrics have no common unit.
        RecordError: sealed attempts can't be read.
    """
    tables = load or ItemTables()
    why = {id(arm): _unfit(arm) for arm in arms}
    kept = [arm for arm in arms if not why[id(arm)]]
    stopped = [f"{arm.title(arms)} on {arm.task}: {why[id(arm)]}" for arm in arms if why[id(arm)]]
    if "task" in factors:
        keys = by_key(kept)
        if len(keys) > len({arm.task for arm in kept}):
            raise UsageError("a task has runs of several comparability keys; choose one with -T, or one task")
        return [_grid(kept, factors, metric, tables, stopped)]
    made, failed = [], []
    for table in by_key(kept).values():
        try:
            made.append(_grid(table, factors, metric, tables, stopped))
        except UsageError as error:
            failed.append(error)
    if not made:
        raise (
            failed[0]
            if failed
            else UsageError("no complete runs to make a grid of; 'harness eval' makes some")
        )
    made[0].left_out.extend(str(error) for error in failed)
    return made


def _unfit(arm: Arm) -> str:
    """Why an arm has no place in a grid; empty where it has."""
    if not arm.complete:
        return "was stopped"
    seen = ceilings(arm.runs)
    return f"{seen}: a ceiling" if seen else ""


def _grid(
    arms: Sequence[Arm], factors: Names, metric: str | None, load: Load, left_out: Sequence[str]
) -> Grid:
    cells = _places(arms, factors)
    levels, gone = _complete(list(cells), factors)
    for name in factors:
        if len(levels[name]) < 2:
            where = "" if "task" in factors else f" on {arms[0].task}" if arms else ""
            raise UsageError(
                f"no complete grid{where}: it needs two {name}s or more that were run with each "
                f"{' and '.join(other for other in factors if other != name)}"
                + (f"; incomplete: {', '.join(gone[:6])}" if gone else "")
            )
    kept = {names: cells[names] for names in itertools.product(*(levels[name] for name in factors))}
    metrics = {arm.task: metric or arm.primary for arm in kept.values()}
    for arm in kept.values():
        if metrics[arm.task] not in arm.runs[0]["metrics"] and attempt_metric(metrics[arm.task]) is None:
            raise UsageError(
                f"{arm.task} has no metric {metric!r}; it has: {', '.join(arm.runs[0]['metrics'])}"
            )
    spans = {arm.task: arm.metric_range(metrics[arm.task]) for arm in kept.values()}
    scale, unit = _scale(spans)
    shape = tuple(len(levels[name]) for name in factors)
    places: dict[str, list[int]] = {}
    for at, arm in enumerate(kept.values()):
        places.setdefault(arm.task, []).append(at)
    every = list(kept.values())
    means, noises, items, notes, known = np.zeros(len(every)), [], {}, list[str](), True
    for task, rows in places.items():
        cells_of_task = {names: arm for names, arm in kept.items() if arm.task == task}
        found, size, groups = _task_cells(cells_of_task, metrics[task], scale(task), load, notes)
        means[rows] = found.means
        noises.append((found, rows, groups))
        items[task], known = size, known and found.runs_known
    noise = tasks_noise(noises, len(every))
    return Grid(
        factors,
        levels,
        means.reshape(shape),
        kept,
        next(iter(metrics.values())) if len(set(metrics.values())) == 1 else "",
        unit,
        items,
        decompose(means.reshape(shape), noise, factors),
        _reversals(means.reshape(shape), noise, factors),
        _claim(every, known),
        [*left_out, *(f"{each}: not run with all others" for each in gone)],
        notes + _one_run(every, known),
    )


def _places(arms: Sequence[Arm], factors: Names) -> dict[Names, Arm]:
    """Arms by the names of their levels."""
    of = {"method": level_names(arms, "method"), "model": level_names(arms, "model")}
    of["task"] = [arm.task for arm in arms]
    cells: dict[Names, Arm] = {}
    for at, arm in enumerate(arms):
        names = tuple(of[name][at] for name in factors)
        if names in cells:
            first, second = cells[names].run_ids[0][:12], arm.run_ids[0][:12]
            raise UsageError(
                f"two subjects are {' x '.join(names)} on {arm.task}, in runs {first} and {second}; choose "
                "one with -M, --method or --store"
            )
        cells[names] = arm
    return cells


def _complete(cells: Sequence[Names], factors: Names) -> tuple[dict[str, list[str]], list[str]]:
    """The levels of a complete grid, leaving out first what lacks the largest part of its cells, and what was
    left out."""
    there, gone = set(cells), list[str]()
    levels = {name: sorted({cell[at] for cell in cells}) for at, name in enumerate(factors)}
    while all(levels.values()):
        size = {name: int(np.prod([len(levels[o]) for o in factors if o != name])) for name in factors}
        lacking = {
            (name, level): 1 - sum(cell[at] == level for cell in there) / size[name]
            for at, name in enumerate(factors)
            for level in levels[name]
        }
        (name, level), worst = max(lacking.items(), key=lambda each: each[1])
        if worst <= 0:
            break
        at = factors.index(name)
        levels[name].remove(level)
        there = {cell for cell in there if cell[at] != level}
        gone.append(f"{name} {level}")
    return levels, gone


def _scale(spans: Mapping[str, MetricRange]) -> tuple[Callable[[str], Callable[[Items], NDArray[Any]]], str]:
    """How a task's cells become points, and what a point is."""
    if len(set(spans.values())) == 1:
        points = next(iter(spans.values())).points
        return lambda task: lambda items: points * items.cells, "points" if points == 100 else "units"
    if not all(span.bounded for span in spans.values()):
        raise UsageError("tasks whose metrics have no bounds make no common grid; choose tasks of one metric")
    return lambda task: lambda items: 100 * items.shares(spans[task]).cells, "percent of each metric's range"


def _task_cells(
    cells: Mapping[Names, Arm],
    metric: str,
    scaled: Callable[[Items], NDArray[Any]],
    load: Load,
    notes: list[str],
) -> tuple[CellMeans, tuple[int, int], NDArray[Any]]:
    """The cells of one task on the items that all have, how many items and groups these are, and the groups'
    names."""
    arms = list(cells.values())
    tables = [load(arm, metric) for arm in arms]
    taken, most = common_items(tables), max(map(len, tables))
    if len(taken[0]) < most:
        if of_the_set(arms[0].runs[0], metric):
            raise UsageError(f"{metric} is of the whole set, and cells of {arms[0].task} have other items")
        notes.append(f"{arms[0].task}: only the {len(taken[0])} of {most} items that every cell has")
    codes = taken[0].codes()
    drawn = [arm.draws is not False for arm in arms]
    span = arms[0].metric_range(metric)
    widest = math.inf
    if span.bounded:
        ends = [replace(taken[0], cells=np.array([[end]])) for end in (span.low, span.high)]
        widest = abs(float(np.ptp([scaled(end) for end in ends])))
    try:
        found = cell_means(
            [scaled(table) for table in taken], drawn, codes, draws_of(arms), list(cells), widest
        )
    except ValueError as error:
        raise UsageError(f"{arms[0].task}: {error}") from None
    own = taken[0].groups
    groups = taken[0].digests if own is None else np.unique(own)
    return found, (len(taken[0]), len(groups)), groups


def _reversals(means: NDArray[Any], noise: Any, factors: Names) -> dict[str, list[Reversal]]:
    """Of methods over each other factor, the means over the third."""
    made = {}
    for at, name in enumerate(factors[1:], 1):
        averaged = tuple(n for n in range(1, len(factors)) if n != at)
        sizes = means.shape
        parts = [np.full((1, k), 1 / k) if n in averaged else np.eye(k) for n, k in enumerate(sizes)]
        contrast = parts[0]
        for part in parts[1:]:
            contrast = np.kron(contrast, part)
        made[name] = reversals(means.mean(axis=averaged) if averaged else means, noise.mapped(contrast))
    return made


def _claim(arms: Sequence[Arm], runs_known: bool) -> str:
    if all(arm.draws is False for arm in arms):
        return HOLDS_FOR["items"]
    return HOLDS_FOR["items and runs" if runs_known else "these runs"]


def _one_run(arms: Sequence[Arm], runs_known: bool) -> list[str]:
    single = [arm for arm in arms if arm.draws is not False and len(arm.runs) == 1]
    if not single:
        return []
    if not runs_known:
        return [
            f"{len(single)} of {len(arms)} cells have one run and draw something per run, and no cell of the "
            "task has a second one: nothing is said of other seeds; run more, as in harness eval --seeds 3"
        ]
    return [f"{len(single)} of {len(arms)} cells have one run; how much runs vary is taken from the others"]

"""A score over one swept number: the points of a curve, and what makes them vary.

A sweep is nothing but runs that differ in one argument, found in any store by their own argument values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.comparison.arms import Arm, Row, arms_of
from harness.comparison.items import Items, ItemTables
from harness.comparison.scores import score
from harness.results.labels import short
from harness.spec import MetricRange
from harness.stats.quantiles import FloatArray
from harness.stats.sweep_means import SweepMeans, sweep_means


@dataclass(frozen=True)
class Curve:
    """The runs of one task, method and model at each value of a parameter.

    Attributes:
        arms: the runs at each value, in the order of `values`.
        means: mean score at each value, shape (values,).
        intervals: 95 % of each mean, shape (values, 2); NaN where none can be told.
        shares: the means as shares of the metric's range with their covariances, which verdict and forms
            rest on.
        items: items that the sweep rests on; of each value where all have items of their own.
        left_out: items that some value lacks, and which are left out.
        no_numbers: values of the parameter that are no finite number and have no place on the curve.
    """

    parameter: str
    metric: str
    values: FloatArray
    arms: list[Arm]
    means: FloatArray
    intervals: FloatArray
    shares: SweepMeans
    items: list[int]
    left_out: int
    no_numbers: tuple[str, ...] = ()

    @property
    def paired(self) -> bool:
        """Whether all values are measured on the same items."""
        return self.shares.totals is not None

    @property
    def span(self) -> MetricRange:
        """The range of the metric."""
        return self.arms[0].metric_range(self.metric)

    @property
    def title(self) -> str:
        return f"{self.arms[0].task} x {self.arms[0].method} x {self.arms[0].model}"

    def grid(self, points: int) -> FloatArray:
        """Values above 0 to draw a form at, evenly in their logarithm."""
        above = self.values[self.values > 0]
        return np.geomspace(above[0], above[-1], points) if len(above) else above


def curves(rows: Iterable[Row], parameter: str, metric: str | None = None) -> list[Curve]:
    """The curves that rows of the index make over a method's argument, or a task's.

    Runs of one curve differ in nothing else. Values that are no finite number have no place on it; the curve
    names them.

    Raises:
        RecordError: sealed attempts can't be read or don't agree with their record.
    """
    found: dict[str, list[tuple[float, Arm]]] = {}
    others: dict[str, dict[str, None]] = {}
    for arm in arms_of(rows):
        value, rest = _value(arm, parameter), _rest(arm, parameter)
        if value is not None:
            found.setdefault(rest, []).append((value, arm))
        elif parameter in (given := {**arm.comparability["task_args"], **arm.subject["method_args"]}):
            others.setdefault(rest, {})[short(given[parameter])] = None
    made = []
    for rest, placed in found.items():
        placed.sort(key=lambda pair: pair[0])
        if len({value for value, _ in placed}) > 1:
            curve = curve_of(placed, parameter, metric or placed[0][1].primary)
            made.append(replace(curve, no_numbers=tuple(others.get(rest, ()))))
    return sorted(made, key=lambda curve: curve.title)


def _value(arm: Arm, parameter: str) -> float | None:
    for arguments in (arm.subject["method_args"], arm.comparability["task_args"]):
        value = arguments.get(parameter)
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            try:
                number = float(value)
            except ValueError:
                return None
            return number if np.isfinite(number) else None
    return None


def _rest(arm: Arm, parameter: str) -> str:
    """Everything but the parameter; where it is the task's, data and prompts differ by nature."""
    from harness.base.digest import digest

    subject, key = dict(arm.subject), dict(arm.comparability)
    if parameter in subject["method_args"]:
        subject["method_args"] = {k: v for k, v in subject["method_args"].items() if k != parameter}
    else:
        natural = ("data_digest", "prompt_digest", "history", "interactions")
        key = {k: v for k, v in key.items() if k not in natural}
        key["task_args"] = {k: v for k, v in key["task_args"].items() if k != parameter}
    return digest([subject, key])


def curve_of(placed: Sequence[tuple[float, Arm]], parameter: str, metric: str) -> Curve:
    """The curve of arms at two or more values, in rising order of value.

    Values with the same data are compared on the items that all of them have; where the parameter is the
    task's, each value has items of its own.

    Raises:
        RecordError: sealed attempts can't be read or don't agree with their record.
    """
    arms = [arm for _, arm in placed]
    span, load = arms[0].metric_range(metric), ItemTables()
    tables = [load(arm, metric).shares(span) for arm in arms]
    every = np.unique(np.concatenate([table.digests for table in tables]))
    kept = every
    if len({arm.comparability_key for arm in arms}) == 1:
        shared = set(every).intersection(*(table.digests for table in tables))
        kept = np.array([item for item in every if item in shared], dtype=object)
        kept = kept if len(kept) else every
    scores = [score(arm, metric, load) for arm in arms]
    return Curve(
        parameter,
        metric,
        np.array([value for value, _ in placed]),
        arms,
        np.array([found.value for found in scores]),
        np.array([found.interval or (np.nan, np.nan) for found in scores]),
        sweep_means(
            [_on(table, kept) for table in tables],
            [arm.seeds for arm in arms],
            _codes(tables, kept),
            draws=any(arm.draws is not False for arm in arms),
        ),
        [int(np.isin(kept, table.digests).sum()) for table in tables],
        len(every) - len(kept),
    )


def _on(table: Items, items: Any) -> FloatArray:
    """The cells of a table at some items, shape (items, runs); NaN where it lacks one."""
    cells = np.full((len(items), table.runs), np.nan)
    here = np.isin(items, table.digests)
    cells[here] = table.cells[np.searchsorted(table.digests, items[here])]
    return cells


def _codes(tables: Sequence[Items], items: Any) -> Any:
    """The group of each item as a number, by the first table that knows it; None where none does."""
    known: dict[str, str] = {}
    for table in reversed(tables):
        if table.groups is not None:
            known.update(zip(table.digests, table.groups, strict=True))
    if not known:
        return None
    return np.unique([str(known.get(item, item)) for item in items], return_inverse=True)[1]

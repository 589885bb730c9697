"""Arms side by side that differ in what was swept: their means, and what makes them vary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.comparison.arms import Arm
from harness.comparison.items import Items, ItemTables
from harness.comparison.scores import score
from harness.spec import MetricRange
from harness.stats.quantiles import FloatArray
from harness.stats.sweep_means import SweepMeans, sweep_means


@dataclass(frozen=True)
class Points:
    """The runs at each value, or pair of values, that was swept.

    Attributes:
        arms: the runs of each point.
        means: mean score of each, shape (points,).
        intervals: 95 % of each mean, shape (points, 2); NaN where none can be told.
        shares: the means as shares of the metric's range with their covariances, which verdicts and forms
            rest on.
        items: items that each point rests on.
        left_out: items that some point lacks, and which are left out.
    """

    metric: str
    arms: list[Arm]
    means: FloatArray
    intervals: FloatArray
    shares: SweepMeans
    items: list[int]
    left_out: int

    @property
    def paired(self) -> bool:
        """Whether all points are measured on the same items."""
        return self.shares.totals is not None

    @property
    def span(self) -> MetricRange:
        """The range of the metric."""
        return self.arms[0].metric_range(self.metric)

    @property
    def title(self) -> str:
        return f"{self.arms[0].task} x {self.arms[0].method} x {self.arms[0].model}"


def points_of(arms: Sequence[Arm], metric: str) -> Points:
    """The points that two or more arms make.

    Arms with the same data are compared on the items that all of them have; where a parameter of the task was
    swept, each has items of its own.

    Raises:
        RecordError: sealed attempts can't be read or don't agree with their record.
    """
    span, load = arms[0].metric_range(metric), ItemTables()
    tables = [load(arm, metric).shares(span) for arm in arms]
    every = np.unique(np.concatenate([table.digests for table in tables]))
    kept = every
    if len({arm.comparability_key for arm in arms}) == 1:
        shared = set(every).intersection(*(table.digests for table in tables))
        kept = np.array([item for item in every if item in shared], dtype=object)
        kept = kept if len(kept) else every
    scores = [score(arm, metric, load) for arm in arms]
    return Points(
        metric,
        list(arms),
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

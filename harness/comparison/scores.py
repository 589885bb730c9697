"""The score of an arm with its interval: over items, and over runs where something is drawn per run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.comparison.arms import Arm

if TYPE_CHECKING:
    from harness.comparison.items import Items


@dataclass(frozen=True)
class Score:
    """The mean of a metric over an arm's runs.

    Attributes:
        value: in the unit of the metric; unscored and failed attempts count as the worst value.
        interval: 95 %, None where it can't be estimated.
        unit: what the interval is over, `items` or `items and runs`; `runs` of a value of the whole set.
        ci_method: how the part of the items was made; see `harness.stats.estimate`.
        runs: number of runs that are pooled.
    """

    value: float
    interval: tuple[float, float] | None
    unit: str
    ci_method: str
    runs: int


def score(arm: Arm, metric: str | None = None, load: Callable[[Arm, str], Items] | None = None) -> Score:
    """The score of an arm at its primary metric, or another.

    Args:
        load: gives the attempts of an arm, such as an `ItemTables` that keeps them.

    Raises:
        KeyError: a run has no such metric.
        RecordError: sealed attempts can't be read.
    """
    metric = metric or arm.primary
    stored = [run["metrics"][metric] for run in arm.runs]
    values = [float(found["value"]) for found in stored]
    mean = sum(values) / len(values)
    if len(values) == 1:
        low, high = stored[0]["ci"] or (None, None)
        interval = None if low is None or high is None else (float(low), float(high))
        return Score(mean, interval, "items", str(stored[0]["ci_method"]), 1)
    import numpy as np

    from harness.stats.crossed import parts_of
    from harness.stats.crossed_rule import t_squared
    from harness.stats.estimate import estimate_mean

    count = len(values)
    if stored[0]["ci"] is None:
        half = float(np.sqrt(t_squared(0.05, count - 1) * np.var(values, ddof=1) / count))
        return Score(mean, (mean - half, mean + half), "runs", "t", count)
    from harness.comparison.items import load_items

    span = arm.metric_range(metric)
    items = (load or load_items)(arm, metric).shares(span)
    attempts = items.means() if np.isnan(items.cells).any() else items.cells
    found = estimate_mean(attempts, groups=items.groups, binary=bool(np.isin(attempts, (0.0, 1.0)).all()))
    if found.ci is None:
        return Score(span.value(found.value), None, "items", found.ci_method, count)
    ends, unit = found.ci, "items"
    if arm.draws is not False:
        below, above = found.value - ends[0], ends[1] - found.value
        below, above = parts_of(items.cells, items.codes()).with_runs(below, above, 0.05)
        ends, unit = (found.value - below, found.value + above), "items and runs"
        if span.bounded:
            ends = max(ends[0], 0.0), min(ends[1], 1.0)
    low, high = sorted(float(span.value(end)) for end in ends)
    return Score(float(span.value(found.value)), (low, high), unit, found.ci_method, count)

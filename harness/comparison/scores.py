"""The score of an arm with its interval: over items, or over seeds where the method trains."""

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
        unit: what the interval is over, `items` or `seeds`.
        runs: number of runs that are pooled.
    """

    value: float
    interval: tuple[float, float] | None
    unit: str
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
        return Score(mean, interval, "items", 1)
    if arm.trains or stored[0]["ci"] is None:
        import numpy as np

        from harness.stats.intervals import mean_stderr, t_interval

        low, high = t_interval(mean, mean_stderr(np.array(values)), len(values) - 1)
        return Score(mean, (float(low), float(high)), "seeds", len(values))
    from harness.comparison.items import load_items
    from harness.results.ranges import estimate

    items = (load or load_items)(arm, metric)
    found = estimate(arm.metric_range(metric), items.attempts(), items.groups)
    return Score(found.value, found.ci, "items", len(values))

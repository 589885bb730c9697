"""The range of any metric of a record, and means in it with their intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.external.known_broken import WITHOUT
from harness.spec import MetricRange as MetricRange

if TYPE_CHECKING:
    from harness.stats.estimate import Estimate


def metric_range(record: Mapping[str, Any], metric: str) -> MetricRange:
    """The range of a metric of a record, or of a row of the index; from 0 to 1 where nothing says it, as of
    what is made of repeated attempts (`pass@4`)."""
    return declared_range(record, metric) or MetricRange()


def declared_range(record: Mapping[str, Any], metric: str) -> MetricRange | None:
    """The range that a record says of a metric; parts (`accuracy/easy`) and means without known-broken items
    have that of their metric. Where a bound is missing it is infinite."""
    ranges = record["metric_ranges"]
    whole = metric.removesuffix(WITHOUT)
    found = ranges.get(metric) or ranges.get(whole) or ranges.get(whole.partition("/")[0])
    if found is None:
        return None
    low, high = found.get("low"), found.get("high")
    return MetricRange(
        -math.inf if low is None else float(low),
        math.inf if high is None else float(high),
        bool(found.get("lower_is_better")),
    )


def range_fields(span: MetricRange) -> dict[str, Any]:
    """A range as a record holds it, where null is no bound."""
    ends = {"low": span.low, "high": span.high}
    found = {name: end if math.isfinite(end) else None for name, end in ends.items()}
    return {**found, "lower_is_better": span.lower_is_better}


def primary_range(record: Mapping[str, Any]) -> MetricRange:
    """The range of a record's primary metric."""
    return metric_range(record, record["primary"])


def worst_of(span: MetricRange, measured: Iterable[float]) -> float:
    """What an attempt counts as that could not be scored: the worst value possible, or without a bound the
    worst of those that were measured (0 where none was)."""
    if math.isfinite(span.worst):
        return span.worst
    return float(max(measured, default=0.0) if span.lower_is_better else min(measured, default=0.0))


def estimate(span: MetricRange, attempts: Any, groups: Any = None, binary: bool | None = None) -> Estimate:
    """A mean over items with its interval, in the unit of the metric.

    What is estimated is where in its range the metric lies, so that moving or widening a range, as from 0
    to 1 to 0 to 100, changes no more than the unit.

    Args:
        attempts: scores of every item, as for `harness.stats.estimate_mean`.
        groups: the cluster of each item, None where the task names none.
        binary: whether every attempt has one of the two ends of the range; looked at where it is None.
    """
    import numpy as np

    from harness.stats import estimate_mean

    low = span.low if span.bounded else 0.0

    def placed(scores: Any) -> Any:
        values = np.asarray(scores, dtype=float)
        return values if (low, span.width) == (0.0, 1.0) else (values - low) / span.width

    ragged = isinstance(attempts, list)
    scores = [placed(each).tolist() for each in attempts] if ragged else placed(attempts)
    if binary is None:
        flat = np.concatenate([np.asarray(each) for each in scores]) if ragged else scores
        binary = bool(np.isin(flat, (0.0, 1.0)).all())
    found = estimate_mean(scores, groups=groups, binary=binary and span.bounded)
    if not span.bounded and found.ci_method == "beta11":  # all alike at 0 or 1, which are no ends here
        found = replace(found, ci=None, ci_method="none")

    def wide(error: float | None) -> float | None:
        return None if error is None else error * span.width

    return replace(
        found,
        value=low + span.width * found.value,
        stderr=wide(found.stderr),
        rerun_stderr=wide(found.rerun_stderr),
        ci=None if found.ci is None else (low + span.width * found.ci[0], low + span.width * found.ci[1]),
    )

"""Differences as they are shown: candidate - baseline in the unit of the metric."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from harness.spec import MetricRange
from harness.stats import Difference

MOST_DECIMALS = 9


def decimals(span: MetricRange, ci: tuple[float, float] | None, value: float) -> int:
    """Digits behind the point at which a difference is shown: one for points; in another unit as many as show
    half its interval by two digits, so that a small difference doesn't read `+0.0 [+0.0, +0.0]`."""
    half = abs(value) if ci is None else (ci[1] - ci[0]) / 2
    if span.points != 1 or not math.isfinite(half) or half <= 0:
        return 1
    return min(max(1, 1 - math.floor(math.log10(half))), MOST_DECIMALS)


@dataclass(frozen=True)
class Change:
    """A difference over items in the unit of the metric, below 0 for a gain where less is better; `wins` are
    the items on which the candidate is better. The rest as in `harness.stats.Difference`."""

    value: float
    stderr: float | None
    ci: tuple[float, float] | None
    ci_method: str
    df: float | None
    p_value: float | None
    n_items: int
    n_clusters: int | None
    wins: int
    losses: int
    ties: int


def change_of(gain: Difference, span: MetricRange) -> Change:
    """A gain in shares of a metric's range as a difference in its unit."""
    kept = {each.name: getattr(gain, each.name) for each in fields(Change)}
    kept |= {
        "value": span.change(gain.value),
        "stderr": None if gain.stderr is None else span.width * gain.stderr,
        "ci": None if gain.ci is None else span.changes(gain.ci),
    }
    return Change(**kept)

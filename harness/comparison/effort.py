"""What success is worth when a person's effort has a price: U(lambda) = success - lambda * effort.

The effort and its weights are the task's (`harness.human.measures`), arbitrary, and stand in the
comparability key; a curve says at which price one row is worth more than another, whatever the weights' unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.comparison.arms import Arm
from harness.comparison.items import ItemTables
from harness.stats.crossed import parts_of
from harness.stats.quantiles import FloatArray

#: the metric that is what the person did
EFFORT = "effort"
#: lambdas at which a curve is measured
PRICES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)


@dataclass(frozen=True)
class UtilityCurve:
    """Mean utility of one arm at each price.

    Attributes:
        prices: lambda, shape (n,).
        means: shape (n,).
        intervals: 95 % of each mean over items and runs, shape (n, 2); infinite where there is one item.
        success: mean of the primary metric.
        effort: mean effort.
    """

    prices: FloatArray
    means: FloatArray
    intervals: FloatArray
    success: float
    effort: float


def has_effort(arm: Arm) -> bool:
    """Whether a person's effort was measured in every run of an arm."""
    return all(EFFORT in run["metrics"] for run in arm.runs)


def utility_curve(
    arm: Arm, prices: Sequence[float] = PRICES, tables: ItemTables | None = None
) -> UtilityCurve:
    """The curve of an arm that `has_effort`.

    Raises:
        RecordError: sealed attempts can't be read or don't agree with their record.
    """
    load = tables or ItemTables()
    success, effort = load(arm, arm.primary), load(arm, EFFORT)
    made = [parts_of(success.cells - price * effort.cells, success.codes()) for price in prices]
    return UtilityCurve(
        np.array(prices, float),
        np.array([parts.value for parts in made]),
        np.array([parts.interval() for parts in made]),
        parts_of(success.cells).value,
        parts_of(effort.cells).value,
    )

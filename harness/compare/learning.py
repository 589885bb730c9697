"""Learning curves of methods that train: the seeds of an arm, averaged at the steps that all of them have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.compare.arms import Arm
from harness.results.curve import read_curve
from harness.stats.intervals import mean_stderr, t_interval
from harness.stats.quantiles import FloatArray

Quantity = Literal["dev", "reward"]
#: points of a curve of rewards at most: single steps of a few problems are noise
WINDOWS = 50


@dataclass(frozen=True)
class Learning:
    """A quantity over the steps of training.

    Attributes:
        steps: at which every seed has a value, rising, shape (points,).
        rollouts: mean over seeds of the responses drawn up to each step, discarded ones included; None
            where a seed doesn't tell them.
        means: over seeds.
        intervals: 95 % t intervals over seeds at each step alone, shape (points, 2); None for one seed.
        seeds: number of seeds.
        final: mean over seeds of each seed's last value, at whatever step that was.
    """

    steps: FloatArray
    rollouts: FloatArray | None
    means: FloatArray
    intervals: FloatArray | None
    seeds: int
    final: float

    def reach(self, target: float) -> int | None:
        """The first point at which the mean is at least `target`. The mean of few seeds is noisy, and the
        first of many noisy points comes early."""
        reached = np.flatnonzero(self.means >= target - 1e-12)
        return int(reached[0]) if len(reached) else None


def learning(arm: Arm, quantity: Quantity) -> Learning | None:
    """The learning curve of an arm, over its runs that have one; None where no step is shared. Rewards are
    averaged over windows of neighbouring steps, each shown at its last step.

    Raises:
        RecordError: a curve can't be read or isn't the one that was sealed.
    """
    told = [[row for row in read_curve(run) if quantity in row] for run in arm.runs]
    curves = [{row["step"]: row for row in rows} for rows in told if rows]
    steps = sorted(set.intersection(*map(set, curves))) if curves else []
    if not steps:
        return None
    values = np.array([[curve[step][quantity] for step in steps] for curve in curves], dtype=float)
    drawn = None
    if all("rollouts" in curve[step] for curve in curves for step in steps):
        drawn = np.mean([[curve[step]["rollouts"] for step in steps] for curve in curves], axis=0)
    final = float(np.mean([curve[max(curve)][quantity] for curve in curves]))
    starts = np.arange(0, len(steps), 1 if quantity == "dev" else -(-len(steps) // WINDOWS))
    ends = np.append(starts[1:], len(steps)) - 1
    values = np.add.reduceat(values, starts, axis=1) / (ends - starts + 1)
    means = values.mean(axis=0)
    intervals = None
    if len(curves) > 1:
        low, high = t_interval(means, mean_stderr(values.T), len(curves) - 1)
        intervals = np.column_stack((low, high))
    return Learning(np.array(steps, dtype=float)[ends], None if drawn is None else drawn[ends], means,
                    intervals, len(curves), final)  # fmt: skip

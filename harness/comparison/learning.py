"""Learning curves of methods that train: the mean over an arm's seeds, over steps or over rollouts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from harness.comparison.arms import Arm
from harness.results.curve import read_curve
from harness.stats.intervals import mean_stderr, t_interval
from harness.stats.quantiles import FloatArray

Quantity = Literal["dev", "reward"]
Axis = Literal["step", "rollouts"]
#: points of a curve of rewards at most: single steps of a few problems are noise
WINDOWS = 50


@dataclass(frozen=True)
class Learning:
    """A quantity over the training of several seeds.

    Attributes:
        steps: rising, shape (points,).
        rollouts: the responses drawn up to each point, discarded ones included; None where a seed doesn't
            have them. What isn't the curve's axis is the mean over seeds at that point.
        means: over seeds.
        intervals: 95 % t intervals over seeds at each point alone, shape (points, 2); None for one seed.
        seeds: number of seeds.
        final: mean over seeds of each seed's last value, wherever that was.
    """

    steps: FloatArray
    rollouts: FloatArray | None
    means: FloatArray
    intervals: FloatArray | None
    seeds: int
    final: float

    def reach(self, target: float) -> int | None:
        """The first point at which the mean is at least `target`: rewards and validation scores are shares of
        a metric's range, of which more is better whatever the metric. The mean of few seeds is noisy, and the
        first of many noisy points comes early."""
        reached = np.flatnonzero(self.means >= target - 1e-12)
        return int(reached[0]) if len(reached) else None


def learning(arm: Arm, quantity: Quantity, axis: Axis = "step") -> Learning | None:
    """The learning curve of an arm, over its runs that have one; None where they share no range.

    Seeds that were measured at different places, as curricula that discard rollouts are, meet at those of
    the seed with most of them, each interpolated linearly between its own; nothing is extrapolated.
    Rewards are averaged over windows of neighbouring steps, each placed at its last step.

    Raises:
        RecordError: a curve can't be read or isn't the one that was sealed.
    """
    curves = [[row for row in read_curve(run) if quantity in row and axis in row] for run in arm.runs]
    seeds = [_columns(rows, quantity, axis) for rows in curves if rows]
    if not seeds:
        return None
    low, high = max(seed[axis][0] for seed in seeds), min(seed[axis][-1] for seed in seeds)
    inside = [seed[axis][(seed[axis] >= low) & (seed[axis] <= high)] for seed in seeds]
    places = max(inside, key=len)
    if not len(places):
        return None

    def at(name: str) -> FloatArray:
        return np.array([np.interp(places, seed[axis], seed[name]) for seed in seeds])

    values, intervals = at(quantity), None
    means = values.mean(axis=0)
    if len(seeds) > 1:
        ends = t_interval(means, mean_stderr(values.T), len(seeds) - 1)
        intervals = np.column_stack(ends)
    drawn = at("rollouts").mean(axis=0) if all("rollouts" in seed for seed in seeds) else None
    final = float(np.mean([rows[-1][quantity] for rows in curves if rows]))
    return Learning(at("step").mean(axis=0), drawn, means, intervals, len(seeds), final)


def _columns(rows: list[dict[str, Any]], quantity: Quantity, axis: Axis) -> dict[str, FloatArray]:
    """A seed's values and where it has them; rewards by windows."""
    starts = np.arange(0, len(rows), 1 if quantity == "dev" else -(-len(rows) // WINDOWS))
    ends = np.append(starts[1:], len(rows)) - 1
    values = np.add.reduceat([float(row[quantity]) for row in rows], starts) / (ends - starts + 1)
    found: dict[str, FloatArray] = {quantity: np.asarray(values)}
    for name in ("step", "rollouts"):
        if all(name in row for row in rows):
            found[name] = np.array([float(rows[end][name]) for end in ends])
    return found

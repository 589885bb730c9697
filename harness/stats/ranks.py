"""Intervals of rank: which places of a leaderboard a method may really hold.

A bare rank hides that neighbours cannot be distinguished. Resampling the items and taking quantiles of
the resampled ranks does not cure it: a method among many near-equals that was lucky once is lucky in
most resamples too. The interval here comes from differences instead: a method's best possible place
is behind the methods that are surely better, its worst before those that are surely worse, where
"surely" holds for all its rivals at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.stats.estimate import Groups
from harness.stats.items import finite_array
from harness.stats.quantiles import FloatArray, check_level
from harness.stats.resample import resampled_means


@dataclass(frozen=True)
class RankInterval:
    """The place of one method, 1 being the best.

    Attributes:
        value: its estimate (mean score, or strength).
        rank: 1 + the number of methods with a larger value; equals share the better place.
        low: best place that the data allow.
        high: worst place that the data allow.
    """

    value: float
    rank: int
    low: int
    high: int


def rank_intervals(
    scores: ArrayLike,
    *,
    groups: Groups | None = None,
    higher_is_better: bool = True,
    level: float = 0.95,
    draws: int = 2_000,
    seed: int = 0,
) -> list[RankInterval]:
    """Rank several methods by their mean over the same items, by a paired bootstrap over items.

    Args:
        scores: item means, shape (methods, items), items in the same order for all.
        groups: the cluster of each item, or None.
        higher_is_better: whether place 1 has the largest mean.
        level: chance that a method's true place lies in its interval, method by method.
        draws: bootstrap samples.
        seed: of the bootstrap.

    Returns:
        One interval a method, in the order given.

    Raises:
        ValueError: for empty or NaN scores, an array that is not 2-D, labels that do not match the
            items, or level outside (0, 1).

    Source: the differences-based intervals of Mogstad, Romano, Shaikh, Wilhelm, Review of Economic
    Studies 91 (2024), here with a studentised bootstrap over items.
    """
    array = finite_array("scores", scores)
    if array.ndim != 2:
        raise ValueError(f"scores must be 2-D (methods, items), got {array.ndim}-D")
    resampled = resampled_means(array.T, groups, draws, np.random.default_rng(seed))
    return ranks_from_draws(array.mean(axis=1), resampled, higher_is_better, level)


def ranks_from_draws(
    values: FloatArray, resampled: FloatArray, higher_is_better: bool, level: float
) -> list[RankInterval]:
    """Rank intervals from estimates (methods,) and their bootstrap replicates (draws, methods).

    Method j is surely worse than k if ``v_k - v_j > q_j·s_jk``, with s_jk the bootstrap deviation of
    the difference and q_j the ``level`` quantile of ``max_k |Δ*_jk - Δ_jk| / s_jk``.

    Raises:
        ValueError: if level is outside (0, 1).
    """
    check_level(level)
    sign = 1.0 if higher_is_better else -1.0
    intervals = []
    for method, value in enumerate(values):
        lead = sign * (value - values)
        drawn = sign * (resampled[:, method, None] - resampled)
        better, worse = _surely_ordered(lead, drawn, level)
        intervals.append(
            RankInterval(
                value=float(value),
                rank=1 + int((lead < -1e-12).sum()),
                low=1 + int(better.sum()),
                high=len(values) - int(worse.sum()),
            )
        )
    return intervals


def _surely_ordered(
    lead: FloatArray, drawn: FloatArray, level: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rivals are surely better, and which surely worse, given the leads over them."""
    spread = drawn.std(axis=0)
    varies = spread > 1e-12
    scale = np.where(varies, spread, 1.0)
    deviations = np.where(varies, np.abs(drawn - lead) / scale, 0.0).max(axis=1)
    bound = np.quantile(deviations, level) * np.where(varies, spread, 0.0)
    # A lead that never varies is a difference that no draw of the items can undo.
    return lead < -bound - 1e-12, lead > bound + 1e-12

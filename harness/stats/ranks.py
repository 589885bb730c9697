"""Simultaneous sets of rank: which places of a leaderboard each method may really hold, all at once.

A bare rank hides that neighbours cannot be told apart, and resampled ranks are wrong with few items (with ten
equal methods and five items, half of the boards name a place that is not true). The sets here come from tests
of every pair, adjusted by Holm: a method's best place is behind those that are surely better, its worst
before those that are surely worse (Mogstad, Romano, Shaikh, Wilhelm, Review of Economic Studies 91, 2024;
Holm in place of their bootstrap, as it is deterministic and exact where units are few).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from harness.stats.crossed import Parts
from harness.stats.crossed_rule import p_value
from harness.stats.paired import few_signs
from harness.stats.quantiles import FloatArray, check_level

#: with fewer units, places are not shown, whatever the number of methods
FEWEST_UNITS = 20


@dataclass(frozen=True)
class RankSet:
    """The places of one method, 1 being the best.

    Attributes:
        low: best place that the data allow.
        high: worst place that the data allow.
    """

    low: int
    high: int


def least_units(methods: int, alpha: float = 0.05) -> int:
    """How many items (or groups) have to differ before any pair of so many methods can be shown.

    The exact test of n signs has p >= 2^(1 - n), which Holm multiplies by the number of pairs at first:
    ``⌈1 + log2(K / α)⌉``; 0 where there is no pair.
    """
    pairs = methods * (methods - 1) // 2
    return math.ceil(1 + math.log2(pairs / alpha)) if pairs else 0


def ranks_shown(methods: int, units: int, alpha: float = 0.05) -> bool:
    """Whether so many items (or groups) are enough for places of so many methods."""
    return units >= max(FEWEST_UNITS, least_units(methods, alpha))


def pair_p_values(parts: Sequence[Parts], units: Sequence[ArrayLike]) -> FloatArray:
    """Two-sided p of each pair of methods being equal, by the rule of :mod:`harness.stats.crossed`.

    Where fewer than six units differ, p is that of the exact sign-flip test (of items that are right or
    wrong: the sign test); where runs vary as well, the larger of the two, as signs of items say nothing of
    runs.

    Args:
        parts: of each pair's difference.
        units: of each pair, the differences of the items' means, or their sums in groups.
    """
    if not parts:
        return np.zeros(0)
    columns = [(abs(p.value), p.items, p.df_items, p.runs, p.df_runs, p.overlap) for p in parts]
    found = p_value(*np.array(columns, dtype=np.float64).T)
    for at, (part, each) in enumerate(zip(parts, units, strict=True)):
        found[at] = _with_signs(float(found[at]), part, np.asarray(each, dtype=np.float64))
    return found


def rank_sets(values: ArrayLike, adjusted: ArrayLike, level: float = 0.95) -> list[RankSet]:
    """The set ``[1 + surely better, M - surely worse]`` of each method.

    Args:
        values: of M methods, of which more is better.
        adjusted: adjusted p of each pair j < k in the order of ``np.triu_indices(M, 1)``, shape
            (M (M - 1) / 2,); 1 for one that can't be tested.
        level: chance that all sets hold together, in (0, 1).

    Raises:
        ValueError: another number of pairs, or level outside (0, 1).
    """
    check_level(level)
    value = np.asarray(values, dtype=np.float64)
    m = len(value)
    p = np.asarray(adjusted, dtype=np.float64)
    first, second = np.triu_indices(m, 1)
    if p.shape != first.shape:
        raise ValueError(f"{m} methods make {len(first)} pairs, got {p.size} p-values")
    apart = p <= 1 - level
    ahead = value[first] > value[second]
    better, worse = np.where(ahead, first, second)[apart], np.where(ahead, second, first)[apart]
    lows = 1 + np.bincount(worse, minlength=m)
    highs = m - np.bincount(better, minlength=m)
    return [RankSet(int(low), int(high)) for low, high in zip(lows, highs, strict=True)]


def _with_signs(p: float, part: Parts, units: FloatArray) -> float:
    signs = few_signs(units)
    if signs is None:
        return p
    exact = min(1.0, 2 * min(signs))
    return max(p, exact) if part.runs > 0 else exact

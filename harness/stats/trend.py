"""Whether a mean rises, falls, peaks, dips or stays flat over the values of a sweep.

In this order, so that the first that is shown is the verdict:

1. ``peaks``, ``dips``: some value surely lies above (below) one before it and one after it; the
   differences of all ``V(V-1)/2`` pairs, Bonferroni.
2. ``rises``, ``falls``: the slope over the ranks of the values.
3. ``flat``: the 90 % interval of every pair's difference lies inside a declared margin
   (intersection-union, so that no correction is needed).
4. ``not shown``.

The run variance is pooled over the values, as single values have too few degrees of freedom: with each
value's own, and Welch's, seven values of three runs find a point a value .87 of the time in place of .95, and
of two runs .44 in place of .78. What that costs: runs are taken to vary alike at every value. Where the SD
between runs falls from 4 points to half a point over the sweep, a flat one is called a rise or a fall in .10
of cases, and in .17 where the two ends alone vary; a peak or dip in at most .06. A contrast that is linear in
the rank is kept: Abelson and Tukey's is better for steps and worse for lines, Jonckheere's the same
(``make simulations``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from harness.stats.contrasts import Contrasts
from harness.stats.paired import FEWEST
from harness.stats.power import Expected
from harness.stats.quantiles import FloatArray, check_level
from harness.stats.sweep_means import SweepMeans

Word = Literal["peaks", "dips", "rises", "falls", "flat", "not shown"]
_POWER = 0.8


@dataclass(frozen=True)
class Trend:
    """How a mean moves over the values of a sweep; all in the unit of the scores.

    Attributes:
        word: the verdict.
        at: which value peaks or dips, with the one before and the one after that show it; None otherwise.
        slope: the least-squares slope of the means, from a value to the next.
        interval: of the slope, two-sided at ``level``.
        p_value: two-sided, of no slope.
        detectable: the slope that this sweep shows with a power of 80 %.
        reach: the least margin at which the sweep would be called flat, unless something else is shown.
        largest: the largest difference between two means.
        margin: the margin that was declared.
        level: of the interval, in (0, 1).
    """

    word: Word
    at: tuple[int, int, int] | None
    slope: float
    interval: tuple[float, float]
    p_value: float
    detectable: float
    reach: float
    largest: float
    margin: float | None
    level: float


def trend(
    sweep: SweepMeans, values: ArrayLike | None = None, *, margin: float | None = None, level: float = 0.95
) -> Trend:
    """The verdict over a sweep.

    Args:
        sweep: the means in rising order of value.
        values: the swept numbers, of which the ranks are taken; 1, 2, ... by default.
        margin: differences up to which a sweep is flat, above 0, in the unit of the scores. Without one it is
            never called flat.
        level: confidence level in (0, 1).

    Raises:
        ValueError: a margin that isn't above 0, or a level outside (0, 1).
    """
    check_level(level)
    if margin is not None and not margin > 0:
        raise ValueError(f"a margin must be above 0, not {margin!r}")
    v = len(sweep.means)
    ranks = stats.rankdata(np.arange(v) if values is None else values)
    centred = ranks - ranks.mean()
    slope = sweep.contrasts(centred[None] / max(float(centred @ centred), 1e-300))
    low, high = (float(ends[0]) for ends in slope.interval(level))
    first, second = np.triu_indices(v, 1)
    weights = np.zeros((len(first), v))
    weights[np.arange(len(first)), first], weights[np.arange(len(first)), second] = -1.0, 1.0
    pairs = sweep.contrasts(weights)
    below, above = pairs.interval(1 - (1 - level) / len(first))
    up, down = np.zeros((v, v), np.bool_), np.zeros((v, v), np.bool_)
    up[first, second], down[first, second] = below > 0, above < 0
    at, word = _turn(sweep.means, ranks, up, down)
    ends = pairs.interval(1 - 2 * (1 - level))
    reach = float(np.maximum(-ends[0], ends[1]).max())
    if word == "not shown" and (low > 0 or high < 0):
        word = "rises" if low > 0 else "falls"
    if word == "not shown" and margin is not None and reach < margin:
        word = "flat"
    value = float(slope.value[0])
    return Trend(
        word=word,
        at=at,
        slope=value,
        interval=(low, high),
        p_value=float(slope.p_value()[0]),
        detectable=float(detectable(slope, 1 - level)[0]),
        reach=reach,
        largest=float(np.abs(pairs.value).max()),
        margin=margin,
        level=level,
    )


def detectable(contrasts: Contrasts, alpha: float) -> FloatArray:
    """The value of each contrast that is shown with a power of 80 %, by the rule that decides; infinite where
    none is. Shape (contrasts,).

    Where so few units differ that they are counted, six at least have to move the same way.

    Args:
        alpha: level of the two-sided test, in (0, 1).
    """
    return np.array([_detectable(contrasts, k, alpha) for k in range(len(contrasts.value))])


def _detectable(contrasts: Contrasts, k: int, alpha: float) -> float:
    if bool(contrasts.counted[k]):
        n = float(contrasts.trials[k, 2])
        least = special.bdtri(FEWEST - 1, n, 1 - _POWER) if n >= FEWEST else math.inf
        return max(float(least * contrasts.most[k]), _by_spread(contrasts, k, alpha))
    return _by_spread(contrasts, k, alpha)


def _by_spread(contrasts: Contrasts, k: int, alpha: float) -> float:
    names = ("items", "df_items", "runs", "df_runs", "overlap")
    items, df_items, runs, df_runs, overlap = (float(getattr(contrasts, name)[k]) for name in names)
    if not df_items > 0:
        return math.inf
    if not 0 < df_runs < math.inf:
        return Expected(items, df_items).detectable(_POWER, alpha)
    return Expected(items, df_items, (runs,), (df_runs,), overlap).detectable(_POWER, alpha)


def _turn(
    means: FloatArray, ranks: FloatArray, up: NDArray[np.bool_], down: NDArray[np.bool_]
) -> tuple[tuple[int, int, int] | None, Word]:
    """The highest value that surely rose before it and falls after it; else the lowest that fell and rises.

    ``up[a, b]``: the mean at b surely lies above that at a; both of shape (V, V), a before b.
    """
    order = np.argsort(-means, kind="stable")
    tests: tuple[tuple[Word, NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64], float], ...] = (
        ("peaks", up, down, order, 1.0),
        ("dips", down, up, order[::-1], -1.0),
    )
    for word, before, after, middles, sign in tests:
        for b in middles:
            earlier = np.flatnonzero(before[:, b] & (ranks < ranks[b]))
            later = np.flatnonzero(after[b] & (ranks > ranks[b]))
            if len(earlier) and len(later):
                # the plainest evidence on each side
                a, c = (side[np.argmin(sign * means[side])] for side in (earlier, later))
                return (int(a), int(b), int(c)), word
    return None, "not shown"

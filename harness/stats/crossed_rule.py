"""The rule for new items and new runs, from variances to half widths and p-values.

::

    a = t(1 - p/2; df_items)²    b = t(1 - p/2; df_runs)²
    half² = max( a (VI - VR) + b VS,  a VI,  b VS )

with VI the variance over items, VS over runs and VR the part counted in both (:mod:`harness.stats.crossed`).
Everything is vectorised over comparisons, so that the pairs of a leaderboard are one call.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from harness.stats.quantiles import FloatArray

#: steps to find p at most, the smallest p that is looked for, and what is near enough
_STEPS, _LEAST_P, _ROUNDING = 60, 1e-150, 1e-11


def half_width(
    p: ArrayLike,
    items: ArrayLike,
    df_items: ArrayLike,
    runs: ArrayLike,
    df_runs: ArrayLike,
    overlap: ArrayLike,
) -> FloatArray:
    """Half of the two-sided interval whose tails hold ``p`` together; all broadcastable. Infinite with one
    group. See the module's docstring for the rule."""
    vi, vs, vr, df = (np.asarray(x, dtype=np.float64) for x in (items, runs, overlap, df_items))
    a, b = t_squared(p, df), t_squared(p, df_runs)
    ai, bs = a * vi, np.where(vs > 0, b * vs, 0.0)
    square = np.maximum(np.maximum(ai - a * vr + bs, ai), bs)
    return np.asarray(np.where(df > 0, np.sqrt(square), np.inf), dtype=np.float64)


def with_runs(
    reach: ArrayLike,
    p: ArrayLike,
    df_items: ArrayLike,
    runs: ArrayLike,
    df_runs: ArrayLike,
    overlap: ArrayLike,
) -> FloatArray:
    """How far an interval reaches, given how far one over the items alone does (>= 0), whose two tails hold
    ``p`` together: the part of the runs added in squares, as in :func:`half_width`; all broadcastable."""
    far, vs, vr = (np.asarray(x, dtype=np.float64) for x in (reach, runs, overlap))
    of_runs = np.where(vs > 0, t_squared(p, df_runs) * vs, 0.0)
    twice = np.where(vr > 0, t_squared(p, df_items) * vr, 0.0)
    square = np.maximum(far**2 + np.maximum(0.0, of_runs - twice), of_runs)
    return np.asarray(np.where(vs > 0, np.sqrt(square), far), dtype=np.float64)


def p_value(
    distance: ArrayLike,
    items: ArrayLike,
    df_items: ArrayLike,
    runs: ArrayLike,
    df_runs: ArrayLike,
    overlap: ArrayLike,
) -> FloatArray:
    """Two-sided p at which :func:`half_width` is ``distance`` (>= 0); all broadcastable. 1 where no variance
    is known or the distance is 0; at least 1e-150."""
    d, vi, dfi, vs, dfs, vr = np.broadcast_arrays(
        *(np.asarray(x, np.float64) for x in (distance, items, df_items, runs, df_runs, overlap))
    )
    nothing = (d == 0) | (dfi <= 0) | ((vi <= 0) & (vs <= 0))
    # p is at least that of either part alone, and the larger of these where it already gives the distance
    floor = np.maximum(np.maximum(_p_alone(d, vi, dfi), _p_alone(d, vs, dfs)), _LEAST_P)
    if not (vs > 0).any():
        return np.asarray(np.where(nothing, 1.0, floor), dtype=np.float64)
    # In log p the square of the half width is nearly a line: false position (Illinois) takes a few steps.
    square, low, high = d**2, np.log(floor), np.zeros(d.shape)
    above, below = half_width(floor, vi, dfi, vs, dfs, vr) ** 2 - square, -square
    middle, side = low, np.zeros(d.shape)
    for _ in range(_STEPS):
        with np.errstate(all="ignore"):
            middle = (low * below - high * above) / (below - above)
        middle = np.where((middle > low) & (middle < high), middle, (low + high) / 2)
        excess = half_width(np.exp(middle), vi, dfi, vs, dfs, vr) ** 2 - square
        wide = excess > 0
        low, high = np.where(wide, middle, low), np.where(wide, high, middle)
        above = np.where(wide, excess, np.where(side < 0, above / 2, above))
        below = np.where(wide, np.where(side > 0, below / 2, below), excess)
        side = np.where(wide, 1.0, -1.0)
        if (nothing | (abs(excess) <= _ROUNDING * square) | (high - low <= _ROUNDING)).all():
            break
    return np.asarray(np.where(nothing, 1.0, np.exp(middle)), dtype=np.float64)


def _p_alone(distance: FloatArray, variance: FloatArray, df: FloatArray) -> FloatArray:
    """Two-sided p of a distance whose variance has one part; 0 where that is 0."""
    some = (variance > 0) & (df > 0)
    square = distance**2 / np.where(some, variance, 1.0)
    freedom = np.where(np.isfinite(df) & (df > 0), df, 1.0)
    t = special.betainc(freedom / 2, 0.5, freedom / (freedom + square))
    normal = 2 * special.ndtr(-np.sqrt(square))
    return np.asarray(np.where(some, np.where(np.isinf(df), normal, t), 0.0), dtype=np.float64)


def t_squared(p: ArrayLike, df: ArrayLike) -> FloatArray:
    """The square of the two-sided Student t quantile, ``t(1 - p/2; df)²``: accurate for any small p. Normal
    with infinite degrees of freedom, 0 with none."""
    tail, freedom = np.broadcast_arrays(np.asarray(p, np.float64), np.asarray(df, np.float64))
    known = np.isfinite(freedom) & (freedom > 0)
    safe = np.where(known, freedom, 1.0)
    # P(|T| > t) = I_x(df/2, 1/2) at x = df / (df + t²); near 1 from the other side
    x = special.betaincinv(safe / 2, 0.5, tail)
    with np.errstate(divide="ignore"):
        square = safe * (1 - x) / x
    if (tail >= 0.5).any():
        rest = special.betaincinv(0.5, safe / 2, 1 - tail)
        square = np.where(tail < 0.5, square, safe * rest / (1 - rest))
    if not known.all():
        normal = special.ndtri(tail / 2) ** 2
        square = np.where(known, square, np.where(freedom > 0, normal, 0.0))
    return np.asarray(square, dtype=np.float64)

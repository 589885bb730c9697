"""Two methods, one yes/no attempt an item: the test of McNemar and the interval of Tango.

Only the discordant items speak: ``losses`` b, right with the reference alone, and ``wins`` c, right
with the candidate alone. Δ = (c - b) / n is candidate minus reference.

All functions broadcast, so that a whole simulation is one call.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from harness.stats.items import finite_array
from harness.stats.quantiles import FloatArray, check_level, normal_quantile

Alternative = Literal["two-sided", "worse", "better"]
"""What the test looks for: the candidate differs, is worse (Δ < 0), or is better (Δ > 0)."""

_BISECTIONS = 45  # halves [-1, 1] down to 1e-13


def check_alternative(alternative: str) -> None:
    """Raises ValueError unless ``alternative`` is one of the three."""
    if alternative not in get_args(Alternative):
        known = ", ".join(get_args(Alternative))
        raise ValueError(f"alternative must be one of {known}, got {alternative!r}")


def mcnemar_test(
    losses: ArrayLike,
    wins: ArrayLike,
    *,
    alternative: Alternative = "two-sided",
    mid_p: bool = True,
) -> FloatArray:
    """p-value of McNemar's test that neither method is better.

    Without a difference, losses among the b + c discordant items are X ~ Binomial(b + c, 1/2). One
    sided for "worse", exact: ``P(X >= b)``; mid-p: ``P(X > b) + P(X = b) / 2``. Two-sided: twice
    the smaller side, at most 1. The exact test never exceeds its level and pays with power; mid-p
    keeps it in the long run over the number of discordant items, and no more than .01 above .05
    where few items can be discordant.

    Args:
        losses: b, whole numbers >= 0.
        wins: c, whole numbers >= 0, broadcastable.
        alternative: what to look for.
        mid_p: mid-p if True, else exact.

    Returns:
        p-values in (0, 1]; 1 (mid-p, one-sided: 1/2) without discordant items.

    Raises:
        ValueError: for empty or NaN input, counts that are not whole or negative, or an unknown
            alternative.

    Source: McNemar, Psychometrika 12 (1947); mid-p: Fagerland, Lydersen, Laake, BMC Medical
    Research Methodology 13:91 (2013).
    """
    check_alternative(alternative)
    b, c = np.broadcast_arrays(_counts("losses", losses), _counts("wins", wins))
    if alternative == "worse":
        return _upper_tail(b, c, mid_p)
    if alternative == "better":
        return _upper_tail(c, b, mid_p)
    smaller = _upper_tail(np.maximum(b, c), np.minimum(b, c), mid_p)
    return np.minimum(1.0, 2 * smaller)


def tango_statistic(losses: ArrayLike, wins: ArrayLike, n_items: ArrayLike, delta: ArrayLike) -> FloatArray:
    """Score statistic of H0: Δ = delta, standard normal under it for large n.

    ``( c - b - n·δ ) / √( n·(2q + δ - δ²) )``, with q the maximum-likelihood rate of losses given
    Δ = δ: the larger root of ``2n·q² - B·q - b·δ·(1 - δ) = 0``, ``B = (b + c)(1 - δ) - 2bδ -
    2(n - b - c)δ``. At δ = 0 it is McNemar's ``(c - b) / √(b + c)``.

    Args:
        losses: b >= 0; fractions are allowed.
        wins: c >= 0, b + c <= n.
        n_items: n >= 1.
        delta: δ in [-1, 1].

    Returns:
        The statistic; infinite where the data are impossible under δ.

    Source: Tango, Statistics in Medicine 17 (1998), with the likelihood solved in δ's own sign.
    """
    b, c, n, d = np.broadcast_arrays(
        *(np.asarray(value, dtype=np.float64) for value in (losses, wins, n_items, delta))
    )
    linear = (b + c) * (1 - d) - 2 * b * d - 2 * (n - b - c) * d
    root = np.sqrt(np.maximum(linear**2 + 8 * n * b * d * (1 - d), 0.0))
    rate = np.clip((linear + root) / (4 * n), np.maximum(0.0, -d), (1 - d) / 2)
    variance = n * (2 * rate + d - d**2)
    distance = c - b - n * d
    possible = variance > 1e-12
    sure = np.where(np.abs(distance) < 1e-9 * n, 0.0, np.copysign(np.inf, distance))
    return np.where(possible, distance / np.sqrt(np.where(possible, variance, 1.0)), sure)


def tango_interval(
    losses: ArrayLike, wins: ArrayLike, n_items: ArrayLike, level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Score interval of Δ: all δ that :func:`tango_statistic` does not reject at either end.

    Like Wilson's for one proportion it never collapses: without discordant items it is
    ``±z² / (n + z²)``. The bounds of a two-sided interval at level 1 - 2α are one-sided bounds at
    level 1 - α.

    Args:
        losses: b >= 0; fractions are allowed.
        wins: c >= 0, b + c <= n.
        n_items: n >= 1.
        level: confidence level in (0, 1).

    Returns:
        Bounds in [-1, 1] that enclose (c - b) / n.

    Raises:
        ValueError: for empty or NaN input, negative counts, b + c > n, n < 1, or level outside
            (0, 1).
    """
    z = float(normal_quantile((1 + check_level(level)) / 2))
    b, c, n = np.broadcast_arrays(
        finite_array("losses", losses), finite_array("wins", wins), finite_array("items", n_items)
    )
    if (n < 1).any():
        raise ValueError("items must be at least 1")
    if (b < 0).any() or (c < 0).any() or (b + c > n * (1 + 1e-12)).any():
        raise ValueError("losses and wins must not be negative, nor more than the items")
    # The lower bound is the upper one with the arms exchanged.
    upper = _upper_bound(np.stack((b, c)), np.stack((c, b)), np.stack((n, n)), z)
    return -upper[1], upper[0]


def _upper_bound(b: FloatArray, c: FloatArray, n: FloatArray, z: float) -> FloatArray:
    """The δ at which the statistic, which falls with δ, passes -z."""
    estimate = np.clip((c - b) / n, -1.0, 1.0)
    inside, outside = estimate, np.ones_like(estimate)
    for _ in range(_BISECTIONS):
        middle = (inside + outside) / 2
        accepted = tango_statistic(b, c, n, middle) >= -z
        inside = np.where(accepted, middle, inside)
        outside = np.where(accepted, outside, middle)
    return inside


def _upper_tail(x: FloatArray, others: FloatArray, mid_p: bool) -> FloatArray:
    """P(X >= x), or with half of P(X = x), for X ~ Binomial(x + others, 1/2)."""
    at_least = np.where(x == 0, 1.0, special.betainc(np.maximum(x, 1.0), others + 1, 0.5))
    if not mid_p:
        return at_least
    more = special.betainc(x + 1, np.maximum(others, 1.0), 0.5)
    more = np.where(others == 0, 0.0, more)
    return np.asarray((at_least + more) / 2, dtype=np.float64)


def _counts(name: str, values: ArrayLike) -> FloatArray:
    counts = finite_array(name, values)
    if (counts < 0).any() or (counts != np.floor(counts)).any():
        raise ValueError(f"{name} must be whole numbers of at least 0")
    return counts

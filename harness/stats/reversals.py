"""Rank reversals: whether two methods change places from one model to another, seen and shown."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from harness.stats.grid_noise import Noise
from harness.stats.multiplicity import holm
from harness.stats.quantiles import FloatArray

#: leads below this are ties
_TIE = 1e-12


@dataclass(frozen=True)
class Reversal:
    """Two rows of a grid.

    Attributes:
        first: index of a row.
        second: index of the other.
        seen: whether each is ahead in some column.
        p_value: of one of the two being nowhere better; small only where both leads are shown.
        adjusted_p: the same by Holm over all pairs of rows.
    """

    first: int
    second: int
    seen: bool
    p_value: float
    adjusted_p: float


def reversals(means: ArrayLike, noise: Noise) -> list[Reversal]:
    """Every pair of rows, with the test of whether they change places over the columns.

    The null is that one of the two is nowhere better, over M columns with one-sided t tests of ``D_m``:
    ``p = min(1, M max(min_m p(D_m > 0), min_m p(D_m < 0)))``. Seen reversals are mostly noise (4 of the 6
    pairs of a 4 x 3 grid in which nothing differs), so they mean nothing without the test.

    Args:
        means: shape (rows, columns).
        noise: of these means, in row-major order.

    Source: the intersection-union form of Gail, Simon, Biometrics 41 (1985).
    """
    mu = np.asarray(means, dtype=np.float64)
    pairs = list(itertools.combinations(range(len(mu)), 2))
    p_values = [_p_value(mu, noise, *pair) for pair in pairs]
    adjusted = holm(p_values) if pairs else np.zeros(0)
    found = []
    for (a, b), p, q in zip(pairs, p_values, adjusted, strict=True):
        leads = mu[a] - mu[b]
        seen = bool((leads > _TIE).any() and (leads < -_TIE).any())
        found.append(Reversal(a, b, seen, p, float(q)))
    return found


def _p_value(mu: FloatArray, noise: Noise, first: int, second: int) -> float:
    columns = mu.shape[1]
    ahead, behind = [], []
    for m in range(columns):
        contrast = np.zeros(mu.size)
        contrast[first * columns + m], contrast[second * columns + m] = 1, -1
        difference = float(contrast @ mu.reshape(-1))
        variance = float(contrast @ noise.covariance @ contrast)
        if variance > 0:
            t, df = difference / math.sqrt(variance), noise.df(np.outer(contrast, contrast))
        else:  # a difference without noise is what it is
            t, df = math.copysign(math.inf, difference) if abs(difference) > _TIE else 0.0, 1.0
        ahead.append(float(special.stdtr(df, -t)))
        behind.append(float(special.stdtr(df, t)))
    return float(min(1.0, columns * max(min(ahead), min(behind))))

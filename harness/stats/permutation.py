"""The sign-flip test: without a difference, every item's difference could as well have the other sign.

It asks nothing of the distribution of the differences but symmetry, which holds when the two arms
are exchangeable, so it is the check on the t test where items are few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.stats.estimate import Groups
from harness.stats.intervals import cluster_codes
from harness.stats.items import finite_array
from harness.stats.mcnemar import Alternative, check_alternative
from harness.stats.quantiles import FloatArray

_MOST_SIGNS_ENUMERATED = 16  # 2^16 sums; beyond, signs are drawn
_CHUNK = 2**22  # signs drawn at a time, to bound memory
_ROUNDING = 1e-10


@dataclass(frozen=True)
class SignFlip:
    """A sign-flip test.

    Attributes:
        p_value: in (0, 1].
        exact: whether every assignment of signs was enumerated.
        draws: assignments looked at.
    """

    p_value: float
    exact: bool
    draws: int


def sign_flip(
    differences: ArrayLike,
    *,
    groups: Groups | None = None,
    alternative: Alternative = "two-sided",
    draws: int = 10_000,
    seed: int = 0,
) -> SignFlip:
    """Test that paired differences are symmetric around 0, by the sum of the differences.

    p is the share of sign assignments whose sum is at least as extreme. Items of a cluster flip
    together. Up to 16 units with a difference are enumerated (2^16 assignments), which is exact;
    beyond, ``(1 + b) / (1 + B)`` with b of B random assignments as extreme, which never exceeds its
    level either. Equal sizes are drawn together, as one binomial count of their signs.

    Args:
        differences: d_i, shape (items,).
        groups: the cluster of each item, or None.
        alternative: "worse" looks for a mean below 0, "better" above.
        draws: B >= 1, used where enumeration is too long.
        seed: of the draws.

    Raises:
        ValueError: for empty or NaN differences, labels that do not match, draws < 1, or an unknown
            alternative.

    Source: Fisher (1935); (1 + b) / (1 + B): Phipson, Smyth, arXiv 1603.05766.
    """
    check_alternative(alternative)
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws!r}")
    sums = finite_array("differences", differences).reshape(-1)
    if groups is not None:
        codes, n_clusters = cluster_codes(groups, sums.size)
        sums = np.bincount(codes, weights=sums, minlength=n_clusters).astype(np.float64)
    scale = float(np.abs(sums).max())
    if scale == 0:
        return SignFlip(p_value=1.0, exact=True, draws=1)
    sums = sums[np.abs(sums) > _ROUNDING * scale] / scale
    observed = float(sums.sum())
    exact = sums.size <= _MOST_SIGNS_ENUMERATED
    if exact:
        flipped = _all_sums(np.abs(sums))
    else:
        flipped = _drawn_sums(np.abs(sums), draws, np.random.default_rng(seed))
    extreme = int(_as_extreme(flipped, observed, alternative, 1e-9 * sums.size).sum())
    p_value = extreme / flipped.size if exact else (1 + extreme) / (1 + flipped.size)
    return SignFlip(p_value=p_value, exact=exact, draws=int(flipped.size))


def _all_sums(sizes: FloatArray) -> FloatArray:
    sums = np.zeros(1)
    for size in sizes:
        sums = np.concatenate((sums + size, sums - size))
    return sums


def _drawn_sums(sizes: FloatArray, draws: int, rng: np.random.Generator) -> FloatArray:
    distinct, counts = np.unique(np.round(sizes, 10), return_counts=True)
    sums = np.zeros(draws)
    for size, count in zip(distinct[counts > 1], counts[counts > 1], strict=True):
        sums += size * (2 * rng.binomial(count, 0.5, draws) - count)
    singles = distinct[counts == 1]
    step = max(1, _CHUNK // max(1, singles.size))
    for start in range(0, draws if singles.size else 0, step):
        stop = min(draws, start + step)
        positive = rng.integers(2, size=(stop - start, singles.size), dtype=np.int8)
        sums[start:stop] += 2 * (positive @ singles) - singles.sum()
    return sums


def _as_extreme(
    sums: FloatArray, observed: float, alternative: Alternative, slack: float
) -> NDArray[np.bool_]:
    if alternative == "worse":
        return sums <= observed + slack
    if alternative == "better":
        return sums >= observed - slack
    return np.abs(sums) >= abs(observed) - slack

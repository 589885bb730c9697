"""Intervals of a statistic that no item has of its own, by drawing the items again.

The statistic is a function of sums over items: every item brings a row of numbers, and what is measured
depends on the sum of the rows alone and not on their scale, as F1 depends on counts. Items with the same row
are drawn together, as the number of times that the row comes up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import ndtr, ndtri

from harness.stats.estimate import Estimate, Groups
from harness.stats.intervals import beta11, cluster_codes
from harness.stats.quantiles import FloatArray, check_level

DRAWS = 2_000
_CHUNK = 2**22  # numbers held at a time, to bound memory
_STEP = 1e-5  # the weight by which an item is moved to see what it does
_ROUNDING = 1e-12

#: sums over items, shape (draws, columns) -> values, shape (draws,)
Statistic = Callable[[FloatArray], FloatArray]


def bootstrap_estimate(
    rows: Any, statistic: Statistic, *, groups: Groups | None = None, level: float = 0.95, draws: int = DRAWS
) -> Estimate:
    """The statistic over all items with its bias-corrected and accelerated interval (BCa; Efron 1987, Better
    Bootstrap Confidence Intervals, JASA 82). The draws are the same whenever the rows are.

    Args:
        rows: what each item brings, a matrix (items, columns), sparse or not; the mean of its attempts.
        statistic: a function of sums of rows, with values in [0, 1], that doesn't depend on their scale.
        groups: the cluster of each item, which is drawn whole, or None.
        level: confidence level in (0, 1).
        draws: number of resampled sets.

    Returns:
        ``ci_method`` is ``bca``. Where every draw gives the same value it is ``beta11``: the interval of as
        many yes/no trials as there are units, as for means without a spread.

    Raises:
        ValueError: if there are no items, the labels do not match them, or level is outside (0, 1).
    """
    check_level(level)
    items = sparse.csr_matrix(rows, dtype=np.float64)
    n_items = int(items.shape[0])
    if not n_items:
        raise ValueError("rows is empty")
    units, n_clusters = items, None
    if groups is not None:
        codes, n_clusters = cluster_codes(groups, n_items)
        units = sparse.csr_matrix((np.ones(n_items), (codes, np.arange(n_items)))) @ items
    n_units = int(units.shape[0])
    value = float(statistic(_sums(units))[0])
    distinct, counts = _distinct(units)
    drawn = _drawn(distinct, counts, statistic, draws)
    stderr = float(drawn.std(ddof=1)) if n_units > 1 else None
    if stderr is not None and stderr > _ROUNDING:
        method, (low, high) = "bca", _bca(value, drawn, _left_out(distinct, counts, statistic), counts, level)
    else:
        found = beta11(value * n_units, n_units, level)
        method, low, high = "beta11", float(found[0]), float(found[1])
    return Estimate(
        value=value,
        stderr=stderr,
        ci=(min(low, value), max(high, value)),
        ci_method=method,
        df=None,
        rerun_stderr=None,
        n_items=n_items,
        n_clusters=n_clusters,
    )


def resampled(rows: Any, statistic: Statistic, draws: int = DRAWS) -> FloatArray:
    """The statistic of resampled sets of the rows, shape (draws,), the same whenever the rows are."""
    return _drawn(*_distinct(sparse.csr_matrix(rows, dtype=np.float64)), statistic, draws)


def influence(rows: Any, weights: FloatArray, statistic: Statistic) -> FloatArray:
    """What each row adds to the statistic: numbers, shape (rows,), whose weighted mean is the statistic
    itself and whose spread is that of its sampling distribution (the infinitesimal jackknife; Efron 1982,
    The Jackknife, the Bootstrap and Other Resampling Plans, chapter 6).

    Args:
        rows: a matrix (rows, columns).
        weights: how much of an item each row is, shape (rows,): 1 / k for one of k attempts at an item.
        statistic: as for :func:`bootstrap_estimate`.
    """
    found = sparse.csr_matrix(rows, dtype=np.float64)
    share = np.asarray(weights, dtype=np.float64)
    total = np.asarray(share @ found).reshape(1, -1)
    value = float(statistic(total)[0])
    distinct, _, places = _distinct_places(found)
    moved = np.concatenate(
        [statistic(total + _STEP * part) for part in _parts(distinct)] or [np.empty(0, dtype=np.float64)]
    )
    slope: FloatArray = (share.sum() * (moved - value) / _STEP)[places]
    return slope + (value - float(np.average(slope, weights=share)))


def _sums(rows: Any) -> FloatArray:
    return np.asarray(rows.sum(axis=0), dtype=np.float64).reshape(1, -1)


def _distinct_places(rows: Any) -> tuple[Any, Any, Any]:
    """The different rows, how often each comes, and which of them each row is. Rows that are alike have the
    same product with a vector of random numbers."""
    mark = np.round(rows @ np.random.default_rng(0).random(rows.shape[1]), 10)
    _, first, places, counts = np.unique(mark, return_index=True, return_inverse=True, return_counts=True)
    return rows[first], counts, places.reshape(-1)


def _distinct(rows: Any) -> tuple[Any, Any]:
    found, counts, _ = _distinct_places(rows)
    return found, counts


def _parts(rows: Any) -> list[FloatArray]:
    """The rows as dense matrices of bounded size."""
    step = max(1, _CHUNK // max(rows.shape[1], 1))
    return [rows[start : start + step].toarray() for start in range(0, rows.shape[0], step)]


def _drawn(distinct: Any, counts: Any, statistic: Statistic, draws: int) -> FloatArray:
    rng, n = np.random.default_rng(0), int(counts.sum())
    step = max(1, _CHUNK // max(*distinct.shape, 1))
    made = []
    for start in range(0, draws, step):
        times = rng.multinomial(n, counts / n, size=min(step, draws - start)).astype(np.float64)
        made.append(statistic(np.asarray((distinct.T @ times.T).T)))
    return np.concatenate(made)


def _left_out(distinct: Any, counts: Any, statistic: Statistic) -> FloatArray:
    """The statistic without one unit, for each of the different rows."""
    total = counts.astype(np.float64) @ distinct
    return np.concatenate([statistic(np.asarray(total).reshape(1, -1) - part) for part in _parts(distinct)])


def _bca(
    value: float, drawn: FloatArray, left_out: FloatArray, counts: Any, level: float
) -> tuple[float, float]:
    below = (np.sum(drawn < value) + np.sum(drawn == value) / 2) / drawn.size
    bias = ndtri(min(max(below, 0.5 / drawn.size), 1 - 0.5 / drawn.size))
    lean = np.average(left_out, weights=counts) - left_out
    square = float(counts @ lean**2)
    acceleration = float(counts @ lean**3) / (6 * square**1.5) if square > 0 else 0.0
    tails = ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
    at = ndtr(bias + (bias + tails) / (1 - acceleration * (bias + tails)))
    low, high = np.quantile(drawn, at)
    return float(low), float(high)

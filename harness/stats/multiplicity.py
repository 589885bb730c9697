"""Many tests at once: adjusted p-values.

An adjusted p-value is compared with the level as it stands. Holm controls the chance of a single
false alarm among all tests (the gate); Benjamini-Hochberg the share of false ones among the alarms
(reports). What can't be tested has NaN for a p-value: it is no test, so the others don't pay for it, and it
stays NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.stats.quantiles import FloatArray


def holm(p_values: ArrayLike) -> FloatArray:
    """Holm's step-down adjustment, whatever the dependence between the tests.

    In order of size, ``p̃_(j) = max_{i <= j} min(1, (m - i + 1)·p_(i))``.

    Args:
        p_values: p-values in [0, 1], shape (..., n); each leading index is a family of its own, of the m that
            are not NaN.

    Returns:
        Adjusted p-values in the order given, NaN where they are.

    Raises:
        ValueError: for empty input, or a value outside [0, 1].

    Source: Holm, Scandinavian Journal of Statistics 6 (1979).
    """
    p, order, m = _ascending(p_values)
    stepped = np.maximum.accumulate(p * np.maximum(m - np.arange(p.shape[-1]), 1), axis=-1)
    return _in_given_order(stepped, order, m)


def benjamini_hochberg(p_values: ArrayLike) -> FloatArray:
    """Benjamini and Hochberg's step-up adjustment, for independent or positively dependent tests.

    In order of size, ``p̃_(j) = min_{i >= j} min(1, m·p_(i) / i)``.

    Args, returns and errors as in :func:`holm`.

    Source: Benjamini, Hochberg, Journal of the Royal Statistical Society B 57 (1995).
    """
    p, order, m = _ascending(p_values)
    scaled = p * m / np.arange(1, p.shape[-1] + 1)
    stepped = np.fmin.accumulate(scaled[..., ::-1], axis=-1)[..., ::-1]
    return _in_given_order(stepped, order, m)


def _ascending(p_values: ArrayLike) -> tuple[FloatArray, NDArray[np.int64], NDArray[np.int64]]:
    """The values in rising order with NaN behind, their order, and how many are tests, shape (..., 1)."""
    p = np.atleast_1d(np.asarray(p_values, dtype=np.float64))
    if p.size == 0:
        raise ValueError("p-values are empty")
    if ((p < 0) | (p > 1)).any():
        raise ValueError("p-values must lie in [0, 1]")
    order = np.argsort(p, axis=-1, kind="stable")
    m = (~np.isnan(p)).sum(axis=-1, keepdims=True)
    return np.take_along_axis(p, order, axis=-1), order, m


def _in_given_order(adjusted: FloatArray, order: NDArray[np.int64], m: NDArray[np.int64]) -> FloatArray:
    tested = np.arange(adjusted.shape[-1]) < m
    result = np.empty_like(adjusted)
    np.put_along_axis(result, order, np.where(tested, np.minimum(adjusted, 1.0), np.nan), axis=-1)
    return result

"""Many tests at once: adjusted p-values.

An adjusted p-value is compared with the level as it stands. Holm controls the chance of a single
false alarm among all tests (the gate); Benjamini-Hochberg the share of false ones among the alarms
(reports).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.stats.items import finite_array
from harness.stats.quantiles import FloatArray


def holm(p_values: ArrayLike) -> FloatArray:
    """Holm's step-down adjustment, whatever the dependence between the tests.

    In order of size, ``p̃_(j) = max_{i <= j} min(1, (m - i + 1)·p_(i))``.

    Args:
        p_values: m p-values in [0, 1], shape (..., m); each leading index is a family of its own.

    Returns:
        Adjusted p-values in the order given.

    Raises:
        ValueError: for empty or NaN input, or a value outside [0, 1].

    Source: Holm, Scandinavian Journal of Statistics 6 (1979).
    """
    p, order = _ascending(p_values)
    m = p.shape[-1]
    stepped = np.maximum.accumulate(p * np.arange(m, 0, -1), axis=-1)
    return _in_given_order(stepped, order)


def benjamini_hochberg(p_values: ArrayLike) -> FloatArray:
    """Benjamini and Hochberg's step-up adjustment, for independent or positively dependent tests.

    In order of size, ``p̃_(j) = min_{i >= j} min(1, m·p_(i) / i)``.

    Args, returns and errors as in :func:`holm`.

    Source: Benjamini, Hochberg, Journal of the Royal Statistical Society B 57 (1995).
    """
    p, order = _ascending(p_values)
    m = p.shape[-1]
    scaled = p * m / np.arange(1, m + 1)
    stepped = np.minimum.accumulate(scaled[..., ::-1], axis=-1)[..., ::-1]
    return _in_given_order(stepped, order)


def _ascending(p_values: ArrayLike) -> tuple[FloatArray, NDArray[np.int64]]:
    p = np.atleast_1d(finite_array("p-values", p_values))
    if (p < 0).any() or (p > 1).any():
        raise ValueError("p-values must lie in [0, 1]")
    order = np.argsort(p, axis=-1, kind="stable")
    return np.take_along_axis(p, order, axis=-1), order


def _in_given_order(adjusted: FloatArray, order: NDArray[np.int64]) -> FloatArray:
    result = np.empty_like(adjusted)
    np.put_along_axis(result, order, np.minimum(adjusted, 1.0), axis=-1)
    return result

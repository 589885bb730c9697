"""Standard errors and confidence intervals, as pure functions of numpy arrays.

Every function broadcasts, so that a whole simulation of coverage is one call. Which interval suits
which data is decided in ``estimate.py``, not here.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.stats.items import finite_array
from harness.stats.quantiles import (
    FloatArray,
    beta_quantile,
    check_level,
    normal_quantile,
    t_quantile,
)

Interval = tuple[FloatArray, FloatArray]
"""Lower and upper bounds, each of the broadcast shape of the inputs."""


def wilson(successes: ArrayLike, trials: ArrayLike, level: float = 0.95) -> Interval:
    """Wilson score interval of a binomial proportion.

    ``( p + z²/2n ± z·√( p(1-p)/n + z²/4n² ) ) / ( 1 + z²/n )`` with p = x/n and z the normal
    quantile of 1 - α/2. It inverts the score test, which is why it stays honest near 0 and 1 where
    p ± z·SE does not.

    Args:
        successes: x, 0 <= x <= n; fractions are allowed.
        trials: n >= 1.
        level: confidence level in (0, 1).

    Returns:
        Bounds in [0, 1]; they always enclose x/n.

    Raises:
        ValueError: for empty or NaN input, x outside [0, n], n < 1, or level outside (0, 1).

    Source: Wilson, JASA 22 (1927); recommended for evaluations by Bowyer et al., arXiv 2503.01747.
    """
    x, n = _successes_and_trials(successes, trials)
    z = normal_quantile(1 - _alpha(level) / 2)
    p = x / n
    centre = p + z**2 / (2 * n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    # At the ends the bound is 0 or 1 exactly; rounding would leave it 1e-18 on the wrong side.
    lower = np.where(x == 0, 0.0, (centre - half) / scale)
    upper = np.where(x == n, 1.0, (centre + half) / scale)
    return lower, upper


def beta11(successes: ArrayLike, trials: ArrayLike, level: float = 0.95) -> Interval:
    """Equal-tailed posterior interval of a proportion under the uniform prior, Beta(1, 1).

    Quantiles α/2 and 1 - α/2 of Beta(x + 1, n - x + 1). At x = 0 the lower bound lies above 0 (and
    at x = n the upper bound below 1): the equal-tailed interval need not hold the
    maximum-likelihood value.

    Args:
        successes: x, 0 <= x <= n; fractions are allowed.
        trials: n >= 1.
        level: confidence level in (0, 1).

    Raises:
        ValueError: for empty or NaN input, x outside [0, n], n < 1, or level outside (0, 1).

    Source: Bowyer, Aitchison, Ivanova, arXiv 2503.01747.
    """
    return _beta_posterior(successes, trials, level, prior=1.0)


def jeffreys(successes: ArrayLike, trials: ArrayLike, level: float = 0.95) -> Interval:
    """Equal-tailed posterior interval of a proportion under Jeffreys' prior, Beta(1/2, 1/2).

    Quantiles α/2 and 1 - α/2 of Beta(x + 1/2, n - x + 1/2), not modified at x = 0 and x = n.

    Args:
        successes: x, 0 <= x <= n; fractions are allowed.
        trials: n >= 1.
        level: confidence level in (0, 1).

    Raises:
        ValueError: for empty or NaN input, x outside [0, n], n < 1, or level outside (0, 1).

    Source: Brown, Cai, DasGupta, Statistical Science 16 (2001).
    """
    return _beta_posterior(successes, trials, level, prior=0.5)


def t_interval(mean: ArrayLike, stderr: ArrayLike, df: ArrayLike, level: float = 0.95) -> Interval:
    """Interval of a mean whose standard error was estimated: ``mean ± t(1 - α/2; df)·stderr``.

    Args:
        mean: the estimate, any finite value.
        stderr: its standard error, >= 0.
        df: degrees of freedom > 0: items - 1, or clusters - 1 for a clustered error.
        level: confidence level in (0, 1).

    Returns:
        Bounds, not cut off at the range of the scores.

    Raises:
        ValueError: for empty or NaN input, stderr < 0, df <= 0, or level outside (0, 1).

    Source: Student (1908); over item means, Miller, arXiv 2411.00640.
    """
    centre, error = finite_array("mean", mean), finite_array("stderr", stderr)
    freedom = finite_array("df", df)
    if (error < 0).any():
        raise ValueError("stderr must not be negative")
    if (freedom <= 0).any():
        raise ValueError("df must be positive: a t interval needs at least two items or clusters")
    half = t_quantile(1 - _alpha(level) / 2, freedom) * error
    return centre - half, centre + half


def mean_stderr(values: ArrayLike) -> FloatArray:
    """Standard error of a mean of independent items: ``sd(values) / √n``, sd with n - 1.

    Args:
        values: item means, shape (..., n) with n >= 2.

    Returns:
        Shape (...), in the unit of the values.

    Raises:
        ValueError: for empty or NaN input, or fewer than two items.

    Source: Miller, arXiv 2411.00640. Item means already carry the noise of their attempts.
    """
    array = finite_array("values", values)
    n = array.shape[-1] if array.ndim else 1
    if n < 2:
        raise ValueError("a standard error needs at least two items")
    return np.asarray(array.std(axis=-1, ddof=1) / np.sqrt(n), dtype=np.float64)


def clustered_stderr(values: ArrayLike, groups: Sequence[Hashable] | NDArray[Any]) -> tuple[FloatArray, int]:
    """Standard error of a mean whose items come in clusters, and the number of clusters C.

    ``SE² = C/(C-1) · Σ_c ( Σ_{i in c} (s_i - mean) )² / n²``; use t with C - 1 degrees of freedom.
    With every item its own cluster this is :func:`mean_stderr`.

    Args:
        values: item means (or paired differences), shape (..., n).
        groups: the cluster of each item, n labels; the same for all leading dimensions.

    Returns:
        Standard errors of shape (...), and C.

    Raises:
        ValueError: for empty or NaN input, n labels not matching, a missing label, or fewer than
            two clusters.

    Source: Miller, arXiv 2411.00640, as in inspect_ai's ``stderr(cluster=...)``.
    """
    array = np.atleast_1d(finite_array("values", values))
    n = array.shape[-1]
    codes, n_clusters = cluster_codes(groups, n)
    if n_clusters < 2:
        raise ValueError("a clustered standard error needs at least two clusters")
    residuals = array - array.mean(axis=-1, keepdims=True)
    if array.ndim == 1:
        sums = np.bincount(codes, weights=residuals, minlength=n_clusters)
    else:
        order = np.argsort(codes, kind="stable")
        starts = np.concatenate(([0], np.cumsum(np.bincount(codes))[:-1]))
        sums = np.add.reduceat(residuals[..., order], starts, axis=-1)
    variance = n_clusters / (n_clusters - 1) * np.sum(sums**2, axis=-1) / n**2
    return np.asarray(np.sqrt(variance), dtype=np.float64), n_clusters


def cluster_codes(groups: Sequence[Hashable] | NDArray[Any], n_items: int) -> tuple[NDArray[np.int64], int]:
    """Number the clusters 0 ... C - 1: the code of each item, shape (n_items,), and C.

    Raises:
        ValueError: if the number of labels is not ``n_items`` or a label is None.
    """
    if len(groups) != n_items:
        raise ValueError(f"groups has {len(groups)} labels for {n_items} items")
    if isinstance(groups, np.ndarray) and np.issubdtype(groups.dtype, np.integer):
        labels, inverse = np.unique(groups, return_inverse=True)
        return inverse.astype(np.int64, copy=False), int(labels.size)
    codes: dict[Hashable, int] = {}
    numbered = (codes.setdefault(group, len(codes)) for group in cast(Sequence[Hashable], groups))
    array = np.fromiter(numbered, dtype=np.int64, count=n_items)
    if None in codes:
        # Items without a label would otherwise pass for one big cluster.
        raise ValueError("groups holds None: every item needs a cluster of its own or shared")
    return array, len(codes)


def rerun_stderr(attempt_variances: ArrayLike, attempts: ArrayLike) -> FloatArray:
    """Standard error of the mean if the *same* items were attempted again.

    ``√( Σ_i σ_i² / k_i ) / n``, with σ_i² the unbiased variance of the k_i attempts on item i. It
    does not hold the noise of having drawn these items and not others; :func:`mean_stderr` does.

    Args:
        attempt_variances: σ_i² >= 0, shape (..., n).
        attempts: k_i >= 2, broadcastable to the same shape.

    Returns:
        Shape (...).

    Raises:
        ValueError: for empty or NaN input, a negative variance, or an item with fewer than two
            attempts (one attempt says nothing about its own noise).

    Source: the within-item term of Miller's decomposition, arXiv 2411.00640.
    """
    k = finite_array("attempts", attempts)
    if (k < 2).any():
        raise ValueError("a re-run standard error needs at least two attempts on every item")
    variances = np.atleast_1d(finite_array("attempt variances", attempt_variances))
    if (variances < 0).any():
        raise ValueError("attempt variances must not be negative")
    n = variances.shape[-1]
    return np.asarray(np.sqrt(np.sum(variances / k, axis=-1)) / n, dtype=np.float64)


def _beta_posterior(successes: ArrayLike, trials: ArrayLike, level: float, prior: float) -> Interval:
    x, n = _successes_and_trials(successes, trials)
    tail = _alpha(level) / 2
    a, b = x + prior, n - x + prior
    return beta_quantile(tail, a, b), beta_quantile(1 - tail, a, b)


def _successes_and_trials(successes: ArrayLike, trials: ArrayLike) -> tuple[FloatArray, FloatArray]:
    x, n = finite_array("successes", successes), finite_array("trials", trials)
    if (n < 1).any():
        raise ValueError("trials must be at least 1")
    if (x < 0).any() or (x > n).any():
        raise ValueError("successes must lie between 0 and the number of trials")
    return x, n


def _alpha(level: float) -> float:
    return 1 - check_level(level)

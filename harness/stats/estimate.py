"""From the attempts of every item to the one row a table shows: value, error, interval.

The choice of interval is made here, once, so that every table of the project makes the same one:

==================================================  ===============  ============
data                                                ``ci_method``    ``df``
==================================================  ===============  ============
binary, one attempt on every item, no clusters      ``wilson``       none
anything else with a spread                         ``t``            items - 1
the same, in clusters of more than one item         ``clustered_t``  clusters - 1
no spread, scores known to lie in [0, 1]            ``beta11``       none
no spread, and no known range                       ``none``         none
==================================================  ===============  ============

"No spread" means that the standard error is 0 or cannot be computed (all item means alike, a single
item, a single cluster, clusters that balance out): p ± t·0 would claim certainty. If the scores lie
in [0, 1] the mean of n independent units is then bounded by treating every unit (item, or cluster)
as one yes/no trial, the noisiest a score in [0, 1] can be, and taking the Beta(1, 1) interval;
several attempts on an item count as one trial, because they may agree for the item's own sake. The
interval is stretched to hold the estimate itself, which an equal-tailed posterior interval at 0 or
1 does not.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.stats.intervals import (
    beta11,
    cluster_codes,
    clustered_stderr,
    mean_stderr,
    rerun_stderr,
    t_interval,
    wilson,
)
from harness.stats.items import ItemAttempts, ItemScores, finite_array, gather_attempts
from harness.stats.quantiles import FloatArray, check_level

# A standard error below this is rounding of equal numbers, relative to the size of the mean.
_ROUNDING = 1e-12

Groups = Sequence[Hashable] | NDArray[Any]


@dataclass(frozen=True)
class Estimate:
    """A mean over items with its uncertainty, in the unit of the scores.

    Attributes:
        value: mean over items of the item means.
        stderr: population standard error (for new items of the same kind), or None where one item
            or one cluster leaves it unknown.
        ci: confidence interval of ``value``, or None where the data cannot give one.
        ci_method: ``wilson``, ``t``, ``clustered_t``, ``beta11`` or ``none``; for averages over
            tasks, ``macro_t`` or ``micro_t``.
        df: degrees of freedom of a t interval, else None.
        rerun_stderr: standard error for the same items run again, or None unless every item has at
            least two attempts.
        n_items: items averaged over.
        n_clusters: clusters they fall into, or None where no clusters were named.
    """

    value: float
    stderr: float | None
    ci: tuple[float, float] | None
    ci_method: str
    df: float | None
    rerun_stderr: float | None
    n_items: int
    n_clusters: int | None


def estimate_mean(
    item_scores: ItemScores,
    *,
    groups: Groups | None = None,
    binary: bool,
    level: float = 0.95,
) -> Estimate:
    """Estimate the mean score of a task from the attempts on each of its items.

    Attempts are reduced to item means first; treating them as independent would make the error of
    repeated attempts several times too small. The module docstring says which interval is chosen
    when.

    Args:
        item_scores: the attempts of every item (their number may differ), a 2-D array (items,
            attempts), or one score an item. Unscored and failed attempts are the caller's to count
            as 0 or leave out.
        groups: the cluster of each item (passage, user, ...). Labels that are all different say
            nothing and change only ``n_clusters``.
        binary: whether a score is 0 or 1 by definition. Intervals of binary scores stay within [0,
            1]. Other scores are not assumed to have a range, except that a set of nothing but 0s or
            nothing but 1s is taken to be on the scale [0, 1].
        level: confidence level in (0, 1).

    Raises:
        ValueError: if there are no items, an item has no attempts, a score is NaN or infinite (or
            not 0 or 1 although ``binary``), the labels do not match the items, or level is outside
            (0, 1).
    """
    check_level(level)
    items = gather_attempts(item_scores)
    if binary and not items.is_binary():
        raise ValueError("binary scores must all be 0 or 1")
    means = items.means()
    all_zero_or_one = bool((means == 0).all() or (means == 1).all())
    return _estimate(
        means,
        groups=groups,
        bernoulli=binary and items.common_count == 1,
        unit_range=binary or all_zero_or_one,
        rerun=_rerun(items),
        level=level,
    )


def mean_over_items(values: ArrayLike, *, groups: Groups | None = None, level: float = 0.95) -> Estimate:
    """Average a per-item metric in [0, 1], such as pass@k, with its standard error over items.

    The attempts have been used up by the metric, so there is no re-run standard error. Values that
    are all 0 or 1 (pass@k with k = n) are one yes/no trial an item and get the Wilson interval.

    Args:
        values: the metric of each item, shape (items,).
        groups: the cluster of each item, or None.
        level: confidence level in (0, 1).

    Raises:
        ValueError: if a value is NaN (an item has fewer than k attempts: leaving it out silently
            would change what is measured) or outside [0, 1], or as in :func:`estimate_mean`.
    """
    check_level(level)
    array = np.asarray(values, dtype=np.float64)
    undefined = int(np.isnan(array).sum())
    if undefined:
        raise ValueError(f"undefined for {undefined} of {array.size} items, which have fewer than k attempts")
    array = finite_array("item values", array).reshape(-1)
    # A product of many factors may end a rounding error away from the 0 or 1 that it stands for.
    nearest = np.rint(array)
    array = np.where(np.abs(array - nearest) < 1e-9, nearest, array)
    if array.min() < 0 or array.max() > 1:
        raise ValueError("item values must lie in [0, 1]")
    return _estimate(
        array,
        groups=groups,
        bernoulli=bool(((array == 0) | (array == 1)).all()),
        unit_range=True,
        rerun=None,
        level=level,
    )


def _estimate(
    means: FloatArray,
    *,
    groups: Groups | None,
    bernoulli: bool,
    unit_range: bool,
    rerun: float | None,
    level: float,
) -> Estimate:
    n_items = int(means.size)
    value = float(means.mean())
    n_clusters: int | None = None
    codes: NDArray[np.int64] = np.arange(n_items)
    if groups is not None:
        codes, n_clusters = cluster_codes(groups, n_items)
    units = n_items if n_clusters is None else n_clusters
    clustered = units < n_items

    stderr: float | None = None
    if units >= 2:
        stderr = float(clustered_stderr(means, codes)[0] if clustered else mean_stderr(means))
    spread = stderr is not None and stderr > _ROUNDING * max(1.0, abs(value))

    df: float | None = None
    ci: tuple[float, float] | None = None
    if bernoulli and not clustered:
        method = "wilson"
        ci = _bounds(wilson(means.sum(), n_items, level))
    elif stderr is not None and spread:
        method = "clustered_t" if clustered else "t"
        df = float(units - 1)
        lower, upper = _bounds(t_interval(value, stderr, df, level))
        ci = (max(lower, 0.0), min(upper, 1.0)) if unit_range else (lower, upper)
    elif unit_range:
        method = "beta11"
        lower, upper = _bounds(beta11(value * units, units, level))
        ci = (min(lower, value), max(upper, value))
    else:
        method = "none"
    return Estimate(
        value=value,
        stderr=stderr,
        ci=ci,
        ci_method=method,
        df=df,
        rerun_stderr=rerun,
        n_items=n_items,
        n_clusters=n_clusters,
    )


def _rerun(items: ItemAttempts) -> float | None:
    if (items.counts < 2).any():
        return None
    return float(rerun_stderr(items.variances(), items.counts))


def _bounds(interval: tuple[FloatArray, FloatArray]) -> tuple[float, float]:
    lower, upper = interval
    return float(lower), float(upper)

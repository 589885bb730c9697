"""Bootstrap draws of means over items, fast enough for a whole suite.

A resampled mean depends only on how often each *distinct* item was drawn. Scores have few distinct
values (three, for differences of single yes/no attempts), so the counts of the values are drawn,
not the items: the same distribution at a small part of the cost.
"""

from __future__ import annotations

import numpy as np

from harness.stats.estimate import Groups
from harness.stats.intervals import cluster_codes
from harness.stats.quantiles import FloatArray

_MOST_DISTINCT = 64
_CHUNK = 2**22  # indices drawn at a time, to bound memory


def unit_totals(values: FloatArray, groups: Groups | None) -> tuple[FloatArray, FloatArray]:
    """Sum and number of items of each unit (cluster, or item where groups is None).

    Args:
        values: shape (items,) or (items, columns).
        groups: the cluster of each item, or None.

    Returns:
        Totals (units,) or (units, columns), and sizes (units,).
    """
    if groups is None:
        return values, np.ones(values.shape[0])
    codes, n_clusters = cluster_codes(groups, values.shape[0])
    totals = np.zeros((n_clusters, *values.shape[1:]))
    np.add.at(totals, codes, values)
    return totals, np.bincount(codes, minlength=n_clusters).astype(np.float64)


def resampled_means(
    values: FloatArray, groups: Groups | None, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Means of ``draws`` bootstrap samples of the units, shape (draws,) or (draws, columns).

    Args:
        values: shape (items,), or (items, columns) to resample all columns together.
        groups: the cluster of each item (clusters are drawn whole), or None.
        draws: number of samples.
        rng: source of randomness.
    """
    totals, sizes = unit_totals(values, groups)
    units = np.column_stack((totals, sizes))
    distinct, counts = np.unique(np.round(units, 12), axis=0, return_counts=True)
    n_units = units.shape[0]
    if len(distinct) <= _MOST_DISTINCT:
        drawn = rng.multinomial(n_units, counts / n_units, size=draws) @ distinct
    else:
        drawn = np.empty((draws, units.shape[1]))
        step = max(1, _CHUNK // n_units)
        for start in range(0, draws, step):
            stop = min(draws, start + step)
            picks = rng.integers(n_units, size=(stop - start, n_units), dtype=np.int32)
            for column, values_of_units in enumerate(units.T):
                drawn[start:stop, column] = values_of_units[picks].sum(axis=1)
    means = drawn[:, :-1] / drawn[:, -1:]
    return means[:, 0] if values.ndim == 1 else means

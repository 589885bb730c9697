"""Cells of a table item x run for a metric of k attempts that runs have together, but none alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from harness.stats.quantiles import FloatArray


def pooled_cells(of_runs: Callable[[Sequence[int]], FloatArray], n_runs: int) -> FloatArray | None:
    """The metric of the pooled attempts as a table whose rows average to it, and whose runs vary as it would.

    U is the metric over the attempts of all runs, U_s the same without run s (delete-a-group jackknife). The
    cell of run s is ``U - (S - 1) (U_s - mean U_s)``. Rows then average to U itself, and the variance over
    runs of :func:`harness.stats.crossed.parts_of` is the jackknife's, ``(S - 1)/S Σ (U_s - mean U_s)²``, so
    that the rule for new items and new runs takes it like any table. Type I at a nominal .05, pass@4 and
    pass^4 of 3 to 10 runs: ``benchmarks/simulations/passk.py``.

    Args:
        of_runs: the metric of each item, shape (items,), from the attempts of the runs at these positions;
            NaN where they have fewer than k.
        n_runs: S.

    Returns:
        Shape (items, runs); rows of NaN where all runs together have fewer than k attempts. None where some
        item has k attempts only with every run: how runs vary can't be told then.
    """
    whole = of_runs(range(n_runs))
    if n_runs < 2:
        return None
    without = np.stack([of_runs([r for r in range(n_runs) if r != s]) for s in range(n_runs)], axis=1)
    if np.isnan(without[~np.isnan(whole)]).any():
        return None
    return np.asarray(whole[:, None] - (n_runs - 1) * (without - without.mean(axis=1, keepdims=True)))

"""The variance of a mean over tasks that share groups: the same dialogues or users in several of them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.stats.crossed import Parts
from harness.stats.quantiles import FloatArray


@dataclass(frozen=True, eq=False)
class GroupSums:
    """What each group adds to the mean of a task: ``Σ_{i in g} x_i / n``, shape (groups,).

    `labels` names the groups; equal labels of two tasks are one group. `sums` are the same around the mean,
    ``Σ_{i in g} (x_i - mean) / n``.
    """

    labels: NDArray[np.object_]
    sums: FloatArray
    shares: FloatArray


def group_sums(values: ArrayLike, labels: Sequence[Hashable] | NDArray[np.object_]) -> GroupSums:
    """The sums of a task.

    Args:
        values: the value of each item, shape (n,), n >= 1.
        labels: the group of each item.
    """
    x = np.asarray(values, np.float64)
    names, codes = np.unique(np.asarray(labels, dtype=object), return_inverse=True)
    sums, shares = (np.bincount(codes, weights=each / len(x)) for each in (x - x.mean(), x))
    return GroupSums(names, np.asarray(sums), np.asarray(shares))


def shares_of(tasks: Sequence[GroupSums], weights: ArrayLike) -> FloatArray:
    """What each group adds to ``Σ w_k mean_k``, through whatever tasks; shape (groups,)."""
    labels = np.concatenate([task.labels for task in tasks])
    shares = [weight * task.shares for weight, task in zip(np.asarray(weights), tasks, strict=True)]
    codes = np.unique(labels, return_inverse=True)[1]
    return np.asarray(np.bincount(codes, weights=np.concatenate(shares)), np.float64)


def with_shared_groups(total: Parts, tasks: Sequence[GroupSums], weights: ArrayLike) -> Parts:
    """The parts of ``Σ w_k mean_k`` where groups of one task may stand in another, too.

    ``VI = Σ_g ( Σ_k w_k √(G_k / (G_k - 1)) s_kg )²``: without a shared group that is the sum of the tasks'
    variances, to which shared ones add their covariance. Degrees of freedom are at most the groups less one.
    Runs of different tasks draw by themselves, so that the other parts stay.

    Args:
        total: the parts as if the tasks were independent (:func:`harness.stats.crossed.summed`).
        tasks: what the groups of each task add to its mean.
        weights: of the tasks.
    """
    scaled = [
        weight * math.sqrt(len(task.sums) / (len(task.sums) - 1)) * task.sums
        if len(task.sums) > 1
        else task.sums
        for weight, task in zip(np.asarray(weights, np.float64), tasks, strict=True)
    ]
    labels = np.concatenate([task.labels for task in tasks])
    names, codes = np.unique(labels, return_inverse=True)
    if len(names) == len(labels) or total.items <= 0 or not math.isfinite(total.df_items):
        return total
    together = np.bincount(codes, weights=np.concatenate(scaled), minlength=len(names))
    return replace(
        total,
        items=float(together @ together),
        df_items=min(total.df_items, len(names) - 1.0),
        n_groups=len(names),
    )

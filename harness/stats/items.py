"""The attempts made on every item of a task, and their reduction to one number an item.

Attempts on one item are not independent evidence about the task, so everything downstream works on
*item* means. This module turns the shapes callers have (lists of unequal length, a rectangle, one
score an item) into one flat array with counts, and reduces it without a Python loop over items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from numbers import Real
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.stats.quantiles import FloatArray

ItemScores = Sequence[Sequence[float]] | Sequence[float] | NDArray[Any]
"""Scores by item: one sequence of attempts an item, a 2-D array (items, attempts), or one score an
item."""


def finite_array(name: str, values: ArrayLike) -> FloatArray:
    """Return ``values`` as a float array.

    Raises:
        ValueError: if it is empty or holds NaN or an infinity; the message starts with ``name``.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0:
        raise ValueError(f"{name} is empty")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinite values")
    return array


@dataclass(frozen=True)
class ItemAttempts:
    """All attempts of a task, item after item.

    Attributes:
        scores: every attempt's score, shape (total attempts,).
        counts: attempts of each item k_i >= 1, shape (items,), summing to the length of ``scores``.
    """

    scores: FloatArray
    counts: NDArray[np.int64]

    @property
    def n_items(self) -> int:
        """Number of items n."""
        return int(self.counts.size)

    @property
    def common_count(self) -> int | None:
        """The k_i of every item where it is the same for all, else None."""
        k = int(self.counts[0])
        return k if bool((self.counts == k).all()) else None

    def is_binary(self) -> bool:
        """Whether every score is exactly 0 or 1."""
        return bool(((self.scores == 0.0) | (self.scores == 1.0)).all())

    def means(self) -> FloatArray:
        """Item means, shape (items,)."""
        k = self.common_count
        if k == 1:
            return self.scores
        if k is not None:
            return np.asarray(self.scores.reshape(-1, k).mean(axis=1), dtype=np.float64)
        return np.asarray(self._item_sums(self.scores) / self.counts, dtype=np.float64)

    def variances(self) -> FloatArray:
        """Unbiased variance of the attempts on each item, shape (items,); NaN where k_i = 1."""
        k = self.common_count
        if k == 1:
            return np.full(self.n_items, np.nan)
        if k is not None:
            return np.asarray(self.scores.reshape(-1, k).var(axis=1, ddof=1), dtype=np.float64)
        residuals = self.scores - np.repeat(self.means(), self.counts)
        freedom = self.counts - 1.0
        squares = self._item_sums(residuals**2)
        variances = np.full_like(squares, np.nan)
        np.divide(squares, freedom, out=variances, where=freedom > 0)
        return variances

    def _item_sums(self, flat: FloatArray) -> FloatArray:
        starts = np.concatenate(([0], np.cumsum(self.counts)[:-1]))
        return np.add.reduceat(flat, starts)


def gather_attempts(item_scores: ItemScores) -> ItemAttempts:
    """Bring the attempts of every item into one flat array.

    Args:
        item_scores: one sequence of attempt scores an item (lengths may differ), a 2-D array of
            shape (items, attempts), or a 1-D array or sequence with a single score an item.

    Raises:
        ValueError: if there are no items, an item has no attempts, a score is NaN or infinite, or
            an array has more than two dimensions.
    """
    if isinstance(item_scores, np.ndarray):
        if item_scores.ndim not in (1, 2):
            raise ValueError(f"item scores must be a 1-D or 2-D array, got {item_scores.ndim}-D")
        scores = finite_array("item scores", item_scores)
        k = 1 if scores.ndim == 1 else scores.shape[1]
        return ItemAttempts(scores.reshape(-1), np.full(scores.shape[0], k, dtype=np.int64))
    if len(item_scores) == 0:
        raise ValueError("item scores is empty")
    if isinstance(item_scores[0], Real):
        scores = finite_array("item scores", np.asarray(item_scores, dtype=np.float64))
        return ItemAttempts(scores, np.ones(scores.size, dtype=np.int64))
    nested = cast(Sequence[Sequence[float]], item_scores)
    counts = np.fromiter(map(len, nested), dtype=np.int64, count=len(nested))
    if (counts == 0).any():
        raise ValueError(f"item {int(np.argmin(counts))} has no attempts: count it as wrong or leave it out")
    flat = np.fromiter(chain.from_iterable(nested), dtype=np.float64, count=int(counts.sum()))
    return ItemAttempts(finite_array("item scores", flat), counts)

"""Metrics of repeated attempts: pass@k and its relatives, one value an item.

All take the attempts that were *produced* for each item, n_i, never the number asked for, and
estimate what k attempts would give by averaging over all subsets of k of the n_i, so they are
unbiased in k. An item with fewer than k attempts has no such subset: its value is NaN, not 1.
Average the items with :func:`harness.stats.estimate.mean_over_items`, re-exported here.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.stats.estimate import mean_over_items
from harness.stats.items import finite_array
from harness.stats.quantiles import FloatArray, log_binomial
from harness.stats.votes import all_blank_share, win_share

__all__ = ["avg_at_k", "g_pass_at_k", "maj_at_k", "mean_over_items", "pass_at_k", "pass_hat_k"]


def pass_at_k(n_attempts: ArrayLike, n_correct: ArrayLike, k: int) -> FloatArray:
    """Chance that at least one of k attempts is right: ``1 - C(n-c, k) / C(n, k)``.

    Computed as a product of k ratios, which neither overflows nor cancels.

    Args:
        n_attempts: attempts on each item n >= 0, whole numbers.
        n_correct: right ones among them, 0 <= c <= n, broadcastable.
        k: attempts allowed, >= 1.

    Returns:
        Values in [0, 1], NaN where n < k.

    Raises:
        ValueError: for empty or NaN input, counts that are not whole or not 0 <= c <= n, or k < 1.

    Source: Chen et al., arXiv 2107.03374.
    """
    n, c = _counts(n_attempts, n_correct, k)
    return 1 - _chance_all_drawn_are(n - c, n, k)


def pass_hat_k(n_attempts: ArrayLike, n_correct: ArrayLike, k: int) -> FloatArray:
    """Chance that all of k attempts are right (pass^k): ``C(c, k) / C(n, k)``.

    Args, returns and errors as in :func:`pass_at_k`.

    Source: τ-bench, arXiv 2406.12045.
    """
    n, c = _counts(n_attempts, n_correct, k)
    return _chance_all_drawn_are(c, n, k)


def g_pass_at_k(n_attempts: ArrayLike, n_correct: ArrayLike, k: int, tau: float) -> FloatArray:
    """Chance that at least a share ``tau`` of k attempts is right (G-Pass@k).

    ``Σ_{j >= max(1, ⌈τk⌉)} C(c, j) · C(n-c, k-j) / C(n, k)``; tau = 1 is pass^k, and tau small
    enough to ask for one right attempt is pass@k.

    Args:
        n_attempts: attempts on each item n >= 0, whole numbers.
        n_correct: right ones among them, 0 <= c <= n, broadcastable.
        k: attempts drawn, >= 1.
        tau: share that has to be right, in [0, 1].

    Returns:
        Values in [0, 1], NaN where n < k.

    Raises:
        ValueError: as in :func:`pass_at_k`, or tau outside [0, 1].

    Source: Liu et al., arXiv 2412.13147.
    """
    if not 0.0 <= tau <= 1.0:
        raise ValueError(f"tau must lie in [0, 1], got {tau!r}")
    n, c = _counts(n_attempts, n_correct, k)
    # 0.07 · 100 is a hair above 7 in floating point and must not round up to 8.
    needed = max(1, math.ceil(round(tau * k, 9)))
    # The subsets of an item with too few attempts are not evaluated, only marked.
    drawable = np.maximum(n, k)
    total = np.zeros_like(n)
    for j in range(needed, k + 1):
        total += np.exp(log_binomial(c, j) + log_binomial(drawable - c, k - j) - log_binomial(drawable, k))
    return np.where(n >= k, np.minimum(total, 1.0), np.nan)


def avg_at_k(n_attempts: ArrayLike, total_score: ArrayLike, k: int) -> FloatArray:
    """Mean score of k attempts, averaged over all subsets of k: ``total / n``, whatever k.

    It differs from the plain mean only in being undefined (NaN) where an item has fewer than k
    attempts, so a table cannot show avg@64 for items that were tried 8 times.

    Args:
        n_attempts: attempts on each item n >= 0, whole numbers.
        total_score: sum of their scores (for right or wrong, the number right), broadcastable.
        k: attempts averaged over, >= 1.

    Raises:
        ValueError: for empty or NaN input, counts that are not whole or negative, or k < 1.
    """
    n, total = np.broadcast_arrays(
        finite_array("attempts", n_attempts), finite_array("total score", total_score)
    )
    _check_k(k)
    _check_whole("attempts", n)
    means = np.full(n.shape, np.nan)
    np.divide(total, n, out=means, where=n >= k)
    return means


def maj_at_k(
    answers: Sequence[Sequence[Hashable | None]],
    correct: Sequence[Sequence[float]] | NDArray[Any],
    k: int,
) -> FloatArray:
    """Expected score of the majority vote over k attempts, averaged over all subsets of k attempts.

    One vote over all attempts is a single draw of this and depends on their number; the average
    does not. It is exact for any n and k (see ``votes.py``): there is nothing to sample and nothing
    to seed.

    An answer wins a subset by having the most votes in it. Tied answers share the win equally,
    which is the expected value of breaking the tie at random. Attempts without an answer (None) do
    not vote; they win only a subset in which nothing was answered.

    Args:
        answers: parsed answers of each item's attempts, hashable and comparable by equality; None
            where nothing could be parsed.
        correct: the score of each of these attempts, in the same order. Attempts that share an
            answer but not a score give it their mean score.
        k: attempts voting, >= 1.

    Returns:
        Shape (items,), NaN where an item has fewer than k attempts.

    Raises:
        ValueError: for no items, items or attempts that do not match in number, a NaN score, or k <
            1.
        TypeError: for an answer that is not hashable.
    """
    _check_k(k)
    if len(answers) == 0:
        raise ValueError("answers is empty")
    if len(answers) != len(correct):
        raise ValueError(f"answers has {len(answers)} items but correct has {len(correct)}")
    if any(math.isnan(score) for scores in correct for score in scores):
        raise ValueError("correct holds NaN")
    values = np.full(len(answers), np.nan)
    for item, (given, scores) in enumerate(zip(answers, correct, strict=True)):
        if len(given) != len(scores):
            raise ValueError(f"item {item} has {len(given)} answers but {len(scores)} scores")
        if len(given) >= k:
            values[item] = _expected_vote_score(given, scores, k)
    return values


def _expected_vote_score(
    given: Sequence[Hashable | None], scores: Sequence[float] | NDArray[Any], k: int
) -> float:
    votes = Counter(given)
    worth: defaultdict[Hashable | None, float] = defaultdict(float)
    for answer, score in zip(given, scores, strict=True):
        worth[answer] += float(score)
    blank = votes.pop(None, 0)
    expected = 0.0
    for answer, count in votes.items():
        if worth[answer]:
            rivals = tuple(sorted(n for other, n in votes.items() if other != answer))
            expected += worth[answer] / count * win_share(count, rivals, blank, k)
    if blank and worth[None]:
        expected += worth[None] / blank * all_blank_share(len(given), blank, k)
    return expected


def _chance_all_drawn_are(marked: FloatArray, n: FloatArray, k: int) -> FloatArray:
    """C(marked, k) / C(n, k) as Π_{j<k} (marked - j) / (n - j); NaN where n < k."""
    chance = np.where(n >= k, 1.0, np.nan)
    for j in range(k):
        left = np.maximum(n - j, 1.0)  # below 1 only where the answer is NaN already
        chance *= np.maximum(marked - j, 0.0) / left
    return chance


def _counts(n_attempts: ArrayLike, n_correct: ArrayLike, k: int) -> tuple[FloatArray, FloatArray]:
    n, c = np.broadcast_arrays(finite_array("attempts", n_attempts), finite_array("correct", n_correct))
    _check_k(k)
    _check_whole("attempts", n)
    _check_whole("correct", c)
    if (c > n).any():
        raise ValueError("an item has more correct attempts than attempts")
    return n, c


def _check_k(k: int) -> None:
    if k < 1 or k != int(k):
        raise ValueError(f"k must be a whole number of at least 1, got {k!r}")


def _check_whole(name: str, counts: FloatArray) -> None:
    if (counts < 0).any() or (counts != np.floor(counts)).any():
        raise ValueError(f"{name} must be whole numbers of at least 0")

"""Drift: where a history of scores stepped to another level.

A gate that compares one commit with the next does not see a score that decays slowly, or a step
inside its margin. Here a whole history is fitted by a piecewise constant function: the fit that
minimises ``Σ ((y_t - level_t) / SE_t)² + penalty · steps`` over all ways to cut it, found exactly by
dynamic programming. There is nothing random in it.

The penalty is what a single step may gain by chance: the χ² quantile (1 degree of freedom) at
``1 - α / (n - 1)``, so that a history without a step shows one with probability at most about α.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from harness.stats.items import finite_array
from harness.stats.quantiles import FloatArray, normal_quantile

_NORMAL_MAD = 0.6744897501960817  # median of |X| for a standard normal X


@dataclass(frozen=True)
class Step:
    """A change of level.

    Attributes:
        index: position in the history of the first score on the new level.
        before: weighted mean of the segment before it.
        after: weighted mean of the segment from it on.
        p_value: two-sided, of no change between the two segments, times the number of places at
            which a step could have been found.
    """

    index: int
    before: float
    after: float
    p_value: float


def find_steps(
    scores: ArrayLike,
    stderrs: ArrayLike | None = None,
    *,
    alpha: float = 0.01,
    min_length: int = 2,
) -> list[Step]:
    """Find the steps in a history of scores.

    Scores of consecutive runs may scatter by more than their standard errors (another server,
    another batch order). The errors are therefore scaled up, never down, by a robust measure of the
    differences between neighbours, in which steps are outliers.

    Args:
        scores: y_t in order of time, shape (n,).
        stderrs: standard error of each score, > 0. For a fixed set of items the re-run standard
            error is the right one. None: measured from neighbours alone.
        alpha: chance that a history without a step shows one, in (0, 1).
        min_length: shortest segment, >= 1. Above 1 a single odd score is no step: a step has to be
            significant (at alpha, uncorrected) without any one of the scores beside it.

    Returns:
        Steps in order of time; none for a history shorter than two segments.

    Raises:
        ValueError: for empty or NaN scores, errors that do not match or are not positive, alpha
            outside (0, 1), or min_length < 1.

    Source: the penalised step fit is the idea of asv's regression search (Potts functional); the
    deterministic test in place of permutations is that of Hunter, arXiv 2301.03034.
    """
    y = finite_array("scores", scores).reshape(-1)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie strictly between 0 and 1, got {alpha!r}")
    if min_length < 1 or min_length != int(min_length):
        raise ValueError(f"min_length must be a whole number of at least 1, got {min_length!r}")
    errors = _scaled_errors(y, stderrs)
    places = y.size - 1
    if y.size < 2 * min_length:
        return []
    penalty = float(normal_quantile(1 - alpha / (2 * places))) ** 2
    weights = 1 / errors**2
    edges = [*_best_cuts(y, weights, penalty, int(min_length)), y.size]
    if min_length > 1:
        edges = _recurring(y, weights, edges, alpha)
    steps = []
    for left, index, right in zip(edges, edges[1:], edges[2:], strict=False):
        before, after, z = _change(y, weights, left, index, right)
        p_value = min(1.0, places * 2 * float(special.ndtr(-abs(z))))
        steps.append(Step(index=index, before=before, after=after, p_value=p_value))
    return steps


def _recurring(y: FloatArray, weights: FloatArray, edges: list[int], alpha: float) -> list[int]:
    """Drop the cuts that a single score makes: those not seen without it, the weakest first."""
    needed = float(normal_quantile(1 - alpha / 2))
    edges = list(edges)
    while len(edges) > 2:
        evidence = [
            min(
                abs(_change(np.delete(y, odd), np.delete(weights, odd), left, cut, right - 1)[2])
                for odd, cut in [(i, index - 1) for i in range(left, index)]
                + [(i, index) for i in range(index, right)]
            )
            for left, index, right in zip(edges, edges[1:], edges[2:], strict=False)
        ]
        weakest = int(np.argmin(evidence))
        if evidence[weakest] > needed:
            break
        del edges[weakest + 1]
    return edges


def _change(
    y: FloatArray, weights: FloatArray, left: int, index: int, right: int
) -> tuple[float, float, float]:
    """Means before and after ``index`` within [left, right), and z of their difference."""
    before, before_weight = _weighted_mean(y[left:index], weights[left:index])
    after, after_weight = _weighted_mean(y[index:right], weights[index:right])
    return before, after, (after - before) / float(np.sqrt(1 / before_weight + 1 / after_weight))


def _scaled_errors(y: FloatArray, stderrs: ArrayLike | None) -> FloatArray:
    floor = 1e-9 * max(1.0, float(np.abs(y).max()))
    if stderrs is None:
        errors = np.full(y.size, floor)
    else:
        errors = finite_array("stderrs", stderrs).reshape(-1)
        if errors.size != y.size:
            raise ValueError(f"{errors.size} standard errors for {y.size} scores")
        if (errors <= 0).any():
            raise ValueError("standard errors must be positive")
    if y.size < 3:
        return errors
    jumps = np.abs(np.diff(y)) / np.hypot(errors[1:], errors[:-1])
    return errors * max(1.0, float(np.median(jumps)) / _NORMAL_MAD)


def _best_cuts(y: FloatArray, weights: FloatArray, penalty: float, min_length: int) -> list[int]:
    """First indices of the segments of the cheapest fit; best[e] is the cost of the first e scores."""
    centred = y - y.mean()
    w = np.concatenate(([0.0], np.cumsum(weights)))
    wy = np.concatenate(([0.0], np.cumsum(weights * centred)))
    wyy = np.concatenate(([0.0], np.cumsum(weights * centred**2)))
    best = np.full(y.size + 1, np.inf)
    best[0] = -penalty
    previous = np.zeros(y.size + 1, dtype=np.int64)
    for end in range(min_length, y.size + 1):
        start = np.arange(end - min_length + 1)
        residual = wyy[end] - wyy[start] - (wy[end] - wy[start]) ** 2 / (w[end] - w[start])
        cost = best[start] + residual + penalty
        previous[end] = int(np.argmin(cost))
        best[end] = cost[previous[end]]
    starts, end = [], y.size
    while end > 0:
        end = int(previous[end])
        starts.append(end)
    return starts[::-1]


def _weighted_mean(y: FloatArray, weights: FloatArray) -> tuple[float, float]:
    total = float(weights.sum())
    return float((weights * y).sum()) / total, total

"""Ranking from pairwise preferences: the Bradley-Terry model with intervals of rank.

P(i beats j) = 1 / (1 + exp(s_j - s_i)). Votes are the units of the bootstrap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from harness.stats.items import finite_array
from harness.stats.quantiles import FloatArray, check_level

_MOST_STEPS = 100


@dataclass(frozen=True)
class RankInterval:
    """The place of one method, 1 being the best.

    Attributes:
        rank: 1 + the number of methods with a larger strength; equals share the better place.
        low: best place that the votes allow.
        high: worst place that the votes allow.
    """

    rank: int
    low: int
    high: int


@dataclass(frozen=True)
class Preference:
    """The strength of one method.

    Attributes:
        strength: s, in natural logits; the mean over methods is 0. (Elo points: 400 / ln 10 · s.)
        ci: percentile bootstrap interval of the strength.
        rank: its place with the interval of places, by strength.
    """

    strength: float
    ci: tuple[float, float]
    rank: RankInterval


def bradley_terry(wins: ArrayLike, *, prior: float = 0.5) -> FloatArray:
    """Strengths that best explain who beat whom, by Newton's method on the log-likelihood.

    Args:
        wins: w_ij >= 0, how often i beat j, shape (..., methods, methods); half a vote each for a
            tie. The diagonal is ignored.
        prior: so many wins and as many losses of every method against an opponent of strength 0 are
            added. Above 0 they keep the strength of a method that won always (or never) finite, and
            methods that never met, directly or through others, comparable.

    Returns:
        Strengths in natural logits, shape (..., methods), centred at 0.

    Raises:
        ValueError: for empty or NaN input, a matrix that is not square, negative votes, or prior <=
            0.

    Source: Bradley, Terry, Biometrika 39 (1952).
    """
    votes = _votes(wins)
    if not prior > 0:
        raise ValueError(f"prior must be positive, got {prior!r}")
    won = votes.sum(axis=-1) + prior
    meetings = votes + np.swapaxes(votes, -1, -2)
    strength = np.zeros_like(won)
    diagonal = np.eye(won.shape[-1])
    for _ in range(_MOST_STEPS):
        expected = special.expit(strength[..., :, None] - strength[..., None, :])
        against_prior = special.expit(strength)
        gradient = won - (meetings * expected).sum(axis=-1) - 2 * prior * against_prior
        weights = meetings * expected * (1 - expected)
        curvature = weights.sum(axis=-1) + 2 * prior * against_prior * (1 - against_prior)
        step = np.linalg.solve(curvature[..., None] * diagonal - weights, gradient[..., None])
        # The likelihood is flat far out, where a full step would overshoot.
        step = np.clip(step[..., 0], -1.0, 1.0)
        strength = strength + step
        if np.abs(step).max() < 1e-9:
            break
    return np.asarray(strength - strength.mean(axis=-1, keepdims=True), dtype=np.float64)


def preference_ranks(
    wins: ArrayLike, *, prior: float = 0.5, level: float = 0.95, draws: int = 500, seed: int = 0
) -> list[Preference]:
    """Strength and rank of each method with bootstrap intervals over the votes.

    Args:
        wins: w_ij, how often i beat j, shape (methods, methods). Ties of half a vote are resampled
            as if each half were a vote of its own weight; totals are rounded to whole votes.
        prior: as in :func:`bradley_terry`.
        level: confidence level in (0, 1).
        draws: bootstrap samples of the votes.
        seed: of the bootstrap.

    Raises:
        ValueError: as in :func:`bradley_terry`, for no votes at all, or level outside (0, 1).
    """
    check_level(level)
    votes = _votes(wins)
    if votes.ndim != 2 or votes.sum() < 1:
        raise ValueError("wins must be one matrix with at least one vote")
    n_methods = votes.shape[0]
    strengths = bradley_terry(votes, prior=prior)
    total = int(round(votes.sum()))
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(total, votes.reshape(-1) / votes.sum(), size=draws)
    resampled = bradley_terry(drawn.reshape(draws, n_methods, n_methods), prior=prior)
    lower, upper = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2], axis=0)
    ranks = _rank_intervals(strengths, resampled, level)
    return [
        Preference(strength=float(strengths[i]), ci=(float(lower[i]), float(upper[i])), rank=ranks[i])
        for i in range(n_methods)
    ]


def _rank_intervals(strengths: FloatArray, resampled: FloatArray, level: float) -> list[RankInterval]:
    """Places from strengths (methods,) and their bootstrap replicates (draws, methods), method by method.

    Method j is surely worse than k if ``s_k - s_j > q_j·σ_jk``, with σ_jk the bootstrap deviation of the
    difference and q_j the ``level`` quantile of ``max_k |Δ*_jk - Δ_jk| / σ_jk`` (Mogstad, Romano, Shaikh,
    Wilhelm, Review of Economic Studies 91, 2024, with a studentised bootstrap).
    """
    intervals = []
    for method, strength in enumerate(strengths):
        lead = strength - strengths
        better, worse = _surely_ordered(lead, resampled[:, method, None] - resampled, level)
        intervals.append(
            RankInterval(
                rank=1 + int((lead < -1e-12).sum()),
                low=1 + int(better.sum()),
                high=len(strengths) - int(worse.sum()),
            )
        )
    return intervals


def _surely_ordered(
    lead: FloatArray, drawn: FloatArray, level: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rivals are surely better, and which surely worse, given the leads over them."""
    spread = drawn.std(axis=0)
    varies = spread > 1e-12
    scale = np.where(varies, spread, 1.0)
    deviations = np.where(varies, np.abs(drawn - lead) / scale, 0.0).max(axis=1)
    bound = np.quantile(deviations, level) * np.where(varies, spread, 0.0)
    # A lead that never varies is a difference that no draw of the votes can undo.
    return lead < -bound - 1e-12, lead > bound + 1e-12


def _votes(wins: ArrayLike) -> FloatArray:
    votes = finite_array("wins", wins)
    if votes.ndim < 2 or votes.shape[-1] != votes.shape[-2]:
        raise ValueError("wins must be a square matrix, methods by methods")
    if (votes < 0).any():
        raise ValueError("wins must not be negative")
    return votes * (1 - np.eye(votes.shape[-1]))

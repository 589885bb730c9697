"""The probability that the candidate is better, for one yes/no attempt an item.

The 2x2 table (both right, losses, wins, both wrong) has probabilities with a Dirichlet prior, so
the posterior is Dirichlet with the counts added. Nothing is drawn: the answers are exact to
numerical precision.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from harness.stats.quantiles import FloatArray, beta_quantile

_NODES = 4096  # of the quadrature over the posterior of the losses; error below 1e-5


def probability_better(
    losses: int,
    wins: int,
    *,
    n_items: int | None = None,
    than: float = 0.0,
    prior: float = 1.0,
) -> float:
    """P(Δ > than | data), with Δ the candidate's rate of right answers minus the reference's.

    Δ = θ_wins - θ_losses. For ``than`` = 0 only their ratio matters, and θ_wins / (θ_wins +
    θ_losses) ~ Beta(wins + a, losses + a): ``P = 1 - I_{1/2}(wins + a, losses + a)``. For other
    thresholds P(θ_wins > θ_losses + than) is integrated over the posterior of θ_losses.

    Args:
        losses: items right with the reference alone, >= 0.
        wins: items right with the candidate alone, >= 0.
        n_items: all items n >= losses + wins; needed only for ``than`` other than 0.
        than: threshold in [-1, 1]; ``-margin`` for "at most margin worse".
        prior: a > 0, the weight of each of the four cells before any data. 1 is uniform over all
            2x2 tables, as in Bowyer et al.; 1/2 is Jeffreys'.

    Raises:
        ValueError: for negative counts, n_items missing or too small, or a threshold or prior out
            of range.

    Source: Bowyer, Aitchison, Ivanova, arXiv 2503.01747 (paired comparisons).
    """
    if losses < 0 or wins < 0:
        raise ValueError("losses and wins must not be negative")
    if not 0 < prior < np.inf:
        raise ValueError(f"prior must be positive and finite, got {prior!r}")
    if not -1 <= than <= 1:
        raise ValueError(f"the threshold must lie in [-1, 1], got {than!r}")
    if than == 0:
        return float(special.betainc(losses + prior, wins + prior, 0.5))
    if n_items is None or n_items < losses + wins:
        raise ValueError("a threshold other than 0 needs n_items, at least losses + wins")
    rest = n_items - losses - wins + 2 * prior
    theta_losses = _quantile_nodes(losses + prior, wins + prior + rest)
    # Given θ_losses, θ_wins / (1 - θ_losses) ~ Beta(wins + a, rest).
    threshold = np.clip((theta_losses + than) / (1 - theta_losses), 0.0, 1.0)
    return float(1 - special.betainc(wins + prior, rest, threshold).mean())


def _quantile_nodes(a: float, b: float) -> FloatArray:
    """Points of equal posterior weight: the mean of a function over them is its expectation."""
    return beta_quantile((np.arange(_NODES) + 0.5) / _NODES, a, b)

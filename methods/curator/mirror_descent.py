"""Online stochastic mirror descent over problems, and the curator's losses.

The proximal loss is the reconstruction that the headline method uses. What the released code computes in its
place is `released_loss`.
"""

from __future__ import annotations

import math

import numpy as np

from harness.methods.curator.signals import Floats, Indices

#: below this a probability has underflowed
TINY = 1e-300


def log_softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Natural log-probabilities."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled = scaled - scaled.max()
    return np.asarray(scaled - np.log(np.exp(scaled).sum()))


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Probabilities proportional to exp(logit / temperature)."""
    return np.asarray(np.exp(log_softmax(logits, temperature)))


def entropy(probability: Floats) -> float:
    """In nats."""
    kept = probability[probability > 0]
    return float(-(kept * np.log(kept)).sum())


def mirror_step(probability: Floats, estimate: Floats, eta: float) -> Floats:
    """argmax over p of eta <estimate, p> - KL(p || probability): a multiplicative step."""
    return softmax(np.log(probability) + eta * np.asarray(estimate, np.float64))


def project(probability: Floats, alpha: float) -> Floats:
    """The KL projection onto the truncated simplex {p: p_i >= alpha / n} (arXiv 2112.14332, which the
    released code seems to follow): the smallest entries are lifted to the floor, the rest rescaled.

    Args:
        probability: (n,), sums to 1.
        alpha: the mass of the floor, in [0, 1].
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is in [0, 1], not {alpha}")
    n = len(probability)
    floor = alpha / n
    order = np.argsort(probability, kind="stable")
    ranked = probability[order]
    tails = np.cumsum(ranked[::-1])[::-1]
    above = ranked * (1 - np.arange(n) * floor) > floor * tails
    first = int(np.argmax(above)) if above.any() else n
    lifted = np.full(n, floor)
    if first < n:
        lifted[order[first:]] = ranked[first:] * (1 - first * floor) / tails[first]
    return np.asarray(lifted / lifted.sum())


def default_rate(problems: int, plays: int, rounds: int) -> float:
    """eta = sqrt(2 k log K / (T K)); from a third party's reading of the method, not from the paper."""
    return math.sqrt(2 * plays * math.log(problems) / (rounds * problems))


def default_floor(problems: int, plays: int, rounds: int) -> float:
    """Exploration mass min(0.5, sqrt(K log K / (T k))); same source as `default_rate`."""
    return min(0.5, math.sqrt(problems * math.log(problems) / (rounds * plays)))


def proximal_loss(ratio: Floats, utility: Floats, rho: float = 0.2) -> tuple[Floats, Floats]:
    """-min(r u, clip(r, 1 - rho, 1 + rho) u) of each problem, and its derivative by r.

    The derivative vanishes only where the change has already gone the right way by more than rho.
    """
    clipped = np.clip(ratio, 1 - rho, 1 + rho)
    loss = -np.minimum(ratio * utility, clipped * utility)
    spent = np.where(utility > 0, ratio > 1 + rho, ratio < 1 - rho)
    return loss, np.where(spent, 0.0, -utility)


def proximal_gradient(
    logits: Floats,
    frozen: Floats,
    chosen: Indices,
    utility: Floats,
    weight: Floats,
    *,
    rho: float = 0.2,
    temperature: float = 1.0,
) -> tuple[float, Floats]:
    """The mean proximal loss over the chosen problems, and its gradient by every candidate's logit (C,).

    Args:
        logits: (C,) present scores of the candidates.
        frozen: (C,) their probabilities when they were chosen.
        chosen: (B,) positions among the candidates.
        utility: (B,).
        weight: (B,) what makes the estimate unbiased where problems weren't drawn from `frozen` itself.
    """
    present = softmax(logits, temperature)
    ratio = present[chosen] / np.maximum(frozen[chosen], TINY)
    loss, slope = proximal_loss(ratio, utility * weight, rho)
    pull = slope * ratio / (len(chosen) * temperature)
    gradient = -pull.sum() * present
    np.add.at(gradient, chosen, pull)
    return float(loss.mean()), gradient


def drawn_gradient(utility: Floats, weight: Floats, temperature: float = 1.0) -> tuple[float, Floats]:
    """`proximal_gradient` where nothing has moved since the draw, by the logits of the drawn problems alone.

    Every ratio is 1 then, so that nothing is clipped. What the whole gradient does to the other candidates is
    the softmax's normaliser, a mean over the distribution that was drawn from; here the drawn problems, by
    weight, stand in for it. Draws with replacement from the frozen distribution give 1 - 1/B times the whole
    gradient on average, at the cost of B problems instead of C.

    Args:
        utility, weight: (B,) as there; weights are those of an estimate over the frozen distribution.
    """
    value = utility * weight
    pull = -value / (len(value) * temperature)
    return -float(value.mean()), pull - pull.sum() * weight / weight.sum()


def released_loss(log_probability: Floats, drawn: Floats, utility: Floats, rho: float = 0.2) -> Floats:
    """What the released code computes, of each problem of a micro-batch.

    It divides a LOG-probability, normalised over the micro-batch, by the probability q of the draw. That
    ratio is never positive, so that a positive utility gives an unclipped score-function step of -u / q, and
    a negative one the clipped constant, without any gradient.
    """
    ratio = log_probability / drawn
    return np.maximum(-utility * ratio, -utility * np.clip(ratio, 1 - rho, 1 + rho))


def released_gradient(
    logits: Floats, drawn: Floats, utility: Floats, rho: float = 0.2
) -> tuple[float, Floats]:
    """The mean of `released_loss` over a micro-batch, and its gradient by the micro-batch's logits (B,)."""
    lp = log_softmax(logits)
    ratio = lp / drawn
    unclipped = -utility * ratio >= -utility * np.clip(ratio, 1 - rho, 1 + rho)
    slope = np.where(unclipped, -utility / drawn, 0.0) / len(logits)
    loss = released_loss(lp, drawn, utility, rho)
    return float(loss.mean()), slope - slope.sum() * np.exp(lp)

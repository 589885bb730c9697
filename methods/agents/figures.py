"""What a batch of conversations shows of its credits, against who truly turned: figures, never a reward."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.methods.agents.topology import Bits, Floats, Ints, Played


def figures_of(played: Played, flips: Ints) -> dict[str, float]:
    """Of the credits at the decision: `auc`, below, the mean credits of both kinds of agents, and
    `told_apart`, the share of agents whom "credit above the mean" takes for what they are; none where there
    are no credits. And `fallback`, the share of questions where nobody was selected."""
    decision, rounds = played.decision, len(played.graphs)
    found = {"fallback": float(decision.fallback.mean())}
    turned = flips < rounds
    if decision.credits is None or not turned.any() or turned.all():
        return found
    credits = decision.credits
    above = credits > credits.mean(1, keepdims=True)
    area = auc(credits, turned)
    return found | {
        "auc": area,
        "credit_adversary": float(credits[turned].mean()),
        "credit_benign": float(credits[~turned].mean()),
        "told_apart": float((above != turned)[turned.any(1)].mean()),
    }


def auc(credits: Floats, turned: Bits) -> float:
    """The share of pairs of a benign agent and an adversary of one question in which the first has more
    credit, equal credits counted half: the mean over questions that have both.

    Args:
        credits, turned: (B, N).
    """
    import numpy as np

    difference = credits[:, :, None] - credits[:, None, :]
    won = np.where(difference == 0, 0.5, difference > 0)
    pairs = ~turned[:, :, None] & turned[:, None, :]
    counted = pairs.sum((1, 2))
    both = counted > 0
    return float(((won * pairs).sum((1, 2))[both] / counted[both]).mean())

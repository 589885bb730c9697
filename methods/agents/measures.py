"""What is measured of conversations beside their answers: of one, for its record; of the credits of a
batch, for curves of training and for experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.methods.agents.live.talk import Talk
    from harness.methods.agents.topology import Bits, Floats, Ints, Played


def measures(talk: Talk, played: Played) -> dict[str, float]:
    """Numbers of one conversation: `messages` that were sent (one's own text of the round before is none),
    `silent` turns (failures, time-outs, an exhausted budget), `unreadable` ones, whose words hold no answer,
    `fallback`, whether nobody was selected at the decision, and `credit_auc`, see `auc`, of the credits at
    the decision, where there are any and there are adversaries and others."""
    turns = [turn for each in talk.rounds for turn in each]
    found = {
        "messages": float(_messages(talk, played)),
        "silent": float(sum(turn.silent for turn in turns)),
        "unreadable": float(sum(not turn.silent and turn.answer is None for turn in turns)),
        "fallback": float(played.decision.fallback[0]),
    }
    credits, turned = played.decision.credits, talk.flips < len(talk.rounds)
    if credits is not None and turned.any() and not turned.all():
        found["credit_auc"] = auc(credits, turned[None])
    return found


def _messages(talk: Talk, played: Played) -> int:
    """Edges on which something was sent: the sender had spoken and the receiver was asked."""
    import numpy as np

    sent, earlier = 0, np.zeros(len(talk.cast.agents), dtype=bool)
    for turns, graph, said in zip(talk.rounds, played.graphs, played.said, strict=True):
        asked = np.array([turn.asked for turn in turns])
        spoke = said.spoke[0]
        others = ~np.eye(len(turns), dtype=bool)
        sent += int((graph.spatial[0] & spoke & asked[:, None]).sum())
        sent += int((graph.temporal[0] & earlier & asked[:, None] & others).sum())
        earlier = spoke
    return sent


def credit_measures(played: Played, flips: Ints) -> dict[str, float]:
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
    return found | {
        "auc": auc(credits, turned),
        "credit_adversary": float(credits[turned].mean()),
        "credit_benign": float(credits[~turned].mean()),
        "told_apart": float((above != turned)[turned.any(1)].mean()),
    }


def auc(credits: Floats, turned: Bits) -> float:
    """The share of pairs of a benign agent and an adversary of one question in which the first has more
    credit, equal credits counted half: the mean over questions that have both. 1 where credits tell them
    apart, .5 by chance.

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

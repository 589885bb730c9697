"""From credits to who is heard: the selected agents of a round, and the edges among them.

Source: arXiv 2602.03688. Nodes and the order `jan26` are from its presumed code of January 2026. The edge
score of version 2 was not found; a reading note says that edges are chosen one by one by a score, under
budgets and without cycles, and the scores `min` and `product` of both credits are reconstructions.

All three choose the same edges. An edge goes from the more to the less credited agent (of equal credits, from
the lower number). Whether it is taken hangs on what its sender has sent to more credited receivers and what
its receiver has got from more credited senders, and on nothing else. So one graph comes out whenever edges
are tried in an order that puts the more credited sender and the more credited receiver first: sender by
sender (`jan26`), by the lower credit, by the product, by any score that grows with both credits. `jan26` also
tries edges against the order of credit, and finds each of them closed by a full receiver or a cycle: if r has
room when a less credited s sends, then whoever stands before r and sent to an agent behind r sent to r too,
so each agent behind r, up to s, hears r or one that stands between r and itself; that is a path from r to s.
The tests compare all three with plain implementations that look for cycles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from harness.methods.agents.topology import Bits, Floats, Ints

#: ways to choose edges; all but `random` give the same
EDGES = ("min", "product", "jan26", "random")
#: probabilities are kept this far from 0 and 1
MARGIN = 1e-6


def above_mean(credits: Floats) -> Bits:
    """(B, N) the agents whose credit is above the mean rounded to four decimals, as in the presumed code:
    about half of them, and none where all are equal."""
    found: Bits = credits > np.round(credits.mean(-1, keepdims=True), 4)
    return found


def drawn(credits: Floats, flip: float, rng: np.random.Generator) -> Bits:
    """(B, N) agents drawn with their credits as probabilities, each bit then turned over with probability
    `flip`."""
    margin = np.clip(credits, MARGIN, 1 - MARGIN)
    found: Bits = (rng.random(credits.shape) < margin) ^ (rng.random(credits.shape) < flip)
    return found


def log_prob(credits: Any, selected: Bits) -> Any:
    """(B,) log-probability of the selection that was carried out, turned bits included, under credits
    (B, N); a tensor."""
    import torch

    chance = credits.clamp(MARGIN, 1 - MARGIN)
    return torch.where(torch.from_numpy(selected), chance, 1 - chance).log().sum(-1)


def by_credit(credits: Floats) -> Ints:
    """(B, N) agents from the most to the least credited, equal ones by number."""
    return np.argsort(-credits, axis=-1, kind="stable")


def at_random(batch: int, agents: int, rng: np.random.Generator) -> Ints:
    """(B, N) agents in random order: the ablation of the order of credit."""
    return rng.permuted(np.tile(np.arange(agents), (batch, 1)), axis=-1)


def edges(selected: Bits, order: Ints, outs: int | None, ins: int | None) -> Bits:
    """(B, N, N) edges ``[receiver, sender]`` among the selected, from agents that come earlier in `order` to
    later ones, so without cycles. Each sends to the first that have room: at most `outs` messages, at most
    `ins` received, None for any number."""
    batch, agents = selected.shape
    chosen = np.take_along_axis(selected, order, axis=-1)
    room = np.where(chosen, agents if ins is None else ins, 0)
    most = agents if outs is None else outs
    found = np.zeros((batch, agents, agents), bool)  # by place in the order
    for sender in range(agents - 1):
        free = room[:, sender + 1 :] > 0
        sent = free & (free.cumsum(-1) <= most) & chosen[:, sender, None]
        found[:, sender + 1 :, sender] = sent
        room[:, sender + 1 :] -= sent
    place = np.argsort(order, axis=-1)
    by_agent: Bits = found[np.arange(batch)[:, None, None], place[:, :, None], place[:, None, :]]
    return by_agent

"""Edges drawn and added one by one, where none may close a cycle.

As in the released code of GPTSwarm, AgentPrune, AgentDropout and G-Designer [C]: edges come sender by sender
and, for each, receiver by receiver; an edge that would close a cycle of texts of the same round is passed
over, and a draw for it doesn't count into the log-probability. The loop is over edges; all questions of a
batch go through it together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.base.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from harness.methods.agents.topology import Bits

#: agents whose paths fit into one integer of 64 bits
MOST = 64


def acyclic(wanted: Bits, live: Bits | None = None) -> tuple[Bits, Bits]:
    """Adds the `wanted` edges (B, N, N) ``[receiver, sender]`` that close no cycle.

    Args:
        live: (N, N) or (B, N, N) edges that may come at all; None for all.

    Returns:
        The edges that were added, and those that could have been when their turn came (live and without a
        cycle), both (B, N, N). Self-edges are never added.

    Raises:
        UsageError: there are more agents than `MOST`.
    """
    import numpy as np

    batch, agents = wanted.shape[:2]
    if agents > MOST:
        raise UsageError(f"agents={agents}: graphs without cycles hold at most {MOST} agents; take fewer")
    live = np.broadcast_to(True if live is None else live, wanted.shape)
    added, possible = np.zeros_like(wanted), np.zeros_like(wanted)
    # as bits: those that hear each agent, directly or through others, and the agent itself
    listeners = np.tile(np.uint64(1) << np.arange(agents, dtype=np.uint64), (batch, 1))
    for sender, receiver in zip(*np.nonzero(live.any(0).T), strict=True):
        bit = np.uint64(1) << np.uint64(sender)
        free = live[:, receiver, sender] & ((listeners[:, receiver] & bit) == 0)
        take = wanted[:, receiver, sender] & free
        added[:, receiver, sender], possible[:, receiver, sender] = take, free
        before = take[:, None] & ((listeners & bit) != 0)
        listeners |= np.where(before, listeners[:, receiver, None], np.uint64(0))
    return added, possible


def drawn(
    logits: Any, live: Bits, batch: int, rng: np.random.Generator, *, cycles: bool, learning: bool
) -> tuple[Bits, Any]:
    """Draws each live edge with probability sigmoid(logit).

    Args:
        logits: (N, N) or (B, N, N), a torch tensor.
        live: (N, N) or (B, N, N).
        cycles: whether cycles are allowed (edges between rounds).
        learning: whether the log-probability is wanted.

    Returns:
        Edges (B, N, N), and the log-probability (B,) of all draws that counted, a tensor; None where not
        learning.
    """
    import numpy as np

    chance = np.broadcast_to(logits.detach().sigmoid().numpy(), (batch, *live.shape[-2:]))
    wanted = (rng.random(chance.shape) < chance) & live
    added, possible = (wanted, np.broadcast_to(live, wanted.shape)) if cycles else acyclic(wanted, live)
    return added, log_prob(logits, added, possible) if learning else None


def log_prob(logits: Any, added: Bits, possible: Bits) -> Any:
    """(B,) log-probability that of the `possible` edges just those `added` were drawn; a tensor."""
    import torch
    from torch.nn.functional import logsigmoid

    taken, open_ = torch.from_numpy(added.copy()), torch.from_numpy(possible.copy())
    each = torch.where(taken, logsigmoid(logits), logsigmoid(-logits))
    return torch.where(open_, each, torch.zeros(())).sum((-2, -1))

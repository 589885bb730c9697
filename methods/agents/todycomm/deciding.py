"""The decision from credits: a weighted vote, a drawn answer, or a plain majority.

Source: arXiv 2602.03688. The vote is that of its presumed code of January 2026, where the softmax of the
credits runs over all agents, not over the selected. There an empty selection gives option A; here all agents
vote then, and the decision says so. The categorical decision is that of November 2025.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.methods.agents.todycomm.credits import TEMPERATURE

if TYPE_CHECKING:
    from harness.methods.agents.topology import Bits, Floats, Ints, Said

DECISIONS = ("vote", "categorical", "majority")


def vote_weights(credits: Floats, votes: Bits) -> Floats:
    """(B, N) the softmax of the credits over all agents, zero for those that don't vote."""
    raw = np.exp(credits)
    return np.where(votes, raw / raw.sum(-1, keepdims=True), 0.0)


def categorical(credits: Any, votes: Bits, last: Said, rng: np.random.Generator | None) -> tuple[Ints, Any]:
    """Answers (B,) with logits sum_i c_i o_i / 0.5 over those that somebody voted for: drawn by `rng`, or the
    likeliest without one. -1 where nobody answered; the presumed code then takes the most credited agent, who
    has no answer either.

    Returns:
        The answers, and their log-probability (B,), a tensor with the gradient of `credits` (B, N).
    """
    import torch

    places = np.arange(max(int(last.answers.max(initial=-1)) + 1, 1))
    votes_for = (last.answers[..., None] == places) & votes[..., None]  # (B, N, answers)
    named = votes_for.any(1)
    none = ~named.any(-1)
    named[:, 0] |= none  # one answer with probability 1, taken back below
    logits = (credits[..., None] * torch.from_numpy(votes_for)).sum(1) / TEMPERATURE
    logs = logits.masked_fill(torch.from_numpy(~named), -torch.inf).log_softmax(-1)
    if rng is None:
        taken = logs.argmax(-1).numpy()
    else:
        reached = logs.detach().double().exp().numpy().cumsum(-1)
        # the point lies below the last sum, and the first sum above it belongs to an answer with a chance
        point = rng.random(len(reached)) * reached[:, -1]
        taken = (reached > point[:, None]).argmax(-1)
    logp = logs.gather(-1, torch.from_numpy(taken)[:, None])[:, 0]
    return np.where(none, -1, taken).astype(np.int64), logp

"""The clipped policy loss of GRPO and GSPO over the tokens that a policy wrote, as a function of its weights.

Equations: GRPO arXiv 2402.03300, equation 3, without its KL term; GSPO arXiv 2507.18071, equations 5 to 7;
asymmetric clipping and the mean over tokens arXiv 2503.14476. The sums are those of TRL 1.16, which the
tests compare to 1e-5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.engine.course import Rollout, Update


@dataclass(slots=True)
class Batch:
    """Rollouts as one forward pass reads them.

    Fields:
        ids: (B, L) tokens, padded on the right: under a causal mask no token sees what follows it, so that
            none needs a mask.
        at: (N,) positions in the flattened (B, L) whose outputs predict the policy's own tokens.
        target: (N,) those tokens.
        row: (N,) the rollout of each, from 0.
        advantage: (N,) of each.
        own: (B,) how many own tokens a rollout has, at least 1.
    """

    ids: Any
    at: Any
    target: Any
    row: Any
    advantage: Any
    own: Any

    @classmethod
    def of(cls, rollouts: Sequence[Rollout], device: Any) -> Batch:
        """A batch; sequences end with the last own token."""
        import torch

        prompts = np.array([len(rollout.prompt) for rollout in rollouts])
        masks = [own_tokens(rollout) for rollout in rollouts]
        ends = np.array([mask[-1] + 1 if len(mask) else 0 for mask in masks])
        width = int((prompts + ends).max())
        ids = np.zeros((len(rollouts), width), np.int64)
        for line, rollout, end in zip(ids, rollouts, ends, strict=True):
            line[: len(rollout.prompt)] = rollout.prompt
            line[len(rollout.prompt) : len(rollout.prompt) + end] = rollout.ids[:end]
        counts = [len(mask) for mask in masks]
        row = np.repeat(np.arange(len(rollouts)), counts)
        column = np.concatenate(masks) + prompts[row]
        advantage = np.concatenate([advantages(r, m) for r, m in zip(rollouts, masks, strict=True)])

        def tensor(values: Any) -> Any:
            return torch.from_numpy(values).to(device)

        return cls(
            tensor(ids),
            tensor(row * width + column - 1),
            tensor(ids[row, column]),
            tensor(row),
            tensor(advantage.astype(np.float32)),
            tensor(np.maximum(counts, 1).astype(np.float32)),
        )


def own_tokens(rollout: Rollout) -> Any:
    """(n,) places in `rollout.ids` of the policy's own tokens."""
    if rollout.own is None:
        return np.arange(len(rollout.ids))
    return np.flatnonzero(np.asarray(rollout.own, bool))


def advantages(rollout: Rollout, own: Any) -> Any:
    """(n,) the advantage of every own token."""
    if isinstance(rollout.advantage, int | float):
        return np.full(len(own), float(rollout.advantage))
    return np.asarray(rollout.advantage, np.float64)[own]


def logprobs(model: Any, batch: Batch, temperature: float) -> tuple[Any, Any]:
    """(N,) log-probabilities of the own tokens at a temperature, and (N,) the entropies there in nats, which
    have no gradient."""
    import torch

    logits = model(input_ids=batch.ids, use_cache=False).logits
    logits = logits.flatten(0, 1).index_select(0, batch.at).float()
    if temperature != 1.0:
        logits = logits / temperature
    table = logits.log_softmax(-1)
    found = table.gather(1, batch.target[:, None])[:, 0]
    with torch.no_grad():
        entropy = -(table.exp() * table).sum(1)
    return found, entropy


def token_losses(now: Any, before: Any, batch: Batch, update: Update) -> Any:
    """(N,) the clipped loss of every own token, given its log-probability now and when it was drawn."""
    import torch

    ratio = now - before
    if update.level == "sequence":
        sums = torch.zeros_like(batch.own).index_add(0, batch.row, ratio)
        ratio = (sums / batch.own).index_select(0, batch.row)
    ratio = ratio.exp()
    clipped = ratio.clamp(1 - update.low, 1 + update.high)
    return -torch.minimum(ratio * batch.advantage, clipped * batch.advantage)

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
            none needs a mask. With `prompts` those after the prompt alone.
        at: (N,) positions in the flattened (B, L) outputs that predict the policy's own tokens.
        target: (N,) those tokens.
        row: (N,) the rollout of each, from 0.
        advantage: (N,) of each.
        own: (B,) how many own tokens a rollout has, at least 1.
        prompts: where prompts are shared, (P, W) each of them once, padded on the left, the (P, W) mask of
            their tokens, and (B,) which is whose; else None.
    """

    ids: Any
    at: Any
    target: Any
    row: Any
    advantage: Any
    own: Any
    prompts: tuple[Any, Any, Any] | None = None

    @classmethod
    def of(cls, rollouts: Sequence[Rollout], device: Any, shared: bool = False) -> Batch:
        """A batch; sequences end with the last own token. `shared` reads every prompt once."""
        import torch

        def tensor(values: Any) -> Any:
            return torch.from_numpy(values).to(device)

        masks = [own_tokens(rollout) for rollout in rollouts]
        heads: list[list[int]] = [[] if shared else [*rollout.prompt] for rollout in rollouts]
        lines = [
            head + [*rollout.ids[: mask[-1] + 1]]
            for head, rollout, mask in zip(heads, rollouts, masks, strict=True)
        ]
        ids = _padded(lines)
        counts = [len(mask) for mask in masks]
        row = np.repeat(np.arange(len(rollouts)), counts)
        column = np.concatenate(masks) + np.array([len(head) for head in heads])[row]
        advantage = np.concatenate([advantages(r, m) for r, m in zip(rollouts, masks, strict=True)])
        prompts = None
        if shared:
            places = {prompt: n for n, prompt in enumerate(dict.fromkeys(tuple(r.prompt) for r in rollouts))}
            whose = np.array([places[tuple(rollout.prompt)] for rollout in rollouts])
            seen = _padded([[1] * len(prompt) for prompt in places], left=True)
            prompts = (tensor(_padded([*places], left=True)), tensor(seen), tensor(whose))
        return cls(
            tensor(ids),
            tensor(row * ids.shape[1] + column - (0 if shared else 1)),
            tensor(ids[row, column]),
            tensor(row),
            tensor(advantage.astype(np.float32)),
            tensor(np.array(counts, np.float32)),
            prompts,
        )


def _padded(rows: Sequence[Sequence[int]], left: bool = False) -> Any:
    """(B, L) rows with zeros behind them, or before."""
    width = max(map(len, rows))
    found = np.zeros((len(rows), width), np.int64)
    for line, row in zip(found, rows, strict=True):
        line[width - len(row) if left else 0 :][: len(row)] = row
    return found


def worth_sharing(rollouts: Sequence[Rollout]) -> bool:
    """Whether reading every prompt once saves at least a quarter of the tokens."""
    whole = sum(len(rollout.prompt) + len(rollout.ids) for rollout in rollouts)
    once = sum(map(len, {tuple(rollout.prompt) for rollout in rollouts}))
    return 4 * (sum(len(rollout.prompt) for rollout in rollouts) - once) > whole


def own_tokens(rollout: Rollout) -> Any:
    """(n,) places in `rollout.ids` of the policy's own tokens."""
    if rollout.own is None:
        return np.arange(len(rollout.ids))
    return np.flatnonzero(np.asarray(rollout.own, bool))


def advantages(rollout: Rollout, own: Any) -> Any:
    """(n,) the advantage of every own token."""
    if np.ndim(rollout.advantage) == 0:
        return np.full(len(own), rollout.advantage, np.float64)
    return np.asarray(rollout.advantage, np.float64)[own]


def logprobs(model: Any, batch: Batch, temperature: float) -> tuple[Any, Any]:
    """(N,) log-probabilities of the own tokens at a temperature, and (N,) the entropies there in nats, which
    have no gradient."""
    import torch

    logits = _outputs(model, batch)
    logits = logits.flatten(0, 1).index_select(0, batch.at).float()
    if temperature != 1.0:
        logits = logits / temperature
    table = logits.log_softmax(-1)
    found = table.gather(1, batch.target[:, None])[:, 0]
    with torch.no_grad():
        entropy = -(table.exp() * table).sum(1)
    return found, entropy


def _outputs(model: Any, batch: Batch) -> Any:
    """(B, L, V) outputs; with shared prompts, of the place before each of `batch.ids`."""
    import torch

    if batch.prompts is None:
        return model(input_ids=batch.ids, use_cache=False).logits
    ids, seen, whose = batch.prompts
    places = (seen.cumsum(1) - 1).clamp(min=0)
    first = model(input_ids=ids, attention_mask=seen, position_ids=places, use_cache=True, logits_to_keep=1)
    first.past_key_values.reorder_cache(whose)
    last = first.logits.index_select(0, whose)
    if batch.ids.shape[1] == 1:
        return last
    seen = seen.index_select(0, whose)
    said = batch.ids[:, :-1]
    later = model(
        input_ids=said,
        attention_mask=torch.cat([seen, torch.ones_like(said)], 1),
        position_ids=seen.sum(1, keepdim=True) + torch.arange(said.shape[1], device=said.device),
        past_key_values=first.past_key_values,
        use_cache=True,
    ).logits
    return torch.cat([last, later], 1)


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

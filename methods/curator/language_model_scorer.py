"""A language model with a scalar head as the curator: the paper's Qwen3-0.6B, or any causal model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.base.errors import UsageError, reason_of
from harness.engine.divergence import Growth
from harness.methods.curator.signals import Floats, Indices

FILE = "curator.pt"


class LanguageScorer:
    """Reads the prompt alone, and its score at the last token. The head starts at zero, so that the first
    choices are uniform. Learns by AdamW on gradients clipped to norm 1; candidates go through it in batches,
    so that memory doesn't grow with their number."""

    #: what Actor-Curator's loss is worth here: one pass through the problems drawn, as in the paper. Four
    #: through all candidates cost as much as the policy's own step where prompts are as long as answers
    passes = 1
    through = "drawn"

    def __init__(
        self,
        source: str,
        prompts: Sequence[str],
        *,
        rate: float = 1e-6,
        batch: int = 64,
        max_tokens: int = 1024,
    ) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self._prompts, self._batch, self._max = prompts, batch, max_tokens
        device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(source)
            network = AutoModelForSequenceClassification.from_pretrained(source, num_labels=1)
        except (OSError, ValueError, KeyError) as error:
            raise UsageError(f"can't load the curator {source!r}: {reason_of(error)}") from error
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        network.config.pad_token_id = self._tokenizer.pad_token_id
        torch.nn.init.zeros_(network.score.weight)
        self._network = network.to(device, torch.float32).eval()
        self._optimizer = torch.optim.AdamW(self._network.parameters(), lr=rate)
        self._growth = Growth(self._network.parameters(), "curator", "curator_rate")

    def _scores(self, rows: Indices) -> Any:
        given = self._tokenizer(
            [self._prompts[row] for row in rows],
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=self._max,
            padding_side="right",
        ).to(self._network.device)
        ids, mask = given["input_ids"], given["attention_mask"]
        return self._network(input_ids=ids, attention_mask=mask).logits[:, 0]

    def logits(self, rows: Indices) -> Floats:
        import torch

        found = []
        with torch.no_grad():
            for start in range(0, len(rows), self._batch):
                found.append(self._scores(rows[start : start + self._batch]).double().cpu().numpy())
        return np.concatenate(found) if found else np.empty(0)

    def descend(self, rows: Indices, gradient: Floats) -> None:
        import torch

        self._optimizer.zero_grad(set_to_none=True)
        for start in range(0, len(rows), self._batch):
            scores = self._scores(rows[start : start + self._batch])
            slopes = torch.tensor(gradient[start : start + self._batch]).to(scores)
            (scores * slopes).sum().backward()
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        self._optimizer.step()
        self._growth.check()

    def state(self) -> dict[str, Any]:
        """Nothing in JSON: the weights go to a file of their own."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        return None

    def save(self, folder: Path) -> None:
        """Writes weights and optimiser beside a checkpoint."""
        import torch

        torch.save(
            {"network": self._network.state_dict(), "optimizer": self._optimizer.state_dict()}, folder / FILE
        )

    def load(self, folder: Path) -> None:
        """Goes on from what `save` wrote."""
        import torch

        kept = torch.load(folder / FILE, map_location=self._network.device, weights_only=True)
        self._network.load_state_dict(kept["network"])
        self._optimizer.load_state_dict(kept["optimizer"])

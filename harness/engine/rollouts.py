"""Batched decoding and scoring with torch: what TRL's own generation costs too much time for on small models.

Every prompt is read once, however many responses are drawn to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Ids = list[int]


class Diverged(ArithmeticError):
    """The policy's outputs or gradients are no longer finite, or its weights have exploded; or those of a
    curator that learns beside it. `setting` is the method's argument that is too large."""

    def __init__(self, message: str, setting: str = "rate") -> None:
        super().__init__(message)
        self.setting = setting


class Response(NamedTuple):
    """Token ids, end-of-sequence included where there was one; the log-probability of each, where another
    engine than the policy itself drew them."""

    ids: Ids
    logprobs: list[float] | None = None


class Sampler(Protocol):
    """What draws responses from the policy as it now is."""

    def draw(
        self, prompts: Sequence[Ids], n: int, seed: int, *, greedy: bool = False
    ) -> list[list[Response]]:
        """n responses to each prompt."""
        ...


class Decoder:
    """Draws from a causal language model of transformers, and scores texts with it.

    `at_once` bounds the sequences decoded together; it changes the random draws, so it is fixed.
    """

    def __init__(
        self,
        model: Any,
        *,
        end: Sequence[int],
        pad: int,
        max_tokens: int,
        temperature: float,
        at_once: int = 512,
    ) -> None:
        self.model, self.end, self.pad = model, list(end), pad
        self.max_tokens, self.temperature, self.at_once = max_tokens, temperature, at_once

    def draw(
        self, prompts: Sequence[Ids], n: int, seed: int, *, greedy: bool = False
    ) -> list[list[Response]]:
        """n responses to each prompt.

        Raises:
            Diverged: a probability is not finite.
        """
        import torch

        generator = torch.Generator(self.model.device).manual_seed(seed)
        training = self.model.training
        self.model.eval()
        found: list[list[Response]] = []
        step = max(1, self.at_once // n)
        try:
            with torch.no_grad():
                for start in range(0, len(prompts), step):
                    found += self._decode(prompts[start : start + step], n, generator, greedy)
        finally:
            self.model.train(training)
        return found

    def _decode(self, prompts: Sequence[Ids], n: int, generator: Any, greedy: bool) -> list[list[Response]]:
        import torch

        ids, mask = self._padded(prompts)
        places = (mask.cumsum(1) - 1).clamp(min=0)
        seen = self.model(
            input_ids=ids, attention_mask=mask, position_ids=places, use_cache=True, logits_to_keep=1
        )
        cache = seen.past_key_values
        cache.batch_repeat_interleave(n)
        logits = seen.logits[:, -1].repeat_interleave(n, 0)
        mask = mask.repeat_interleave(n, 0)
        end = torch.tensor(self.end, device=ids.device)
        done = torch.zeros(len(mask), dtype=torch.bool, device=ids.device)
        columns = []
        for _ in range(self.max_tokens):
            if greedy:
                token = logits.argmax(-1)
            else:
                chance = (logits.float() / self.temperature).softmax(-1)
                if not bool(torch.isfinite(chance).all()):
                    raise Diverged("the policy's probabilities are not finite")
                token = torch.multinomial(chance, 1, generator=generator)[:, 0]
            token = torch.where(done, self.pad, token)
            columns.append(token)
            done |= torch.isin(token, end)
            if bool(done.all()) or len(columns) == self.max_tokens:
                break
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
            logits = self.model(
                input_ids=token[:, None],
                attention_mask=mask,
                position_ids=mask.sum(1, keepdim=True) - 1,
                past_key_values=cache,
                use_cache=True,
            ).logits[:, -1]
        rows = [Response(self._until_end(row)) for row in torch.stack(columns, 1).tolist()]
        return [rows[start : start + n] for start in range(0, len(rows), n)]

    def _until_end(self, row: Ids) -> Ids:
        stops = [row.index(token) for token in self.end if token in row]
        return row[: min(stops) + 1] if stops else row

    def _padded(self, rows: Sequence[Ids]) -> tuple[Any, Any]:
        """Token ids and mask, padded on the left."""
        import torch

        width = max(map(len, rows))
        ids = torch.full((len(rows), width), self.pad, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for number, row in enumerate(rows):
            ids[number, width - len(row) :] = torch.tensor(row)
            mask[number, width - len(row) :] = 1
        return ids.to(self.model.device), mask.to(self.model.device)

    def logprobs(self, prompts: Sequence[Ids], responses: Sequence[Sequence[Ids]]) -> Floats:
        """Summed log-probabilities (B, n) of n responses to each of B prompts, at the sampling temperature
        and in the model's own precision. Every prompt is read once. While the model doesn't move, the same
        responses give the same sums to the last bit.
        """
        import numpy as np
        import torch

        training = self.model.training
        self.model.eval()
        step = max(1, self.at_once // len(responses[0]))
        try:
            with torch.no_grad():
                sums = [
                    self._score(prompts[start : start + step], responses[start : start + step])
                    for start in range(0, len(prompts), step)
                ]
        finally:
            self.model.train(training)
        return np.concatenate(sums)

    def _score(self, prompts: Sequence[Ids], responses: Sequence[Sequence[Ids]]) -> Floats:
        import numpy as np
        import torch

        n = len(responses[0])
        ids, mask = self._padded(prompts)
        seen = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=(mask.cumsum(1) - 1).clamp(min=0),
            use_cache=True,
            logits_to_keep=1,
        )
        seen.past_key_values.batch_repeat_interleave(n)
        rows = [response for answers in responses for response in answers]
        width = max(map(len, rows))
        said = torch.full((len(rows), width), self.pad, dtype=torch.long)
        counts = torch.zeros(len(rows), width)
        for number, row in enumerate(rows):
            said[number, : len(row)] = torch.tensor(row)
            counts[number, : len(row)] = 1
        said, counts = said.to(ids.device), counts.to(ids.device)
        mask = mask.repeat_interleave(n, 0)
        whole = torch.cat([mask, torch.ones_like(said)], 1)
        places = mask.sum(1, keepdim=True) + torch.arange(width, device=ids.device)
        later = self.model(
            input_ids=said,
            attention_mask=whole,
            position_ids=places,
            past_key_values=seen.past_key_values,
            use_cache=True,
        ).logits[:, :-1]
        logits = torch.cat([seen.logits[:, -1:].repeat_interleave(n, 0), later], 1)
        table = (logits.float() / self.temperature).log_softmax(-1)
        found = table.gather(-1, said[..., None])[..., 0].double() * counts
        return np.asarray(found.sum(-1).cpu().numpy()).reshape(len(prompts), n)

"""A course of invented dialogues on a random small Llama, for tests of engines."""

from typing import Any

import numpy as np

from harness.engine.course import Rollout, Update

WORDS = 40


def model(seed: int = 0) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=WORDS,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=128,
        initializer_range=0.2,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    return LlamaForCausalLM(config)


def tokenizer() -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    names = ["<pad>", "<bos>", "<eos>", "<unk>", *(f"w{n}" for n in range(WORDS - 4))]
    made = Tokenizer(WordLevel({name: n for n, name in enumerate(names)}, unk_token="<unk>"))
    made.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>", unk_token="<unk>"
    )


class Dialogues:
    """Rollouts that depend on seed and step alone: own and others' tokens, an advantage for every token."""

    def __init__(
        self, update: Update, *, seed: int = 3, missing: int = 0, flat: bool = False, group: int = 1
    ) -> None:
        self.model, self.tokenizer = model(), tokenizer()
        self.update, self.seed, self.missing, self.flat = update, seed, missing, flat
        self.curve: list[dict[str, Any]] = []
        self.ends_at, self.group = update.steps, group

    @property
    def step(self) -> int:
        return len(self.curve)

    @property
    def peak(self) -> int | None:
        return min(self.step, 2) or None

    def choose(self) -> list[Rollout]:
        rng = np.random.default_rng([self.seed, self.step])
        return [self._rollout(rng, n) for n in range(self.update.rollouts - self.missing)]

    def _rollout(self, rng: Any, number: int) -> Rollout:
        shared = np.random.default_rng([self.seed, self.step, number // self.group])
        least = 1 if self.group == 1 else 20  # where prompts are shared they are long
        prompt = [1, *shared.integers(4, WORDS, least + shared.integers(0, 4)).tolist()]
        ids = rng.integers(4, WORDS, rng.integers(5, 40)).tolist()
        own = (rng.random(len(ids)) < 0.6).tolist()
        own[0] = True
        if self.flat or number % 4 == 1:  # as many have one advantage for all tokens, and some none at all
            return Rollout(prompt, ids, float(rng.normal()), None if self.flat else own)
        if number % 4 == 2:
            return Rollout(prompt, ids, 0.0, own)
        return Rollout(prompt, ids, rng.normal(size=len(ids)).tolist(), own)

    def finish_step(self) -> bool:
        self.curve.append({"step": self.step + 1})
        return self.step < self.ends_at

    def state(self) -> dict[str, Any]:
        return {"curve": self.curve}

    def restore(self, state: dict[str, Any]) -> None:
        self.curve = state["curve"]

    def save(self, folder: Any) -> None: ...

    def load(self, folder: Any) -> None: ...

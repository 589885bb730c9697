"""vLLM as what draws rollouts, in TRL's own way: one engine in the trainer's process, beside the policy.

TRL starts the engine and gives it the policy's weights; here it is asked. Log-probabilities that utilities
are made of never come from it: they are differences of 1e-4 between two forward passes, less than what two
kernels differ by, so `rollouts.Decoder` computes both. What the engine thought of its own tokens goes to TRL
alone, which weighs the loss by how far the two disagree.

The path has run on CPUs (vLLM 0.32 repackaged, TRL 1.16, a small random model), and not yet on a GPU.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from harness.base.errors import UsageError
from harness.engine.rollouts import Decoder, Diverged, Ids, Response

#: the choices of -M generation
AUTO, TORCH, VLLM = "auto", "torch", "vllm"


def chosen(generation: str, engine: str = AUTO) -> str:
    """What draws on this machine: `auto` is vLLM where it is installed and there is a CUDA device, unless the
    engine that is named is the plain one, which has none.

    Raises:
        UsageError: vLLM is asked for and not installed.
    """
    installed = find_spec("vllm") is not None
    if generation == VLLM and not installed:
        raise UsageError(
            "-M generation=vllm needs vLLM, which is not installed; it needs a torch and a "
            "transformers of its own choice, so give it an environment of its own, or take "
            "-M generation=torch"
        )
    if generation != AUTO:
        return generation
    if not installed or engine == "plain":
        return TORCH
    import torch

    return VLLM if torch.cuda.is_available() else TORCH


class VllmSampler:
    """Draws from the vLLM engine of a TRL trainer, with the weights that the policy has at that moment."""

    def __init__(self, trainer: Any, decoder: Decoder) -> None:
        self._trainer, self._end = trainer, list(decoder.end)
        self._max_tokens, self._temperature = decoder.max_tokens, decoder.temperature
        self._loaded = -1

    def loaded(self) -> None:
        """Says that TRL has just given the engine the present weights, as it does before its rollout hook."""
        self._loaded = self._trainer.state.global_step

    def draw(
        self, prompts: Sequence[Ids], n: int, seed: int, *, greedy: bool = False
    ) -> list[list[Response]]:
        """n responses to each prompt, with the log-probability of each of their tokens at the sampling
        temperature. Every prompt has a seed of its own; engines repeat a draw only as far as their
        kernels do.

        Raises:
            Diverged: a probability is not finite.
        """
        import numpy as np
        from vllm import SamplingParams

        if self._loaded != self._trainer.state.global_step:
            self._trainer.vllm_generation.sync_weights()
            self.loaded()
        seeds = np.random.SeedSequence(seed).generate_state(len(prompts)).tolist()
        how = [
            SamplingParams(
                n=n,
                temperature=0.0 if greedy else self._temperature,
                seed=own,
                logprobs=0,
                max_tokens=self._max_tokens,
                stop_token_ids=self._end,
                detokenize=False,
            )
            for own in seeds
        ]
        asked = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        answers = self._trainer.vllm_generation.llm.generate(asked, sampling_params=how, use_tqdm=False)
        return [[_response(said) for said in answer.outputs] for answer in answers]

    def close(self) -> None:
        """Ends the engine and gives its memory back: other trainings and the evaluation want it."""
        from vllm.distributed import cleanup_dist_env_and_memory

        generation = self._trainer.vllm_generation
        generation.llm.llm_engine.engine_core.shutdown()
        del generation.llm
        gc.collect()
        cleanup_dist_env_and_memory()


def _response(said: Any) -> Response:
    ids = list(said.token_ids)
    logprobs = [float(at[token].logprob) for token, at in zip(ids, said.logprobs, strict=True)]
    if not all(map(math.isfinite, logprobs)):
        raise Diverged("the policy's probabilities are not finite")
    return Response(ids, logprobs)

"""A small random policy that speaks the words of pocket/office, and the office as a gym."""

import functools

import pytest

pytest.importorskip("torch", reason="the extra `train` is not installed")

from harness.data.hub import Data
from harness.methods.cm2.course import Gym
from harness.model.factory import POCKET
from harness.registry import load_task, registry


@functools.cache
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(POCKET / "office")


def policy(seed=0, width=32):
    """Random weights that end their actions soon."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer()),
        hidden_size=width,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        initializer_range=0.3,
        tie_word_embeddings=False,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    return LlamaForCausalLM(config)


@functools.cache
def office(turns=3):
    spec = registry().task("toolworld/chain")
    args = {"turns": turns, "style": "compact", "train": 12, "items": 4}
    return load_task(spec, spec.arguments(args))


@functools.cache
def worlds(turns=3):
    return list(office(turns).load(Data()).train)


def nobody(name):
    raise LookupError(name)


def gym(turns=3):
    task = office(turns)
    return Gym(
        worlds(turns),
        lambda sample: task.world(sample, nobody),
        lambda outcome: task.trajectory(outcome.trace["messages"], outcome.stop_reason),
        lambda sample, outcome: task.score(sample, outcome).metrics["accuracy"],
    )

"""Batched decoding of single prompts with a key-value cache, in numpy.

A completion depends on its prompt, settings and seed alone, never on its neighbours in the batch:
every sequence is multiplied on its own, in shapes that follow from its own length, so that it is
rounded the same way whatever else is decoded with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.model.pocket.network import Array, Network
from harness.model.pocket.tokens import Tokenizer, read_tokenizer

#: sequences decoded at once; a bound on memory, without effect on the completions
BATCH = 64
#: caches have lengths that are multiples of this
BUCKET = 64


class Message(Protocol):
    """What a policy reads of a message."""

    role: Any

    @property
    def text(self) -> str: ...


@dataclass
class Generation:
    """A completion: its text, tokens and the log-probability of each (natural, temperature 1).

    `finish_reason` is `stop` at an end-of-sequence token (which is the last token then, and no part
    of the text), `length` after `max_new_tokens`, `context` where the context is full.
    `truncated` says that the beginning of the prompt was cut off to make room.
    """

    text: str
    prompt_tokens: int
    token_ids: list[int] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish_reason: str = "length"
    truncated: bool = False


class PocketModel:
    """An embedded policy that reads one prompt."""

    #: whether it reads whole dialogues
    dialogue = False

    def __init__(self, network: Network, tokenizer: Tokenizer) -> None:
        self.network, self.tokenizer = network, tokenizer

    @classmethod
    def load(cls, folder: Path | str) -> PocketModel:
        """A checkpoint as transformers writes it: config.json, model.safetensors, tokenizer.json.

        Raises:
            OSError: a file is missing.
            ValueError: the architecture is not a plain Llama.
        """
        return cls(Network(Path(folder)), read_tokenizer(Path(folder) / "tokenizer.json"))

    def prompt(self, messages: Sequence[Message]) -> str:
        """What the policy reads of a dialogue: the last message of the user."""
        return next((m.text for m in reversed(messages) if m.role == "user"), "")

    def generate(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int = 96,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seeds: Sequence[int] = (),
    ) -> list[Generation]:
        """A completion for every prompt, in their order.

        A prompt that fits the context is kept whole, and the completion ends where the context does;
        of a longer one the end is kept, with room for the completion (at most half the context).

        Args:
            prompts: texts, any characters.
            max_new_tokens: at least 1.
            temperature: 0 takes the likeliest token.
            top_p: nucleus mass in (0, 1].
            seeds: one a prompt, at least 0; needed only with a temperature.

        Raises:
            ValueError: a setting is out of range, or the seeds are not one a prompt.
        """
        check_settings(len(prompts), max_new_tokens, temperature, top_p, seeds)
        context = self.network.context
        rows = []
        buckets: dict[int, list[_Row]] = defaultdict(list)
        for prompt, seed in zip(prompts, seeds or [0] * len(prompts), strict=True):
            ids = self.tokenizer.encode(prompt)
            whole = len(ids)
            if whole >= context:
                ids = [ids[0], *ids[1 + min(max_new_tokens, context // 2) - context :]]
            made = Generation("", len(ids), truncated=len(ids) < whole)
            rows.append(_Row(made, ids, np.random.default_rng(seed)))
            buckets[min(context, _up(len(ids) + max_new_tokens, BUCKET))].append(rows[-1])
        for length, members in buckets.items():
            members.sort(key=lambda row: row.prompt)  # equal prompts side by side: each is read once
            for start in range(0, len(members), BATCH):
                self._decode(members[start : start + BATCH], length, max_new_tokens, temperature, top_p)
        for row in rows:
            row.made.text = self.tokenizer.decode(row.made.token_ids)
        return [row.made for row in rows]

    def logprobs(self, prompt: str, completion: str, *, end: bool = False) -> list[float]:
        """The log-probability (natural, temperature 1) of every token of a completion, and with `end`
        that of stopping after it.

        Raises:
            ValueError: prompt and completion don't fit the context.
        """
        before = self.tokenizer.encode(prompt)
        after = self.tokenizer.encode(completion)[1:] + ([self.tokenizer.eos] if end else [])
        ids = np.array(before + after, np.int64)
        if len(ids) > self.network.context:
            raise ValueError(f"{len(ids)} tokens in a context of {self.network.context}")
        hidden, _, _ = self.network.prefill(ids)
        table = log_softmax(self.network.logits(hidden[len(before) - 1 : -1]))
        return [float(row[token]) for row, token in zip(table, after, strict=True)]

    def _decode(self, rows: list[_Row], length: int, new: int, temperature: float, top_p: float) -> None:
        """Completes rows whose prompt and completion fit a cache of `length`, or that may fill it."""
        network, tokenizer = self.network, self.tokenizer
        keys, values = network.cache(len(rows), length)
        hidden = np.empty((len(rows), network.width), np.float32)
        for number, row in enumerate(rows):
            if number and row.prompt == rows[number - 1].prompt:
                for table in (hidden, *keys, *values):
                    table[number] = table[number - 1]
                continue
            states, key, value = network.prefill(np.array(row.prompt, np.int64))
            hidden[number] = states[-1]
            keys[:, number, :, : len(states)], values[:, number, :, : len(states)] = key, value
        logits = network.logits(hidden)
        positions = np.array([len(row.prompt) for row in rows], np.int64)
        following = np.full(len(rows), tokenizer.pad, np.int64)
        for step in range(new):
            logprobs = log_softmax(logits)
            for number, row in enumerate(rows):
                if row.going:
                    token = pick(logprobs[number], temperature, top_p, row.rng)
                    following[number] = token
                    row.made.token_ids.append(token)
                    row.made.tokens.append(tokenizer.texts[token])
                    row.made.logprobs.append(float(logprobs[number, token]))
                    if token == tokenizer.eos:
                        row.made.finish_reason = "stop"
                    elif positions[number] + 1 >= network.context:
                        row.made.finish_reason = "context"
            going = [number for number, row in enumerate(rows) if row.going]
            if not going or step == new - 1:
                break
            if 2 * len(going) <= len(rows):
                rows = [rows[number] for number in going]
                keys, values = keys[:, going], values[:, going]
                positions, following = positions[going], following[going]
            logits = network.step(following, np.minimum(positions, length - 1), (keys, values))
            positions = positions + 1


@dataclass
class _Row:
    """One completion in the making."""

    made: Generation
    prompt: list[int]
    rng: np.random.Generator

    @property
    def going(self) -> bool:
        return self.made.finish_reason == "length"


def check_settings(
    prompts: int, max_new_tokens: int, temperature: float, top_p: float, seeds: Sequence[int]
) -> None:
    """Raises ValueError where a setting is out of range, or the seeds are not one a prompt."""
    if not (temperature >= 0 and 0 < top_p <= 1 and max_new_tokens >= 1):
        raise ValueError("temperature >= 0, 0 < top_p <= 1 and max_new_tokens >= 1 are wanted")
    if len(seeds) != prompts and (temperature > 0 or seeds):
        raise ValueError(f"{len(seeds)} seeds for {prompts} prompts")


def _up(number: int, step: int) -> int:
    return -(-number // step) * step


def log_softmax(logits: Array) -> NDArray[np.float64]:
    """Natural log-probabilities over the last axis."""
    wide = logits.astype(np.float64)
    wide -= wide.max(-1, keepdims=True)
    return np.asarray(wide - np.log(np.exp(wide).sum(-1, keepdims=True)))


def pick(logprobs: NDArray[np.float64], temperature: float, top_p: float, rng: np.random.Generator) -> int:
    """A token: the likeliest at temperature 0, else drawn from the nucleus of mass `top_p`."""
    if temperature == 0:
        return int(logprobs.argmax())
    weights = np.exp((logprobs - logprobs.max()) / temperature)
    weights /= weights.sum()
    order = np.argsort(-weights, kind="stable")
    mass = np.cumsum(weights[order])
    kept = int(np.searchsorted(mass, top_p)) + 1
    place = int(np.searchsorted(mass[:kept], rng.random() * mass[min(kept, len(mass)) - 1]))
    return int(order[min(place, len(order) - 1)])

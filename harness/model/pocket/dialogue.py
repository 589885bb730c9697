"""Policies that read a whole dialogue, decoded in numpy with keys and values kept from turn to turn.

Every token goes through the network on its own, at its own position, and looks at as many places of the
cache as follow from that position. A completion therefore depends on dialogue, settings and seed alone, bit
by bit: neither on its neighbours in the batch nor on how much of the dialogue an earlier call had read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from harness.model.pocket.decoder import BATCH, BUCKET, Generation, Message, check_settings, log_softmax, pick
from harness.model.pocket.network import Array, Network
from harness.model.pocket.tokens import Tokenizer

#: the chat template of these policies: the words of every message, `<eos>` after each of the assistant's
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %} {{ message['content'] or '' }}"
    "{% if message['role'] == 'assistant' %} {{ eos_token }}{% endif %}{% endfor %}"
)
#: bytes of keys and values that are kept between calls
KEPT = 64_000_000


class DialogueModel:
    """An embedded policy whose checkpoint has the chat template `TEMPLATE`."""

    #: whether it reads whole dialogues
    dialogue = True

    def __init__(self, network: Network, tokenizer: Tokenizer, kept: int = KEPT) -> None:
        self.network, self.tokenizer = network, tokenizer
        self._kept = _Kept(kept)
        self._tokens = lru_cache(4096)(lambda text: tuple(tokenizer.tokens(text)))

    def prompt(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """The tokens of a dialogue, as its chat template renders them."""
        ids = [self.tokenizer.bos]
        for message in messages:
            ids += self._tokens(message.text)
            if message.role == "assistant":
                ids.append(self.tokenizer.eos)
        return tuple(ids)

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        max_new_tokens: int = 96,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seeds: Sequence[int] = (),
    ) -> list[Generation]:
        """A completion for every dialogue, in their order.

        A completion ends where the context does, with `finish_reason` `context`; a dialogue that fills the
        context gets none, and is never cut.

        Args:
            prompts: tokens of dialogues, at least one each.
            max_new_tokens: at least 1.
            temperature: 0 takes the likeliest token.
            top_p: nucleus mass in (0, 1].
            seeds: one a dialogue, at least 0; needed only with a temperature.

        Raises:
            ValueError: a setting is out of range, or the seeds are not one a dialogue.
        """
        check_settings(len(prompts), max_new_tokens, temperature, top_p, seeds)
        context, rows, made = self.network.context, [], []
        for prompt, seed in zip(prompts, seeds or [0] * len(prompts), strict=True):
            made.append(Generation("", len(prompt)))
            if len(prompt) >= context:
                made[-1].finish_reason = "context"
                continue
            kept = self._kept.longest(tuple(prompt), self.tokenizer.eos)
            end = min(context, len(prompt) + max_new_tokens)
            rows.append(_Row(made[-1], list(prompt), end, kept, np.random.default_rng(seed)))
        rows.sort(key=lambda row: row.read)
        for start in range(0, len(rows), BATCH):
            self._decode(rows[start : start + BATCH], temperature, top_p)
        for one in made:
            one.text = self.tokenizer.decode(one.token_ids)
        return made

    def _decode(self, rows: list[_Row], temperature: float, top_p: float) -> None:
        """Completes rows in lock step, one token of each at once, be it given or drawn; `rows` stand in the
        order of how far they were read before."""
        network = self.network
        keys, values = network.cache(len(rows), self._places(max(row.end for row in rows)))
        for number, row in enumerate(rows):
            if row.kept is not None:
                keys[:, number, :, : row.read], values[:, number, :, : row.read] = row.kept
                row.kept = None
        while rows:
            positions = np.array([row.read for row in rows], np.int64)
            following = np.array([row.tokens[row.read] for row in rows], np.int64)
            reach = np.array([self._places(row.read + 1) for row in rows], np.int64)
            hidden = network.advance(following, positions, (keys, values), reach)
            for row in rows:
                row.read += row.going
            drawing = [number for number, row in enumerate(rows) if row.going and row.read == len(row.tokens)]
            if not drawing:
                continue
            for number, logprobs in zip(drawing, log_softmax(network.logits(hidden[drawing])), strict=True):
                row = rows[number]
                self._add(row, logprobs, temperature, top_p)
                if row.made.finish_reason == "stop":
                    part = np.s_[:, number, :, : row.read]
                    self._kept.keep(tuple(row.tokens[:-1]), (keys[part].copy(), values[part].copy()))
            going = [number for number, row in enumerate(rows) if row.going]
            if 3 * len(going) <= 2 * len(rows):
                rows = [rows[number] for number in going]
                keys, values = keys[:, going], values[:, going]

    def _add(self, row: _Row, logprobs: NDArray[np.float64], temperature: float, top_p: float) -> None:
        """One more token of a completion, and whether it was the last."""
        token, made = pick(logprobs, temperature, top_p, row.rng), row.made
        row.tokens.append(token)
        made.token_ids.append(token)
        made.tokens.append(self.tokenizer.texts[token])
        made.logprobs.append(float(logprobs[token]))
        row.going = token != self.tokenizer.eos and len(row.tokens) < row.end
        if token == self.tokenizer.eos:
            made.finish_reason = "stop"
        elif len(row.tokens) >= self.network.context:
            made.finish_reason = "context"

    def _places(self, tokens: int) -> int:
        """Places of a cache for so many tokens."""
        return min(self.network.context, -(-tokens // BUCKET) * BUCKET)


class _Row:
    """One completion in the making: `read` of its `tokens` went through the network."""

    def __init__(
        self,
        made: Generation,
        tokens: list[int],
        end: int,
        kept: tuple[Array, Array] | None,
        rng: np.random.Generator,
    ) -> None:
        self.made, self.tokens, self.end, self.kept, self.rng = made, tokens, end, kept, rng
        self.read = 0 if kept is None else kept[0].shape[2]
        self.going = True


class _Kept:
    """Keys and values (layers, H, n, D) of what was read of dialogues up to an end of an action, by its
    tokens; the longest unused are forgotten first."""

    def __init__(self, most: int) -> None:
        self._most, self._bytes = most, 0
        self._tables: OrderedDict[tuple[int, ...], tuple[Array, Array]] = OrderedDict()

    def longest(self, tokens: tuple[int, ...], eos: int) -> tuple[Array, Array] | None:
        """Those of the longest beginning of a dialogue that ends before an `eos` of it."""
        for end in range(len(tokens) - 1, 0, -1):
            if tokens[end] == eos and (key := tokens[:end]) in self._tables:
                self._tables.move_to_end(key)
                return self._tables[key]
        return None

    def keep(self, tokens: tuple[int, ...], tables: tuple[Array, Array]) -> None:
        if tokens not in self._tables:
            self._tables[tokens] = tables
            self._bytes += sum(table.nbytes for table in tables)
        while self._bytes > self._most:
            _, forgotten = self._tables.popitem(last=False)
            self._bytes -= sum(table.nbytes for table in forgotten)

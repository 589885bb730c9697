"""An episode as the tokens that a policy read and wrote, never rendered again.

What the policy wrote stays token by token as it was drawn, thoughts of earlier turns included, as the paper
keeps them; a chat template that drops earlier thoughts sees only the messages that are new.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.methods.cm2.codec import Codec, Ids

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage
    from inspect_ai.tool import ToolInfo


class Tokens:
    """Grows by `read` (the world's messages) and `write` (the policy's action) in turns.

    Attributes:
        prompt: tokens before the policy's first.
        ids: tokens behind them, own and the world's; own: which are the policy's.
        logprobs: of `ids`, 0 for the world's; None where the server gave none.
    """

    def __init__(self, codec: Codec, prompt_length: int, response_length: int) -> None:
        self._codec, self._most_prompt, self._most = codec, prompt_length, response_length
        self.prompt: Ids = []
        self.ids: Ids = []
        self.own: list[bool] = []
        self.logprobs: list[float] | None = []

    @property
    def all(self) -> Ids:
        return self.prompt + self.ids

    @property
    def fits(self) -> bool:
        """Whether the opening is within the limit of prompts."""
        return len(self.prompt) <= self._most_prompt

    @property
    def full(self) -> bool:
        """Whether the policy has no room to write."""
        return not self.fits or len(self.ids) >= self._most

    def read(self, seen: Sequence[ChatMessage], tools: Sequence[ToolInfo]) -> None:
        """The messages behind the policy's last, or all at the opening. What goes past the limit is cut."""
        if not self.prompt:
            self.prompt = self._codec.opening(seen, tools)
            return
        last = max(place for place, each in enumerate(seen) if each.role == "assistant")
        ended = self.ids[-1:] == [self._codec.end]  # by the policy itself
        self._add(self._codec.heard(seen[last + 1 :], ended), False, None)

    def write(self, ids: Sequence[int], logprobs: Sequence[float] | None) -> str | None:
        """An action that was drawn: its text, or None where it runs past the limit."""
        cut = len(self.ids) + len(ids) > self._most
        self._add(ids, True, logprobs)
        return None if cut else str(self._codec.tokenizer.decode(list(ids), skip_special_tokens=True))

    def _add(self, ids: Sequence[int], own: bool, logprobs: Sequence[float] | None) -> None:
        kept = list(ids)[: self._most - len(self.ids)]
        self.ids += kept
        self.own += [own] * len(kept)
        if own and logprobs is None:
            self.logprobs = None
        if self.logprobs is not None:
            self.logprobs += list(logprobs)[: len(kept)] if logprobs is not None else [0.0] * len(kept)

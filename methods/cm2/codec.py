"""Between the messages of an episode and the token ids that a policy reads and writes.

A policy's own ids are kept as it drew them; what the world says is rendered by the tokenizer's chat template,
as the difference that it makes after an assistant's message. So earlier tokens never change, whatever a
template does to earlier turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.base.errors import UsageError
from harness.base.messages import described
from harness.methods.cm2.actions import action_of, text_of

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant
    from inspect_ai.tool import ToolInfo

Ids = list[int]
#: stands for an assistant's words in a rendering of which only what follows is wanted
BEFORE = "words-before"


class Codec:
    """For a tokenizer with a chat template. One of words (a word a token, no role marks) is read and
    written without the template, which is far quicker; whether that is the same is checked as it goes.

    Raises:
        UsageError: the template shows no assistant's words.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.end: int = tokenizer.eos_token_id
        backend = getattr(tokenizer, "backend_tokenizer", None)
        words = backend is not None and type(backend.model).__name__ == "WordLevel"
        self._vocabulary: dict[str, int] | None = tokenizer.get_vocab() if words else None
        self._words = {number: word for word, number in (self._vocabulary or {}).items()}
        self._special = set(tokenizer.all_special_ids)
        self._checks = 8  # of the quick way against the template
        if BEFORE not in self._after([]):
            raise UsageError(
                "the policy's chat template shows no dialogue; take pocket/office, or a chat model of the Hub"
            )

    def opening(self, messages: Sequence[ChatMessage], tools: Sequence[ToolInfo]) -> Ids:
        """What the policy reads before its first action."""
        offered = [{"type": "function", "function": described(tool)} for tool in tools] or None
        text = self.tokenizer.apply_chat_template(
            [_turn(message) for message in messages],
            tools=offered,
            add_generation_prompt=True,
            tokenize=False,
        )
        return self._ids(text)

    def heard(self, messages: Sequence[ChatMessage], ended: bool = True) -> Ids:
        """What the policy reads between two actions; with the end of its last action, where it didn't write
        that itself (`ended`)."""
        if self._vocabulary is None:
            return self._rendered(messages, ended)
        vocabulary, unknown = self._vocabulary, self.tokenizer.unk_token_id
        ids = [] if ended else [self.end]
        for message in messages:
            ids += [vocabulary.get(word, unknown) for word in message.text.split()]
        if self._checks:
            self._checks -= 1
            slow = self._rendered(messages, ended)
            if slow != ids:
                self._vocabulary = None
                return slow
        return ids

    def _rendered(self, messages: Sequence[ChatMessage], ended: bool) -> Ids:
        text = self._after(messages)
        rest = text[text.index(BEFORE) + len(BEFORE) :]
        mark = self.tokenizer.eos_token
        if rest.lstrip().startswith(mark):
            rest = rest.lstrip()[len(mark) if ended else 0 :]
        return self._ids(rest)

    def _after(self, messages: Sequence[ChatMessage]) -> str:
        """A rendering in which messages follow an assistant's words."""
        turns = [{"role": "user", "content": "."}, {"role": "assistant", "content": BEFORE}]
        return str(
            self.tokenizer.apply_chat_template(
                [*turns, *map(_turn, messages)], add_generation_prompt=True, tokenize=False
            )
        )

    def _ids(self, text: str) -> Ids:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def write(self, message: ChatMessage) -> Ids:
        """What the policy would have written for an assistant's message, its end included."""
        return [*self._ids(text_of(message)), self.end]

    def read(self, ids: Ids, number: int, tools: bool) -> ChatMessageAssistant:
        """The action that drawn ids are, the `number`-th of its episode; calls are looked for where `tools`
        are offered."""
        from inspect_ai.model import ChatMessageAssistant

        if self._words:
            text = " ".join(self._words[n] for n in ids if n not in self._special)
        else:
            text = self.tokenizer.decode(ids, skip_special_tokens=False)
            for mark in (self.tokenizer.eos_token, self.tokenizer.pad_token):
                text = text.removesuffix(mark) if mark else text
        if tools:
            return action_of(text, number)
        return ChatMessageAssistant(id=f"action-{number}", content=text)


def _turn(message: ChatMessage) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": message.text}
    calls = getattr(message, "tool_calls", None)
    if calls:
        turn["tool_calls"] = [
            {"type": "function", "function": {"name": call.function, "arguments": call.arguments}}
            for call in calls
        ]
    return turn

"""How many bytes a call and its answer hold: no tokenizer makes more tokens of them than that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.model.provider import Call

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput
    from inspect_ai.tool import ToolCall

#: tokens that chat templates put around the whole, around a message, and around tools
AROUND, AROUND_MESSAGE, AROUND_TOOLS = 8, 8, 512
#: tokens of a picture, a sound or a file
ATTACHED = 10_000


def bytes_of(call: Call) -> int:
    """Those of a prompt, with what a chat template adds."""
    total = AROUND + sum(AROUND_MESSAGE + _of_message(message) for message in call.messages)
    if call.tools:
        total += AROUND_TOOLS + sum(len(tool.model_dump_json(exclude_none=True)) for tool in call.tools)
    return total


def completion_bytes(output: ModelOutput) -> int:
    """Those of all that a model wrote, its thoughts and calls of tools among them."""
    return sum(_of_message(choice.message) for choice in output.choices)


def texts_of(message: ChatMessage) -> list[str]:
    """The texts of a message, its thoughts and calls of tools among them."""
    content = message.content
    if isinstance(content, str):
        found = [content]
    else:
        found = [part.text for part in content if part.type == "text"]
        found += [part.reasoning for part in content if part.type == "reasoning"]
    calls: Sequence[ToolCall] = getattr(message, "tool_calls", None) or ()
    return [*found, *(f"{call.function}{call.arguments}" for call in calls)]


def _of_message(message: ChatMessage) -> int:
    content = message.content
    if isinstance(content, str) and not getattr(message, "tool_calls", None):
        return _length(content)
    others = (
        0 if isinstance(content, str) else sum(part.type not in ("text", "reasoning") for part in content)
    )
    return ATTACHED * others + sum(map(_length, texts_of(message)))


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))

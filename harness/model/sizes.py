"""How long a call and its answer are in bytes: no tokenizer makes more tokens of them than that."""

from __future__ import annotations

import json
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.model.provider import Call
from harness.model.verbatim import official_of

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput
    from inspect_ai.tool import ToolCall, ToolInfo

#: tokens that chat templates put around the whole, around a message, and around tools
AROUND, AROUND_MESSAGE, AROUND_TOOLS = 8, 8, 512
#: tokens of a picture, a sound or a file
ATTACHED = 10_000


#: letters and spaces: several make a token, while any other byte may be one
_PLAIN = (string.ascii_letters + " \n").encode()
_OF_PLAIN = 0.3


@dataclass(frozen=True)
class Size:
    """Bytes of a prompt, and a weight in which tokens grow about evenly, whatever its script."""

    bytes: int
    weight: float


def prompt_size(call: Call) -> Size:
    """That of a prompt, with what a chat template adds."""
    around = AROUND + AROUND_MESSAGE * len(call.messages) + AROUND_TOOLS * bool(call.tools)
    around += ATTACHED * sum(map(_attachments, call.messages))
    texts = [text for message in call.messages for text in texts_of(message)]
    texts += [_described(tool) for tool in call.tools]
    raw = [_bytes(text) for text in texts]
    total, others = sum(map(len, raw)), sum(len(each.translate(None, _PLAIN)) for each in raw)
    return Size(around + total, around + others + _OF_PLAIN * (total - others))


def _described(tool: ToolInfo) -> str:
    official = official_of(tool)
    return tool.model_dump_json(exclude_none=True) if official is None else json.dumps(official)


def completion_bytes(output: ModelOutput) -> int:
    """Those of all that a model wrote, its thoughts and calls of tools among them."""
    texts: Iterable[str] = (text for choice in output.choices for text in texts_of(choice.message))
    return sum(len(_bytes(text)) for text in texts)


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


def _attachments(message: ChatMessage) -> int:
    content = message.content
    return 0 if isinstance(content, str) else sum(part.type not in ("text", "reasoning") for part in content)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

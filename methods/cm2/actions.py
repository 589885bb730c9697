"""A completion in the form of the Qwen and Hermes families as an action, and the other way round: thoughts in
`<think>` marks, then words, then calls as JSON in `<tool_call>` marks."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from harness.checklist.trajectory import thoughts

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant
    from inspect_ai.tool import ToolCall

_CALL = re.compile(r"<tool_call>\s*(.*?)\s*(?:</tool_call>|\Z)", re.DOTALL)


def action_of(text: str, number: int) -> ChatMessageAssistant:
    """The action, the `number`-th of its episode. A call within the thoughts is none, and one that can't be
    read is a call with a `parse_error`."""
    from inspect_ai.model import ChatMessageAssistant, ContentReasoning, ContentText

    thinking, reply, _ = thoughts(text)
    calls = [_call(found[1], f"call_{number}_{n}") for n, found in enumerate(_CALL.finditer(reply))]
    words = (_CALL.sub("", reply) if calls else reply).strip()
    content: Any = [ContentReasoning(reasoning=thinking), ContentText(text=words)] if thinking else words
    # an id of our own: drawing one costs more than the rest of the message
    return ChatMessageAssistant(id=f"action-{number}", content=content, tool_calls=calls or None)


def text_of(message: ChatMessage) -> str:
    """What a policy would have written for an assistant's message, whose thoughts stand in its words."""
    text = message.text
    for call in getattr(message, "tool_calls", None) or ():
        said = json.dumps({"name": call.function, "arguments": call.arguments}, ensure_ascii=False)
        text += f"{chr(10) if text else ''}<tool_call>{chr(10)}{said}{chr(10)}</tool_call>"
    return text


def _call(text: str, name: str) -> ToolCall:
    from inspect_ai.tool import ToolCall

    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return ToolCall(name, "unreadable", {}, parse_error="a tool call that is no JSON")
    found = found if isinstance(found, dict) else {}
    tool, arguments = found.get("name"), found.get("arguments", {})
    if isinstance(tool, str) and isinstance(arguments, dict):
        return ToolCall(name, tool, arguments)
    known = tool if isinstance(tool, str) else "unreadable"
    return ToolCall(name, known, {}, parse_error="a call is {name: text, arguments: object}")

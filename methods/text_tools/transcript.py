"""Between the world's transcript, with calls and results, and plain text that any model reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.base import messages

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage
    from inspect_ai.tool import ToolCall, ToolInfo


def as_text(
    seen: Sequence[ChatMessage], tools: Sequence[ToolInfo], manual: str, results: str
) -> list[ChatMessage]:
    """The same dialogue without structured calls: the manual and the tools join the system message,
    results become turns of the user that begin with `results`. The agent's own messages keep the words
    that they were written in."""
    dialogue = list(seen)
    rules = [dialogue.pop(0).text] if dialogue and dialogue[0].role == "system" else []
    offered = "\n".join(json.dumps(messages.described(tool), ensure_ascii=False) for tool in tools)
    said = [messages.system("\n\n".join([*rules, manual, f"Tools, one a line:\n{offered}"]))]
    pending: list[str] = []
    for message in dialogue:
        if message.role == "tool":
            pending.append(message.text)
            continue
        if pending:
            said.append(messages.user("\n".join(f"{results} {text}" for text in pending)))
            pending = []
        if message.role == "assistant":
            said.append(messages.assistant((message.metadata or {}).get("written", message.text)))
        else:
            said.append(messages.user(message.text))
    if pending:
        said.append(messages.user("\n".join(f"{results} {text}" for text in pending)))
    return said


def read_calls(text: str, prefix: str) -> list[ToolCall]:
    """The calls in a JSON text: an object with `name` and `arguments`, or a list of them. What can't be
    read becomes a call with a parse error, so that the world can say so. Ids begin with `prefix`."""
    from inspect_ai.tool import ToolCall

    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        return [ToolCall(f"{prefix}0", "unreadable", {}, parse_error=f"not JSON: {error}")]
    calls = []
    for number, entry in enumerate(found if isinstance(found, list) else [found]):
        call_id = f"{prefix}{number}"
        entry = entry if isinstance(entry, dict) else {}
        name, arguments = entry.get("name"), entry.get("arguments", {})
        if not isinstance(name, str) or not isinstance(arguments, dict):
            fault = 'a call is an object with "name" (text) and "arguments" (object)'
            calls.append(ToolCall(call_id, str(name), {}, parse_error=fault))
        else:
            calls.append(ToolCall(call_id, name, arguments))
    return calls

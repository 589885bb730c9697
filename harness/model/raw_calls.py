"""What a server wrote, before anybody read it: the calls of tools in a model's message, and its text.

inspect-ai mends calls: it takes what is no JSON object for the value of a tool's first parameter, and leaves
out stray quotes. Benchmarks are decided on what the model wrote. So the text of every call's arguments
travels with the message, in its metadata, through cache and pipes, and is found again here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.base.files import plain_fault
from harness.base.surrogates import sendable

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant
    from inspect_ai.tool import ToolCall

#: names in a message's metadata: of its calls, and of what its text was where inspect-ai reads another
CALLS, CONTENT = "calls", "content"
#: around the text of a call in inspect-ai's error of one that it can't read
_BEFORE, _BEHIND = "Error parsing the following tool call arguments:\n\n", "\n\nError details: "


@dataclass(frozen=True, slots=True)
class RawCall:
    """A call of a tool as the server wrote it: `arguments` are a text, which should be a JSON object."""

    id: str
    name: str
    arguments: str


def kept(calls: Sequence[ToolCall], arguments: Sequence[str]) -> list[dict[str, Any]]:
    """The calls of a message as its metadata holds them.

    Args:
        calls: as inspect-ai read them.
        arguments: the text of each call's.
    """
    made = []
    for call, text in zip(calls, arguments, strict=True):
        entry: dict[str, Any] = {"id": call.id, "name": call.function, "arguments": text}
        if not call.parse_error and call.arguments != _object(text):
            entry["read"] = call.arguments
        made.append(entry)
    return made


def raw_calls(message: ChatMessage) -> list[RawCall]:
    """The calls in a message of the model's, in their order; ids may repeat. A call that a method made or
    changed, or of which a provider tells no text, has its arguments in JSON; one that can't be read then has
    a text that is none."""
    calls: Sequence[ToolCall] = getattr(message, "tool_calls", None) or ()
    entries = (message.metadata or {}).get(CALLS)
    if not isinstance(entries, list) or len(entries) != len(calls):
        entries = [None] * len(calls)
    pairs = zip(calls, entries, strict=True)
    return [RawCall(call.id, call.function, _sent(call, entry)) for call, entry in pairs]


def raw_text(message: ChatMessage) -> str | None:
    """The text of a message of the model's, with thoughts that stand in it; None if the server sent none.
    Thoughts that came in a field of their own are no part of it."""
    held: Any = message.metadata or {}
    if CONTENT not in held:
        return message.text
    found = held[CONTENT]
    if not isinstance(found, list):
        return None if found is None else str(found)
    thoughts = "".join(part.reasoning for part in message.content if part.type == "reasoning")  # type: ignore[union-attr]
    before, between, after = found
    return f"{before}{thoughts}{between}{message.text}{after}"


def around(whole: str, thoughts: str, text: str) -> list[str] | str:
    """What stands in a text before, between and after the thoughts in it and the rest, so that it needn't be
    kept twice; the text itself where they don't follow each other so."""
    before, _, rest = whole.partition(thoughts)
    between, _, after = rest.partition(text)
    return [before, between, after] if f"{before}{thoughts}{between}{text}{after}" == whole else whole


def as_written(message: ChatMessageAssistant, mended: bool = False) -> ChatMessageAssistant:
    """The message with its calls as they were written: one whose arguments are no JSON object is a call that
    can't be read. So is one whose arguments no record can hold (NaN, a number without end, a nesting without
    end), though readers of JSON take them; half a character becomes U+FFFD.

    Args:
        mended: leave arguments that inspect-ai mended as they are.
    """
    if not message.tool_calls:
        return message
    pairs = zip(message.tool_calls, raw_calls(message), strict=True)
    made = [_read(call, call.arguments if mended else _object(raw.arguments), raw) for call, raw in pairs]
    return message.model_copy(update={"tool_calls": made, "metadata": sendable(message.metadata)})


def _read(call: ToolCall, arguments: Any, raw: RawCall) -> ToolCall:
    fault = call.parse_error
    if arguments is None:
        fault = fault or f"the arguments are no JSON object: {raw.arguments[:300]}"
    elif not fault and (strange := plain_fault(arguments)):
        fault = f"the arguments can't be read: {strange}"
    return replace(call, arguments={} if fault else sendable(arguments), parse_error=fault)


def _sent(call: ToolCall, entry: Any) -> str:
    """The text of a call's arguments: the entry's, if it is of this call and nobody changed what was read."""
    if isinstance(entry, Mapping) and (entry.get("id"), entry.get("name")) == (call.id, call.function):
        text = str(entry.get("arguments", ""))
        if call.parse_error or call.arguments == entry.get("read", _object(text)):
            return text
    if not call.parse_error:
        return json.dumps(call.arguments)
    told = call.parse_error
    text = told.removeprefix(_BEFORE).rpartition(_BEHIND)[0] if told.startswith(_BEFORE) else told
    return text if _object(text) is None else f"{{{text}"


def _object(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is; None if it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None

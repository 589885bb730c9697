"""What a server wrote, before anybody read it: the calls of tools in a model's message, and its text.

inspect-ai mends calls: it takes what is no JSON object for the value of a tool's first parameter, and leaves
out stray quotes. Benchmarks are decided on what the model wrote. So the text of every call's arguments
travels with the message, in its metadata, through cache and pipes, and is found again here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from harness.base.files import plain_fault
from harness.base.surrogates import sendable

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant
    from inspect_ai.tool import ToolCall

#: names in a message's metadata: of its calls, of what its text was where inspect-ai reads another, and of
#: its other fields
CALLS, CONTENT, FIELDS = "calls", "content", "fields"
#: names of fields that are held otherwise: in a message, in a call, in the function of a call
_OF_MESSAGE, _OF_CALL, _OF_FUNCTION = ("role", "content"), ("id", "type", "function"), ("name", "arguments")
#: the name, in what metadata holds of a call, of its function's other fields; FIELDS is that of its own
_FUNCTION = "of_function"
#: around the text of a call in inspect-ai's error of one that it can't read
_BEFORE, _BEHIND = "Error parsing the following tool call arguments:\n\n", "\n\nError details: "


@dataclass(frozen=True, slots=True)
class RawCall:
    """A call of a tool as the server wrote it: `arguments` are a text, which should be a JSON object.
    `fields` and `of_function` are what else stood in the call and in its function, such as a signature of
    thoughts."""

    id: str
    name: str
    arguments: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    of_function: Mapping[str, Any] = field(default_factory=dict)


def kept(
    calls: Sequence[ToolCall], arguments: Sequence[str], sent: Sequence[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """The calls of a message as its metadata holds them.

    Args:
        calls: as inspect-ai read them.
        arguments: the text of each call's.
        sent: each call as the server sent it; nothing where it isn't known.
    """
    made = []
    for number, (call, text) in enumerate(zip(calls, arguments, strict=True)):
        entry: dict[str, Any] = {"id": call.id, "name": call.function, "arguments": text}
        if not call.parse_error and call.arguments != _object(text):
            entry["read"] = call.arguments
        if sent:
            if own := _others(sent[number], _OF_CALL):
                entry[FIELDS] = own
            if of_function := _others(sent[number]["function"], _OF_FUNCTION):
                entry[_FUNCTION] = of_function
        made.append(entry)
    return made


def other_fields(message: Mapping[str, Any], thoughts: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a server's message that are neither its text, its thoughts nor its calls: those without a
    value, an empty list of calls, and whatever else a server adds.

    Args:
        thoughts: by the field that they came in, where that is held already.
    """
    held = [name for name in message if message[name] and name == "tool_calls"]
    told = [name for name, thought in thoughts.items() if message.get(name) == thought]
    return _others(message, (*_OF_MESSAGE, *held, *told))


def _others(fields: Mapping[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """The fields beside the known ones, but for those that no record can hold."""
    found = {name: _whole(value) for name, value in fields.items() if name not in known}
    return {name: value for name, value in found.items() if not plain_fault({name: value})}


def raw_fields(message: ChatMessage) -> dict[str, Any]:
    """What else stood in a message of the model's; see `other_fields`."""
    return dict(_mapping(message.metadata, FIELDS))


def raw_calls(message: ChatMessage) -> list[RawCall]:
    """The calls in a message of the model's, in their order; ids may repeat. A call that a method made or
    changed, or of which a provider tells no text, has its arguments in JSON; one that can't be read then has
    a text that is none."""
    calls: Sequence[ToolCall] = getattr(message, "tool_calls", None) or ()
    entries = (message.metadata or {}).get(CALLS)
    if not isinstance(entries, list) or len(entries) != len(calls):
        entries = [None] * len(calls)
    return [_raw(call, entry) for call, entry in zip(calls, entries, strict=True)]


def raw_text(message: ChatMessage) -> str | None:
    """The text of a message of the model's, with thoughts that stand in it; None if the server sent none.
    Those in a field of their own are no part of it. A text that a method changed is that text."""
    found: Any = (message.metadata or {}).get(CONTENT, message.text)
    if isinstance(found, list):
        parts = () if isinstance(message.content, str) else message.content
        thoughts = "".join(part.reasoning for part in parts if part.type == "reasoning")
        before, between, after = found
        return f"{before}{thoughts}{between}{message.text}{after}" if thoughts else message.text
    if found is None:
        return message.text or None
    if isinstance(found, dict):
        return str(found["whole"]) if message.text == found["read"] else message.text
    return str(found)


def around(whole: str, thoughts: str, text: str) -> list[str] | dict[str, str]:
    """What stands in a text before, between and after the thoughts in it and the rest, so that it needn't be
    kept twice; both texts where they don't follow each other so."""
    before, _, rest = whole.partition(thoughts) if thoughts else ("", "", "")
    between, _, after = rest.partition(text)
    if thoughts and f"{before}{thoughts}{between}{text}{after}" == whole:
        return [before, between, after]
    return {"whole": whole, "read": text}


def calls_as_written(message: ChatMessageAssistant, mended: bool = False) -> ChatMessageAssistant:
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
    fault, whole = call.parse_error, _whole(arguments)
    if whole is None:
        fault = fault or f"the arguments are no JSON object: {raw.arguments[:300]}"
    elif not fault and (strange := plain_fault(whole)):
        fault = f"the arguments can't be read: {strange}"
    return replace(call, arguments={} if fault else whole, parse_error=fault)


def _raw(call: ToolCall, entry: Any) -> RawCall:
    """The call, by the entry if that is of it."""
    if not isinstance(entry, Mapping) or (entry.get("id"), entry.get("name")) != (call.id, call.function):
        entry = None
    more = _mapping(entry, FIELDS), _mapping(entry, _FUNCTION)
    return RawCall(call.id, call.function, _sent(call, entry), *more)


def _mapping(held: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    """The object of that name; empty where there is none."""
    found = (held or {}).get(name)
    return found if isinstance(found, Mapping) else {}


def _sent(call: ToolCall, entry: Mapping[str, Any] | None) -> str:
    """The text of a call's arguments: the entry's, if nobody changed what was read."""
    if entry is not None:
        text = str(entry.get("arguments", ""))
        read = entry.get("read", _object(text))
        if call.parse_error or call.arguments == read or call.arguments == _whole(read):
            return text
    if not call.parse_error:
        return json.dumps(call.arguments)
    told = call.parse_error
    text = told.removeprefix(_BEFORE).rpartition(_BEHIND)[0] if told.startswith(_BEFORE) else told
    return text if _object(text) is None else f"{{{text}"


def _whole(arguments: Any) -> Any:
    """Arguments without halves of characters; those that are nested too deeply for that as they are."""
    try:
        return sendable(arguments)
    except RecursionError:
        return arguments


def _object(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is; None if it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None

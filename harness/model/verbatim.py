"""What official packages send is sent as they send it: tools and messages with their own JSON.

Servers that speak the protocol get that JSON unchanged. Every other provider gets what inspect-ai makes of
the fields beside it, as its own protocol has no place for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from harness.model.raw_calls import raw_text

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage
    from inspect_ai.model import ChatMessageBase as _Message
    from inspect_ai.tool import ToolInfo

M = TypeVar("M", bound="_Message")

#: the name of a message's JSON in its metadata, and of a tool's among its fields
OFFICIAL = "official"


def official_tool(entry: Mapping[str, Any]) -> ToolInfo:
    """A tool that is sent as it stands in an official request.

    Args:
        entry: `{"type": "function", "function": {"name": ..., "description": ..., "parameters": ...}}`.
    """
    from inspect_ai.tool import ToolParams

    from harness.model.official_tool import OfficialTool

    function = entry["function"]
    schema = function.get("parameters") or {}
    schema = _inlined(schema, schema.get("$defs", {}))
    fields = {name: schema[name] for name in ("properties", "required") if name in schema}
    return OfficialTool(
        name=function["name"],
        description=function.get("description") or "",
        parameters=ToolParams.model_validate(fields),
        official=dict(entry),
    )


def tool_of(fields: Mapping[str, Any]) -> ToolInfo:
    """The tool of which these are the fields, as `model_dump` gives them.

    Raises:
        ValueError: they are those of no tool.
    """
    from inspect_ai.tool import ToolInfo

    from harness.model.official_tool import OfficialTool

    return (OfficialTool if OFFICIAL in fields else ToolInfo).model_validate(fields)


def official_of(part: ToolInfo | ChatMessage) -> dict[str, Any] | None:
    """The JSON as which a tool or a message is sent, empty for a message that isn't; None where it is sent as
    inspect-ai sends it, as is one that a method changed meanwhile."""
    fields = part.__dict__  # asked of every message of a call: a field that is not there costs an exception
    if held := fields.get("metadata"):
        found = held.get(OFFICIAL)
        return found if isinstance(found, dict) and _unchanged(part, found) else None
    return getattr(part, "sent", None) if OFFICIAL in fields else None


def _unchanged(message: Any, entry: Mapping[str, Any]) -> bool:
    """Whether an entry says what the message says: the same words, unless it has none, and the same tools."""
    told = entry.get("content")
    called = [call["function"]["name"] for call in entry.get("tool_calls") or ()]
    if called and called != [call.function for call in getattr(message, "tool_calls", None) or ()]:
        return False
    if not told or told == message.text:
        return True
    return told.strip() in (message.text.strip(), (raw_text(message) or "").strip())


def sent_as(message: M, entry: Mapping[str, Any]) -> M:
    """The message, sent as this entry of an official request; as nothing if that is empty, where a request
    has no such message and other protocols want one."""
    return message.model_copy(update={"metadata": {**(message.metadata or {}), OFFICIAL: dict(entry)}})


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """A JSON schema with its references to `$defs` replaced by what they stand for."""
    if isinstance(schema, list):
        return [_inlined(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return _inlined({**definitions[schema["$ref"].rpartition("/")[2]], **rest}, definitions)
    return {key: _inlined(value, definitions) for key, value in schema.items() if key != "$defs"}

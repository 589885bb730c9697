"""Chat messages in inspect-ai's own types, built without paying for the import before it is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage
    from inspect_ai.tool import ToolInfo


def system(text: str) -> ChatMessage:
    """A system message."""
    from inspect_ai.model import ChatMessageSystem

    return ChatMessageSystem(content=text)


def told(text: str, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """The messages with a system message of this text at their head. It is one with that which stands there
    already, as many models take no second one."""
    first = messages[0] if messages else None
    if first is not None and first.role == "system" and isinstance(first.content, str):
        return [system(f"{text}\n\n{first.content}"), *messages[1:]]
    return [system(text), *messages]


def user(text: str) -> ChatMessage:
    """A user message."""
    from inspect_ai.model import ChatMessageUser

    return ChatMessageUser(content=text)


def assistant(text: str) -> ChatMessage:
    """An assistant message."""
    from inspect_ai.model import ChatMessageAssistant

    return ChatMessageAssistant(content=text)


def described(tool: ToolInfo) -> dict[str, Any]:
    """A tool's name, purpose and JSON schema of arguments; of an official package's tool, what that says."""
    if (official := getattr(tool, "official", None)) is not None:
        return dict(official["function"])
    parameters = tool.parameters.model_dump(exclude_none=True)
    return {"name": tool.name, "description": tool.description, "parameters": parameters}

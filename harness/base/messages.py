"""Chat messages in inspect-ai's own types, built without paying for the import before it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage


def system(text: str) -> ChatMessage:
    """A system message."""
    from inspect_ai.model import ChatMessageSystem

    return ChatMessageSystem(content=text)


def user(text: str) -> ChatMessage:
    """A user message."""
    from inspect_ai.model import ChatMessageUser

    return ChatMessageUser(content=text)


def assistant(text: str) -> ChatMessage:
    """An assistant message."""
    from inspect_ai.model import ChatMessageAssistant

    return ChatMessageAssistant(content=text)

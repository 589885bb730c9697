"""Chat messages in inspect-ai's own types, built without paying for the import before it is used."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput, ModelUsage
    from inspect_ai.tool import ToolInfo


#: of its own, as others seed Python's
_random = random.Random()
os.register_at_fork(after_in_child=_random.seed)


def new_id() -> str:
    """A random id of a message, as long as inspect-ai's own, which take ten times as long to make."""
    return f"{_random.getrandbits(88):022x}"


def system(text: str) -> ChatMessage:
    """A system message."""
    from inspect_ai.model import ChatMessageSystem

    return ChatMessageSystem(id=new_id(), content=text)


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

    return ChatMessageUser(id=new_id(), content=text)


def assistant(text: str) -> ChatMessage:
    """An assistant message."""
    from inspect_ai.model import ChatMessageAssistant

    return ChatMessageAssistant(id=new_id(), content=text)


def of(role: str, text: str) -> ChatMessage:
    """A message of `system`, `user` or `assistant`.

    Raises:
        KeyError: the role is none of these.
    """
    return {"system": system, "user": user, "assistant": assistant}[role](text)


def completion(model: str, text: str, usage: ModelUsage | None = None) -> ModelOutput:
    """What a model in this process says: one completion that ended of itself."""
    from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, ModelOutput

    message = ChatMessageAssistant(id=new_id(), content=text, model=model, source="generate")
    choice = ChatCompletionChoice(message=message, stop_reason="stop")
    return ModelOutput(model=model, choices=[choice], usage=usage)


def described(tool: ToolInfo) -> dict[str, Any]:
    """A tool's name, purpose and JSON schema of arguments; of an official package's tool, what that says."""
    if (official := getattr(tool, "sent", None)) is not None:
        return dict(official["function"])
    parameters = tool.parameters.model_dump(exclude_none=True)
    return {"name": tool.name, "description": tool.description, "parameters": parameters}

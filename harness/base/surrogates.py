"""Halves of surrogate pairs, which JSON can escape and UTF-8 can't hold: hostile text has them."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any


def whole(text: str) -> str:
    """The text with U+FFFD, the sign for what can't be read, in place of every half without its other."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def sendable(value: Any) -> Any:
    """The same with `whole` texts, wherever they stand in lists, dicts, dataclasses and pydantic's models.
    What holds no such half is returned as it is."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        made: Any = {sendable(key): sendable(each) for key, each in value.items()}
    elif isinstance(value, list | tuple):
        made = type(value)(map(sendable, value))
    elif hasattr(value, "model_copy"):
        changed = _changed(vars(value))
        return value.model_copy(update=changed) if changed else value
    elif is_dataclass(value) and not isinstance(value, type):
        changed = _changed({each.name: getattr(value, each.name) for each in fields(value) if each.init})
        return replace(value, **changed) if changed else value
    else:
        return value
    return value if made == value else made


def _changed(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that come out otherwise."""
    made = {name: sendable(each) for name, each in fields.items()}
    return {name: each for name, each in made.items() if each != fields[name]}

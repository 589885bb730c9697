"""Arguments that are secrets: used, and never written into a record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_SECRET = re.compile(r"(^|_|-)(key|secret|password|token|credentials?)$", re.IGNORECASE)


def without_secrets(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that may be told."""
    return {name: value for name, value in arguments.items() if not _SECRET.search(name)}


def redacted(command: Sequence[str]) -> list[str]:
    """A command whose arguments `name=value` hold no secret any more."""

    def cleaned(word: str) -> str:
        found = re.match(r"(--[\w-]+=)?([\w.-]+)=", word)
        return f"{found[0]}..." if found and _SECRET.search(found[2]) else word

    return [cleaned(word) for word in command]

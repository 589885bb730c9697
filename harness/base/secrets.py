"""Arguments that are secrets: used, and never written into a record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

#: names of secrets; `pad_token` and `max_tokens` are none
_SECRET = re.compile(
    r"(^|[_-])(api_?keys?|keys?|secrets?|passwd|password|authorization|credentials?|"
    r"(access|auth|bearer|refresh|id|hf|api|session)[_-]?token)$|^token$|^apikey$",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")


def without_secrets(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that may be shown, also of those within others; URLs without a login."""
    return {name: _shown(value) for name, value in arguments.items() if not _SECRET.search(str(name))}


def _shown(value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_secrets(value)
    if isinstance(value, list):
        return [_shown(each) for each in value]
    return _LOGIN.sub("...@", value) if isinstance(value, str) else value


def redacted(command: Sequence[str]) -> list[str]:
    """A command whose arguments `name=value` hold no secret any more."""

    def cleaned(word: str) -> str:
        found = re.match(r"(--[\w-]+=|-[A-Za-z])?([\w.-]+)=", word)
        return f"{found[0]}..." if found and _SECRET.search(found[2]) else _LOGIN.sub("...@", word)

    return [cleaned(word) for word in command]

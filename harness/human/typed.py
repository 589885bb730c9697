"""What a person typed, without what no reply needs."""

from __future__ import annotations

import re
import unicodedata

_BREAKS = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
#: marks that turn the direction of text, so that it reads otherwise than it is
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def cleaned(text: str) -> str:
    """The text without control characters, halves of characters and marks that turn its direction, and
    without space around it. Tabs stay, and line breaks, all of one kind."""
    lines = _BREAKS.sub("\n", text)
    return "".join(c for c in lines if c in "\n\t" or not _unwanted(c)).strip()


def _unwanted(character: str) -> bool:
    return character in _TURNING or unicodedata.category(character) in ("Cc", "Cs")

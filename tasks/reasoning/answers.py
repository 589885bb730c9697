"""Reads a choice's letter out of a completion. Never raises; scans are linear."""

from __future__ import annotations

import re

#: Only the end of a completion is searched.
MAX_TEXT = 100_000

_LINE = re.compile(
    r"(?:^|[\s*_])(?i:answer(?: is)?)[*_]{0,3}\s{0,3}[:=]?[\s*_$]{0,6}"
    r"(?:\(([A-Z])\)|([A-Z])(?=\s{0,3}(?:[.,:;*_$)]|$)))",
    re.MULTILINE,
)
_BOX = re.compile(r"\\boxed\{(?:\\text\{)?\s*\(?([A-Z])\)?\s*\}")
_ALONE = re.compile(r"[*_\s]*\(?([A-Z])\)?[.*_\s]*")
_PARENTHESIS = re.compile(r"\(([A-Z])\)")


def said(text: str) -> str | None:
    """The end of what follows a thought; None where a thought was never closed."""
    _, closed, rest = text.rpartition("</think>")
    if not closed and text.lstrip().startswith("<think>"):
        return None
    return rest[-MAX_TEXT:]


def choice(text: str, letters: str) -> str | None:
    """The letter of the choice, None where there is none among `letters`: in a box, after 'answer', alone
    on the last line, else the last one in parentheses."""
    rest = said(text)
    if rest is None:
        return None
    lines = rest.strip().splitlines()
    found = [*_PARENTHESIS.findall(rest)[-1:]]
    if lines and (alone := _ALONE.fullmatch(lines[-1])):
        found.append(alone[1])
    found += [bare or inside for inside, bare in _LINE.findall(rest)[-1:]]
    found += _BOX.findall(rest)[-1:]
    for letter in reversed(found):
        if letter.upper() in letters:
            return str(letter.upper())
    return None

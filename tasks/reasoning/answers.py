"""Reads a short answer out of a completion: a choice's letter, or what stands where it was asked for.
Never raises; scans are linear."""

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
SOLUTION = re.compile(r"<solution>(.{0,300}?)</solution>", re.IGNORECASE | re.DOTALL)
BOLD = re.compile(r"\*\*\*?([^*\n]{1,300}?)\*?\*\*")
BOX = re.compile(r"\\boxed\{(?:\\text\{)?([^{}\n]{1,300})\}")
_SAID = re.compile(r"answer(?: is)?\s{0,3}[:=]\s{0,3}([^\n]{1,300})", re.IGNORECASE)


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


def short(text: str) -> str | None:
    """What stands in the last <solution>, else in the last box, in bold, or after 'answer:', in its normal
    form; the last line where that is short."""
    rest = said(text)
    if rest is None:
        return None
    for pattern in (SOLUTION, BOX, BOLD, _SAID):
        found = pattern.findall(rest)
        if found:
            return normal(found[-1]) or None
    lines = rest.strip().splitlines()
    return normal(lines[-1]) or None if lines and len(lines[-1]) <= 100 else None


def normal(answer: str) -> str:
    """Lower case, without markup, punctuation around it and extra space; a letter that is repeated, as
    LiveBench asks for choices, stands once; a number loses its leading zeros."""
    plain = " ".join(answer.replace("\\text", " ").split()).strip("*_`$.{}()[]\"' ").casefold()
    plain = re.sub(r"\s*,\s*", ", ", plain)
    if re.fullmatch(r"([a-j])\1{2,}", plain):
        return plain[0]
    return str(int(plain)) if re.fullmatch(r"\d{1,6}", plain) else plain


def numbers(text: str) -> str | None:
    """A list of whole numbers as `1,2,3`: in <solution>, after the last 'answer:' or in a box, else the last
    list."""
    rest = said(text)
    if rest is None:
        return None
    for pattern in (SOLUTION, _SAID, BOX):
        found = pattern.findall(rest)
        if found and (inside := re.findall(r"\d{1,4}", found[-1])):
            return ",".join(str(int(n)) for n in inside)
    lists = re.findall(r"\d{1,4}(?:\s{0,3},\s{0,3}\d{1,4}){1,80}", rest)
    return ",".join(str(int(n)) for n in re.findall(r"\d+", lists[-1])) if lists else None

r"""Boxes: what stands in `\boxed{...}`, however it is nested, broken off or repeated. Linear in the text."""

from __future__ import annotations

import re
from typing import NamedTuple

_BRACE_OR_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![a-zA-Z])\s*(\{?)|\\[{}]|[{}]")
_BARE = re.compile(r"[^\s{}$\\]+")
#: what may stand between boxes that are one answer together
_BETWEEN = re.compile(
    r"[\s$.]*(?:\\[)\]]|\$)?\s*(?:,|;|and|,\s*and|\\text\{\s*,?\s*and\s*\})\s*(?:\\[(\[]|\$)?[\s$]*"
)

#: 'the answer is \\boxed{5}, not \\boxed{6}'
_DENIED = re.compile(r"\b(?:not|rather than|instead of)[\s$*\\(]*$", re.IGNORECASE)


class Box(NamedTuple):
    """A box: where it starts and ends in the text, and its content."""

    start: int
    end: int
    content: str


def boxes(text: str) -> tuple[list[Box], bool]:
    r"""Complete boxes with a content, in the order in which they start, those inside another box left out;
    `\boxed 5` counts. Beside them whether the last box was never closed."""
    if "box" not in text:
        return [], False
    found: list[tuple[int, int, int]] = []  # start, start of the content, end of the content
    opened: list[tuple[int, int, int]] = []  # depth outside of the box, start, start of the content
    depth = 0
    for match in _BRACE_OR_BOX.finditer(text):
        sign = match[0]
        if sign == "{":
            depth += 1
        elif sign == "}":
            depth = max(depth - 1, 0)
            while opened and opened[-1][0] > depth:
                opened.pop()
            if opened and opened[-1][0] == depth:
                _, start, inside = opened.pop()
                found.append((start, inside, match.start()))
        elif match[1]:
            opened.append((depth, match.start(), match.end()))
            depth += 1
        elif "box" in sign and (bare := _BARE.match(text, match.end())):
            found.append((match.start(), bare.start(), bare.end()))
    complete: list[Box] = []
    for start, inside, end in sorted(found):
        if complete and start < complete[-1].end:
            continue
        content = text[inside:end]
        if content.strip(" \t\n.,$~"):
            complete.append(Box(start, end + 1, content))
    last_end = complete[-1].end if complete else 0
    complete = [
        box for box in complete if not _DENIED.search(text, max(box.start - 24, 0), box.start)
    ] or complete
    return complete, any(start >= last_end and text[inside:].strip() for _, start, inside in opened[:1])


def last_boxes(text: str, found: list[Box]) -> list[Box]:
    r"""The last box with those right before it that belong to the same list: `\boxed{2} and \boxed{3}`."""
    first = len(found) - 1
    while first > 0 and _BETWEEN.fullmatch(text, found[first - 1].end, found[first].start):
        first -= 1
    return found[first:]

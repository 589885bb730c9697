"""Answers of words: what a completion says, and how far two texts share their words."""

from __future__ import annotations

import re
import string
from collections import Counter

_ANSWER = re.compile(r"(?:the )?(?:final )?answer(?: is)?\s{0,9}:\s*", re.IGNORECASE)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_MARKUP = "*_` \t"


def said(text: str) -> str | None:
    """The answer in a completion: what follows the last `Answer:` at the start of a line, else all
    of it. None for nothing, and for a thought that was never closed."""
    _, closed, rest = text.rpartition("</think>")
    if not closed and text.lstrip().startswith("<think>"):
        return None
    lines = [line.strip() for line in rest.splitlines() if line.strip()]
    for place in range(len(lines) - 1, -1, -1):
        bare = lines[place].lstrip(_MARKUP)
        if found := _ANSWER.match(bare):
            lines = [bare[found.end() :].strip(_MARKUP), *lines[place + 1 :]]
            break
    return " ".join(" ".join(lines).split()).strip(_MARKUP) or None


def squad_form(text: str) -> str:
    """Lower case, without punctuation, articles and extra space."""
    plain = text.casefold().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def word_overlap(answer: str, target: str) -> float:
    """F1 of the words of two texts; 1 where both have none."""
    given, wanted = squad_form(answer).split(), squad_form(target).split()
    if not given or not wanted:
        return float(given == wanted)
    common = sum((Counter(given) & Counter(wanted)).values())
    return 2 * common / (len(given) + len(wanted))

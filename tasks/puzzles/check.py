"""What the answer of a puzzle has to be. Nothing here raises, whatever the text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.answers import Reading, arithmetic, read_text

_NAMES = re.compile(r"unique name: ([^\n]+)")


def solves(answer: str, numbers: Sequence[int], target: int) -> bool:
    """Whether an expression uses each number exactly once and has the target as its exact value."""
    whole = arithmetic.read(answer)
    return whole is not None and sorted(whole.numbers()) == sorted(numbers) and whole.value() == target


def names(question: str) -> list[str]:
    """The persons that a question lists, in lower case."""
    listed = _NAMES.search(question)
    return [part.strip().casefold() for part in listed[1].split(",")] if listed else []


def read_name(completion: str, question: str = "") -> Reading:
    """The person that a completion names, in lower case: one of the names that the question lists,
    or else a single word."""
    stated = read_text(completion)
    if stated.answer is None:
        return stated
    known = names(question)
    words: list[str] = re.findall(r"[^\W\d_]+", stated.answer.casefold()[-400:])
    named = sorted({word for word in words if word in known})
    if len(named) == 1:
        return Reading(named[0])
    if len(named) > 1:
        return Reading(None, "several")
    return Reading(words[0]) if len(words) == 1 else Reading(None, "unreadable")

"""The answers that simulated agents choose among: closed choices, or a number and slips of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harness.sample import Sample

#: numbers to which one can be added in a float; a grid may be a text of digits, too
_NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,3})?")


def candidates(sample: Sample, size: int) -> tuple[list[str], int] | None:
    """The answers to a sample's question as texts, and the place of gold among them; None where it has
    neither closed choices nor a number for its answer. `size`: how many answers a number has, itself among
    them."""
    target, choices = str(sample.target), [str(choice) for choice in sample.question.choices]
    # of the letters that all questions share, this one has the first so many
    own = sample.question.metadata.get("options")
    if isinstance(own, int):
        choices = choices[:own]
    if choices:
        return (choices, choices.index(target)) if target in choices else None
    if not _NUMBER.fullmatch(target):
        return None
    found = list(slips(target, size - 1))
    found.insert(int(float(target)) % size, target)
    return found, found.index(target)


def slips(number: str, count: int) -> Sequence[str]:
    """`count` wrong numbers that a slip makes of a right one, all different: near it, doubled, halved, ..."""
    places = len(number.partition(".")[2])
    value, found = float(number), [number]
    for other in _near(value):
        text = f"{other:.{places}f}"
        if text not in found and float(text) != value:
            found.append(text)
        if len(found) > count:
            break
    return found[1:]


def _near(value: float) -> Iterator[float]:
    yield from (value + 1, value * 2, value + 10, value - 1, value / 2)
    step = 2
    while True:
        yield from (value + step, value - step)
        step += 1

"""LiveBench's math and reasoning: how the answers of a part are read, and the score that LiveBench gives.

The scores are those of LiveBench's public graders (revision b0fb577 of August 2026), whose rules are stated
here in our own words. What is read out of a completion is one answer, so that votes can be counted;
LiveBench also counts an answer that merely occurs near the end of a text. Where the two differ is said in
the notes of `task.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.tasks.math import answers as maths
from harness.tasks.reasoning.answers import BOLD, BOX, SOLUTION, normal, numbers, said, short

_VERDICT = re.compile(r"\b(?:yes|no|unknown)\b", re.IGNORECASE)
_VERDICTS = re.compile(r"\b(?:yes|no|unknown)(?:\s{0,3},\s{0,3}(?:yes|no|unknown)\b){1,20}", re.IGNORECASE)
_WHOLE = re.compile(r"-?\d{1,6}")
_CONSTANT = re.compile(r"\s*\+\s*[cC](?![A-Za-z])")
_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
).split()
#: shapes that may stand in a short phrase, such as "two tetrahedra"
_SHAPES = ("tetrahedra", "tetrahedron", "triangle", "square")


#: characters of a last line that is taken for the answer
LONGEST_LINE = 200


@dataclass(frozen=True)
class Kind:
    """A kind of answer: `read` gives its normal form or None, `score` what it is worth, in [0, 1], against
    a target as the data set writes it."""

    read: Callable[[str], str | None]
    score: Callable[[str, str], float]


def edit_distance(given: Sequence[str], wanted: Sequence[str]) -> int:
    """The least number of insertions, deletions and substitutions (Levenshtein)."""
    row = list(range(len(wanted) + 1))
    for i, own in enumerate(given, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(wanted, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (own != other))
    return row[-1]


def _order(answer: str, target: str) -> float:
    """Olympiad proofs: the share of the longer list that the edit distance leaves alone."""
    given, wanted = _WHOLE.findall(answer), [str(int(n)) for n in _WHOLE.findall(target)]
    return 1 - edit_distance(given, wanted) / max(len(given), len(wanted), 1)


def _shares(right: Sequence[bool]) -> float:
    """The mean of the share that is right and of whether all are."""
    return (all(right) + sum(right) / len(right)) / 2


def _places(answer: str, target: str) -> float:
    """Zebra puzzles: each part of the target must stand in the part of the answer at its place."""
    wanted = [_word(part) for part in target.split(",")]
    given = [_word(part) for part in answer.split(",")][-len(wanted) :]
    given += [""] * (len(wanted) - len(given))
    return _shares([want in have for have, want in zip(given, wanted, strict=True)])


def _word(text: str) -> str:
    return text.replace("-", " ").replace("position", "").strip().casefold()


def _parts(text: str) -> str | None:
    """Parts with commas between them: of every <solution>, else in the last box, else on the last line."""
    rest = said(text)
    if rest is None:
        return None
    tagged = SOLUTION.findall(rest)
    if not tagged and (boxes := BOX.findall(rest)):
        tagged = boxes[-1:]
    lines = rest.strip().splitlines()
    if not tagged and lines and len(lines[-1]) <= LONGEST_LINE:
        tagged = lines[-1:]
    parts = [normal(part) for each in tagged for part in each.split(",")]
    return ", ".join(parts) if any(parts) else None


def _verdicts(text: str) -> str | None:
    """yes, no and unknown: in the last <solution> or box, else the last three in bold, else the last list."""
    rest = said(text)
    if rest is None:
        return None
    for pattern in (SOLUTION, BOX):
        if (inside := pattern.findall(rest)) and (found := _VERDICT.findall(inside[-1])):
            return ", ".join(found).casefold()
    bold = [word for part in BOLD.findall(rest) for word in _VERDICT.findall(part)][-3:]
    lists = _VERDICTS.findall(rest)
    found = bold or (_VERDICT.findall(lists[-1]) if lists else [])
    return ", ".join(found).casefold() or None


def _each_verdict(answer: str, target: str) -> float:
    given, wanted = answer.split(", "), _VERDICT.findall(target.casefold())
    given = [*given, *[""] * len(wanted)][: len(wanted)]
    return _shares([have == want for have, want in zip(given, wanted, strict=True)]) if wanted else 0.0


def _expression(text: str) -> str | None:
    tagged = SOLUTION.findall(said(text) or "")
    found = tagged[-1].strip() if tagged else maths.extract(text, "expression")
    return maths.canonical(_CONSTANT.sub("", found), "expression") or None if found else None


def _shape(answer: str, target: str) -> float:
    """The target, its number as a word, or one of four shapes within a phrase hardly longer than it."""
    wanted = normal(target)
    if answer in _NUMBERS:
        answer = str(_NUMBERS.index(answer))
    phrase = wanted in _SHAPES and wanted in answer and len(answer) < 2 * len(wanted) + 5
    return float(answer == wanted or phrase)


def _names(answer: str, target: str) -> float:
    """All names of the target, in its order."""
    place = -1
    for name in target.casefold().replace(",", " ").split():
        found = answer.find(name)
        if found <= place:
            return 0.0
        place = found
    return 1.0


def _point(text: str) -> str | None:
    tagged = SOLUTION.findall(said(text) or "")
    found = _WHOLE.findall(tagged[-1]) if tagged else []
    return ",".join(str(int(n)) for n in found[:2]) if len(found) >= 2 else None


def _grid(text: str) -> str | None:
    tagged = SOLUTION.findall(said(text) or "")
    return "".join(tagged[0].split()) or None if tagged else None


def _same(answer: str, target: str) -> float:
    return float(answer == normal(target))


KINDS = {
    "short": Kind(short, _same),
    "shape": Kind(short, _shape),
    "names": Kind(short, _names),
    "within": Kind(short, lambda answer, target: float(normal(target) in answer)),
    "expression": Kind(
        _expression, lambda answer, target: float(maths.equivalent(answer, target.strip("$"), "expression"))
    ),
    "order": Kind(numbers, _order),
    "places": Kind(_parts, _places),
    "verdicts": Kind(_verdicts, lambda answer, target: _each_verdict(answer, target) // 1),
    "each-verdict": Kind(_verdicts, _each_verdict),
    "point": Kind(_point, lambda answer, target: float(answer.split(",") == _WHOLE.findall(target))),
    "grid": Kind(_grid, lambda answer, target: float(answer == "".join(target.split()))),
}

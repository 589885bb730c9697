"""LiveBench's math and reasoning: the kinds of answers of its parts, and what they are worth.

The scores are those of LiveBench's public graders (revision b0fb577 of August 2026), whose rules are stated
here and in `livebench_math` and `livebench_logic` in our own words. What is read out of a completion is one
answer, so that votes can be counted; LiveBench also counts an answer that merely occurs near the end of a
text. Where the two differ is said in the notes of `task.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.answers import Reading, as_written
from harness.sample import Question
from harness.tasks.math import answers as maths
from harness.tasks.reasoning import livebench_logic as logic
from harness.tasks.reasoning import livebench_math as mathematics
from harness.tasks.reasoning.livebench_marks import Unreadable

_WHOLE = re.compile(r"-?\d{1,6}")
#: numbers as close as this are equal in AMPS_Hard and in integrals_with_game
NEAR, NEARER = 1e-3, 1e-5


@dataclass(frozen=True)
class Kind:
    """A kind of answer: `find` gives it as LiveBench's grader reads it, or None; `score` is what it is worth,
    in [0, 1], against a target as the data set writes it; `shown` is how a worked answer ends, `{}` its
    target; `form` is how answers are counted in a vote."""

    find: Callable[[str, Question], str | None]
    score: Callable[[str, str], float]
    shown: str = "<solution>{}</solution>"
    form: Callable[[str], str] = str

    def read(self, text: str, question: Question) -> Reading:
        """The answer of a completion, or why there is none."""
        reply, cut = as_written(text)
        try:
            found = self.find(reply, question)
        except Unreadable:
            return Reading(None, "unreadable")
        if found is None:
            return Reading(None, "cut off" if cut else "no statement")
        return Reading(found)


def kind_of(name: str, question: str, target: str) -> str:
    """The kind of one question of a part: competitions ask for a letter or a number, zebra puzzles asked for
    a word between triple stars until the end of 2024."""
    if name == "competition":
        return "letter" if target in mathematics.LETTERS else "three-digits"
    return "last-word" if name == "places" and "***" in question else name


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
    given, wanted = answer.split(","), [str(int(n)) for n in _WHOLE.findall(target)]
    return 1 - edit_distance(given, wanted) / max(len(given), len(wanted), 1)


def _shares(right: Sequence[bool]) -> float:
    """The mean of the share that is right and of whether all are."""
    return (all(right) + sum(right) / len(right)) / 2


def _places(answer: str, target: str) -> float:
    """Zebra puzzles: each part of the target must stand in the part of the answer at its place."""
    wanted = [part.strip().lower().replace("-", " ") for part in target.split(",")]
    given = [part.strip() for part in answer.split(",")]
    return _shares([place < len(given) and want in given[place] for place, want in enumerate(wanted)])


def _last_word(answer: str, target: str) -> float:
    """The word; a digit stands for its word, a word for itself and 'movies'."""
    same = {answer, f"{answer} movies"}
    if answer in set("123456789"):
        same.add(logic.NUMBERS[int(answer)])
    return float(target.lower() in same)


def _verdicts(answer: str, target: str) -> float:
    wanted = target.lower()
    return float(answer == wanted or (logic.three_verdicts(answer) and wanted in answer))


def _each_verdict(answer: str, target: str) -> float:
    """Place by place, to the letter: a space after a comma belongs to the word."""
    given, wanted = answer.split(","), target.split(",")
    return _shares([place < len(given) and given[place] == want for place, want in enumerate(wanted)])


def _shape(answer: str, target: str) -> float:
    r"""The target, its number as a word, or one of four shapes in a phrase hardly longer than it; in
    `\boxed{}` the target to the letter."""
    if answer.startswith("\\boxed{"):
        return float(answer == f"\\boxed{{{target}}}")
    wanted = target.strip().lower()
    number = answer in logic.NUMBERS and str(logic.NUMBERS.index(answer)) == wanted
    phrase = wanted in logic.SHAPES and wanted in answer and len(answer) < 2 * len(wanted) + 5
    return float(answer == wanted or number or phrase)


def _names(answer: str, target: str) -> float:
    """Each of the target's names in bold by itself, or all in the last bold part, in the target's order."""
    wanted, given = target.lower().split(" "), answer.split("; ")
    if given[-len(wanted) :] == wanted:
        return 1.0
    found = [given[-1].find(name) for name in wanted]
    return float(found[0] >= 0 and all(one < next for one, next in zip(found, found[1:], strict=False)))


def _quantity(answer: str, target: str) -> float:
    """By value; a number not in lowest terms, so from the end of a text, has to hold the target too."""
    given, wanted = mathematics.value(answer), mathematics.value(mathematics.set_plainly(target))
    if given is None or wanted is None:
        return float(maths.equivalent(answer, target, "expression").right)
    return float(abs(given - wanted) < NEARER and (str(given) == answer or target in answer))


def _expression(answer: str, target: str) -> float:
    given, wanted = (mathematics.value(text.strip("$ ")) for text in (answer, target))
    if given is not None and wanted is not None:
        return float(abs(given - wanted) < NEAR)
    return float(maths.equivalent(answer, target.strip("$"), "expression").right)


def _form(answer: str) -> str:
    return maths.canonical(answer, "expression")


KINDS = {
    "letter": Kind(mathematics.letter, lambda answer, target: float(answer == target.strip()), "{}{}{}{}{}"),
    "three-digits": Kind(mathematics.three_digits, lambda answer, target: float(target in answer), "{}"),
    "order": Kind(mathematics.order, _order, "Answer: {}"),
    "expression": Kind(mathematics.expression, _expression, "\\boxed{{}}", _form),
    "quantity": Kind(mathematics.quantity, _quantity, form=_form),
    "places": Kind(logic.places, _places),
    "last-word": Kind(logic.last_word, _last_word, "***{}***"),
    "verdicts": Kind(logic.verdicts, _verdicts, "**{}**"),
    "each-verdict": Kind(logic.each_verdict, _each_verdict),
    "shape": Kind(logic.shape, _shape, "**{}**"),
    "names": Kind(logic.names, _names, "**{}**"),
    "within": Kind(logic.container, lambda answer, target: float(target.strip().lower() in answer)),
    "point": Kind(logic.point, lambda answer, target: float(answer.split(",") == _WHOLE.findall(target)[:2])),
    "grid": Kind(logic.grid, lambda answer, target: float(answer == "".join(target.split()))),
    "short": Kind(logic.short, lambda answer, target: float(answer == logic.normal(target))),
}

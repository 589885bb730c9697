"""Mathematics tasks; what differs between the data sets is in `task.toml`.

Test answers are compared by value, see `answers`. Keys of a task's `settings`:

`question`, `answer`: columns; `id`: the column of the row's own id (absent: the row index is the id);
`url`: the column whose address names contest and problem; `contests`: names of contests of equal
size that stand one after the other; `aliases`: other names of a row, `{row}` is its index;
`hint`: what the problem's source says about its answers; `solution`, `kind`, `level`: columns of a
train row's worked solution, subject and difficulty; `apart_from`: data sets whose problems are never
trained on, each with its column of problems.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.answers import Reading, has_number, read_expression, read_number
from harness.base.digest import digest
from harness.base.errors import DataError, UsageError
from harness.sample import LazySamples, Outcome, Question, Sample, Score, Splits
from harness.spec import TaskSpec
from harness.task import Task
from harness.tasks.math.answers import Kind, canonical, equivalent

if TYPE_CHECKING:
    from harness.data.hub import Data

_CONTEST_URL = re.compile(r"(\d{4})_(?:AIME|AMC)_(\w+?)_Problems/Problem_(\d+)")
_CALCULATION = re.compile(r"<<[^<>]*>>")
#: what two typesettings of one statement differ in: spacing, delimiters' sizes, the mathematics mode
_TYPESETTING = re.compile(
    r"\\(?:left|right|displaystyle|quad|qquad)(?![a-zA-Z])|\\[,;:! ()\[\]]|[\s$~]|(?<=\\)[dt](?=frac)"
)


class Mathematics(Task):
    """Problems with one final answer: an integer, a number or an expression."""

    instruction = "Solve the problem. Show your reasoning, then state the final answer."

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        self.settings = spec.settings
        kinds: dict[str, Kind] = {"integer": "integer", "number": "number"}
        self.kind: Kind = kinds.get(spec.answer, "expression")

    def load(self, data: Data) -> Splits:
        pin = self.spec.data["test"]
        rows = data.rows(pin, self._columns())
        return Splits(test=LazySamples(rows, self._sample))

    def _columns(self) -> list[str]:
        return [self.settings[key] for key in ("question", "answer", "id", "url") if key in self.settings]

    def _sample(self, index: int, row: Mapping[str, Any]) -> Sample:
        own_id = self.settings.get("id")
        question = Question(
            str(row[own_id]) if own_id else str(index),
            row[self.settings["question"]].strip(),
            metadata={"aliases": self._aliases(index, row)},
        )
        return Sample(question, self._target(index, row))

    def _target(self, index: int, row: Mapping[str, Any]) -> str:
        written = str(row[self.settings["answer"]]).strip()
        return written if self.kind == "expression" else self._number(index, written)

    def _number(self, index: int, written: str) -> str:
        number = canonical(written, self.kind)
        if not re.fullmatch(r"-?\d+(?:\.\d+)?", number):
            raise DataError(
                f"{self.spec.name}: row {index} has the answer {written[:60]!r}, which is "
                f"not a number; is it another revision than the pinned one?"
            )
        return number

    def _aliases(self, index: int, row: Mapping[str, Any]) -> tuple[str, ...]:
        names = [alias.format(row=index) for alias in self.settings.get("aliases", ())]
        if "url" in self.settings:
            place = _CONTEST_URL.search(row[self.settings["url"]] or "")
            if place:
                names.append("-".join(place.groups()))
        if "contests" in self.settings:
            contests = self.settings["contests"]
            contest, problem = divmod(index, self.spec.n_items // len(contests))
            names.append(f"{contests[contest]}-{problem + 1}")
        return tuple(names)

    def render(self, question: Question) -> str:
        """The problem, then what the final answer should look like."""
        closing = "Reason step by step. Give the final answer once, at the end, inside \\boxed{}."
        return "\n\n".join(filter(None, [question.input, self.settings.get("hint", ""), closing]))

    def read(self, text: str, question: Question) -> Reading:
        if self.kind == "number":
            return read_number(text)
        found = read_expression(text, closing=self.settings.get("closing", False))
        if self.kind == "integer" and found.answer is not None and not has_number(found.answer):
            return Reading(None, "unreadable")
        return found

    def canonical(self, answer: Any, question: Question) -> str:
        return canonical(str(answer), self.kind)

    def gold(self, sample: Sample) -> str:
        return f"\\boxed{{{sample.target}}}"

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        """Accuracy; the reason says why an answer is not right where it is more than another value."""
        if outcome.answer is None:
            return Score({"accuracy": 0.0})
        verdict = equivalent(str(outcome.answer), sample.target, self.kind)
        return Score({"accuracy": 1.0 if verdict.right else 0.0}, reason=verdict.reason)

    def correct(self, answer: Any, sample: Sample) -> bool:
        return equivalent(str(answer), sample.target, self.kind).right


class GradeSchool(Mathematics):
    """GSM8K: the answer stands after `####`, below a worked solution."""

    def load(self, data: Data) -> Splits:
        test, train = (
            LazySamples(data.rows(self.spec.data[split], self._columns()), make)
            for split, make in (("test", self._sample), ("train", self._shot))
        )
        return Splits(test=test, train=train)

    def _target(self, index: int, row: Mapping[str, Any]) -> str:
        _, mark, answer = row[self.settings["answer"]].rpartition("####")
        return self._number(index, answer.strip() if mark else "")

    def _shot(self, index: int, row: Mapping[str, Any]) -> Sample:
        """A training row; its solution ends as the prompt asks, and loses its calculator notes."""
        target = self._target(index, row)
        solution = row[self.settings["answer"]].rpartition("####")[0]
        worked = _CALCULATION.sub("", solution).strip()
        question = Question(f"train-{index}", row[self.settings["question"]].strip())
        return Sample(question, target, shot=f"{worked}\n\nThe final answer is \\boxed{{{target}}}.")


class Training(Mathematics):
    """MATH as training problems: the train problems are all of MATH but for the 500 that are the test."""

    def load(self, data: Data) -> Splits:
        column, answer = self.settings["question"], self.settings["answer"]
        test = LazySamples(data.rows(self.spec.data["test"], self._columns()), self._sample)
        seen = {same_text(sample.question.input) for sample in test}
        for name, problem in self.settings["apart_from"].items():
            rows = data.rows(self.spec.data[name], [problem])
            seen |= {same_text(text) for text in rows.arrow([problem])[problem].to_pylist()}
        rows = data.rows(self.spec.data["train"], [*self._columns(), *self._labels()])
        kept: dict[str, int] = {}
        for index, row in enumerate(rows.arrow([column, answer]).to_pylist()):
            known = same_text(row[column])
            if known not in seen and row[answer].strip():
                seen.add(known)
                kept[digest(known)] = index
        # by digest, so that the choice depends neither on the order of rows nor on how many are wanted
        order = [kept[key] for key in sorted(kept)]
        size = int(self.args["dev"])
        if size < 0 or size >= len(order):
            raise UsageError(f"{self.spec.name}: dev={size} leaves nothing of {len(order)} train problems")

        def part(indices: list[int]) -> LazySamples:
            return LazySamples(sorted(indices), lambda _, index: self._shot(rows[index]))

        return Splits(test=test, train=part(order[size:]), dev=part(order[:size]))

    def _labels(self) -> list[str]:
        return [self.settings[key] for key in ("solution", "kind", "level")]

    def _shot(self, row: Mapping[str, Any]) -> Sample:
        solution, kind, level = (row[name] for name in self._labels())
        question = Question(
            row[self.settings["id"]],
            row[self.settings["question"]].strip(),
            metadata={"type": kind, "level": int(level)},
        )
        return Sample(question, self._target(0, row), shot=solution.strip())


def same_text(problem: str) -> str:
    """What is left of a statement when typesetting is taken away. Signs stay: two problems of MATH differ
    in one alone."""
    return _TYPESETTING.sub("", problem).casefold().rstrip(".?!")

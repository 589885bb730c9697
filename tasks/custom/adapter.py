"""Classification and question answering on the user's own data.

A data set is a file (.csv, .tsv, .jsonl, .parquet) or a Hub id; both are read through `Data`, so a
local mirror works as well. The matches of answers are our own code; the word overlap follows the
definition of SQuAD (Rajpurkar et al. 2016, arXiv:1606.05250).
"""

from __future__ import annotations

import logging
import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.errors import DataError, UsageError
from harness.sample import LazySamples, Outcome, Question, Sample, Score, Splits
from harness.spec import DataPin, TaskSpec
from harness.task import Task
from harness.tasks.intent.adapter import (
    Classification,
    Row,
    dev_slice,
    label_set,
    one_label,
    without_texts,
)
from harness.tasks.intent.labels import normal
from harness.tasks.math import answers as maths

if TYPE_CHECKING:
    from harness.data.hub import Data, Rows

LOG = logging.getLogger("harness.tasks.custom")
SUFFIXES = (".csv", ".tsv", ".csv.gz", ".jsonl", ".json", ".jsonl.gz", ".parquet")


class Source:
    """Where the rows of a task's arguments come from."""

    def __init__(self, task: str, args: Mapping[str, Any]) -> None:
        self.task, self.args = task, args
        if not args["data"]:
            raise UsageError(f"{task} needs -T data=FILE_OR_HUB_ID")
        self.is_file = _is_file(args["data"])

    def test(self, data: Data, columns: Sequence[str]) -> Rows:
        """The rows of `data`, or of its `split`."""
        if self.is_file:
            return self._file(data, self.args["data"], self._with_id(columns))
        return data.rows(self._pin(self.args["split"]), self._with_id(columns))

    def other(self, data: Data, name: str, columns: Sequence[str]) -> Rows:
        """The rows of the argument `name`: a split of `data`, or a file."""
        value = self.args[name]
        if _is_file(value):
            return self._file(data, value, columns)
        if self.is_file:
            raise UsageError(
                f"{self.task}: {name}={value!r} is not a file; where data is a file, "
                f"{name} is one too ({', '.join(SUFFIXES)})"
            )
        return data.rows(self._pin(value), columns)

    def _file(self, data: Data, name: str, columns: Sequence[str]) -> Rows:
        path = Path(name)
        if not path.is_file():
            folder = path.parent
            held = sorted(each.name for each in folder.glob("*") if _is_file(str(each)))
            there = f"{folder} holds: {', '.join(held[:8])}" if held else f"{folder} holds no data"
            raise DataError(f"{self.task}: no file {name}; {there}")
        return data.file(name, columns)

    def row_id(self, row: Mapping[str, Any], index: int) -> str:
        """The id of a test row."""
        own = self.args["id"]
        return str(row[own]) if own else str(index)

    def _pin(self, split: str) -> DataPin:
        return DataPin(self.args["data"], self.args["config"] or None, split, self.args["revision"])

    def _with_id(self, columns: Sequence[str]) -> list[str]:
        return [*columns, *([self.args["id"]] if self.args["id"] else [])]


def _is_file(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) or Path(name).is_file()


def _text(value: Any) -> str:
    """A cell as text: whole numbers without a decimal point, nothing for a missing value."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _count_left_out(task: str, part: str, all_rows: int, kept: int) -> None:
    if kept < all_rows:
        LOG.warning(
            "%s: %d of %d rows of %s lack a text or an answer and are left out",
            task,
            all_rows - kept,
            all_rows,
            part,
        )


def _distinct_ids(ids: Sequence[str], task: str, column: str) -> None:
    twice = [name for name, count in Counter(ids).items() if count > 1]
    if twice:
        raise DataError(
            f"{task}: the column {column!r} holds {twice[0]!r} more than once, so it "
            "can't be the id; leave out -T id to number the rows"
        )


class CustomClassification(Classification):
    """`classify/custom`."""

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        self.instruction = args["instruction"] or self.instruction

    def load(self, data: Data) -> Splits:
        args, source = self.args, Source(self.spec.name, self.args)
        columns = [args["text"], args["label"]]
        test = self._rows(source, source.test(data, columns), None)
        if not test:
            raise DataError(f"{args['data']} has no row with both {' and '.join(columns)}")
        _distinct_ids([row.id for row in test], self.spec.name, args["id"])
        labelled: list[Row] = []
        if args["train"]:
            labelled = self._rows(source, source.other(data, "train", columns), "train")
        choices = label_set([*test, *labelled])
        left = without_texts(labelled, test)
        if labelled and not left:
            raise UsageError(
                f"{self.spec.name}: every text of train={args['train']} is also in "
                "the test set; give other rows to train on"
            )
        settings = self.spec.settings
        dev = dev_slice(left, settings["dev_share"], settings["dev_most"])
        train = without_texts(left, dev)
        pool = train
        if args["pool"] and args["pool"] != args["train"]:
            rows = source.other(data, "pool", columns[:1])
            pool = without_texts(self._rows(source, rows, "pool"), [*test, *dev])
        return Splits(
            test=[row.sample(choices) for row in test],
            train=LazySamples(train, lambda _, row: row.sample(choices)),
            pool=[row.question(choices) for row in pool],
            dev=[row.sample(choices) for row in dev],
        )

    def _rows(self, source: Source, rows: Rows, part: str | None) -> list[Row]:
        """Rows with a text and, but for the pool, a label. `part` is in the ids of all but test."""
        text, label = self.args["text"], self.args["label"]
        names = rows.features(label)
        kept = []
        for index, row in enumerate(rows):
            said = _text(row[text])
            found = "" if part == "pool" else self._label(row[label], names)
            if said and (found or part == "pool"):
                name = f"{part}-{index}" if part else source.row_id(row, index)
                kept.append(Row(name, said, found or ""))
        _count_left_out(self.spec.name, part or "test", len(rows), len(kept))
        return kept

    def _label(self, value: Any, names: Sequence[str] | None) -> str | None:
        if isinstance(value, (list, tuple)) and len(value) > 1:
            raise DataError(
                f"the column {self.args['label']!r} holds several labels in a row; "
                "classify/custom scores one label a row"
            )
        return one_label(_text(value) if isinstance(value, float) else value, names)


class CustomQuestions(Task):
    """`qa/custom`. The target is the right answer, or a list of several."""

    instruction = "Answer the question."
    _CLOSING = {
        "exact": "Reply with the answer alone, without explanation.",
        "f1": "Reply with the answer alone, without explanation.",
        "number": "End your reply with a line that holds 'Answer:' and the number alone.",
        "math": "End your reply with the final answer in \\boxed{}.",
    }

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        self.instruction = args["instruction"] or self.instruction
        self.match = args["match"]

    def load(self, data: Data) -> Splits:
        args, source = self.args, Source(self.spec.name, self.args)
        columns = [args["question"], args["answer"]]
        test = self._samples(source, source.test(data, columns), "")
        if not test:
            raise DataError(f"{args['data']} has no row with both {' and '.join(columns)}")
        _distinct_ids([sample.id for sample in test], self.spec.name, args["id"])
        train: list[Sample] = []
        if args["train"]:
            asked = {sample.question.input for sample in test}
            rows = source.other(data, "train", columns)
            train = [
                sample
                for sample in self._samples(source, rows, "train-")
                if sample.question.input not in asked
            ]
            if not train:
                raise UsageError(
                    f"{self.spec.name}: every question of train={args['train']} is also in the test set"
                )
        return Splits(test=test, train=train)

    def _samples(self, source: Source, rows: Rows, prefix: str) -> list[Sample]:
        question, answer = self.args["question"], self.args["answer"]
        names = rows.features(answer)
        samples = []
        for index, row in enumerate(rows):
            asked, value = _text(row[question]), row[answer]
            if names is not None and isinstance(value, int):
                value = names[value]
            values = value if isinstance(value, (list, tuple)) else [value]
            right = [text for text in map(_text, values) if text]
            if self.match in ("number", "math"):
                right = [self._target(text, index) for text in right]
            if asked and right:
                name = f"{prefix}{index}" if prefix else source.row_id(row, index)
                target = right[0] if len(right) == 1 else right
                samples.append(Sample(Question(name, asked), target, shot=self._shot(right[0])))
        _count_left_out(self.spec.name, prefix.rstrip("-") or "test", len(rows), len(samples))
        return samples

    def _target(self, text: str, index: int) -> str:
        """The final answer in a cell that may hold a worked solution (`... #### 72`, a box).

        Raises:
            DataError: a number is wanted and there is none; names the row.
        """
        kind: maths.Kind = "number" if self.match == "number" else "expression"
        found = maths.extract(text, kind)
        if found is None and self.match == "math":
            found = text
        if found is None:
            column, data = self.args["answer"], self.args["data"]
            raise DataError(
                f"row {index} of {data} has no number in the column {column!r}: "
                f"{text[:40]!r}; match=exact takes any text"
            )
        return maths.canonical(found, kind) or found

    def _shot(self, answer: str) -> str:
        if self.match == "number":
            return f"Answer: {answer}"
        return f"\\boxed{{{answer}}}" if self.match == "math" else answer

    def render(self, question: Question) -> str:
        return f"{self.instruction}\n\n{question.input}\n\n{self._CLOSING[self.match]}"

    def parse(self, text: str, question: Question) -> str | None:
        if self.match in ("number", "math"):
            kind: maths.Kind = "number" if self.match == "number" else "expression"
            found = maths.extract(text, kind)
            return maths.canonical(found, kind) or None if found is not None else None
        return said(text)

    def correct(self, answer: Any, sample: Sample) -> bool:
        """Whether the answer is one of the right ones under the task's match."""
        given, right = str(answer), _targets(sample)
        if self.match == "number":
            return any(maths.equivalent(given, each, "number") for each in right)
        if self.match == "math":
            return any(maths.equivalent(given, each, "expression") for each in right)
        form = normal if self.match == "exact" else squad_form
        return any(form(given) == form(each) for each in right)

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        if outcome.answer is None:
            return Score({"accuracy": 0.0, "f1": 0.0})
        right = self.correct(outcome.answer, sample)
        overlap = max(word_overlap(str(outcome.answer), each) for each in _targets(sample))
        return Score({"accuracy": float(right), "f1": overlap})


def _targets(sample: Sample) -> Sequence[str]:
    return [sample.target] if isinstance(sample.target, str) else sample.target


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

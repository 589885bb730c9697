"""Reasoning tasks; what differs between the data sets is in `task.toml`.

Keys of `settings`: `kinds` (LiveBench), the kind of answer of each part, in `livebench.KINDS` or for
`livebench.kind_of`; "short" for parts that are not named.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.answers import Reading, read_choice
from harness.base.digest import digest, seed_of
from harness.base.errors import DataError
from harness.sample import Outcome, Question, Sample, Score, Splits
from harness.task import Task
from harness.tasks.reasoning.livebench import KINDS, Kind, kind_of

if TYPE_CHECKING:
    from harness.data.hub import Data, Rows

TEST_SHARE = 0.25
LETTERS = "ABCDEFGHIJKLMNOPQR"
#: the problem in a question that shows its proof with gaps
_PROOF = re.compile(r"\bQuestion:\s*(.+?)\s*\bSolution:", re.DOTALL)


class Reasoning(Task):
    """A set of one split, divided by the content of its questions."""

    columns: Sequence[str] = ()

    def load(self, data: Data) -> Splits:
        pin = self.spec.data["all"]
        samples = self._samples(data.rows(pin, self.columns))
        if not samples:
            raise DataError(f"{pin.id} ({pin.split}) has no row with a question and an answer")
        if self.args["protocol"] == "whole":
            return Splits(test=samples)
        test = _quarter(samples)
        asked = {sample.question.input for sample in samples if sample.id in test}
        train = [sample for sample in samples if sample.question.input not in asked]
        return Splits([s for s in samples if s.id in test], train, [s.question for s in train])

    def _samples(self, rows: Rows) -> list[Sample]:
        raise NotImplementedError


def _quarter(samples: Sequence[Sample]) -> set[str]:
    """The ids of a quarter of each part's samples, chosen by content."""
    parts: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        parts[str(sample.question.metadata.get("part", ""))].append(sample)
    chosen: set[str] = set()
    for own in parts.values():
        ranked = sorted(own, key=lambda s: (seed_of("test", s.question.input), s.id))
        chosen.update(sample.id for sample in ranked[: round(TEST_SHARE * len(own))])
    return chosen


class Choices(Reasoning):
    """Lettered choices that stand in the question."""

    instruction = "Answer the question by choosing one of its options."

    def render(self, question: Question) -> str:
        return (
            f"{self.instruction}\n\n{question.input}\n\nReason step by step. End your reply with a line "
            "that holds 'Answer:' and the letter of the option in parentheses."
        )

    def read(self, text: str, question: Question) -> Reading:
        return read_choice(text, LETTERS[: question.metadata["options"]])

    def _sample(self, id: str, text: str, options: int, letter: str) -> Sample:
        question = Question(id, text, metadata={"options": options})
        return Sample(question, letter, shot=f"Answer: ({letter})")


class BigBenchHard(Choices):
    """A BIG-Bench Hard set whose target is a letter in parentheses."""

    columns = ("input", "target")

    def _samples(self, rows: Rows) -> list[Sample]:
        samples = []
        for index, row in enumerate(rows):
            text, letter = str(row["input"]).strip(), str(row["target"]).strip().strip("()")
            listed = text.rpartition("Options:")[2]
            options = sum(f"({each})" in listed for each in LETTERS)
            if letter not in LETTERS[:options] or not letter:
                raise DataError(
                    f"{self.spec.name}: row {index} has the answer {row['target']!r}, which is "
                    "none of its options; is it another revision than the pinned one?"
                )
            samples.append(self._sample(str(index), text, options, letter))
        return samples


class GPQA(Choices):
    """GPQA: the order of the four answers depends on the question's text alone."""

    columns = (
        "Question",
        "Correct Answer",
        "Incorrect Answer 1",
        "Incorrect Answer 2",
        "Incorrect Answer 3",
        "Record ID",
    )

    def _samples(self, rows: Rows) -> list[Sample]:
        samples = []
        for row in rows:
            text, right = str(row["Question"]).strip(), str(row["Correct Answer"]).strip()
            options = [right, *(str(row[f"Incorrect Answer {n}"]).strip() for n in (1, 2, 3))]
            random.Random(seed_of("options", text)).shuffle(options)
            listed = "\n".join(f"({LETTERS[n]}) {option}" for n, option in enumerate(options))
            letter = LETTERS[options.index(right)]
            samples.append(self._sample(str(row["Record ID"]), f"{text}\n\n{listed}", 4, letter))
        return samples


class LiveBench(Reasoning):
    """A category of LiveBench; its questions say themselves how to answer."""

    columns = ("question_id", "turns", "ground_truth", "task")
    instruction = "Answer the question in the form that it asks for."

    def _samples(self, rows: Rows) -> list[Sample]:
        samples = []
        for row in rows:
            turns, target = row["turns"], str(row["ground_truth"] or "").strip()
            if not turns or not target:
                continue
            text, part = str(turns[0]).strip(), str(row["task"])
            kind = kind_of(self.spec.settings["kinds"].get(part, "short"), text, target)
            # what the question's text says too: how to answer, and with how many parts
            known = {"part": part, "kind": kind, "parts": target.count(",") + 1}
            question = Question(str(row["question_id"]), text, metadata=known)
            # a proof is asked about with other formulae missing
            proof = _PROOF.search(text)
            group = f"livebench {digest(' '.join(proof[1].split()))[:16]}" if proof else None
            shot = KINDS[kind].shown.replace("{}", target)
            samples.append(Sample(question, target, group, shot))
        return samples

    def _kind(self, question: Question) -> Kind:
        return KINDS[question.metadata["kind"]]

    def read(self, text: str, question: Question) -> Reading:
        return self._kind(question).read(text, question)

    def canonical(self, answer: Any, question: Question) -> str:
        return self._kind(question).form(str(answer))

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        worth = 0.0
        if outcome.answer is not None:
            worth = self._kind(sample.question).score(str(outcome.answer), sample.target)
        return Score({"score": worth, "accuracy": float(worth == 1)})

"""`qa/custom`: questions and answers of the user's own.

The matches of answers are our own code; the word overlap follows the definition of SQuAD (Rajpurkar et al.
2016, arXiv:1606.05250), see `words`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.answers import Reading, read_expression, read_number, read_text
from harness.base.errors import DataError, UsageError
from harness.data.cells import label_text
from harness.sample import Outcome, Question, Sample, Score, Splits
from harness.spec import TaskSpec
from harness.task import Task
from harness.tasks.custom import judging
from harness.tasks.custom.label_checks import looks_like_a_list
from harness.tasks.custom.source import (
    LOG,
    Source,
    check_distinct_ids,
    check_groups,
    warn_of_left_out,
)
from harness.tasks.custom.words import squad_form, word_overlap
from harness.tasks.intent.labels import normal
from harness.tasks.math import answers as maths

if TYPE_CHECKING:
    from harness.data.hub import Data, Rows
    from harness.model.gateway import Model


_READERS: dict[str, Callable[[str], Reading]] = {
    "exact": read_text,
    "f1": read_text,
    "number": read_number,
    "math": partial(read_expression, closing=True),
}
#: the form in which answers of words are compared and counted
_FORMS: dict[str, Callable[[str], str]] = {"exact": normal, "f1": squad_form, "judge": str}
_KINDS: dict[str, maths.Kind] = {"number": "number", "math": "expression"}


class CustomQuestions(Task):
    """`qa/custom`. The target is the right answer, or a list of several. With match=judge the recorded answer
    is what was said and the votes on it (`judging.votes`)."""

    instruction = "Answer the question."
    _CLOSING = {
        "exact": "Reply with the answer alone, without explanation.",
        "f1": "Reply with the answer alone, without explanation.",
        "number": "End your reply with a line that holds 'Answer:' and the number alone.",
        "math": "End your reply with the final answer in \\boxed{}.",
        "judge": "Reply with the answer, in a few sentences at most.",
    }

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        self.instruction = args["instruction"] or self.instruction
        self.match = args["match"]
        if self.match == "judge":
            self.roles = ("judge",)
            self.role_prompts = {"judge": judging.PROMPT + args["rubric"]}
            if args["votes"] < 1:
                raise UsageError(f"{spec.name}: votes={args['votes']} is not at least 1")
        elif args["rubric"] or args["votes"] != 1:
            name = "rubric" if args["rubric"] else "votes"
            raise UsageError(f"{spec.name}: {name}= is for a judge; give -T match=judge --role judge=MODEL")

    def load(self, data: Data) -> Splits:
        args, source = self.args, Source(self.spec.name, self.args)
        columns = [args["question"], args["answer"]]
        test = self._samples(source, source.test(data, columns), "")
        if not test:
            raise DataError(f"{args['data']} has no row with both {' and '.join(columns)}")
        check_distinct_ids([sample.id for sample in test], self.spec.name, args["id"])
        check_groups([sample.group for sample in test], self.spec.name, args["group"])
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
            asked, value = source.text(row, question, index), row[answer]
            if names is not None and isinstance(value, int):
                value = names[value]
            values = value if isinstance(value, (list, tuple)) else [value]
            right = [text for text in map(label_text, values) if text]
            if self.match in ("number", "math"):
                right = [self._target(text, index) for text in right]
            if asked and right:
                name = f"{prefix}{index}" if prefix else source.row_id(row, index)
                target = right[0] if len(right) == 1 else right
                made = Question(name, asked, metadata={} if prefix else {"row": index})
                group = None if prefix else source.group(row, index)
                samples.append(Sample(made, target, group, shot=self._shot(right[0])))
        texts = (sample.target for sample in samples if isinstance(sample.target, str))
        if listed := next(filter(looks_like_a_list, texts), ""):
            LOG.warning(
                "%s: the answer %s looks like a list and counts as one text; JSON and parquet can hold "
                "several right answers",
                self.spec.name,
                listed[:60],
            )
        warn_of_left_out(self.spec.name, prefix.rstrip("-") or "test", len(rows), len(samples))
        return samples

    def _target(self, text: str, index: int) -> str:
        """The final answer in a cell that may hold a worked solution (`... #### 72`, a box).

        Raises:
            DataError: a number is wanted and there is none; names the row.
        """
        found = self.read(text, Question("", "")).answer or (text if self.match == "math" else None)
        if found is None:
            column, data = self.args["answer"], self.args["data"]
            raise DataError(
                f"row {index} of {data} has no number in the column {column!r}: "
                f"{text[:40]!r}; match=exact takes any text"
            )
        return found

    def _shot(self, answer: str) -> str:
        if self.match == "number":
            return f"Answer: {answer}"
        return f"\\boxed{{{answer}}}" if self.match == "math" else answer

    def render(self, question: Question) -> str:
        return f"{self.instruction}\n\n{question.input}\n\n{self._CLOSING[self.match]}"

    @property
    def judges(self) -> bool:
        return bool(self.match == "judge")

    def needs_judge(self, sample: Sample) -> bool:
        return self.judges

    async def judge(self, sample: Sample, outcome: Outcome, judge: Model) -> Any | None:
        """What was said, with a judge's votes on it; None where nothing was said, or it was judged before."""
        if not isinstance(outcome.answer, str):
            return None
        text = judging.asked(sample.question.input, _targets(sample), outcome.answer, self.args["rubric"])
        found = await judging.votes(judge, sample.question, text, self.args["votes"])
        return {"said": outcome.answer, "votes": found}

    def read(self, text: str, question: Question) -> Reading:
        if self.judges:
            return super().read(text, question)
        return _READERS[self.match](text)

    def canonical(self, answer: Any, question: Question) -> str:
        if self.match in _KINDS:
            return maths.canonical(str(answer), _KINDS[self.match])
        return _FORMS[self.match](str(answer))

    def correct(self, answer: Any, sample: Sample) -> bool:
        """Whether the answer is one of the right ones under the task's match."""
        return self._verdict(str(answer), sample).right

    def _verdict(self, given: str, sample: Sample) -> maths.Verdict:
        right = _targets(sample)
        if self.match in _KINDS:
            return maths.equivalent(given, right, _KINDS[self.match])
        form = _FORMS[self.match]
        return maths.Verdict(any(form(given) == form(each) for each in right))

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        if outcome.answer is None:
            return Score({"accuracy": 0.0, "f1": 0.0})
        said, right, reason = str(outcome.answer), None, None
        if not self.judges:
            right, reason = astuple(self._verdict(said, sample))
        elif not isinstance(outcome.answer, dict):
            return Score({}, "unscored", "the answer needs a judge: --role judge=MODEL")
        else:
            said = outcome.answer["said"]
            verdicts = [vote["correct"] for vote in outcome.answer["votes"]]
            right = judging.majority(verdicts)
            if right is None:
                return Score({}, "unscored", f"judge: no majority: {judging.tally(verdicts)}")
        overlap = max(word_overlap(said, each) for each in _targets(sample))
        return Score({"accuracy": float(right), "f1": overlap}, reason=reason)


def _targets(sample: Sample) -> Sequence[str]:
    return [sample.target] if isinstance(sample.target, str) else sample.target

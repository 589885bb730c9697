"""Per-input predictors: what the model says about one text, before any vote (notes, 2.6 and 2.8).

The prompt is that of `harness.annotate`. `self-consistency` and `few-shot` are the paper's
combinations; their sample and demonstration counts are reconstruction.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from harness.annotate import clip, label_prompt, records
from harness.base.errors import ModelCallError, UsageError
from harness.job import Job
from harness.methods.testnuc.vote import Voter
from harness.model.embed import nearest
from harness.sample import Question, Sample

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage


@dataclass(frozen=True, slots=True)
class Prediction:
    """The label in the task's form (None: outside the label set), how sure the model says it is, and
    the label as it was written."""

    label: str | None
    confidence: float
    raw: str = ""

    def voter(self, id: str, similarity: float, raw: bool = False, own: bool = False) -> Voter:
        label = self.label if self.label is not None or not raw else (self.raw or None)
        return Voter(id, label, similarity, self.confidence, own)


class Predictor:
    """`predict(question) -> Prediction`, and batches of it.

    `size` is the number of draws (self-consistency) or of demonstrations (few-shot and its pseudo forms).
    `calls` counts the calls that were answered, `calls_each` says how many one prediction takes outside
    a batch.
    """

    def __init__(self, job: Job, *, inner: str, size: int) -> None:
        self.job, self.inner, self.size = job, inner, size
        self.calls = 0
        self.calls_each = size if inner == "self-consistency" else 1
        self._train: list[Sample] = []
        self._vectors: Any = None
        self._fixed: list[Sample] = []

    def ready(self) -> None:
        """Indexes the demonstrations; after the pool, whose texts fix a lexical vocabulary."""
        if self.inner != "few-shot":
            return
        self._train = list(self.job.data.train)
        if not self._train:
            raise UsageError("testnuc: inner=few-shot needs a task with labelled samples")
        self._vectors = self.job.embed([sample.question.input for sample in self._train])

    def show(self, questions: Sequence[Question], predictions: Sequence[Prediction], vectors: Any) -> None:
        """From now on, inputs are predicted after some of these with their predicted labels: the nearest
        of each (KNN-ICL-P, notes, 2.8), or the most confident of every label in turn, which are the same
        for all (reconstruction). Those without a label in the set are not shown."""
        rows = [row for row, found in enumerate(predictions) if found.label is not None]
        if self.inner == "pseudo-per-label":
            ranked = _in_turn([(predictions[row].label, predictions[row].confidence) for row in rows])
            self._fixed = [Sample(questions[rows[at]], predictions[rows[at]].label) for at in ranked]
            return
        self._train = [Sample(questions[row], predictions[row].label) for row in rows]
        self._vectors = vectors[rows] if rows else None

    def _shots(self, batch: Sequence[Question]) -> list[Sample]:
        """The nearest labelled samples of each question, the closest last, none of them one that is to
        be labelled or that stands there already; or the same samples for all, but for those."""
        shots: list[Sample] = []
        taken = {question.input.strip() for question in batch}
        if self._vectors is None:
            free = (sample for sample in self._fixed if sample.question.input.strip() not in taken)
            return list(islice(free, self.size))
        for question in batch:
            near, _ = nearest(self._vectors, self.job.embed([question.input]), len(self._train))
            found: list[Sample] = []
            for row in near[0]:
                sample = self._train[row]
                text = sample.question.input.strip()
                if text not in taken and len(found) < self.size:
                    taken.add(text)
                    found.append(sample)
            shots += reversed(found)
        return shots

    def _messages(self, batch: Sequence[Question]) -> list[ChatMessage]:
        if not batch[0].choices:
            return self.job.ask(batch[0], self._shots(batch))
        texts = [question.input for question in batch]
        return label_prompt(self.job.instruction, batch[0].choices, texts, self._shots(batch))

    async def predict(self, question: Question, purpose: str) -> Prediction:
        """One text. Self-consistency: the majority of draws, with its share as confidence."""
        if self.inner != "self-consistency":
            return await self._one(question, purpose)
        draws = await asyncio.gather(
            *(self._one(question, purpose, draw=draw, temperature=0.7) for draw in range(self.size))
        )
        votes = Counter(draw.label for draw in draws if draw.label is not None)
        if not votes:
            return Prediction(None, 0.0, draws[0].raw)
        label, count = votes.most_common(1)[0]
        return Prediction(label, count / len(draws), label)

    def batches(self, question: Question) -> bool:
        """Whether several such texts go into one call."""
        return bool(question.choices) and self.inner != "self-consistency"

    async def batch(self, batch: Sequence[Question], purpose: str) -> list[Prediction]:
        """Several texts in one call; a reply with another number of records is asked again in halves.
        Texts without a label set, and draws, are asked one by one."""
        if len(batch) == 1 or not self.batches(batch[0]):
            return [await self.predict(question, purpose) for question in batch]
        try:
            output = await self.job.model.generate(batch[0], self._messages(batch), purpose=purpose)
            self.calls += 1
            rows = records(output.completion)
        except ModelCallError:
            rows = []
        order = [row.get("index", n) for n, row in enumerate(rows, 1)]
        if len(rows) == len(batch) and [str(n) for n in order] == [str(n + 1) for n in range(len(rows))]:
            return [self._read(row, q) for row, q in zip(rows, batch, strict=True)]
        half = len(batch) // 2
        return [*await self.batch(batch[:half], purpose), *await self.batch(batch[half:], purpose)]

    async def _one(self, question: Question, purpose: str, **how: Any) -> Prediction:
        output = await self.job.model.generate(question, self._messages([question]), purpose=purpose, **how)
        self.calls += 1
        rows = records(output.completion)
        row = rows[0] if len(rows) == 1 else {"label": output.completion}
        given = (output.metadata or {}).get("confidence")
        return self._read(row if given is None else {**row, "confidence": given}, question)

    def _read(self, row: dict[str, Any], question: Question) -> Prediction:
        raw = str(row["label"]).strip()
        label = self.job.parse(raw, question)
        if question.choices and label not in question.choices:
            label = None
        return Prediction(None if label is None else str(label), clip(row.get("confidence")), raw)


def _in_turn(found: Sequence[tuple[str | None, float]]) -> list[int]:
    """Places of (label, confidence) pairs: the most confident of every label, then the second of every
    label, and so on; the more confident first among those."""
    by_label: dict[str | None, list[int]] = defaultdict(list)
    for at in sorted(range(len(found)), key=lambda at: -found[at][1]):
        by_label[found[at][0]].append(at)
    turns = [(turn, -found[at][1], at) for own in by_label.values() for turn, at in enumerate(own)]
    return [at for _, _, at in sorted(turns)]

"""The annotation step: what the model says about unlabelled inputs, and how sure it is."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.annotate import clip, number, records
from harness.base import messages
from harness.base.concurrent import in_order
from harness.base.errors import ModelCallError, UsageError
from harness.job import Job
from harness.methods.semi_icl.confidence import back_translation, majority, mean_logprob, split_stated
from harness.methods.semi_icl.prompts import Prompt, Shot
from harness.sample import Question

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

#: temperature of the draws of a majority, as in the method self-consistency
WARM = 0.7


@dataclass(frozen=True, slots=True)
class Annotation:
    """An input with the answer the model gave it, in the task's form; `label` is None where there is
    none in the label set. `answer` is how it looks as a demonstration (with its reasoning, if any)."""

    question: Question
    label: str | None
    confidence: float
    answer: str = ""

    @property
    def shot(self) -> Shot:
        return Shot(self.question.id, self.question.input, str(self.label), self.answer)


class Annotator:
    """Annotates with one confidence measure. `found` holds every annotation in the order of its chunk;
    `faults` counts what could not be used, by kind.

    Raises:
        UsageError: the model or the task doesn't give what the measure needs.
    """

    def __init__(self, job: Job, confidence: str, samples: int) -> None:
        self._job, self._confidence, self._samples = job, confidence, samples
        self.faults: Counter[str] = Counter()
        self.found: list[Annotation] = []
        self.done = 0
        self._last: ModelCallError | None = None
        if confidence == "logprob" and "logprobs" not in job.model.provider.abilities:
            raise UsageError(
                f"confidence=logprob needs a model that gives log-probabilities, which "
                f"{job.model.name} doesn't; use confidence=verbalised"
            )

    def prompt(self, shots: Sequence[Shot]) -> Prompt:
        """The prompt of one chunk."""
        stated = self._confidence == "verbalised"
        return Prompt(self._job, shots, annotate=stated, stated=stated)

    async def annotate(self, questions: Sequence[Question], prompt: Prompt, total: int) -> list[Annotation]:
        """An annotation for every question, in order; one without label where the model failed for
        good, unless it failed for all.

        Raises:
            ModelCallError: the model failed for every question so far.
        """

        async def one(question: Question) -> Annotation:
            try:
                return await self._one(question, prompt)
            except ModelCallError as error:
                self.faults["failed"] += 1
                self._last = error
                return Annotation(question, None, 0.0)
            finally:
                self.done += 1
                self._job.progress("annotate", self.done, total)

        found = await in_order(one, questions, lambda: self._job.concurrency)
        if self._last is not None and self.faults["failed"] == self.done:
            raise self._last
        self.found += found
        return found

    async def _one(self, question: Question, prompt: Prompt) -> Annotation:
        if self._confidence == "self-consistency":
            return await self._majority(question, prompt)
        settings: dict[str, Any] = {"logprobs": True} if self._confidence == "logprob" else {}
        output = await self._job.model.generate(
            question, prompt.messages(question), purpose="annotate", **settings
        )
        if self._confidence == "verbalised":
            return self._stated(question, output)
        label, answer = self._read(question, output.completion)
        if self._confidence == "logprob":
            said = mean_logprob(output)
            if said is None:
                self.faults["no confidence"] += 1
            return Annotation(question, label, float("-inf") if said is None else said, answer)
        return Annotation(question, label, await self._translated_back(question, label), answer)

    def _stated(self, question: Question, output: ModelOutput) -> Annotation:
        """The confidence that the model wrote, or that came recorded beside its answer."""
        text, said = output.completion, None
        if question.choices:
            rows = records(text)
            if len(rows) == 1:
                text, said = str(rows[0]["label"]), rows[0].get("confidence")
        else:
            text, said = split_stated(text)
        said = (output.metadata or {}).get("confidence", said)
        found = number(said)
        if found is None:
            self.faults["no confidence"] += 1
        elif not 0 <= found <= 1:
            self.faults["confidence outside 0 to 1"] += 1
        label, answer = self._read(question, text)
        return Annotation(question, label, clip(said), answer)

    async def _majority(self, question: Question, prompt: Prompt) -> Annotation:
        asked = prompt.messages(question)
        outputs = await asyncio.gather(
            *(
                self._job.model.generate(question, asked, purpose="annotate", draw=n, temperature=WARM)
                for n in range(self._samples)
            )
        )
        read = [self._read(question, output.completion) for output in outputs]
        label, share, first = majority(
            [label for label, _ in read], lambda label: self._job.canonical(label, question)
        )
        return Annotation(question, label, share, read[first][1])

    async def _translated_back(self, question: Question, label: str | None) -> float:
        languages: Any = question.metadata
        if "target_language" not in languages:
            raise UsageError(
                "confidence=back-translation needs a translation task, whose questions name "
                "their languages; use confidence=verbalised"
            )
        if label is None:
            return 0.0
        asked = (
            f"Translate the {languages['target_language']} text below into "
            f"{languages['source_language']}. Reply with the translation alone.\n\n{label}"
        )
        output = await self._job.model.generate(question, [messages.user(asked)], purpose="annotate")
        return back_translation(question.input, output.completion.strip())

    def _read(self, question: Question, text: str) -> tuple[str | None, str]:
        """The label in the task's form and how it looks as a demonstration."""
        label = self._job.parse(text, question)
        if label is None or (question.choices and label not in question.choices):
            self.faults["outside the label set" if question.choices else "no answer"] += 1
            return None, ""
        # a translation loses its language tag, a chosen label its trimmings; reasoning stays
        plain = bool(question.choices) or "target_language" in question.metadata
        return str(label), str(label) if plain else text.strip()

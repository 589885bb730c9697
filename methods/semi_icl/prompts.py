"""Prompts that share their demonstrations.

The demonstrations stand in a system message before the task's own prompt; the authors put everything into
one user message. As a message of its own they are rendered once for many questions, and providers that
cache prefixes (Anthropic at the end of the system message, others by equal beginnings) read them once.
Without demonstrations the prompts are those of `direct` and of TestNUC's annotation, so that these share
their calls through the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.annotate import demonstrations, label_prompt
from harness.base import messages
from harness.job import Job
from harness.sample import Question

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

#: UTF-8 bytes that a token is counted as: fewer than tokenizers need, so that the estimate is high
BYTES_PER_TOKEN = 3
#: tokens left to an answer of unknown length
ANSWER = 1024

STATE = (
    "After the answer, end your reply with one more line: 'Confidence: ' and the probability from 0 "
    "to 1 that the answer is right."
)


@dataclass(frozen=True, slots=True)
class Shot:
    """A demonstration: a gold sample or the model's own annotation; `label` is in the task's form."""

    id: str
    text: str
    label: str
    answer: str


class Prompt:
    """The prompts of many questions after the same demonstrations.

    `purpose` "annotate" asks for a label record where there is a closed set of labels, and for a line
    with the confidence of any other answer if `stated`; "answer" is the task's own prompt.
    """

    def __init__(
        self, job: Job, shots: Sequence[Shot], *, annotate: bool = False, stated: bool = False
    ) -> None:
        self._job, self.shots = job, list(shots)
        self._annotate, self._stated = annotate, stated
        self._texts = {shot.text.strip() for shot in shots}
        self._head = [messages.system(demonstrations([(s.text, s.answer) for s in shots]))] if shots else []

    def messages(self, question: Question) -> list[ChatMessage]:
        """The question after the demonstrations, of which it is none."""
        if question.input.strip() in self._texts:
            others = [shot for shot in self.shots if shot.text.strip() != question.input.strip()]
            return Prompt(self._job, others, annotate=self._annotate, stated=self._stated).messages(question)
        return [*self._head, *self.bare(question)]

    def bare(self, question: Question) -> list[ChatMessage]:
        """The question's own part."""
        if not self._annotate:
            return self._job.ask(question)
        if question.choices:
            return label_prompt(self._job.instruction, question.choices, [question.input])
        asked = self._job.ask(question)
        return [*asked[:-1], messages.user(f"{asked[-1].text}\n\n{STATE}")] if self._stated else asked


def tokens(text: str) -> int:
    """A high estimate of the tokens in a text."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def size(shots: Sequence[Shot]) -> int:
    """A high estimate of the tokens that demonstrations take."""
    return sum(tokens(shot.text) + tokens(shot.answer) + 12 for shot in shots)


def fit(wanted: int, room: float, drawn: Callable[[int], list[Shot]]) -> list[Shot]:
    """The demonstrations that `drawn(k)` gives for the largest k, found by shrinking it from `wanted`, at
    which they fit into `room` tokens."""
    k = wanted
    while True:
        shots = drawn(k)
        taken = size(shots)
        if taken <= room or not shots:
            return shots
        k = max(0, min(len(shots) - 1, int(len(shots) * room / taken)))

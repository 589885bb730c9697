"""What answers are in a conversation: the space of a task's answers, and the place that each has in it."""

from __future__ import annotations

import math
from typing import Any

from harness.base.errors import UsageError
from harness.job import Job
from harness.methods.agents.topology import Space
from harness.sample import Question

#: kinds of answers (`harness.spec.ANSWERS`) that are numbers
NUMBERS = ("integer", "number")


def check_judge(job: Job) -> None:
    """Whether the final answer can be found.

    Raises:
        UsageError: answers are open and there is no judge; says how to name one.
    """
    if not job.countable and not job.has_role("judge"):
        raise UsageError(
            f"answers of {job.task_name} can't be counted, so a judge must write the final one: give "
            "--role judge=MODEL"
        )


def space_of(job: Job, question: Question, agents: int) -> Space:
    """The space of a question's answers: choices, a number, others that can be counted, or open ones."""
    if not job.countable:
        return Space("open", 0)
    if question.choices and job.answers == "label":
        return Space("choice", len(question.choices))
    return Space("number", 1) if job.answers in NUMBERS else Space("text", agents)


class Places:
    """The places of answers in one conversation: of a choice its index, of others the order in which they
    first appear. Answers that the task counts as equal have one place."""

    def __init__(self, job: Job, question: Question, space: Space) -> None:
        self._job, self._question, self._space = job, question, space
        self._answers: list[Any] = []
        self._by_form: dict[str, int] = {}
        self._closed = False
        if space.kind == "choice":
            for choice in question.choices:
                self.of(choice)
            self._closed = True

    def of(self, answer: Any) -> int:
        """The place of an answer; -1 of None, of one that is none of the choices, and of every open one."""
        if answer is None or self._space.kind == "open":
            return -1
        form = self.form(answer)
        if form not in self._by_form:
            if self._closed:
                return -1
            self._by_form[form] = len(self._answers)
            self._answers.append(answer)
        return self._by_form[form]

    def answer(self, place: int) -> Any | None:
        """The answer at a place, as it was first given; None at -1."""
        return self._answers[place] if place >= 0 else None

    def form(self, answer: Any) -> str:
        """The text by which an answer is counted."""
        return self._job.canonical(answer, self._question)


def number(answer: Any) -> float:
    """The value of an answer that is a number; NaN where it is none."""
    try:
        value = float(str(answer).replace(",", ""))
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def without_answer(text: str, job: Job, question: Question) -> str:
    """A text without the line that gives the answer, where that is its first or last one and no sentence
    (at most 60 characters); the whole text where no such line is found, nothing of a text that is this line
    alone.

    The presumed code embeds what follows the answer letter on the first line; a task's prompt decides here
    where the answer stands.
    """
    lines = text.strip().splitlines()
    for at in (0, -1):
        if lines and len(lines[at]) <= 60 and job.parse(lines[at], question) is not None:
            del lines[at]
            break
    return "\n".join(lines)

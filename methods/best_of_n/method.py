"""Best of N (the sampling of Cobbe et al., arXiv 2110.14168; both scorers here are our choice): the mean
token log-probability, or a grade from 0 to 10 by a judge. Ties go to the first sampled."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.base.errors import UsageError
from harness.job import Job
from harness.method import Method
from harness.model.gateway import Model
from harness.sample import Outcome, Question, SplitSizes

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

NUMBER = re.compile(r"(?<![\w.,+/\-−])\d{1,2}(?:\.\d{1,4})?(?![\w%]|[.,/\-–−]\d)", re.ASCII)
OF_TEN = re.compile(r"\s*(?:/|out of)\s*10(?![\w%]|[.,]\d)", re.ASCII | re.IGNORECASE)
LONGEST = 2_000  # characters at the end of a judge's reply that are read
ASK = (
    "Judge how likely the answer below is right.\n\nTask:\n{task}\n\nAnswer:\n{answer}\n\n"
    "Reply with one number from 0 (surely wrong) to 10 (surely right) and nothing else."
)


class BestOfN(Method):
    """Samples n answers and keeps the best. A grade that can't be read counts as 0."""

    judge: Model | None

    def calls(self, n_questions: int, splits: SplitSizes) -> int:
        """A judge grades every answer with a call of its own."""
        return n_questions * int(self.args["n"]) * (2 if self.args["scorer"] == "judge" else 1)

    def announce(self, job: Job) -> list[str]:
        return self.own_temperature(job)

    async def fit(self, job: Job) -> None:
        if self.args["n"] < 1:
            raise UsageError(f"best-of-n: n={self.args['n']} is not at least 1")
        self.judge = job.role("judge") if self.args["scorer"] == "judge" else None

    async def answer(self, question: Question, job: Job) -> Outcome:
        more: dict[str, Any] = {"logprobs": True} if self.judge is None else {}
        asked = job.ask(question)
        outputs = await asyncio.gather(
            *(
                job.model.generate(question, asked, draw=draw, temperature=self.args["temperature"], **more)
                for draw in range(self.args["n"])
            )
        )
        grades: list[float | None]
        if self.judge is None:
            grades = [mean_logprob(output, job.model.name) for output in outputs]
        else:
            task = "\n\n".join(message.text for message in asked)
            replies = await asyncio.gather(
                *(
                    self.judge.generate(
                        question,
                        [messages.user(ASK.format(task=task, answer=output.completion))],
                        purpose="judge",
                        draw=draw,
                    )
                    for draw, output in enumerate(outputs)
                )
            )
            grades = [grade(reply.completion) for reply in replies]
        scores = [0.0 if value is None else value for value in grades]
        best = scores.index(max(scores))
        trace = {"scores": scores, "chosen": best, "unread_grades": grades.count(None)}
        return job.outcome(question, outputs[best], trace=trace)


def mean_logprob(output: ModelOutput, name: str) -> float:
    """The mean token log-probability.

    Raises:
        UsageError: the model gave none.
    """
    kept = output.choices[0].logprobs if output.choices else None
    if kept is None or not kept.content:
        raise UsageError(f"best-of-n: {name} gives no log-probabilities; use -M scorer=judge")
    return sum(token.logprob for token in kept.content) / len(kept.content)


def grade(text: str) -> float | None:
    """The number from 0 to 10 in a judge's reply; None where there is none, or several that differ."""
    said = OF_TEN.sub("", text.rpartition("</think>")[2][-LONGEST:])
    found = {float(number) for number in NUMBER.findall(said)}
    value = found.pop() if len(found) == 1 else None
    return value if value is not None and value <= 10 else None

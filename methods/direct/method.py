"""The task's own prompt, once: the baseline that every other method is measured against."""

from __future__ import annotations

from harness.episode import play
from harness.job import Job
from harness.method import Method
from harness.sample import Outcome, Question


class Direct(Method):
    """Asks once and takes what comes; in a world, acts by the model's native tool calls."""

    async def answer(self, question: Question, job: Job) -> Outcome:
        if job.interactive:
            ask = job.model.generate
            return await play(
                question, job.world(question), lambda seen, tools: ask(question, seen, tools=tools)
            )
        output = await job.model.generate(question, job.ask(question))
        return job.outcome(question, output)

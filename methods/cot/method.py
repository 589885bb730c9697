"""Zero-shot chain of thought (Kojima et al., arXiv 2205.11916), in one call and our own words."""

from __future__ import annotations

from harness.base import messages
from harness.job import Job
from harness.method import Method
from harness.sample import Outcome, Question

STEPS = (
    "Work through the problem step by step before you answer. Then finish with the final answer, "
    "alone on the last line and in exactly the form that was asked for."
)


class ChainOfThought(Method):
    """The task's prompt with a request to reason first."""

    async def answer(self, question: Question, job: Job) -> Outcome:
        prompt = [messages.system(STEPS), *job.ask(question)]
        output = await job.model.generate(question, prompt)
        return job.outcome(question, output)

"""Rows to compare with: what is known of a user goes into one prompt; and the user's most frequent answer.

In-context, RAG, PAG (profile-augmented) and a row like MemoryBank are baselines that the paper names; how it
made them was not at hand, so these are reconstructions. In-context shows the latest interactions, RAG those
most like the question, PAG a profile beside them, and the row like MemoryBank a profile beside those that
are like the question and not long ago (after Zhong et al., arXiv 2305.10250).
"""

from __future__ import annotations

import statistics
from collections import Counter

from harness import personal
from harness.base import messages
from harness.data.history import Past
from harness.job import Job
from harness.method import Method
from harness.methods.personal.base import LONGEST, Personal, profile
from harness.sample import Outcome, Question, SplitSizes


class Prompted(Personal):
    """One call with records of the user in the system prompt; `settings` say which, and whether a profile."""

    def calls(self, n_questions: int, splits: SplitSizes) -> int | None:
        return None if self.prepares else n_questions

    def calls_of(self, job: Job, n_questions: int) -> int:
        return len(job.pasts()) + n_questions

    @property
    def prepares(self) -> bool:
        return bool(self.spec.settings.get("profile"))

    async def prepared(self, past: Past, job: Job) -> str:
        return await profile(past, job)

    async def answer(self, question: Question, job: Job) -> Outcome:
        past = job.history(question, "memory")
        k = self.args["k"]
        if self.spec.settings["choose"] == "latest":
            found = list(past.interactions[-k:])
        else:
            found = self.index(past, self.args.get("decay", 0.0)).nearest(question.input, k)
        shown = personal.records([(each.query[:LONGEST], each.response[:LONGEST]) for each in found])
        parts = [personal.generic_persona()]
        if self.prepares:
            parts.append(f"About this user:\n{self.of_user(question, job)[1]}")
        parts.append(f"{personal.RECORDS}\n\n{shown}")
        output = await job.model.generate(question, messages.told("\n\n".join(parts), job.ask(question)))
        return job.outcome(question, output, trace={"shown": [each.id for each in found]})


class LabelPrior(Method):
    """The answer that the user gave most often, of equal counts the latest; of ratings their median. It looks
    at no question, so that it shows what a user's habits alone are worth."""

    def drawing(self) -> str:
        """Whose past is another's is drawn once a run."""
        return "run" if self.args["swap"] != "none" else self.spec.draws

    def calls(self, n_questions: int, splits: SplitSizes) -> int:
        return 0

    async def answer(self, question: Question, job: Job) -> Outcome:
        said = [each.response for each in job.history(question, "memory").interactions]
        if job.answers == "number" and (numbers := _numbers(said)):
            usual = f"{statistics.median_low(numbers):g}"
        else:
            counts = Counter(said)
            usual = max(reversed(said), key=counts.__getitem__)
        return Outcome(question.id, question.epoch, usual, job.parse(usual, question))


def _numbers(said: list[str]) -> list[float]:
    """The responses as numbers; none at all where one isn't."""
    try:
        return [float(each) for each in said]
    except ValueError:
        return []

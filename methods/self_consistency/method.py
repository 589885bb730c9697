"""Self-consistency (Wang et al., arXiv 2203.11171): sample several answers, take the most frequent."""

from __future__ import annotations

import asyncio
from collections import Counter

from harness.base.errors import UsageError
from harness.job import Job
from harness.method import Method
from harness.sample import Outcome, Question, SplitSizes


class SelfConsistency(Method):
    """A majority over parsed answers; among equally frequent ones the first that was sampled.

    Completions without an answer don't vote. The confidence is the winner's share of all samples.
    """

    def calls(self, n_questions: int, splits: SplitSizes) -> int:
        return n_questions * int(self.args["samples"])

    async def answer(self, question: Question, job: Job) -> Outcome:
        samples = self.args["samples"]
        if samples < 1:
            raise UsageError(f"self-consistency: samples={samples} is not at least 1")
        messages = job.ask(question)
        outputs = await asyncio.gather(
            *(
                job.model.generate(question, messages, draw=draw, temperature=self.args["temperature"])
                for draw in range(samples)
            )
        )
        answers = [job.parse(output.completion, question) for output in outputs]
        winner, count = job.majority(answers, question)
        if winner is None:
            return job.outcome(question, outputs[0], confidence=0.0, trace={"votes": []})
        votes = Counter(job.canonical(answer, question) for answer in answers if answer is not None)
        chosen = outputs[answers.index(winner)]
        return job.outcome(
            question,
            chosen,
            answer=winner,
            confidence=count / samples,
            trace={"votes": [[answer, n] for answer, n in votes.most_common()]},
        )

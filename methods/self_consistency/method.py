"""Self-consistency (Wang et al., arXiv 2203.11171): sample several answers, take the most frequent."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.base.errors import UsageError
from harness.job import Job
from harness.method import Method
from harness.model.metering import used
from harness.sample import Outcome, Question, SplitSizes

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput

#: what a conversation of agents has by default (methods/agents)
AGENTS, ROUNDS = 6, 4
#: the most samples of a question whose tokens are the limit
MOST = 1000


class SelfConsistency(Method):
    """A majority over parsed answers; among equally frequent ones the first that was sampled.

    Completions without an answer don't vote. The confidence is the winner's share of all samples.
    """

    @property
    def samples(self) -> int:
        """How many answers are sampled for a question, where its tokens aren't the limit.

        Raises:
            UsageError: fewer than one.
        """
        for name, least in (("samples", 1), ("agents", 0), ("rounds", 0), ("tokens", 0)):
            if self.args[name] < least:
                raise UsageError(f"self-consistency: {name}={self.args[name]} is not at least {least}")
        agents, rounds = int(self.args["agents"]), int(self.args["rounds"])
        return (agents or AGENTS) * (rounds or ROUNDS) if agents or rounds else int(self.args["samples"])

    def calls(self, n_questions: int, splits: SplitSizes) -> int | None:
        return None if self.args["tokens"] else n_questions * self.samples

    def announce(self, job: Job) -> list[str]:
        return self.own_temperature(job)

    async def answer(self, question: Question, job: Job) -> Outcome:
        wanted, messages = self.samples, job.ask(question)
        if self.args["tokens"]:
            outputs = await self._until_spent(question, messages, job)
        else:
            draws = range(wanted)
            outputs = await asyncio.gather(*(self._sample(question, messages, job, n) for n in draws))
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
            confidence=count / len(outputs),
            trace={"votes": [[answer, n] for answer, n in votes.most_common()]},
        )

    async def _sample(
        self, question: Question, messages: Sequence[ChatMessage], job: Job, draw: int
    ) -> ModelOutput:
        temperature = self.args["temperature"]
        return await job.model.generate(question, messages, draw=draw, temperature=temperature)

    async def _until_spent(
        self, question: Question, messages: Sequence[ChatMessage], job: Job
    ) -> list[ModelOutput]:
        """Samples until the question took its tokens; the last one may go beyond.

        Raises:
            UsageError: the model doesn't report tokens, or no tokens, so that there is no end to it.
        """
        outputs: list[ModelOutput] = []
        spent, limit = 0, int(self.args["tokens"])
        while spent < limit and len(outputs) < MOST:
            outputs.append(await self._sample(question, messages, job, len(outputs)))
            tokens = used(outputs[-1])
            if tokens is None:
                raise UsageError(
                    f"self-consistency: tokens={limit} can't be kept, as the model reports no tokens; "
                    "leave it out"
                )
            spent += sum(tokens)
        return outputs

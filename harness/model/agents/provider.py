"""`sim/agents`: simulated agents as a model, one call at a time. It reads no prompt, and says so.

The law is that of `law.py`, of which this is the slow form for conversations through the gateway. What a call
is about stands in the metadata of its last user message, which no model is sent: the agent's number and how
many there are, the round, what it has heard, the adversaries' answer if it is one, and the seed of the
conversation, by which everything is drawn. A call without them (of a method that asks once, or votes) is
answered by an agent of average ability that hears nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from harness.base.digest import seed_of
from harness.base.errors import ModelCallError, UsageError
from harness.base.messages import completion
from harness.model.agents.answers import candidates
from harness.model.agents.settings import Settings
from harness.model.provider import Call, Provider, counted

if TYPE_CHECKING:
    import numpy as np
    from inspect_ai.model import ModelOutput

    from harness.sample import Question, Sample, Splits

#: under which name the metadata of a message holds what a call of a conversation is about
KEY = "agents"


class SimulatedAgents(Provider):
    """Answers by gold, chance and what was heard; every setting is a `--model-arg`."""

    name, revision = "sim/agents", "1"
    cacheable = False
    connections = 64

    def __init__(self, args: Mapping[str, Any]) -> None:
        self.settings = Settings.of(args)
        #: numbers of the vectors that come with its answers, in place of an embedder's
        self.vector_width = self.settings.width
        self.notice = (
            "sim/agents is a simulation of agents that know the answer with probability "
            f"{self.settings.p:g}, adopt what most of the others say, and read no prompt: it tests how "
            "methods let agents talk, and measures no model"
        )
        self._known: dict[tuple[str, str], tuple[list[str], int]] = {}
        self._direction = lru_cache(maxsize=4096)(self.settings.direction)
        self._offsets = lru_cache(maxsize=64)(self.settings.offsets)
        self._p = lru_cache(maxsize=65536)(self._difficulty)

    def prepare(self, splits: Splits) -> None:
        """Learns the gold answers of all splits.

        Raises:
            UsageError: an answer is neither one of closed choices nor a number, so that nobody can say what
                a wrong one looks like.
        """
        self._known = {
            _place(sample.question): self._candidates(sample)
            for part in (splits.train, splits.dev, splits.test)
            for sample in part
        }

    def _candidates(self, sample: Sample) -> tuple[list[str], int]:
        found = candidates(sample, self.settings.options)
        if found is None or len(found[0]) < 2:
            raise UsageError(
                "sim/agents answers questions that have closed choices or a number for their answer, and "
                f"item {sample.id!r} has {str(sample.target)[:60]!r}; take a task such as mmlu or gsm8k"
            )
        return found

    def takes(self, setting: str) -> bool:
        return setting == "seed"

    async def generate(self, call: Call) -> ModelOutput:
        known = self._known.get(_place(call.question))
        if known is None:
            raise ModelCallError("sim/agents answers only questions whose gold answer the task has")
        answers, gold = known
        told = next((m.metadata for m in reversed(call.messages) if m.role == "user"), None) or {}
        turn = told.get(KEY)
        if turn is None:
            from numpy.random import default_rng

            rng, heard = default_rng(call.seed), 0
            said = self._fresh(answers, gold, self._p(*_place(call.question)), rng)
            vector = self._vector(said, answers, False, rng)
        else:
            heard = len(turn["heard"])
            said, vector = self._turn(call.question, answers, gold, turn)
        text = said if call.question.choices else f"The answer is \\boxed{{{said}}}."
        s = self.settings
        output = completion(self.name, text, counted(s.base + s.message * heard, s.message))
        output.metadata = {"vector": vector}
        return output

    def _turn(
        self, question: Question, answers: Sequence[str], gold: int, turn: Mapping[str, Any]
    ) -> tuple[str, list[float]]:
        """What an agent says in a round of a conversation, and the vector of its text."""
        from numpy.random import default_rng

        s, agent, forced = self.settings, int(turn["agent"]), turn["adversary"]
        rng = default_rng(seed_of(s.seed, "turn", turn["latent"], agent, turn["round"]))
        if forced is not None:
            said = str(forced)
        else:
            ability = min(
                max(self._p(*_place(question)) + float(self._offsets(int(turn["of"]))[agent]), 0.0), 1.0
            )
            knows = self._fresh(
                answers, gold, ability, default_rng(seed_of(s.seed, "knows", turn["latent"], agent))
            )
            said = knows if rng.random() < s.h else self._fresh(answers, gold, ability, rng)
            if votes := Counter(str(answer) for answer in turn["heard"] if answer is not None):
                most = max(votes.values())
                if rng.random() < s.kappa * most / votes.total():
                    tied = sorted(answer for answer, count in votes.items() if count == most)
                    said = tied[rng.integers(len(tied))]
        return said, self._vector(said, answers, forced is not None, rng)

    def _fresh(self, answers: Sequence[str], gold: int, ability: float, rng: np.random.Generator) -> str:
        """Gold with the probability of `ability`, else one of the others."""
        if rng.random() < ability:
            return answers[gold]
        return answers[(gold + 1 + int(rng.integers(len(answers) - 1))) % len(answers)]

    def _vector(
        self, said: str, answers: Sequence[str], flawed: bool, rng: np.random.Generator
    ) -> list[float]:
        """The unit vector of a text; answers have directions by their places, others by their wording."""
        place = answers.index(said) if said in answers else said
        made = self._direction("answer", place) + self.settings.noise * rng.normal(size=self.settings.width)
        if flawed:
            made = made + self.settings.honesty * self._direction("flaw")
        return [float(x) for x in made / (made @ made) ** 0.5]

    def _difficulty(self, *question: str) -> float:
        """A question's p, by the settings' seed and the question's id and text alone."""
        from numpy.random import default_rng

        s = self.settings
        if s.concentration is None or not 0 < s.p < 1:
            return s.p
        rng = default_rng(seed_of(s.seed, "difficulty", *question))
        return float(rng.beta(s.p * s.concentration, (1 - s.p) * s.concentration))


def _place(question: Question) -> tuple[str, str]:
    return question.id, question.input

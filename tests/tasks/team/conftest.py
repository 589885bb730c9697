"""Episodes of scripted agents beside a simulated person, without a run."""

import asyncio
import json
import random
from types import SimpleNamespace

import pytest
from inspect_ai.model import ChatMessageAssistant, ModelOutput
from inspect_ai.tool import ToolCall

from harness.data.hub import Data
from harness.episode import play
from harness.job.worlds import world_of
from harness.model.budget import Budget
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.simulated_human import SimulatedHuman
from harness.registry import load_task, registry
from harness.sample import Outcome


class Agent:
    """The next action from what was seen: `decide(agent)` is a generator that yields calls (name, arguments)
    and is sent their results as text; what it returns is said last."""

    def __init__(self, decide, rng):
        self.rng, self._steps = rng, decide(self)
        self.request, self.calls = "", 0

    async def __call__(self, seen, tools):
        self.tools = [tool.name for tool in tools]
        self.request = self.request or next(m.text for m in seen if m.role == "user")
        self.seen = seen
        try:
            name, arguments = next(self._steps) if not self.calls else self._steps.send(seen[-1].text)
        except StopIteration as end:
            return ModelOutput.from_content("agent", end.value or "Done.")
        self.calls += 1
        made = ToolCall(f"c{self.calls}", name, arguments)
        return ModelOutput.from_message(ChatMessageAssistant(content="", tool_calls=[made]))


class Team:
    """A task with its samples, and a person of these settings (None: nobody)."""

    def __init__(self, name, human=None, **arguments):
        spec = registry().task(name)
        self.task = load_task(spec, spec.arguments(arguments))
        self.splits = self.task.load(Data())
        self.human = None if human is None else SimulatedHuman(human)

    def model(self, seed):
        return Model(self.human, ledger=Ledger(), budget=Budget(), seed=seed)

    async def play(self, sample, decide, seed=0):
        model = self.model(seed) if self.human else None
        world = world_of(self.task, sample, lambda role: model, lambda role: model is not None)
        agent = Agent(decide, random.Random(f"{sample.id}-{seed}"))
        outcome = await play(sample.question, world, agent)
        outcome.answer = json.loads(json.dumps(outcome.answer))
        return outcome

    def run(self, decide, items=None, seed=0):
        samples = self.splits.test[:items]

        async def played():
            return [await self.play(sample, decide, seed) for sample in samples]

        return self.scored(samples, asyncio.run(played()))

    def scored(self, samples, outcomes):
        scores = [self.task.score(*pair).metrics for pair in zip(samples, outcomes, strict=True)]
        means = {name: sum(score[name] for score in scores) / len(scores) for name in scores[0]}
        of_set = self.task.measure_set(self.splits, samples, outcomes)
        means |= {name: getattr(value, "value", value) for name, value in of_set.items()}
        return SimpleNamespace(outcomes=outcomes, scores=scores, means=means, n=len(scores))


@pytest.fixture(scope="session")
def team():
    return Team


@pytest.fixture(scope="session")
def done():
    def made(sample, **fields):
        return Outcome(sample.id, answer={"calls": [], "said": []} | fields)

    return made

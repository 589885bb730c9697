"""Runs of personal methods in this process: a recording model on generated users."""

import asyncio
import inspect

import pytest

from harness import personal
from harness.base.messages import completion
from harness.data.hub import Data
from harness.job import Job, Models
from harness.model.budget import Budget
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.provider import Provider, last_user_text
from harness.model.simulated_person import SimulatedPerson
from harness.registry import load_method, load_task, registry


class Recorder(Provider):
    """Passes calls on to a simulated person, or to a function, and remembers them by kind."""

    cacheable, name = False, "sim/recorded"

    def __init__(self, say=None, **settings):
        self._person, self._say = SimulatedPerson(settings), say
        self.calls = []

    async def generate(self, call):
        kind = kind_of(call)
        self.calls.append((kind, call))
        if self._say is not None and (said := self._say(kind, call)) is not None:
            if inspect.isawaitable(said):
                said = await said
            return completion(self.name, said)
        return await self._person.generate(call)

    def of(self, kind):
        return [call for found, call in self.calls if found == kind]


def kind_of(call):
    asked = last_user_text(call.messages)
    for kind in ("summarise", "feedback", "rewrite"):
        if asked.startswith(getattr(personal, kind.upper())):
            return kind
    return "act"


class Played:
    """A run: outcomes by question id, the task's samples, the ledger, the calls, the job and the method."""

    def __init__(self, name, task="personal/synthetic", say=None, model=None, seed=0, splits=None, **args):
        of_task = args.pop("task_args", {})
        spec, task_spec = registry().method(name), registry().task(task)
        task = load_task(task_spec, task_spec.arguments(of_task))
        self.task, self.splits = task, splits or task.load(Data())
        self.model, self.ledger = Recorder(say, **(model or {})), Ledger()
        arguments = spec.arguments(args)
        self.method = load_method(spec, arguments)
        self.job = Job(
            task=task,
            method=spec,
            splits=self.splits,
            models=Models(
                Model(self.model, ledger=self.ledger, budget=Budget(), seed=seed), ledger=self.ledger
            ),
            seed=seed,
            swap=arguments["swap"],
        )
        self.outcomes = asyncio.run(self._run())

    async def _run(self):
        await self.method.fit(self.job)
        self.fitted = len(self.model.calls)
        self.offline = self.ledger.take_all()
        questions = [sample.question for sample in self.splits.test]
        return {o.question_id: o async for o in self.method.answer_all(questions, self.job)}

    @property
    def accuracy(self):
        right = [self.answer(s.id) == s.target for s in self.splits.test]
        return sum(right) / len(right)

    def answer(self, name):
        outcome = self.outcomes[name]
        question = next(s.question for s in self.splits.test if s.id == name)
        return outcome.answer if outcome.answer is not None else self.job.parse(outcome.text, question)


@pytest.fixture
def play():
    return Played

"""A conformance kit: one line in a plugin's test checks the whole contract.

from harness.testing import check_method

def test_contract():
    check_method("my-vote")
"""

from __future__ import annotations

import asyncio
import pickle
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.base.errors import BudgetSpent
from harness.base.plain import Unfit
from harness.data.hub import Data
from harness.job import Models
from harness.job.watched import WatchedJob
from harness.model.budget import Budget
from harness.model.echo import Echo
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.provider import Call, Provider
from harness.registry import load_method, load_task, registry, settled
from harness.run import door
from harness.sample import Outcome, Question, Sample, Score, Splits
from harness.sealed_scores import seal_scores as seal_scores
from harness.spec import TaskSpec
from harness.task import Task, answer_in
from harness.task_checks import check_splits
from harness.world import Dialogue, ScriptedUser, Toolbox, World

if TYPE_CHECKING:
    from harness.data.history import Histories
    from harness.data.interactions import Interactions

LABELS = ("red", "green", "blue")


class TinyTask(Task):
    """Three labels that stand in the text; the task on which methods are checked."""

    instruction = "Name the colour."

    def load(self, data: Data) -> Splits:
        def samples(prefix: str, size: int) -> list[Sample]:
            return [
                Sample(
                    Question(f"{prefix}{n}", f"the {LABELS[n % 3]} thing number {prefix}{n}", choices=LABELS),
                    LABELS[n % 3],
                )
                for n in range(size)
            ]

        pool = [sample.question for sample in samples("pool", 12)]
        test, train, dev = samples("test", 6), samples("train", 9), samples("dev", 6)
        return Splits(test, train, pool, dev, self._taken(), self._streams())

    def _taken(self) -> Interactions:
        """Twelve users, those of the test among them, and eight things of which each took four."""
        import numpy as np
        from scipy.sparse import csr_array

        from harness.data.interactions import Interactions

        user, place = np.repeat(np.arange(12), 4), np.tile(np.arange(4), 12)
        item = (user + place + (place == 3)) % 8
        known = csr_array((np.ones(48, np.float32), (user, item)), shape=(12, 8))
        last = csr_array((np.ones(12, np.float32), (np.arange(12), (np.arange(12) + 4) % 8)), shape=(12, 8))
        users = [f"test{n}" for n in range(6)] + [f"other{n}" for n in range(6)]
        texts = [f"a {LABELS[n % 3]} thing of kind {n}" for n in range(8)]
        return Interactions(users, [f"item{n}" for n in range(8)], known, last, texts)

    def _streams(self) -> Histories:
        """Three users of two test items each, who named the colours of four things before."""
        from harness.data.history import Asked, Histories, Interaction

        known = [Interaction(f"past{n}", f"thing {n}, {LABELS[n % 3]}", LABELS[n % 3], n) for n in range(4)]
        asked = {f"test{n}": Asked(f"user{n % 3}", 4 + n) for n in range(6)}
        return Histories({f"user{n}": known for n in range(3)}, asked)

    def parse(self, text: str, question: Question) -> str | None:
        found = [label for label in LABELS if label in text.lower()]
        return found[-1] if found else None


class TinyWorld(TinyTask):
    """The same, where the colour is said to a user after a look with a tool."""

    def world(self, sample: Sample, role: Callable[[str], Model]) -> World:
        toolbox = Toolbox(Things, ("look",))
        return Dialogue(self.ask(sample.question), toolbox, Things(sample.target), ScriptedUser(["Sure?"]))

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        said = self.parse(outcome.answer["said"][-1], sample.question) if outcome.answer else None
        return Score({"accuracy": float(said == sample.target)})


@dataclass
class Things:
    """What stands in the tiny world."""

    colour: str

    def look(self) -> str:
        """The colour of the thing."""
        return self.colour


TINY = TaskSpec(
    name="tiny",
    version="1-A",
    summary="three colours",
    entry="harness.testing:TinyTask",
    answer="label",
    offers=("labelled", "pool", "dev", "countable", "interactions", "item_texts", "history"),
)
TINY_WORLD = replace(TINY, name="tiny/world", entry="harness.testing:TinyWorld", offers=("labelled", "world"))


class Watched(Provider):
    """An echo that remembers every call it got."""

    cacheable = False
    abilities = frozenset({"tools", "logprobs"})

    def __init__(self) -> None:
        self._inner = Echo("choice")
        self.name, self.calls = "echo/watched", list[Call]()

    async def generate(self, call: Call) -> Any:
        self.calls.append(call)
        output = await self._inner.generate(call)
        if call.decoding.get("logprobs"):
            from inspect_ai.model import Logprob, Logprobs

            output.choices[0].logprobs = Logprobs(content=[Logprob(token="x", logprob=-1.0)])
        return output


def check_task(name: str, data: Data | None = None, /, **args: Any) -> None:
    """Checks a task, installed or `file.py:Class`: spec, load, determinism, leak guard, parse and score, gold
    answers and nonsense, overlap of splits, pickling.

    Raises:
        AssertionError: says which rule of the contract is broken.
    """
    data = data or Data.from_environment()
    spec = registry().task(name)
    spec = settled(spec, spec.arguments(args), data)
    task = load_task(spec, spec.arguments(args))
    splits = task.load(data)
    again = load_task(spec, spec.arguments(args)).load(data)
    samples = list(splits.test[:50])
    assert samples, f"{name}: load() gives no test samples"
    assert [s.digest() for s in samples] == [s.digest() for s in again.test[:50]], (
        f"{name}: load() gives other samples the second time"
    )
    for offer in ("labelled", "pool", "dev", "interactions", "item_texts", "history", "corpus"):
        assert bool(splits.size(offer)) == (offer in spec.offers), (
            f"{name}: offers {spec.offers} but has {splits.size(offer)} of {offer}"
        )
    for question in splits.pool:
        assert isinstance(question, Question), f"{name}: the pool holds {type(question).__name__}"
    faults = check_splits(spec, task, splits, thorough=True)
    assert not faults, faults[0]
    for sample in samples:
        assert isinstance(sample, Sample) and isinstance(sample.id, str)
        assert sample.question.metadata.get("target") is None, f"{name}: a question holds its target"
        messages = task.ask(sample.question)
        assert messages and messages[-1].role == "user", f"{name}: ask() doesn't end with the user"
        assert [m.text for m in messages] == [m.text for m in task.ask(sample.question)]
        for text in ("", "\x00", "{}%s{0}", "\\boxed{" * 50, "no idea " * 1000):
            answer_in(task, text, sample.question)
        _check(name, door.score, task.score(sample, Outcome(sample.id, 0, "")), spec)
    pickle.loads(pickle.dumps(task))
    assert "countable" not in spec.offers or spec.answer not in ("ranking", "trajectory")


def _check(name: str, read: Callable[..., object], *given: object) -> None:
    """Whether what a plugin gives passes the door of a run."""
    try:
        read(*given)
    except Unfit as error:
        raise AssertionError(f"{name} gives {error}") from None


def check_method(name: str, /, **args: Any) -> None:
    """Checks a method, installed or `file.py:Class`, on a tiny task: an outcome for every question, the same
    ones again, the same draws again, no target in any prompt, no undeclared data, budget respected, pickling.

    Raises:
        AssertionError: says which rule of the contract is broken.

    Warns:
        UserWarning: it says that its items share no draw, and draws for all of them; or it reaches for what
            its job keeps private.
    """
    spec = registry().method(name)
    arguments = spec.arguments(args)
    method = load_method(spec, arguments)
    pickle.loads(pickle.dumps(method))
    first, calls, job = asyncio.run(_run(name, arguments, Budget()))
    second, _, again = asyncio.run(_run(name, arguments, Budget()))
    assert sorted(o.question_id for o in first) == [f"test{n}" for n in range(6)], (
        f"{name}: not exactly one outcome for every question"
    )
    for outcome in first:
        _check(name, door.outcome, outcome)
    key = [(o.question_id, o.text, o.answer, o.error) for o in first]
    assert sorted(key, key=str) == sorted(
        [(o.question_id, o.text, o.answer, o.error) for o in second], key=str
    ), f"{name}: a second run with the same seed gives other outcomes"
    drawn = job.drawn.state()
    assert drawn == again.drawn.state(), f"{name}: a second run with the same seed draws something else"
    if method.drawing() == "none" and drawn["shared"]:
        cure = "declare run, or draw for one question from job.rng(question.id)"
        warnings.warn(f"{name} declares draws = none, and draws for all items: {cure}", stacklevel=2)
    job.warn()
    for call in calls:
        assert isinstance(call.question, Question), f"{name}: generate() needs the question"
    if calls:
        budget = Budget(calls=max(1, len(calls) // 2))
        try:
            _, limited, _ = asyncio.run(_run(name, arguments, budget))
            spent = len(limited)
        except BudgetSpent:
            spent = 0
        assert spent <= len(calls), f"{name}: spends more calls under a budget than without"


async def _run(
    name: str, args: Mapping[str, Any], budget: Budget
) -> tuple[Sequence[Outcome], Sequence[Call], WatchedJob]:
    spec = registry().method(name)
    method = load_method(spec, args)
    task = TinyWorld(TINY_WORLD, {}) if "world" in spec.needs else TinyTask(TINY, {})
    splits = task.load(Data())
    provider, ledger = Watched(), Ledger()
    model = Model(provider, ledger=ledger, budget=budget)
    embedder = None
    if "embedder" in spec.needs + spec.may_use:
        from harness.model.embed import open_embedder

        embedder = open_embedder("lsa")
    models = Models(model, {"judge": model}, embedder, budget=budget, concurrency=lambda: 2)
    job = WatchedJob(task=task, method=spec, splits=splits, models=models)
    try:
        await method.fit(job)
        job.drawn.close()
        questions = [sample.question for sample in splits.test]
        outcomes = [outcome async for outcome in method.answer_all(questions, job)]
    finally:
        job.close()
    return outcomes, provider.calls, job

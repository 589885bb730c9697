"""The calls that a method declares are those it makes."""

import asyncio
from dataclasses import replace

import pytest

from harness.data.hub import Data
from harness.job import Job, Models
from harness.method import Method
from harness.model.budget import Budget
from harness.model.embed import open_embedder
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.registry import load_method, registry
from harness.sample import SplitSizes
from harness.testing import TINY, TINY_WORLD, TinyTask, TinyWorld, Watched


def counted(name, world=False, **args):
    """(declared, made) calls of a method on the tiny task, or the tiny world, asked in two epochs."""
    spec = registry().method(name)
    method = load_method(spec, spec.arguments(args))
    task = TinyWorld(TINY_WORLD, {}) if world else TinyTask(TINY, {})
    splits, ledger = task.load(Data()), Ledger()
    provider, judge = Watched(), Watched()
    job = Job(
        task=task,
        method=spec,
        splits=splits,
        models=Models(
            model=Model(provider, ledger=ledger, budget=Budget()),
            roles={"judge": Model(judge, ledger=ledger, budget=Budget())},
            embedder=open_embedder("lsa"),
            concurrency=lambda: 1,
        ),
    )
    questions = [sample.question.again(epoch) for epoch in range(2) for sample in splits.test]

    async def run():
        await method.fit(job)
        return [outcome async for outcome in method.answer_all(questions, job)]

    try:
        assert len(asyncio.run(run())) == len(questions)
    finally:
        job.close()
    return method.calls(len(questions), splits.sizes), len(provider.calls) + len(judge.calls)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("direct", {}),
        ("cot", {}),
        ("few-shot", {"k": 2}),
        ("self-consistency", {"samples": 3}),
        ("best-of-n", {"n": 3}),
        ("best-of-n", {"n": 3, "scorer": "judge"}),
        ("testnuc", {"k": 2}),
        ("testnuc", {"k": 0}),
        ("testnuc", {"k": 2, "pool_size": 5, "choose_k": True}),
        ("testnuc", {"k": 2, "inner": "self-consistency", "inner_samples": 3, "batch_size": 4}),
        ("testnuc", {"k": 2, "inner": "pseudo-few-shot"}),
        ("naive-semi-icl", {"k": 20, "k_gt": 3}),
        ("naive-semi-icl", {"k": 3, "k_gt": 3}),
        ("iterpsd", {"k": 20, "k_gt": 3, "pool_size": 7}),
        ("iterpsd", {"k": 20, "k_gt": 0, "confidence": "self-consistency", "samples": 3}),
        ("most-popular", {}),
        ("ease", {}),
    ],
)
def test_declared_calls_are_made(name, args):
    declared, made = counted(name, **args)
    assert declared == made


@pytest.mark.parametrize("name", ["direct", "prompted-tools", "react"])
def test_a_world_takes_at_least_what_is_declared(name):
    declared, made = counted(name, world=True)
    assert 0 < declared <= made


def test_curricula_count_their_rollouts_where_they_can():
    sizes = SplitSizes(train=200, dev=10, test=5)

    def calls(name, sizes=sizes, **args):
        spec = registry().method(name)
        given = {"steps": 4, "prompts": 2, "rollouts": 3, "measure_every": 2, "minibatches": 1, **args}
        return load_method(spec, spec.arguments(given)).calls(5, sizes)

    assert calls("curator", replace(sizes, dev=0)) == 5 + 4 * 2 * 3
    assert calls("curator") == 5 + 4 * 2 * 3 + 2 * 10
    assert calls("curriculum-dapo") is None and calls("curator", bank="math") is None
    assert calls("curator", policy="somewhere") == 5


def test_by_default_one_a_question_unless_there_is_a_fit():
    class Once(Method):
        async def answer(self, question, job): ...

    class Fits(Once):
        async def fit(self, job): ...

    class Batched(Once):
        def answer_all(self, questions, job): ...

    assert [kind().calls(7, SplitSizes()) for kind in (Once, Fits, Batched)] == [7, None, None]

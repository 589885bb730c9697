"""The votes on the toy of the notes (section 6.3) and their properties (6.8)."""

import asyncio
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from inspect_ai.model import ModelOutput

from harness.job import Job, Models
from harness.methods.testnuc.neighbours import Pool
from harness.methods.testnuc.predict import Prediction
from harness.methods.testnuc.vote import Voter, totals, winner
from harness.model.budget import Budget
from harness.model.embed import open_embedder, unit
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.provider import Provider
from harness.registry import load_method, registry
from harness.sample import Question
from harness.testing import TINY, TinyTask, check_method

TOY = [
    Voter("1", "A", 0.9, 0.6),
    Voter("2", "B", 0.8, 0.9),
    Voter("3", "B", 0.4, 0.95),
    Voter("q", "A", 1.0, 0.7, own=True),
]


@pytest.mark.parametrize(
    ("rule", "a", "b", "label"),
    [
        ("naive", 2, 2, "A"),
        ("weighted", 1.9, 1.2, "A"),
        ("filtered", 1.0, 1.2, "B"),
        ("soft", 1.24, 1.1, "A"),
    ],
)
def test_toy(rule, a, b, label):
    sums = totals(TOY, rule, 0.8)
    assert sums == pytest.approx({"A": a, "B": b})
    assert winner(sums, "A", {"A": 0, "B": 1}) == label


def test_properties():
    assert totals(TOY, "filtered", 0.0) == totals(TOY, "weighted", 0.0)
    assert winner(totals(TOY, "filtered", 1.1), "A", {}) == "A"
    assert totals([Voter("", "A", -0.5, 1.0)], "weighted", 0) == {"A": 0.0}
    same = [Voter("", v.label, 1.0, 1.0, v.own) for v in TOY]
    assert len({tuple(totals(same, r, 0.5).items()) for r in ("naive", "weighted", "soft")}) == 1


class Short(Provider):
    """Answers a batch of ten with nine records, others in full."""

    cacheable = False
    name = "fake/short"

    def __init__(self):
        self.sizes = []

    async def generate(self, call):
        lines = call.messages[-1].text.split("Texts to label:\n")[1].split("\n\n")[0].splitlines()
        self.sizes.append(len(lines))
        records = [
            {"index": n, "label": next(c for c in call.question.choices if c in line), "confidence": 0.9}
            for n, line in enumerate(lines, 1)
        ]
        return ModelOutput.from_content(self.name, json.dumps(records[:9] if len(lines) == 10 else records))


def test_a_wrong_count_of_records_is_split_and_never_misaligned():
    spec, splits, ledger, budget = TINY, TinyTask(TINY, {}).load(None), Ledger(), Budget()
    known = registry().method("testnuc")
    method = load_method(known, known.arguments({"batch_size": 10, "k": 3}))
    provider = Short()
    model = Model(provider, ledger=ledger, budget=budget)
    job = Job(
        task=TinyTask(spec, {}),
        method=method.spec,
        splits=splits,
        models=Models(
            model=model,
            budget=budget,
            embedder=open_embedder("tfidf"),
        ),
    )
    asyncio.run(method.fit(job))
    assert sorted(provider.sizes) == [2, 5, 5, 10]
    for question, prediction in zip(splits.pool, method.pool.predictions, strict=True):
        assert prediction.label in question.input
    assert ledger.by_purpose["annotate"].calls == 4
    outcome = asyncio.run(method.answer(splits.test[0].question, job))
    assert outcome.answer == "red" and len(outcome.trace["voters"]) == 4


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"k": 0},
        {"choose_k": True},
        {"inner": "few-shot"},
        {"inner": "self-consistency"},
        {"batch_size": 4},
        {"released": True, "pool_size": 5},
        {"theta_quantile": 0.7},
    ],
)
def test_contract(args):
    check_method("testnuc", **args)


UNIT = st.lists(st.floats(-1, 1), min_size=3, max_size=3).filter(lambda v: np.linalg.norm(v) > 0.1)


@given(st.lists(UNIT, min_size=1, max_size=12), UNIT, st.floats(0.01, 100), st.integers(0, 20), st.randoms())
def test_order_and_scale_of_the_pool_do_not_matter(rows, query, scale, k, draw):
    rows = np.array(rows)
    similar = unit(rows) @ unit([query])[0]
    assume(len(set(similar.round(4))) == len(similar))  # equal ones go by the row, so by the order
    questions = [Question(str(n), f"text {n}") for n in range(len(rows))]
    said = [Prediction("AB"[n % 2], 0.5) for n in range(len(rows))]
    order = list(range(len(rows)))
    draw.shuffle(order)
    plain = Pool(questions, unit(rows), said)
    moved = Pool([questions[n] for n in order], unit(scale * rows[order]), [said[n] for n in order])
    near = plain.around(Question("q", "?"), unit([query]), k)
    again = moved.around(Question("q", "?"), unit([[scale * x for x in query]]), k)
    assert [(v.id, v.label) for v in near] == [(v.id, v.label) for v in again]
    assert len(near) == min(k, len(rows))
    assert [v.similarity for v in near] == pytest.approx(sorted(similar, reverse=True)[:k], abs=1e-5)


VOTERS = st.lists(
    st.builds(Voter, st.just(""), st.sampled_from(["A", "B", None]), st.floats(-1, 1), st.floats(0, 1)),
    max_size=9,
)


@given(VOTERS, st.floats(0, 1))
def test_votes_agree_where_they_must(voters, theta):
    own = Voter("q", "A", 1.0, 0.5, own=True)
    voters = [*voters, own]
    assert totals(voters, "filtered", 0.0) == totals(voters, "weighted", 0.0)
    alike = [replace(v, similarity=1.0) for v in voters]
    assert totals(alike, "weighted", theta) == totals(alike, "naive", theta)
    certain = [replace(v, confidence=1.0) for v in voters]
    assert totals(certain, "soft", theta) == totals(certain, "weighted", theta)
    unsure = [replace(v, confidence=0.0) for v in voters[:-1]] + [own]
    assert winner(totals(unsure, "filtered", 0.5), own.label, {}) == "A"
    opposed = [replace(v, similarity=-abs(v.similarity)) for v in voters[:-1]] + [own]
    assert winner(totals(opposed, "weighted", theta), own.label, {}) == "A"

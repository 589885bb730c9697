"""What a job notes of draws that all items of a run share, and the digest of what was drawn."""

import numpy as np
import pytest

from harness.base.digest import seed_of
from harness.base.errors import UsageError
from harness.data.hub import Data
from harness.job import Job, Models
from harness.model.budget import Budget
from harness.model.echo import Echo
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.registry import registry
from harness.sample import Question, Sample
from harness.testing import TINY, TinyTask, check_method


def job(method="direct", seed=0):
    task = TinyTask(TINY, {})
    model = Model(Echo("red"), ledger=Ledger(), budget=Budget())
    spec = registry().method(method)
    return Job(task=task, method=spec, splits=task.load(Data()), models=Models(model=model), seed=seed)


@pytest.mark.parametrize(
    ("name", "shared"),
    [
        ((), True),
        (("shots",), True),
        (("train0",), True),  # no question of the run
        (("fold", 3), True),
        (("test0",), False),
        (("vote", "test0", 2), False),
        ((Question("test0", "?"), 1), False),
        ((Sample(Question("test0", "?"), "red"),), False),
    ],
)
def test_a_generator_is_shared_unless_its_name_has_a_question(name, shared):
    held = job()
    held.rng(*name)
    assert held.drawn.shared == shared


def test_a_number_that_looks_like_an_id_is_none():
    held = job()
    held.drawn._ids = lambda: ["0", "1"]
    held.rng("round", 1)
    assert held.drawn.shared


def test_a_generator_draws_what_it_drew_before_it_was_watched():
    import random

    assert job(seed=3).rng("a", 1).random() == random.Random(seed_of(3, "a", 1)).random()


def test_a_look_at_the_seed_is_noted_of_another_tasks_job_too():
    held = job()
    assert not held.drawn.shared and held.seed == 0 and held.drawn.shared
    held = job()
    other = held._open_task = lambda name: (TinyTask(TINY, {}), TinyTask(TINY, {}).load(Data()))
    assert other and held._other("tiny").rng("shots") and held.drawn.shared


def test_the_digest_is_of_the_content_in_order():
    train = [Sample(Question(f"t{n}", f"text {n}"), "red") for n in range(3)]

    def told(*what):
        held = job()
        held.drew(*what)
        return held.drawn.digest

    whole = told(train)
    assert len(whole) == 64 and whole == told(*train) == told(train[:1], train[1:]) == told(tuple(train))
    assert whole == told([Sample(Question(f"t{n}", f"text {n}"), "red") for n in range(3)])
    different = [
        train[::-1],
        train[:2],
        [each.question for each in train],
        [each.id for each in train],
        b"bytes",
        np.zeros(3),
        np.zeros((3, 1)),
        np.zeros(3, np.float32),
        [0, 0, 0],
        "text",
        {"a": 1},
        None,
    ]
    digests = [told(each) for each in different]
    assert len({whole, *digests}) == 1 + len(different)
    rows = np.arange(6.0).reshape(2, 3)
    assert told(rows.T) == told(np.ascontiguousarray(rows.T)) != told(rows)
    assert told() is None and told([]) is None


def test_what_is_told_is_drawn_for_all():
    held = job()
    held.drew([])
    assert not held.drawn.shared
    held.drew("a")
    assert held.drawn.shared


@pytest.mark.parametrize(
    "what", [object(), {1, 2}, (each for each in "ab"), np.array([object()]), float("nan"), Job]
)
def test_what_has_no_content_is_refused(what):
    with pytest.raises(UsageError, match="method 'direct' tells job.drew a .*; it takes samples, questions"):
        job().drew(what)


def test_nothing_is_told_once_questions_are_asked():
    held = job()
    held.drawn.close()
    with pytest.raises(UsageError, match="calls job.drew after its fit"):
        held.drew("a")


METHOD = """
from harness import Method

class Seeds(Method):
    draws = "none"

    async def answer(self, question, job):
        job.rng(*{name})
        return job.outcome(question, await job.model.generate(question, job.ask(question)))
"""


@pytest.mark.parametrize(("name", "said"), [("(question.id, 'vote')", 0), ("('vote',)", 1)])
def test_the_kit_warns_of_a_draw_that_was_not_declared(tmp_path, recwarn, name, said):
    registry.cache_clear()
    file = tmp_path / "seeds.py"
    file.write_text(METHOD.format(name=name))
    check_method(f"{file}:Seeds")
    assert [str(each.message) for each in recwarn if each.category is UserWarning] == [
        f"{file}:Seeds declares draws = none, and draws for all items: declare run, or draw for one "
        "question from job.rng(question.id)"
    ] * said

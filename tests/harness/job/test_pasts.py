"""What a method gets of its users: one past at a time, its own user's unless a control says otherwise."""

import asyncio
from dataclasses import replace

import pytest

from harness.base.errors import AccessError, UsageError
from harness.data.history import Asked, Histories, Interaction
from harness.data.hub import Data
from harness.job import Job, Models
from harness.job.pasts import Pasts
from harness.model.budget import Budget
from harness.model.echo import Echo
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.registry import registry
from harness.sample import Question, Sample, Splits
from harness.testing import TINY, TinyTask

USERS = [f"u{n}" for n in range(7)]
SAMPLES = [Sample(Question(f"{user}-t{k}", "q"), "gold") for user in USERS for k in range(2)]


def histories():
    streams = {user: [Interaction(f"{user}-{n}", "q", "r", n) for n in range(4)] for user in USERS}
    asked = {f"{user}-t{k}": Asked(user, 3 + k) for user in USERS for k in range(2)}
    return Histories(streams, asked)


def owners(past):
    return {each.id.split("-")[0] for each in past.interactions}


def job(splits=None, **more):
    task = TinyTask(TINY, {})
    spec = replace(registry().method("direct"), needs=("history",))
    models = Models(Model(Echo("red"), ledger=Ledger(), budget=Budget()))
    return Job(
        task=task, method=spec, splits=splits or task.load(Data()), models=models, **{"seed": 3, **more}
    )


def test_a_question_has_its_own_users_past_up_to_it():
    pasts = Pasts(histories(), SAMPLES)
    past = pasts.of(SAMPLES[2].question)
    assert (past.user, len(past), owners(past)) == ("u1", 3, {"u1"})
    assert len(pasts.of(SAMPLES[3].question)) == 4
    assert [(past.user, len(past)) for past in pasts.users()][:4] == [
        ("u0", 3),
        ("u0", 4),
        ("u1", 3),
        ("u1", 4),
    ]


def test_a_swap_gives_every_user_another_and_one_part_only():
    pasts = Pasts(histories(), SAMPLES, "persona", seed=5)
    other = {}
    for sample in SAMPLES:
        past = pasts.of(sample.question, "persona")
        (owner,) = owners(past)
        other.setdefault(past.user, set()).add(owner)
        assert owners(pasts.of(sample.question, "memory")) == {past.user}
    assert all(len(found) == 1 and user not in found for user, found in other.items())
    assert sorted(min(found) for found in other.values()) == USERS  # each user's past is used once
    again = Pasts(histories(), SAMPLES, "persona", seed=5)
    assert again.of(SAMPLES[0].question, "persona") == pasts.of(SAMPLES[0].question, "persona")


def test_a_swap_depends_on_the_seed_and_is_noted_as_a_draw():
    drawn = []
    circles = set()
    for seed in range(8):
        pasts = Pasts(histories(), SAMPLES, "memory", seed, drawn=lambda: drawn.append(1))
        circles.add(tuple(min(owners(pasts.of(sample.question))) for sample in SAMPLES[::2]))
    assert len(circles) > 4 and len(drawn) == 8


def test_one_user_alone_cannot_be_swapped():
    with pytest.raises(UsageError, match="at least two users"):
        Pasts(histories(), SAMPLES[:2], "memory").of(SAMPLES[0].question)


def test_only_questions_of_the_run_have_a_past():
    with pytest.raises(UsageError, match="no past of question 'u3-t0'"):
        Pasts(histories(), SAMPLES[:2]).of(SAMPLES[6].question)
    with pytest.raises(UsageError, match="memory or persona"):
        Pasts(histories(), SAMPLES).of(SAMPLES[0].question, "everything")


def test_the_job_guards_and_counts():
    made = job()
    question = made._splits.test[0].question
    assert [each.response for each in made.history(question).interactions] == ["red", "green", "blue", "red"]
    assert dict(made.access) == {"history": 12} and made._splits.history is None
    undeclared = Job(
        task=TinyTask(TINY, {}),
        method=registry().method("direct"),
        splits=TinyTask(TINY, {}).load(Data()),
        models=Models(Model(Echo("red"), ledger=Ledger(), budget=Budget())),
    )
    with pytest.raises(AccessError, match="reached for 'history'"):
        undeclared.history(question)
    none = job(Splits(TinyTask(TINY, {}).load(Data()).test))
    with pytest.raises(UsageError, match="tiny has none"):
        none.history(question)


def test_users_are_handed_over_one_by_one():
    made, seen, at_once, most = job(swap="persona"), [], 0, 0

    async def prepare(past):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        seen.append(past.user)
        at_once -= 1

    asyncio.run(made.each_user(prepare))
    assert sorted(seen) == ["user0", "user1", "user2"] and most == 3
    assert dict(made.access) == {"history": 12, "history_swapped": 3} and made.drawn.shared

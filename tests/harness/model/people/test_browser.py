"""People who answer by way of the folder: who asks waits, is told, and asks nobody twice."""

import asyncio

import pytest

from harness.base import messages
from harness.base.errors import ModelCallError, UsageError
from harness.human.queue import Queue, Taken
from harness.human.wording import SECONDS, Request
from harness.model.budget import Budget
from harness.model.cache import Cache
from harness.model.factory import open_model
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.prices import Price, price, unpriced
from harness.sample import Question

ASK = messages.user(Request("question", "Which day?").write())
BRIEF = messages.system("It is Monday.")


@pytest.fixture
def queue(tmp_path):
    return Queue(tmp_path / "q")


def model(queue, args=(), **more):
    provider = open_model("browser", {"folder": str(queue.folder), **dict(args)})
    return Model(provider, ledger=Ledger(), budget=Budget(), **more)


def asks(model, *talk, sample="s", **more):
    return asyncio.ensure_future(model.generate(Question(sample, "?"), talk, purpose="human", **more))


async def waiting(queue, n=1):
    for _ in range(400):
        if len(found := [each for each in queue.waiting() if not each.gone]) == n:
            return found
        await asyncio.sleep(0.005)
    raise AssertionError(queue.waiting())


def test_a_reply_comes_with_its_time_and_is_kept_before_anybody_has_it(queue, tmp_path):
    async def talk():
        cache = Cache(tmp_path / "cache.sqlite", batch=1000, seconds=1000.0)
        asked = model(queue, cache=cache)
        call = asks(asked, BRIEF, ASK)
        (found,) = await waiting(queue)
        assert found.shown.brief == "It is Monday." and found.shown.asked.text == "Which day?"
        queue.show(found.id)
        queue.reply(found.id, "Monday")
        output = await call
        assert output.completion == "Monday" and output.metadata[SECONDS] >= 0
        assert queue.waiting() == [] and list((queue.folder / "requests").iterdir()) == []
        other = Cache(tmp_path / "cache.sqlite")  # what another process would find after a kill now
        again = model(queue, cache=other)
        output = await asks(again, BRIEF, ASK)
        spent = again._ledger.by_purpose["human"]
        assert (output.completion, spent.cache_hits, spent.human_seconds) == (
            "Monday",
            1,
            output.metadata[SECONDS],
        ), "the time of people is a part of the cost, whoever serves the reply"

    asyncio.run(talk())


def test_a_reply_that_came_between_two_runs_is_found(queue):
    async def talk():
        first = asks(model(queue), BRIEF, ASK)
        (found,) = await waiting(queue)
        queue.reply(found.id, "Monday")
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (await asks(model(queue), BRIEF, ASK)).completion == "Monday"

    asyncio.run(talk())


def test_many_wait_at_once_and_each_gets_its_own_reply(queue):
    async def talk():
        asked = model(queue)
        calls = {n: asks(asked, BRIEF, ASK, sample=f"s{n}") for n in range(5)}
        found = {each.shown.sample: each for each in await waiting(queue, 5)}
        for n in (3, 0, 4, 1, 2):
            queue.reply(found[f"s{n}"].id, f"reply {n}")
        for n, call in calls.items():
            assert (await call).completion == f"reply {n}"

    asyncio.run(talk())


def test_a_person_who_never_answers_is_a_failed_call_and_the_request_is_gone(queue):
    async def talk():
        call = asks(model(queue), BRIEF, ASK, patience=0.1)
        (found,) = await waiting(queue)
        with pytest.raises(ModelCallError, match=r"browser: no answer within 0.1 seconds"):
            await call
        (left,) = queue.waiting()
        assert "is over" in left.gone
        with pytest.raises(Taken, match="Nobody waits"):
            queue.reply(found.id, "too late")

    asyncio.run(talk())


def test_two_people_two_samples_two_epochs_and_two_runs_are_not_one_request(queue):
    async def talk():
        calls = [
            asks(model(queue), ASK),
            asks(model(queue, {"person": "ana"}), ASK),
            asks(model(queue), ASK, sample="t"),
            asks(model(queue, seed=1), ASK),
            asyncio.ensure_future(model(queue).generate(Question("s", "?", epoch=1), [ASK])),
        ]
        found = await waiting(queue, 5)
        for each in found:
            queue.reply(each.id, "x")
        await asyncio.gather(*calls)

    asyncio.run(talk())


def test_it_lies_in_the_store_unless_a_folder_is_named(tmp_path):
    provider = open_model("browser", {})
    provider.beside(tmp_path / "store")
    assert provider._queue.folder == tmp_path / "store" / ".human"
    assert f"harness human serve --store {tmp_path / 'store'}" in provider.remarks[0]
    named = open_model("browser", {"folder": str(tmp_path / "own")})
    named.beside(tmp_path / "store")
    assert named._queue.folder == tmp_path / "own" and dict(named.arguments) == {}
    with pytest.raises(UsageError, match="browser has no argument 'url'"):
        open_model("browser", {"url": "x"})


@pytest.mark.parametrize("name", ["browser", "terminal"])
def test_people_cost_what_an_hour_of_them_does_or_nobody_knows(name):
    assert price(name, {}) is None and "[human] with usd_per_hour" in unpriced(name)
    assert price(name, {}, usd_per_hour=36).per_hour == 36.0
    own = price(name, {name: {"per_request": 0.5}}, usd_per_hour=36)
    assert (own.per_request, own.per_hour) == (0.5, 36.0)
    assert price("sim/human", {}, usd_per_hour=36).per_hour == 36.0
    assert price("sim/human", {}) == price("pocket/grid", {}, usd_per_hour=36) == Price(own.rates)


def test_the_price_of_an_hour_is_charged_for_the_seconds(queue, monkeypatch):
    async def talk():
        asked = model(queue, price=price("browser", {}, usd_per_hour=36.0))
        call = asks(asked, ASK)
        (found,) = await waiting(queue)
        monkeypatch.setattr("harness.human.queue.time.time", lambda: 1000.0)
        queue.show(found.id)
        monkeypatch.setattr("harness.human.queue.time.time", lambda: 1100.0)
        queue.reply(found.id, "x")
        await call
        spent = asked._ledger.by_purpose["human"]
        assert (spent.human_seconds, spent.cost_usd, spent.paid_usd) == (100.0, 1.0, 1.0)

    asyncio.run(talk())


def test_who_is_paid_by_the_reply_has_a_price_without_an_hour(queue):
    async def talk():
        asked = model(queue, price=price("browser", {"browser": {"per_request": 0.5}}))
        call = asks(asked, ASK)
        (found,) = await waiting(queue)
        queue.reply(found.id, "x")
        await call
        assert asked._ledger.by_purpose["human"].cost_usd == 0.5

    asyncio.run(talk())


def test_a_reply_whose_time_nobody_knows_has_no_known_cost(queue):
    async def talk():
        asked = model(queue, price=price("browser", {}, usd_per_hour=36.0))
        call = asks(asked, ASK)
        (found,) = await waiting(queue)
        queue.reply(found.id, "x")
        assert SECONDS not in (await call).metadata
        spent = asked._ledger.by_purpose["human"]
        assert (spent.human_seconds, spent.cost_usd) == (None, None)

    asyncio.run(talk())


def test_a_limit_in_usd_holds_for_people_at_the_longest_that_is_waited(queue):
    async def talk():
        hour = price("browser", {}, usd_per_hour=36.0)
        asked = Model(model(queue).provider, ledger=Ledger(), budget=Budget(usd=5.0), price=hour)
        asked.provider.timeout = 600.0
        with pytest.raises(Exception, match="may take 6"):
            await asks(asked, ASK)

    asyncio.run(talk())

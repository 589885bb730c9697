"""Limits of a run, and the line in which calls wait for room below them."""

import asyncio

import pytest

from harness.base.errors import BudgetSpent
from harness.model.budget import Bound, Budget
from harness.model.ledger import Usage


async def call(budget, spent, most, took, seconds=0.0, log=None):
    """One call: holds `most`, takes `took`, both in tokens."""
    async with budget.place(spent, lambda: Bound(tokens=most)):
        if log is not None:
            log.append(most)
        await asyncio.sleep(seconds)
        spent.add(Usage(calls=1, input_tokens=took))


def ended(budget, *calls):
    """What was spent, and how many calls were refused."""

    async def run():
        spent = Usage()
        work = (call(budget, spent, *each) for each in calls)
        found = await asyncio.gather(*work, return_exceptions=True)
        assert budget.under_way == 0
        assert all(each is None or isinstance(each, BudgetSpent) for each in found)
        return spent, sum(each is not None for each in found)

    return asyncio.run(run())


@pytest.mark.parametrize(
    "limit, spent",
    [
        ("calls", Usage(calls=2)),
        ("tokens", Usage(input_tokens=1, output_tokens=1)),
        ("usd", Usage(cost_usd=2.0)),
        ("usd", Usage(cost_usd=1.5, thrown_usd=0.25, uncounted_usd=0.25)),
        ("tokens", Usage(input_tokens=1, thrown_tokens=1)),
    ],
)
def test_a_limit_is_reached_not_passed(limit, spent):
    Budget(**{limit: 3}).check(spent)
    with pytest.raises(BudgetSpent, match=f"--budget-{limit} of 2 is spent") as caught:
        Budget(**{limit: 2}).check(spent)
    assert "\n" not in str(caught.value)


def test_what_comes_next_must_fit():
    budget = Budget(tokens=10)
    budget.check(Usage(input_tokens=6), more=Usage(input_tokens=4))
    with pytest.raises(BudgetSpent, match="6 tokens so far, and what comes next may take 5"):
        budget.check(Usage(input_tokens=6), more=Usage(input_tokens=5))


def test_zero_is_a_limit_and_none_is_not():
    Budget().check(Usage(calls=10**9, cost_usd=None))
    Budget(usd=1.0).check(Usage(cost_usd=None))
    Budget(usd=0).check(Usage(calls=5))  # of a model that is free
    assert ended(Budget(calls=0), (1, 1)) == (Usage(), 1)
    assert ended(Budget(time=0.0), (1, 1)) == (Usage(), 1)


def test_limits_hold_for_what_is_known():
    total = Usage()
    total.add(Usage(calls=1, input_tokens=7, output_tokens=3, cost_usd=0.5))
    total.add(Usage(calls=1, unreported=1, cost_usd=None))
    total.add(Usage(calls=1, input_tokens=1, cost_usd=0.25))
    for kept in (total, Usage.from_dict(total.as_dict())):
        Budget(tokens=12, usd=0.8).check(kept)
        for limit in ({"tokens": 11}, {"usd": 0.75}):
            with pytest.raises(BudgetSpent):
                Budget(**limit).check(kept)


def test_calls_under_way_hold_what_they_may_take():
    spent, refused = ended(Budget(tokens=30), *[(11, 11)] * 64)
    assert (spent.input_tokens, refused) == (22, 62)


def test_what_turns_out_cheaper_makes_room_for_those_that_wait():
    spent, refused = ended(Budget(tokens=30), *[(11, 2)] * 64)
    assert (spent.input_tokens, refused) == (20, 54)  # 10 calls: 20 + 11 is beyond it


def test_the_line_is_kept_and_the_first_that_does_not_fit_ends_the_run():
    log = []
    spent, refused = ended(
        Budget(tokens=10), (6, 6, 0.01, log), (5, 5, 0, log), (1, 1, 0, log), (1, 1, 0, log)
    )
    assert (log, spent.input_tokens, refused) == ([6], 6, 3)


def test_a_call_that_nobody_knows_goes_alone():
    async def run():
        budget, spent, beside, most = Budget(tokens=100), Usage(), [], [0]

        async def one():
            async with budget.place(spent, lambda: Bound(tokens=most[0], alone=not most[0])):
                beside.append(budget.under_way)
                await asyncio.sleep(0.001)
                most[0] = 10
                spent.add(Usage(input_tokens=10))

        await asyncio.gather(*(one() for _ in range(8)))
        return beside

    assert asyncio.run(run()) == [1, *range(1, 8)]


def test_who_leaves_the_line_lets_the_next_through():
    async def run():
        budget, spent = Budget(tokens=10), Usage()
        calls = [asyncio.create_task(call(budget, spent, most, most, 0.02)) for most in (6, 9, 3)]
        await asyncio.sleep(0.005)
        calls[1].cancel()
        await asyncio.wait_for(calls[2], 1)
        return spent.input_tokens

    assert asyncio.run(run()) == 9


def test_the_time_gives_up_what_is_under_way_and_what_waits():
    async def run():
        budget, spent = Budget(tokens=10, time=0.05), Usage()
        work = (call(budget, spent, 10, 10, 5.0) for _ in range(3))
        return await asyncio.wait_for(asyncio.gather(*work, return_exceptions=True), 2)

    found = asyncio.run(run())
    assert all(isinstance(each, BudgetSpent) and "--budget-time of 0.05" in str(each) for each in found)


def test_a_time_out_within_is_no_end_of_the_run():
    async def run():
        async with Budget(time=5).place(Usage(), Bound):
            raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        asyncio.run(run())


def test_a_call_that_is_made_again_waits_for_its_turn():
    async def run():
        budget, spent = Budget(tokens=25), Usage()
        async with budget.place(spent, lambda: Bound(tokens=10)) as place:
            for _ in range(9):
                spent.add(Usage(uncounted_tokens=10))
                await place.renew()

    with pytest.raises(BudgetSpent, match="20 tokens so far, and what comes next may take 10"):
        asyncio.run(run())

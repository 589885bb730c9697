"""What is spent, and the limits on it."""

import tomllib
from datetime import date

import pytest

from harness.base.errors import BudgetSpent, UsageError
from harness.model.budget import Budget
from harness.model.ledger import Ledger, Usage
from harness.model.prices import LISTED_ON, check_prices, price, prices_of


def test_usage_adds_up_and_survives_a_round_trip():
    usage = Usage(calls=1, retries=2, input_tokens=3, output_tokens=4, cost_usd=0.5, seconds=1.5)
    total = Usage()
    total.add(usage)
    total.add(usage)
    assert (total.calls, total.retries, total.input_tokens, total.cost_usd) == (2, 4, 6, 1.0)
    assert Usage.from_dict({**total.as_dict(), "a later field": 1}) == total


def test_one_unknown_cost_makes_the_sum_unknown():
    total = Usage(cost_usd=1.0)
    total.add(Usage(cost_usd=None))
    total.add(Usage(cost_usd=1.0))
    assert total.cost_usd is None


@pytest.mark.parametrize(
    "limit, spent",
    [
        ("calls", Usage(calls=2)),
        ("tokens", Usage(input_tokens=1, output_tokens=1)),
        ("cost", Usage(cost_usd=2.0)),
    ],
)
def test_a_limit_is_reached_not_passed(limit, spent):
    Budget(**{limit: 3}).check(spent)
    with pytest.raises(BudgetSpent, match=f"--budget-{limit} of 2 is spent") as caught:
        Budget(**{limit: 2}).check(spent)
    assert "\n" not in str(caught.value)


def test_calls_under_way_count_against_the_limit():
    Budget(calls=3).check(Usage(calls=1), under_way=1)
    with pytest.raises(BudgetSpent):
        Budget(calls=3).check(Usage(calls=1), under_way=2)


def test_time_and_zero_are_limits_and_none_is_not():
    Budget().check(Usage(calls=10**9, cost_usd=None))
    Budget(usd=1.0).check(Usage(cost_usd=None))
    for spent_at_once in (Budget(calls=0), Budget(time=0.0)):
        with pytest.raises(BudgetSpent):
            spent_at_once.check(Usage())


def test_a_call_without_counts_leaves_the_known_sums_and_makes_the_reported_ones_unknown():
    total = Usage()
    total.add(Usage(calls=1, input_tokens=7, output_tokens=3, cost_usd=0.5))
    total.add(Usage(calls=1, unreported=1, reasoning_tokens=None, cost_usd=None, paid_usd=None))
    assert (total.input_tokens, total.output_tokens, total.unreported) == (7, 3, 1)
    found = total.reported()
    assert [found[name] for name in ("calls", "unreported")] == [2, 1]
    unknown = ("input_tokens", "output_tokens", "reasoning_tokens", "cost_usd", "paid_usd")
    assert [found[name] for name in unknown] == [None] * 5
    assert found["retrieved_tokens"] == found["cached_input_tokens"] == 0
    assert Usage.from_dict(total.as_dict()) == total
    again = Usage.from_dict(found)  # the known sums are not in a record, what is unknown stays so
    assert again.unreported == 1 and again.reported() == found


@pytest.mark.parametrize("missing", ["input_tokens", "output_tokens"])
def test_a_row_without_a_count_is_unknown_however_it_came(missing):
    usage = Usage.from_dict({"calls": 2, "input_tokens": 5, "output_tokens": 5, missing: None})
    assert usage.unreported == 2 and usage.reported()["input_tokens"] is None


def test_the_sum_over_purposes():
    assert Usage.total({}) == Usage()
    found = Usage.total({"answer": {"calls": 2, "output_tokens": 3}, "judge": {"calls": 1, "cost_usd": None}})
    assert found == Usage(calls=3, output_tokens=3, cost_usd=None)


def test_limits_hold_for_what_is_known():
    total = Usage()
    total.add(Usage(calls=1, input_tokens=7, output_tokens=3, cost_usd=0.5))
    total.add(Usage(calls=1, unreported=1, cost_usd=None))
    total.add(Usage(calls=1, input_tokens=1, cost_usd=0.25))
    for kept in (total, Usage.from_dict(total.as_dict())):
        Budget(tokens=12, cost=0.8).check(kept)
        for limit in ({"tokens": 11}, {"cost": 0.75}):
            with pytest.raises(BudgetSpent):
                Budget(**limit).check(kept)


def test_attempts_are_taken_once_and_a_resumed_run_goes_on_from_its_total():
    ledger = Ledger()
    ledger.charge("answer", Usage(calls=1, input_tokens=5), "q", 0)
    ledger.charge("judge", Usage(calls=1), "q", 0)
    ledger.charge("answer", Usage(calls=1), "q", 1)
    taken = ledger.take("q", 0)
    assert set(taken) == {"answer", "judge"} and ledger.take("q", 0) == {}
    resumed = Ledger()
    stored = [
        {purpose: usage.as_dict() for purpose, usage in each.items()} for each in (taken, ledger.take("q", 1))
    ]
    resumed.restore(stored)
    assert resumed.total == ledger.total and resumed.by_purpose == ledger.by_purpose


def test_prices():
    assert price("openai/gpt-4o", {}) == (2.5, 10.0, LISTED_ON)
    assert date.fromisoformat(LISTED_ON)
    own = {"openai/gpt-4o": {"input": 1, "output": 2}}
    assert price("openai/gpt-4o", own) == (1.0, 2.0, None)
    assert price("pocket/any", {}) == (0.0, 0.0, None)
    assert price("openai-api/local/unheard-of", {}) is None


@pytest.mark.parametrize("day", ["2026-01-31", '"2026-01-31"'])
def test_a_price_of_ones_own_has_its_day(day):
    own = tomllib.loads(f'["my/model"]\ninput = 1\noutput = 2.5\nas_of = {day}')
    check_prices(own)
    models = ["my/model", "openai/gpt-4o", "openai-api/local/unheard-of"]
    assert prices_of(models, own) == {
        "my/model": {"input": 1.0, "output": 2.5, "as_of": "2026-01-31"},
        "openai/gpt-4o": {"input": 2.5, "output": 10.0, "as_of": LISTED_ON},
    }


@pytest.mark.parametrize("day", ['"soon"', '"20260131"', "2026", "2026-01-31T10:00:00", "true"])
def test_a_day_that_is_none_is_refused(day):
    with pytest.raises(UsageError, match="as_of = 2026-01-31"):
        check_prices(tomllib.loads(f'["my/model"]\ninput = 1\noutput = 2.5\nas_of = {day}'))

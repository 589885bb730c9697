"""What is spent, and the limits on it."""

import pytest

from harness.base.errors import BudgetSpent
from harness.model.ledger import Budget, Ledger, Usage
from harness.model.prices import price


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
    Budget(cost=1.0).check(Usage(cost_usd=None))
    for spent_at_once in (Budget(calls=0), Budget(time=0.0)):
        with pytest.raises(BudgetSpent):
            spent_at_once.check(Usage())


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
    assert price("openai/gpt-4o", {}) == (2.5, 10.0)
    assert price("openai/gpt-4o", {"openai/gpt-4o": {"input": 1, "output": 2}}) == (1.0, 2.0)
    assert price("pocket/any", {}) == (0.0, 0.0)
    assert price("openai-api/local/unheard-of", {}) is None

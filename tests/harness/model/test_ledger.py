"""What is spent."""

import pytest

from harness.model.ledger import Ledger, Usage


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


def test_what_is_no_logical_use_is_apart_and_counts_against_limits():
    total = Usage(calls=2, input_tokens=10, output_tokens=5, cost_usd=1.0, paid_usd=1.0)
    total.add(Usage(thrown_calls=1, thrown_tokens=7, thrown_usd=0.5, paid_usd=0.5))
    total.add(Usage(uncounted_tokens=100, uncounted_usd=2.0))
    assert (total.calls, total.input_tokens, total.cost_usd, total.paid_usd) == (2, 10, 1.0, 1.5)
    assert total.measured == (2, 122, 3.5)
    assert total.lost.measured == (0, 107, 2.5) and total.lost.paid_usd == 1.5
    assert Usage.from_dict(total.as_dict()) == total

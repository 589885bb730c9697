"""Votes over sampled answers."""

import pytest
from inspect_ai.model import ModelOutput, ModelUsage

from harness.registry import load_method, registry
from harness.sample import SplitSizes
from harness.testing import check_method

TEST = [("first", "red"), ("second", "blue"), ("third", "green")]


def in_turn(answers):
    left = {}
    return lambda call: left.setdefault(call.question.id, list(answers)).pop(0)


def test_contract():
    check_method("self-consistency")


@pytest.mark.parametrize(
    ("said", "answer", "confidence", "votes"),
    [
        (["red", "blue", "blue", "Label: blue"], "blue", 0.75, [["blue", 3], ["red", 1]]),
        (["blue", "red", "red", "blue"], "blue", 0.5, [["blue", 2], ["red", 2]]),  # a tie: sampled first
        (["no idea", "green", "??", ""], "green", 0.25, [["green", 1]]),  # no answer, no vote
    ],
)
def test_votes(lab, said, answer, confidence, votes):
    ran = lab.data(TEST).run("self-consistency", in_turn(said), samples=4)
    for row in ran.rows:
        assert (row["answer"], row["confidence"]) == (answer, confidence)
        assert row["trace"]["votes"] == votes
    # the completion is one that gave the answer, not merely the first
    assert ran.rows[0]["completion"] == next(text for text in said if answer in text)
    assert ran.accuracy == pytest.approx(1 / 3) and ran.usage == {"answer": 12}


def test_nothing_to_vote_on_is_no_answer(lab):
    ran = lab.data(TEST).run("self-consistency", lambda call: "no idea", samples=2)
    assert ran.record["counts"]["no_answer"] == 3 and ran.accuracy == 0
    assert all(row["confidence"] == 0 for row in ran.rows)


def test_samples_differ_in_seed_and_in_nothing_else(lab):
    ran = lab.data(TEST).run("self-consistency", lambda call: "red", samples=5, temperature=0.3)
    assert len({call.seed for call in ran.calls}) == 15
    for own in ("0", "1", "2"):
        calls = [call for call in ran.calls if call.question.id == own]
        assert len(calls) == 5 and len({call.messages[-1].text for call in calls}) == 1
        assert all(call.decoding["temperature"] == 0.3 for call in calls)


def test_a_warm_cache_asks_nothing(lab):
    lab.data(TEST)
    cold = lab.run("self-consistency", lambda call: "red", cacheable=True, samples=3)
    warm = lab.run(
        "self-consistency", lambda call: pytest.fail("asked"), cacheable=True, samples=3, out="other"
    )
    assert len(cold.calls) == 9 and not warm.calls
    assert warm.record["samples"]["digest"] == cold.record["samples"]["digest"]


@pytest.mark.parametrize(
    ("args", "calls"),
    [
        ({"agents": 2, "rounds": 3}, 6),
        ({"agents": 3}, 12),
        ({"rounds": 1}, 6),
        ({"samples": 5}, 5),
    ],
)
def test_as_many_samples_as_a_conversation_has_calls(lab, args, calls):
    spec = registry().method("self-consistency")
    assert load_method(spec, spec.arguments(args)).calls(3, SplitSizes()) == 3 * calls
    assert lab.data(TEST).run("self-consistency", lambda call: "red", **args).usage == {"answer": 3 * calls}


def test_new_arguments_leave_old_rows_comparable():
    spec = registry().method("self-consistency")
    assert set(spec.hashed(spec.arguments({}))) == {"samples", "temperature"}


def test_tokens_end_the_sampling(lab):
    def say(call):
        output = ModelOutput.from_content("scripted/model", "red")
        output.usage = ModelUsage(input_tokens=7, output_tokens=3, total_tokens=10)
        return output

    ran = lab.data(TEST).run("self-consistency", say, tokens=25, samples=1)
    assert ran.usage == {"answer": 9} and ran.rows[0]["trace"]["votes"] == [["red", 3]]
    spec = registry().method("self-consistency")
    assert load_method(spec, spec.arguments({"tokens": 25})).calls(3, SplitSizes()) is None
    grid, *_ = lab.grid("self-consistency", lambda call: "red", tokens=25, out="none")
    assert "tokens=25 can't be kept" in str(grid.results[0].error)


@pytest.mark.parametrize("name", ["agents", "rounds", "tokens"])
def test_numbers_below_zero_are_one_line(lab, name):
    grid, model, _ = lab.data(TEST).grid("self-consistency", lambda call: "red", **{name: -1})
    assert f"{name}=-1 is not at least 0" in str(grid.results[0].error) and not model.calls


def test_no_samples_is_one_line(lab):
    grid, model, _ = lab.data(TEST).grid("self-consistency", lambda call: "red", samples=0)
    assert "samples=0" in str(grid.results[0].error) and not model.calls

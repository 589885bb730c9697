"""Votes over sampled answers."""

import pytest

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


def test_no_samples_is_one_line(lab):
    grid, model, _ = lab.data(TEST).grid("self-consistency", lambda call: "red", samples=0)
    assert "samples=0" in str(grid.results[0].error) and not model.calls

"""Votes in which nothing was said: no answer, no confidence, and nothing taken from anywhere else."""

import numpy as np
import pytest

from harness.methods.agents.topologies.votes import majority, voters
from harness.methods.agents.topology import Said, Space

TEST = [("first", "red"), ("second", "blue"), ("third", "green")]


@pytest.mark.parametrize(
    "method, arguments",
    [
        ("self-consistency", {"samples": 3}),
        ("self-consistency", {"samples": 1}),
        ("testnuc", {"inner": "self-consistency", "inner_samples": 3, "k": 0}),
    ],
)
def test_draws_that_are_all_blank_are_no_answer(lab, method, arguments):
    said = {"first": "no idea", "second": "", "third": "purple", "other": ""}
    ran = lab.data(TEST, pool=["other"]).run(method, lambda call: said[call.question.input], **arguments)
    assert ran.record["counts"]["no_answer"] == 3 and ran.record["counts"]["ok"] == 3
    assert ran.accuracy == 0 and [row["answer"] for row in ran.rows] == [None] * 3
    assert all(row["confidence"] in (0, None) for row in ran.rows)


@pytest.mark.parametrize(
    "selected, answers, counted, fallback",
    [
        ([1, 1, 0], [0, -1, 1], [1, 1, 0], False),
        ([1, 1, 0], [-1, -1, 1], [1, 1, 1], True),
        ([1, 1, 0], [-1, -1, -1], [1, 1, 1], True),
        ([0, 0, 0], [0, 1, 1], [1, 1, 1], True),
    ],
)
def test_agents_of_whom_no_selected_one_answered_all_vote(selected, answers, counted, fallback):
    chosen, said = np.array([selected], dtype=bool), np.array([answers])
    last = Said(said, np.zeros((1, 3, 2)), said == 7)
    found = majority(chosen, last, Space("choice", 2))
    assert found.weights.tolist() == [counted] and found.fallback.tolist() == [fallback]
    assert (found.selected == chosen).all()
    spoken = Said(said * 0 - 1, np.zeros((1, 3, 2)), said >= 0)
    votes, empty = voters(chosen, spoken, Space("open", 0))
    assert votes.tolist() == [[bool(each) for each in counted]] and empty.tolist() == [fallback]

"""A task's grader as a reward: alone, in batches, as TRL calls it."""

import pytest

import harness
from harness.base.errors import UsageError


def solution(sample):
    """A right completion for an item of the task `constant`."""
    return f"Answer: {sample.target}"


@pytest.fixture
def reward():
    return harness.reward("arc1d", level=1)


def test_right_is_one_and_wrong_is_zero(reward):
    task = harness.load_task("arc1d", level=1)
    sample = reward.samples[0]
    right = sample.demonstration
    assert task.parse(right, sample.question) is not None
    assert reward(sample, right) == 1.0 and reward(sample.id, right) == 1.0
    assert reward(sample, "no answer at all") == 0.0


def test_a_batch_is_what_trl_calls(reward):
    first, second = reward.samples[0], reward.samples[1]
    texts = [first.demonstration, "nonsense"]
    chats = [[{"role": "assistant", "content": text}] for text in texts]
    columns = {"sample_id": [first.id, second.id], "prompts": ["a", "b"], "trainer_state": None}
    assert reward(completions=texts, **columns) == [1.0, 0.0]
    assert reward(completions=chats, **columns) == [1.0, 0.0]
    assert reward.__name__ == "arc1d_reward"
    rows = reward.rows(2)
    assert [row["sample_id"] for row in rows] == columns["sample_id"]
    assert rows[0]["prompt"][-1]["role"] == "user" and isinstance(rows[0]["prompt"][-1]["content"], str)


def test_the_test_split_is_only_there_where_it_is_asked_for(reward):
    test = harness.reward("arc1d", split="test", level=1)
    held_out = test.samples[0]
    assert held_out.id not in {sample.id for sample in reward.samples}
    with pytest.raises(UsageError, match="no sample .* in its train split"):
        reward(held_out.id, "1")
    assert test(held_out.id, "nonsense") == 0.0


def test_a_grader_that_fails_is_no_wrong_answer(reward, monkeypatch):
    sample = reward.samples[0]

    def broken(sample, outcome):
        raise ZeroDivisionError("of nothing")

    monkeypatch.setattr(reward.task, "score", broken)
    with pytest.raises(UsageError, match="can't grade this completion: ZeroDivisionError"):
        reward(sample, "1")
    assert reward(completions=["1"], sample_id=[sample.id]) == [None]


@pytest.mark.parametrize(
    ("task", "options", "says"),
    [
        ("arc1d", {"split": "pool"}, "a split is one of train, dev, test"),
        ("arc1d", {"levle": 1}, "did you mean 'level'"),
        ("arc1", {}, "did you mean 'arc1d'"),
        ("arc1d,countdown", {}, "one task is wanted"),
        ("toolworld/single", {}, "is a world to act in"),
    ],
)
def test_a_mistake_is_one_line(task, options, says):
    with pytest.raises(UsageError, match=says):
        harness.reward(task, **options)


def test_a_call_that_lacks_something_says_what(reward):
    for given, says in (
        ({}, "a sample or its id"),
        ({"completions": ["1"]}, "sample_id"),
        ({"completions": ["1"], "sample_id": ["a", "b"]}, "sample_id"),
    ):
        with pytest.raises(UsageError, match=says):
            reward(**given)
    with pytest.raises(UsageError, match="a text or a list of chat messages"):
        reward(reward.samples[0], 3)


def test_load_task_and_load_method_take_arguments():
    task = harness.load_task("arc1d", level=1)
    splits = task.load(harness.Data())
    assert len(splits.test) and str(task.args["level"]) == "1"
    method = harness.load_method("self-consistency", samples=3)
    assert method.args["samples"] == 3
    with pytest.raises(UsageError, match="did you mean 'samples'"):
        harness.load_method("self-consistency", sample=3)

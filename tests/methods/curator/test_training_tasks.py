"""Problem sets from tasks, their features, and verifiers that can't be trusted."""

import numpy as np
import pytest

from harness.base.errors import UsageError
from harness.data.hub import Data
from harness.methods.curator.features import text_features
from harness.methods.curator.training_tasks import ProblemSet, check_verifier
from harness.registry import load_task, registry
from harness.sample import Outcome, Question, Sample


def task_and_train(name, **args):
    spec = registry().task(name)
    task = load_task(spec, spec.arguments(args))
    return task, task.load(Data()).train


@pytest.fixture(scope="module")
def arc():
    return task_and_train("arc1d", style="compact")


def verifier(task):
    def verify(sample, text):
        answer = task.parse(text, sample.question)
        return task.score(sample, Outcome(sample.id, 0, text, answer)).metrics["accuracy"]

    return verify


def test_problem_set_of_a_task(arc):
    bank = ProblemSet.of(arc[1], lambda sample: sample.question.input)
    assert len(bank) == 600
    assert bank.names == ["1", "2", "3"]
    assert np.bincount(bank.categories).tolist() == [200, 200, 200]
    assert sorted(set(bank.difficulty)) == [0, 50, 100]
    assert bank.difficulty_from == "level labels"


def test_problem_set_without_levels_and_empty_set():
    bank = ProblemSet.of([Sample(Question("a", "x"), "y")], lambda sample: "x")
    assert bank.names == ["all"]
    assert bank.difficulty is None
    with pytest.raises(UsageError, match="no problems to train on"):
        ProblemSet.of([], str)


@pytest.mark.parametrize("name", ["arc1d", "countdown", "zebra"])
def test_the_tasks_own_verifier_is_trusted(name):
    task, train = task_and_train(name)
    check_verifier(ProblemSet.of(train, lambda sample: task.render(sample.question)), verifier(task))


def test_broken_verifiers(arc):
    bank = ProblemSet.of(arc[1], lambda sample: sample.question.input)

    def fails(sample, text):
        raise KeyError("target")

    for verify, message in (
        (fails, "the task's verifier fails on 'arc1d-train-1-0': KeyError"),
        (lambda sample, text: 0.0, "none of 16 gold answers"),
        (lambda sample, text: 1.0, "an empty answer for right"),
        (lambda sample, text: float("nan"), "gives nan"),
        (lambda sample, text: 7.0, r"a reward is in \[0, 1\]"),
    ):
        with pytest.raises(UsageError, match=message):
            check_verifier(bank, verify)


def test_features_tell_levels_apart_without_seeing_them(arc):
    bank = ProblemSet.of(arc[1], lambda sample: sample.question.input)
    table = bank.features
    assert table.shape == (600, 34)
    assert np.isfinite(table).all()
    np.testing.assert_array_equal(table, text_features(bank.prompts))
    from sklearn.linear_model import LogisticRegression

    fit = LogisticRegression(max_iter=500).fit(table[::2], bank.categories[::2])
    assert fit.score(table[1::2], bank.categories[1::2]) > 0.95
    assert text_features(["a"]).shape == (1, 2)

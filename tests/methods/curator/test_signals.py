"""Advantages, utility and its window, with the numbers of the implementers' notes (section 6)."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness.methods.curator.signals import (
    Window,
    advantages,
    learnability,
    mixed,
    sequence_ratio,
    utility,
)

QUARTER = np.array([[1, 1, 0, 0, 0, 0, 0, 0]], float)
CHANGE = np.array([[3, 1, -1, 0, -2, 1, 0, -1]]) * 1e-4
rewards = arrays(np.float64, (3, 8), elements=st.sampled_from([0.0, 1.0]))
changes = arrays(np.float64, (3, 8), elements=st.floats(-0.5, 0.5))


def test_advantages():
    population = advantages(QUARTER, "population")
    assert population[0, 0] == pytest.approx(1.73205, abs=1e-5)
    assert population[0, -1] == pytest.approx(-0.57735, abs=1e-5)
    sample = advantages(QUARTER, "sample")
    assert sample[0, 0] == pytest.approx(1.62019, abs=1e-5)
    assert np.abs(sample).mean() == pytest.approx(0.81009, abs=1e-5)


def test_mean_size_of_advantages_is_twice_the_bernoulli_deviation():
    table = np.array([[1.0] * k + [0.0] * (8 - k) for k in range(9)])
    rate = table.mean(-1)
    found = np.abs(advantages(table, "population")).mean(-1)
    np.testing.assert_allclose(found, 2 * np.sqrt(rate * (1 - rate)), atol=1e-12)
    np.testing.assert_allclose(found[:5], [0, 0.6614, 0.8660, 0.9682, 1], atol=1e-4)


def test_learnability_of_k_right_of_eight():
    table = np.array([[1.0] * k + [0.0] * (8 - k) for k in range(9)])
    wanted = [0, 0.109375, 0.1875, 0.234375, 0.25, 0.234375, 0.1875, 0.109375, 0]
    np.testing.assert_allclose(learnability(table), wanted)
    assert mixed(table).tolist() == [False] + [True] * 7 + [False]


@pytest.mark.parametrize("std, amplified", [("population", 0.10826), ("sample", 0.10127), ("none", 0.04688)])
def test_utility(std, amplified):
    found = utility(QUARTER, np.exp(CHANGE), std)
    assert 1000 * found[0] == pytest.approx(amplified, abs=1e-5)


def test_utility_is_the_covariance_of_advantage_and_ratio_and_linear_to_first_order():
    gains, ratios = advantages(QUARTER, "population"), np.exp(CHANGE)
    found = utility(QUARTER, ratios, "population")[0]
    assert found == pytest.approx(np.cov(gains[0], ratios[0], bias=True)[0, 1], abs=1e-15)
    assert (gains * CHANGE).mean() == pytest.approx(1.08253e-4, abs=1e-9)
    assert found == pytest.approx((gains * CHANGE).mean(), rel=1e-3)


@given(changes, st.sampled_from(["sample", "population", "none"]), st.sampled_from([0.0, 0.3, 1.0]))
def test_a_group_of_equal_rewards_has_no_utility(change, std, reward):
    assert (utility(np.full((3, 8), reward), np.exp(change), std) == 0).all()


@given(rewards, changes)
def test_only_the_change_relative_to_the_group_counts(table, change):
    moved = utility(table, np.exp(change), "none")
    np.testing.assert_allclose(moved, utility(table, np.exp(change) + 0.25, "none"), atol=1e-12)


@pytest.mark.parametrize("step, improvement", [(0.01, 0.0049998), (0.1, 0.0498340), (-0.01, -0.0049998)])
def test_sign_and_size_after_a_step_of_a_two_answer_policy(step, improvement):
    """Logits (0, 0) move to (step, -step); one rollout of each answer, rewards (1, 0)."""
    after = np.log(1 / (1 + np.exp(np.array([[-2.0, 2.0]]) * step)))
    ratio = sequence_ratio(np.log([[0.5, 0.5]]), after, np.ones((1, 2)))
    found = utility(np.array([[1.0, 0.0]]), ratio, "population")[0]
    assert improvement == pytest.approx(1 / (1 + math.exp(-2 * step)) - 0.5, abs=1e-7)
    assert found == pytest.approx(2 * improvement, abs=2e-7)


def test_the_ratio_is_normalised_by_length():
    assert sequence_ratio(np.zeros(1), np.full(1, 0.1), np.full(1, 10))[0] == pytest.approx(1.01005, abs=1e-5)


def test_utilities_sum_to_the_improvement_of_the_policy():
    """A table of softmax policies after a true policy-gradient step, exact expectations over answers."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(5, 4))
    reward = rng.integers(0, 2, (5, 4)).astype(float)
    reward[:, 0], reward[:, 1] = 1, 0
    weight = np.full(5, 0.2)
    old = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    value = (old * reward).sum(1, keepdims=True)
    logits = logits + 1e-3 * weight[:, None] * old * (reward - value)
    new = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    improvement = float(weight @ ((new - old) * reward).sum(1))
    # each answer as often among the rollouts as the policy gives it
    utilities = [(old[x] * (reward[x] - value[x]) * (new[x] / old[x])).sum() for x in range(5)]
    assert improvement > 0
    assert min(utilities) > 0
    assert float(weight @ np.array(utilities)) == pytest.approx(improvement, rel=0.01)


def test_sampled_utilities_estimate_the_improvement_without_bias():
    """As above, by `utility` on sampled groups. A group's mean takes n - 1 of n parts of its own reward away,
    so that the mean over groups is (n - 1) / n of the improvement."""
    rng = np.random.default_rng(1)
    old, new = np.array([0.5, 0.3, 0.2]), np.array([0.53, 0.28, 0.19])
    reward, n, groups = np.array([1.0, 0.0, 1.0]), 8, 200_000
    answers = rng.choice(3, (groups, n), p=old)
    found = utility(reward[answers], (new / old)[answers], "none")
    wanted = float((new - old) @ reward) * (n - 1) / n
    assert abs(found.mean() - wanted) < 4 * found.std() / math.sqrt(groups)
    assert wanted == pytest.approx(0.0175)


def test_window():
    window = Window(2)
    assert window.add([7, 9], [1.0, 5.0]).tolist() == [1.0, 5.0]
    assert window.add([7], [3.0]).tolist() == [2.0]
    assert window.add([7], [5.0]).tolist() == [4.0]
    again = Window(2)
    again.restore(window.state())
    assert again.add([7, 9], [7.0, 5.0]).tolist() == [6.0, 5.0]

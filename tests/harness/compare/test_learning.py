"""Learning curves over seeds: means, intervals, windows, and the first step at a level."""

import numpy as np
import pytest
from scipy import stats

from harness.compare.arms import arms_of
from harness.compare.learning import WINDOWS, learning
from harness.results.index import read_index
from harness.testing import seal_scores


def arm(root, curves):
    for seed, curve in enumerate(curves):
        seal_scores(root, [0.0, 1.0], method="trained", seed=seed, curve=curve)
    (found,) = arms_of(read_index(root).rows)
    return found


def rows(values, every=10, rollouts=4):
    return [{"step": every * (n + 1), "rollouts": rollouts * (n + 1), "dev": value}
            for n, value in enumerate(values)]  # fmt: skip


def test_means_and_intervals_are_over_seeds(tmp_path):
    table = np.array([[0.1, 0.5, 0.4], [0.3, 0.4, 0.8], [0.2, 0.9, 0.6]])
    found = learning(arm(tmp_path, [rows(values.tolist(), rollouts=4 + n) for n, values in enumerate(table)]),
                     "dev")  # fmt: skip
    assert found.steps.tolist() == [10, 20, 30] and found.rollouts.tolist() == [5, 10, 15]
    np.testing.assert_allclose(found.means, table.mean(axis=0))
    for place in range(3):
        wanted = stats.t.interval(0.95, 2, table[:, place].mean(), stats.sem(table[:, place]))
        np.testing.assert_allclose(found.intervals[place], wanted)
    assert found.seeds == 3 and found.final == pytest.approx(0.6)
    assert [found.reach(target) for target in (0.2, 0.21, 0.6, 0.61)] == [0, 1, 1, None]


def test_only_steps_that_every_seed_has_are_averaged(tmp_path):
    """A run that spends its rollouts early ends early: its last value still counts for the final one."""
    short = [*rows([0.3]), {"step": 15, "rollouts": 6, "dev": 0.7}]
    found = learning(arm(tmp_path, [rows([0.1, 0.2, 0.3]), short, []]), "dev")
    assert found.steps.tolist() == [10] and found.means.tolist() == [pytest.approx(0.2)]
    assert found.seeds == 2 and found.final == pytest.approx(0.5)


def test_one_seed_has_no_interval_and_none_has_no_curve(tmp_path):
    one = learning(arm(tmp_path / "one", [rows([0.1])]), "dev")
    assert one.intervals is None and one.means.tolist() == [0.1]
    assert learning(arm(tmp_path / "two", [rows([0.1])]), "reward") is None
    assert learning(arm(tmp_path / "three", [[]]), "dev") is None


def test_rewards_are_averaged_over_windows(tmp_path):
    steps = 2 * WINDOWS + 5
    curve = [{"step": n + 1, "rollouts": 8 * (n + 1), "reward": float(n % 3)} for n in range(steps)]
    found = learning(arm(tmp_path, [curve, curve]), "reward")
    assert len(found.steps) == 35 and found.steps[:2].tolist() == [3, 6]  # windows of three
    np.testing.assert_allclose(found.means, 1)
    np.testing.assert_allclose(found.intervals, 1)
    assert found.rollouts[0] == 24 and found.final == float((steps - 1) % 3)

"""Intervals by resampling items: against scipy, known answers, and simulated coverage."""

import numpy as np
import pytest
from scipy import stats

from harness.stats import bootstrap_estimate, mean_stderr
from harness.stats.bootstrap import influence
from harness.stats.classification import class_rows, macro_f1, mean_of_items


def means(values):
    return np.column_stack([values, np.ones(len(values))])


def test_a_mean_has_the_interval_and_the_error_of_scipy():
    values = np.random.default_rng(3).beta(2, 5, size=120)
    found = bootstrap_estimate(means(values), mean_of_items)
    peer = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="BCa", rng=1)
    assert found.value == pytest.approx(values.mean())
    assert found.ci == pytest.approx(peer.confidence_interval, abs=0.004)
    assert found.stderr == pytest.approx(float(mean_stderr(values)), rel=0.05)
    assert found.ci_method == "bca" and bootstrap_estimate(means(values), mean_of_items) == found


def test_clusters_are_drawn_whole():
    values = np.repeat(np.random.default_rng(4).random(30), 5)
    groups = np.repeat(np.arange(30), 5).tolist()
    alone, whole = (bootstrap_estimate(means(values), mean_of_items, groups=g) for g in (None, groups))
    assert whole.n_clusters == 30 and whole.n_items == 150
    assert whole.stderr == pytest.approx(alone.stderr * 5**0.5, rel=0.1)


def test_without_a_spread_it_is_that_of_yes_or_no_trials():
    rows = class_rows([[0], [1]] * 20, [[0], [1]] * 20, 2)
    found = bootstrap_estimate(rows, macro_f1)
    assert found.ci_method == "beta11" and found.ci[0] == pytest.approx(0.914, abs=0.01) and found.ci[1] == 1


def test_the_influence_of_items_has_the_statistic_as_its_mean_and_its_error_as_its_spread():
    rng = np.random.default_rng(5)
    wanted = rng.integers(4, size=400)
    given = np.where(rng.random(400) < 0.7, wanted, rng.integers(4, size=400))
    rows = class_rows(wanted[:, None].tolist(), given[:, None].tolist(), 4)
    scores = influence(rows, np.ones(400), macro_f1)
    found = bootstrap_estimate(rows, macro_f1)
    assert scores.mean() == pytest.approx(found.value, abs=1e-12)
    assert float(mean_stderr(scores)) == pytest.approx(found.stderr, rel=0.06)
    left = [float(macro_f1(np.asarray(rows[np.arange(400) != n].sum(axis=0)))[0]) for n in range(20)]
    assert found.value - (scores[:20] - found.value) / 399 == pytest.approx(np.array(left), abs=2e-5)


def test_the_interval_of_macro_f1_covers_the_macro_f1_of_the_population():
    rng, n, covered = np.random.default_rng(6), 150, 0
    share = np.array([0.5, 0.3, 0.15, 0.05])
    cells = share[:, None] * (0.7 * np.eye(4) + 0.3 * np.full((4, 4), 0.25))
    true = macro_f1(np.concatenate([np.diag(cells), cells.sum(0), cells.sum(1)])[None])[0]
    for _ in range(200):
        drawn = np.repeat(np.arange(16), rng.multinomial(n, cells.ravel()))
        rows = class_rows((drawn // 4)[:, None].tolist(), (drawn % 4)[:, None].tolist(), 4)
        low, high = bootstrap_estimate(rows, macro_f1, draws=500).ci
        covered += low <= true <= high
    assert covered / 200 > 0.95 - 3 * (0.95 * 0.05 / 200) ** 0.5

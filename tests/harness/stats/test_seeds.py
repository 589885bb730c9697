from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.stats import compare_seeds, compare_training, interquartile_mean, paired_difference

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(5,), (8, 3), (11, 1), (3,), (1,)])
def test_interquartile_mean_is_scipys_trimmed_mean(shape: tuple[int, ...]) -> None:
    scores = RNG.random(shape)
    expected = stats.trim_mean(scores, 0.25, axis=None)
    assert float(interquartile_mean(scores)) == pytest.approx(expected)


def test_interquartile_mean_along_axes() -> None:
    scores = RNG.random((4, 6, 3))
    expected = [stats.trim_mean(part, 0.25, axis=None) for part in scores]
    np.testing.assert_allclose(interquartile_mean(scores, axis=(1, 2)), expected)
    np.testing.assert_allclose(interquartile_mean(scores, axis=0), stats.trim_mean(scores, 0.25, axis=0))


def test_t_tests_agree_with_scipy() -> None:
    a, b = RNG.normal(0.5, 0.1, size=(7, 3)), RNG.normal(0.4, 0.2, size=(7, 3))
    found = compare_seeds(a, b, paired=True)
    welch = stats.ttest_ind(a.mean(axis=1), b.mean(axis=1), equal_var=False)
    assert found.welch is not None and found.paired is not None
    assert found.welch.p_value == pytest.approx(welch.pvalue)
    assert found.welch.df == pytest.approx(welch.df)
    assert found.welch.ci == pytest.approx(tuple(welch.confidence_interval(0.95)))
    paired = stats.ttest_rel(a.mean(axis=1), b.mean(axis=1))
    assert found.paired.p_value == pytest.approx(paired.pvalue) and found.paired.df == 6
    assert found.paired.ci == pytest.approx(tuple(paired.confidence_interval(0.95)))
    unequal = compare_seeds(a, b[:5])
    assert unequal.paired is None and unequal.n_seeds == (7, 5)
    assert found.iqm_difference == found.candidate_iqm - found.reference_iqm


def test_the_bootstrap_is_stratified() -> None:
    """Tasks of very different level add nothing to the error: seeds are drawn within tasks."""
    levels = np.array([0.1, 0.5, 0.9])
    a, b = levels + RNG.normal(0, 0.01, size=(10, 3)), levels + RNG.normal(0, 0.01, size=(10, 3))
    lower, upper = compare_seeds(a, b).iqm_ci
    assert upper - lower < 0.06
    assert compare_seeds(a, b, seed=3) == compare_seeds(a, b, seed=3)


def test_coverage_by_the_number_of_seeds() -> None:
    """The t intervals hold; the percentile bootstrap of few seeds is short, as its text says."""
    sets = 800
    slack = 3 * np.sqrt(0.05 * 0.95 / sets)
    for n_seeds, bootstrap_coverage in ((3, (0.74, 0.87)), (20, (0.91, 0.97))):
        held = np.zeros(3)
        for i in range(sets):
            found = compare_seeds(
                RNG.normal(0, 1, n_seeds), RNG.normal(0, 1, n_seeds), paired=True, draws=300, seed=i
            )
            assert found.welch is not None and found.paired is not None
            held += [low <= 0 <= high for low, high in (found.welch.ci, found.paired.ci, found.iqm_ci)]
        welch, paired, bootstrap = held / sets
        assert paired == pytest.approx(0.95, abs=slack)
        assert 0.95 - slack <= welch <= 0.98 + slack
        assert bootstrap_coverage[0] < bootstrap < bootstrap_coverage[1]


def test_items_would_claim_what_seeds_cannot() -> None:
    """Two trainings of one method: items alone find a difference far too often, seeds do not."""
    sets, n_items, n_seeds = 400, 300, 6
    alarms = np.zeros(2)
    for i in range(sets):
        runs = [
            (RNG.random((n_seeds, n_items)) < RNG.normal(0.6, 0.08, size=(n_seeds, 1))).astype(float)
            for _ in range(2)
        ]
        found = compare_training(*runs, binary=True, draws=50, seed=i)
        assert found.seeds.welch is not None and found.items.p_value is not None
        alarms += found.seeds.welch.p_value < 0.05, found.items.p_value < 0.05
    assert alarms[0] / sets <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / sets)
    assert alarms[1] / sets > 0.25


def test_both_analyses_are_the_plain_ones() -> None:
    a, b = (RNG.random((5, 40)) < 0.6).astype(float), (RNG.random((6, 40)) < 0.5).astype(float)
    groups = np.arange(40) // 4
    found = compare_training(a, b, groups=groups, binary=True)
    assert found.items == paired_difference(a.T, b.T, groups=groups, binary=True)
    assert found.seeds == compare_seeds(a.mean(axis=1), b.mean(axis=1))


def test_advice_and_degenerate_seeds() -> None:
    assert compare_seeds(np.ones(5), np.zeros(9)).advice is None
    one = compare_seeds([0.5], [0.4], paired=True)
    assert one.advice == "1 seed: train with at least 5 before claiming a difference"
    assert one.welch is None and one.paired is None and one.iqm_ci == pytest.approx((0.1, 0.1))
    assert compare_seeds(np.ones(5), np.zeros(5), paired=True).welch is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compare_seeds([], [1.0]), "candidate is empty"),
        (lambda: compare_seeds(np.ones((3, 2)), np.ones((3, 1))), "2 tasks but the reference 1"),
        (lambda: compare_seeds([1.0, 2.0], [1.0], paired=True), "same seeds"),
        (lambda: compare_seeds(np.ones((2, 2, 2)), [1.0]), "3-D"),
        (lambda: compare_training([1.0], [1.0], binary=True), "2-D"),
    ],
)
def test_refusals(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()

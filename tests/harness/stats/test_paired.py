"""The entry of comparisons: which method is used when, and its agreement with known estimators."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from harness.stats import (
    Difference,
    clustered_stderr,
    paired_difference,
    tango_interval,
)
from harness.stats.crossed import parts_of

RNG = np.random.default_rng(0)


def two_arms(n: int, k: int, k_reference: int | None = None):  # type: ignore[no-untyped-def]
    rates = RNG.beta(0.7, 0.7, size=(n, 1))
    reference = (RNG.random((n, k_reference or k)) < rates).astype(float)
    return (RNG.random((n, k)) < rates).astype(float), reference


def from_counts(losses: int, wins: int, n: int) -> Difference:
    candidate = np.array([0.0] * losses + [1.0] * wins + [1.0] * (n - losses - wins))
    reference = np.array([1.0] * losses + [0.0] * wins + [1.0] * (n - losses - wins))
    return paired_difference(candidate, reference, binary=True)


@pytest.mark.parametrize(("k", "k_reference"), [(4, 4), (1, 3), (16, 2)])
def test_agrees_with_scipy(k: int, k_reference: int) -> None:
    candidate, reference = two_arms(60, k, k_reference)
    found = paired_difference(candidate, reference, binary=True)
    expected = stats.ttest_rel(candidate.mean(axis=1), reference.mean(axis=1))
    interval = expected.confidence_interval(0.95)
    assert found.ci_method == "t" and found.df == 59 and found.n_clusters is None
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.ci == pytest.approx((interval.low, interval.high))
    for alternative, p in (("less", found.p_worse()), ("greater", found.p_better())):
        one_sided = stats.ttest_rel(candidate.mean(axis=1), reference.mean(axis=1), alternative=alternative)
        assert p == pytest.approx(one_sided.pvalue)
    shifted = stats.ttest_1samp(candidate.mean(axis=1) - reference.mean(axis=1), -0.1, alternative="greater")
    assert found.p_better(-0.1) == pytest.approx(shifted.pvalue)


def test_agrees_with_cluster_robust_least_squares() -> None:
    groups = RNG.integers(0, 25, size=200)
    candidate = RNG.random(200) + RNG.normal(0, 0.2, size=25)[groups]
    reference = RNG.random(200)
    found = paired_difference(candidate, reference, groups=groups, binary=False)
    fit = sm.OLS(candidate - reference, np.ones(200)).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "df_correction": True}, use_t=True
    )
    # statsmodels multiplies by C/(C-1) · (n-1)/(n-p), and p = 1 here.
    assert found.ci_method == "clustered_t" and found.n_clusters == 25 and found.df == 24
    assert found.value == pytest.approx(fit.params[0])
    assert found.stderr == pytest.approx(fit.bse[0])
    assert found.p_value == pytest.approx(fit.pvalues[0])
    assert found.ci == pytest.approx(tuple(fit.conf_int()[0]))
    assert found.stderr == pytest.approx(float(clustered_stderr(candidate - reference, groups)[0]))


def test_shapes_of_attempts_do_not_matter() -> None:
    candidate, reference = two_arms(40, 4)
    ragged = [row.tolist() for row in candidate]
    one = paired_difference(candidate, reference, binary=True)
    assert paired_difference(ragged, reference, binary=True) == one


def test_swapping_the_arms_mirrors_everything() -> None:
    for k in (1, 4):
        candidate, reference = two_arms(80, k)
        there = paired_difference(candidate, reference, binary=True)
        back = paired_difference(reference, candidate, binary=True)
        assert there.value == -back.value and there.p_value == pytest.approx(back.p_value)
        assert there.ci is not None and back.ci is not None
        assert there.ci == pytest.approx((-back.ci[1], -back.ci[0]))
        assert (there.wins, there.losses, there.ties) == (back.losses, back.wins, back.ties)
        assert there.p_better(-0.02) == pytest.approx(back.p_worse(0.02))


def test_binary_single_attempts() -> None:
    found = from_counts(12, 4, 100)
    assert found.ci_method == "tango" and found.df is None
    assert (found.losses, found.wins, found.ties) == (12, 4, 84)
    assert found.value == pytest.approx(-0.08)
    # At 0 the score is McNemar's (c - b) / √(b + c), and never below mid-p.
    assert stats.norm.sf(8 / 4) < found.p_worse()
    assert found.p_worse() == pytest.approx(stats.binom.sf(12, 16, 0.5) + stats.binom.pmf(12, 16, 0.5) / 2)
    mid = 2 * (stats.binom.sf(12, 16, 0.5) + stats.binom.pmf(12, 16, 0.5) / 2)
    assert found.p_value == pytest.approx(mid)


CASES = [
    from_counts(12, 4, 100),
    from_counts(0, 0, 15),
    from_counts(0, 3, 15),
    from_counts(15, 0, 15),
    paired_difference(*two_arms(40, 4), binary=True),
    paired_difference(RNG.random(30), RNG.random(30), groups=np.arange(30) // 3, binary=False),
    paired_difference([0.25] * 12, [0.5] * 12, binary=False),
    paired_difference(np.ones((12, 4)), np.ones((12, 4)), binary=True),
]


@pytest.mark.parametrize("found", CASES, ids=lambda found: f"{found.ci_method}{found.value:.2f}")
def test_bounds_and_p_values_are_one_method(found: Difference) -> None:
    assert found.ci is not None
    assert found.ci[0] <= found.value <= found.ci[1]
    assert found.ci == found.interval(0.95)
    assert found.interval(0.99)[0] <= found.ci[0] and found.ci[1] <= found.interval(0.99)[1]
    for alpha in (0.05, 0.0025):
        lower, upper = found.interval(1 - 2 * alpha)
        assert -1 <= lower <= upper <= 1
        if lower > -1:
            assert found.p_better(lower - 1e-6) < alpha < found.p_better(lower + 1e-6)
        if upper < 1:
            assert found.p_worse(upper + 1e-6) < alpha < found.p_worse(upper - 1e-6)
    assert found.p_better(-1.5) == pytest.approx(0, abs=1e-6)
    assert found.p_worse(-1.5) == pytest.approx(1, abs=1e-6)


def test_no_spread_is_bounded_by_its_units() -> None:
    same = paired_difference(np.ones((30, 4)), np.ones((30, 4)), binary=True)
    assert same.ci_method == "bounded" and same.stderr == 0 and same.p_value == 1.0
    # As if every item were one yes/no trial: z² / (n + z²).
    assert same.ci == pytest.approx((-3.8415 / 33.8415, 3.8415 / 33.8415), abs=1e-4)
    clustered = paired_difference(np.ones((30, 4)), np.ones((30, 4)), groups=np.arange(30) // 3, binary=True)
    assert clustered.ci == pytest.approx((-3.8415 / 13.8415, 3.8415 / 13.8415), abs=1e-4)
    single = paired_difference([0.4], [0.1], binary=False)
    assert single.stderr is None and single.ci_method == "bounded"
    assert single.ci is not None and single.ci[0] < -0.5


def test_no_range_and_no_spread_is_no_interval() -> None:
    found = paired_difference([12.0, 30.0], [12.0, 30.0], binary=False)
    assert found.ci is None and found.ci_method == "none" and found.p_value is None
    assert found.interval(0.9) == (-math.inf, math.inf)
    assert found.p_better(-5) == 1.0 and found.p_worse(5) == 1.0


def test_rounding_is_no_difference() -> None:
    candidate = [[0.1, 0.2, 0.3]] * 20
    reference = [[0.2]] * 20
    assert np.mean([0.1, 0.2, 0.3]) != 0.2
    found = paired_difference(candidate, reference, binary=False)
    assert found.ties == 20 and found.value == 0 and found.ci_method == "bounded"


def test_a_handful_of_differing_items_is_bounded() -> None:
    """With five items that differ t would take them for all there is; with six it is trusted."""
    reference = np.ones((40, 4))
    for differing, method in ((5, "bounded"), (6, "t")):
        candidate = reference.copy()
        candidate[:differing, 0] = 0
        found = paired_difference(candidate, reference, binary=True)
        assert found.ci_method == method and found.losses == differing
    five = paired_difference(candidate[1:], reference[1:], binary=True)
    assert five.trials == (1.25, 0.0, 39.0)
    assert five.value == pytest.approx(-1.25 / 39)
    assert five.interval(0.9) == pytest.approx(tuple(map(float, tango_interval(1.25, 0, 39, 0.9))))


def test_clusters_of_any_size_make_the_trials() -> None:
    groups = [0, 0, 0, 0, 1, 2, 3]
    candidate, reference = [1, 1, 1, 1, 0.5, 1, 1], [0, 0, 0, 0, 1.0, 1, 1]
    found = paired_difference(candidate, reference, groups=groups, binary=False)
    assert found.ci_method == "bounded" and found.trials is not None
    lost, won, compared = found.trials
    assert (won - lost) / 4 == pytest.approx(found.value) and compared == 4
    assert found.ci is not None and found.ci[0] <= found.value <= found.ci[1]


def test_intervals_stay_in_range() -> None:
    candidate = [[1, 1], [1, 1], [1, 0], [1, 1], [1, 1], [1, 1]]
    found = paired_difference(candidate, [[0, 0], [1, 0], *[[0, 0]] * 4], binary=True)
    assert found.ci_method == "t" and found.ci is not None and found.ci[1] == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paired_difference([1, 0], [1], binary=True), "2 items but the reference 1"),
        (lambda: paired_difference([], [], binary=True), "empty"),
        (lambda: paired_difference([0.5], [1], binary=True), "0 or 1"),
        (lambda: paired_difference([math.nan], [1], binary=False), "NaN"),
        (lambda: paired_difference([1, 0], [1, 0], groups=["a"], binary=True), "1 labels"),
        (lambda: paired_difference([1], [0], binary=True, level=95), "strictly between"),
        (lambda: from_counts(1, 1, 9).interval(1.0), "strictly between"),
    ],
)
def test_refusals(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wins", range(1, 12))
@pytest.mark.parametrize("losses", range(6))
@pytest.mark.parametrize("n", [12, 20, 164])
def test_interval_and_p_never_contradict_each_other(wins: int, losses: int, n: int) -> None:
    if wins + losses > n:
        return
    found = from_counts(losses, wins, n)
    assert found.p_value is not None
    for level in (0.8, 0.9, 0.95, 0.99):
        lower, upper = found.interval(level)
        assert (found.p_value >= 1 - level - 1e-9) == (lower <= 1e-9 <= upper + 2e-9), (level, lower, upper)


def test_five_to_nothing_shows_nothing_and_six_to_nothing_does() -> None:
    five, six = from_counts(5, 0, 5), from_counts(6, 0, 6)
    assert five.p_value == pytest.approx(2 / 32) and five.ci is not None and five.ci[1] == 0
    assert six.p_value is not None and six.p_value < 0.05 and six.ci is not None and six.ci[1] < 0
    # The same for scores that are no yes or no: five items down by a half.
    half = paired_difference([0.5] * 5 + [1.0] * 9, [1.0] * 14, binary=False)
    assert half.p_value is not None and half.p_value >= 2 / 32


@pytest.mark.parametrize("few", [False, True])
def test_runs_widen_the_interval_and_raise_p_alike(few: bool) -> None:
    rng = np.random.default_rng(3)
    candidate, reference = (rng.random((40, 3)) < 0.5 for _ in range(2))
    if few:
        candidate[4:] = reference[4:] = True
        candidate[:4] = [[0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 0, 1]]
        reference[:4] = True
    tables = candidate.astype(float), reference.astype(float)
    parts = parts_of(tables[0] - tables[1])
    means = tables[0].mean(axis=1), tables[1].mean(axis=1)
    alone = paired_difference(*means, binary=False)
    both = paired_difference(*means, binary=False, parts=parts)
    assert both.ci_method == ("bounded" if few else "t") and both.value == pytest.approx(parts.value)
    assert alone.ci is not None and both.ci is not None and alone.p_value is not None
    assert both.ci[0] <= alone.ci[0] and both.ci[1] >= alone.ci[1]
    assert both.p_value is not None and both.p_value >= alone.p_value - 1e-9
    for level in (0.5, 0.9, 0.99):
        lower, _ = both.interval(level)
        if -1 < lower < 0:
            assert both.p_better(lower) == pytest.approx((1 - level) / 2, rel=1e-4)
    if not few:
        assert both.ci == pytest.approx(parts.interval())


def test_fixed_items_leave_the_runs() -> None:
    runs = np.random.default_rng(1).normal(0.1, 0.05, 5)
    table = np.tile(runs, (9, 1))
    parts = replace(parts_of(table), items=0.0, df_items=np.inf, overlap=0.0)
    found = paired_difference(table.mean(axis=1), np.zeros(9), binary=False, parts=parts)
    expected = stats.ttest_1samp(runs, 0)
    assert found.ci_method == "runs" and found.p_value == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert found.ci == pytest.approx((interval.low, interval.high))


def test_a_metric_without_bounds_stays_so_whatever_its_unit() -> None:
    seconds = RNG.random(30) * 0.5
    slower = seconds + np.where(np.arange(30) < 3, 0.3, 0.0)
    found = [
        paired_difference(unit * slower, unit * seconds, binary=False, bounded=False) for unit in (1, 1000)
    ]
    assert [each.ci_method for each in found] == ["t", "t"] and found[0].limits is None
    assert found[0].p_value == pytest.approx(found[1].p_value)
    assert np.array(found[0].ci) * 1000 == pytest.approx(found[1].ci)
    assert paired_difference(slower, seconds, binary=False).ci_method == "bounded"

"""New items and new runs: worked numbers, properties, and the level by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.stats.crossed import Parts, parts_of, pooled_parts, summed, tipping_sd, unpaired_parts
from harness.stats.crossed_rule import p_value, t_squared


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def _cells(text: str) -> np.ndarray:
    return np.array([[float(c) for c in row] for row in text.split(",")])


A = _cells("111,101,000,110,011,111,101,100")
B = _cells("110,001,001,110,000,111,000,001")
HOLES = A.copy()
HOLES[2, 0] = HOLES[5, 1] = np.nan
GROUPS = [0, 0, 1, 1, 2, 2, 3, 3]

#: case -> (parts, value, VI, dfI, VS, dfS, VR, interval, p); worked by independent code
WORKED = {
    "paired": (parts_of(A - B), 0.208333, 0.015625, 7, 0.006944, 2, 0.014881, (-0.1560, 0.5726), 0.1395),
    "unpaired": (
        unpaired_parts(A, B),
        *(0.208333, 0.015625, 7, 0.006944, 3.2, 0.018849, (-0.0872, 0.5039), 0.1395),
    ),
    "groups": (
        parts_of(A - B, GROUPS),
        *(0.208333, 0.015625, 3, 0.006944, 2, 0.013889, (-0.1895, 0.6061), 0.1942),
    ),
    "absent cells": (
        parts_of(HOLES - B),
        *(0.1875, 0.019283, 7, 0.004232, 2, 0.016633, (-0.1409, 0.5159), 0.2190),
    ),
    "one run": (parts_of((A - B)[:, :1]), 0.375, 0.033482, 7, 0, 0, 0, (-0.0577, 0.8077), 0.0796),
    "pooled": (
        pooled_parts(A[:, :1], B),
        *(0.333333, 0.02381, 7, 0.006944, 2, 0.03869, (-0.0315, 0.6982), 0.0676),
    ),
}


@pytest.mark.parametrize("case", WORKED)
def test_worked_numbers(case):
    parts, value, items, df_items, runs, df_runs, overlap, interval, p = WORKED[case]
    found = (parts.value, parts.items, parts.df_items, parts.runs, parts.df_runs, parts.overlap)
    assert found == pytest.approx((value, items, df_items, runs, df_runs, overlap), abs=6e-7)
    assert parts.interval() == pytest.approx(interval, abs=6e-5)
    assert parts.p_value() == pytest.approx(p, abs=6e-5)


def test_worked_numbers_of_parts():
    of = dict(value=0.04, items=1.2e-4, df_items=499.0, overlap=6e-5, n_items=500, n_groups=500)
    wide = Parts(**of, runs=2.5e-4, df_runs=4.0, n_runs=(5, 5))
    assert wide.interval() == pytest.approx((-0.0065, 0.0865), abs=6e-5)
    assert wide.p_value() == pytest.approx(0.0764, abs=6e-5)
    narrow = Parts(**of, runs=1e-5, df_runs=2.0, n_runs=(3, 3))
    assert narrow.interval() == pytest.approx((0.0185, 0.0615), abs=6e-5)
    assert narrow.p_value() == pytest.approx(0.0084, abs=6e-5)
    single = Parts(0.05, 3e-4, 199.0, 0.0, 0.0, 0.0, 200, 200, (1, 1))
    assert tipping_sd(single) == pytest.approx(0.0131, abs=6e-5)


@pytest.mark.parametrize("df", [1.0, 2.0, 3.2, 7.0, 500.0])
@pytest.mark.parametrize("p", [1e-9, 0.003, 0.05, 0.3, 0.8, 0.999])
def test_t_quantiles_are_those_of_scipy(p, df):
    assert float(t_squared(p, df)) == pytest.approx(stats.t.isf(p / 2, df) ** 2, rel=1e-6)


def test_t_quantile_of_infinite_freedom_is_normal():
    assert float(t_squared(0.05, np.inf)) == pytest.approx(stats.norm.isf(0.025) ** 2)


def test_without_runs_it_is_the_t_test_over_items(rng):
    one, other = rng.random((2, 40))
    parts, welch = parts_of(one - other), stats.ttest_rel(one, other)
    assert parts.p_value() == pytest.approx(welch.pvalue)
    assert parts.interval() == pytest.approx(tuple(welch.confidence_interval()))


def test_many_alike_items_leave_the_t_test_over_runs(rng):
    """Where items differ in nothing, the runs alone decide."""
    runs = rng.normal(0.1, 1, 6)
    parts = parts_of(np.tile(runs, (50, 1)))
    assert parts.p_value() == pytest.approx(stats.ttest_1samp(runs, 0).pvalue, rel=1e-6)


def test_p_falls_with_the_distance_and_agrees_with_the_interval(rng):
    parts = parts_of(rng.normal(0.2, 1, (30, 4)))
    for level in (0.5, 0.9, 0.95, 0.999):
        low, high = parts.interval(level)
        assert parts.p_value(low) == pytest.approx(1 - level, rel=1e-6)
        assert parts.p_value(high) == pytest.approx(1 - level, rel=1e-6)
    distances = np.linspace(0, 3, 50)
    p = p_value(distances, parts.items, parts.df_items, parts.runs, parts.df_runs, parts.overlap)
    assert (np.diff(p) <= 0).all() and p[0] == 1


def test_order_of_items_and_runs_changes_nothing(rng):
    table, groups = rng.random((12, 4)), rng.integers(0, 5, 12)
    rows, columns = rng.permutation(12), rng.permutation(4)
    first, second = parts_of(table, groups), parts_of(table[rows][:, columns], groups[rows])
    assert first.interval() == pytest.approx(second.interval())


def test_an_arm_without_draws_adds_no_variance_over_runs():
    assert unpaired_parts(A, B, drawn=(True, False)).runs == pytest.approx(parts_of(A).runs)
    assert unpaired_parts(A, B, drawn=(True, False)).df_runs == 2
    neither = unpaired_parts(A, B, drawn=(False, False))
    assert (neither.runs, neither.df_runs) == (0, np.inf)
    assert neither.p_value() == pytest.approx(stats.ttest_rel(A.mean(1), B.mean(1)).pvalue)


def test_one_group_says_nothing():
    parts = parts_of(A - B, [0] * 8)
    assert parts.interval() == (-np.inf, np.inf)
    assert parts.p_value() == 1


def test_no_cell_is_an_error():
    with pytest.raises(ValueError, match="no item"):
        parts_of(np.full((3, 2), np.nan))
    with pytest.raises(ValueError, match="pair them first"):
        unpaired_parts(A, B[:5])


def test_tasks_are_summed_with_their_weights():
    parts = [parts_of(A - B), unpaired_parts(A, B)]
    both = summed(parts, [0.5, 0.5])
    assert both.value == pytest.approx(parts[0].value)
    assert both.items == pytest.approx((parts[0].items + parts[1].items) / 4)
    assert both.runs == pytest.approx((parts[0].runs + parts[1].runs) / 4)
    assert 7 <= both.df_items <= 14 and 2 <= both.df_runs <= 5.2


@pytest.mark.parametrize(("n", "runs", "sd"), [(30, 3, 0.0), (164, 2, 0.03), (500, 3, 0.03), (500, 5, 0.01)])
@pytest.mark.parametrize("paired", [True, False])
def test_level_where_runs_vary(n, runs, sd, paired):
    """Equal arms, whose runs move together by `sd`, on right-or-wrong items."""
    rng, wrong, replicates = np.random.default_rng(n + runs), 0, 400
    for _ in range(replicates):
        rate = rng.beta(0.7, 0.7, (n, 1))
        a, b = (rng.random((n, runs)) < np.clip(rate + rng.normal(0, sd, runs), 0, 1) for _ in range(2))
        found = parts_of(a.astype(float) - b) if paired else unpaired_parts(a, b)
        wrong += found.p_value() < 0.05
    assert wrong / replicates <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / replicates)


def test_a_run_without_any_of_the_items_is_no_run():
    gone = np.column_stack((A, np.full(8, np.nan)))
    for found, expected in (
        (parts_of(gone - np.column_stack((B, B[:, 0]))), parts_of(A - B)),
        (unpaired_parts(gone, B), unpaired_parts(A, B)),
        (pooled_parts(gone, B), pooled_parts(A, B)),
    ):
        numbers = ("value", "items", "runs", "df_runs", "overlap")
        assert [getattr(found, n) for n in numbers] == pytest.approx([getattr(expected, n) for n in numbers])
        assert found.n_runs == expected.n_runs


def test_an_arm_that_draws_nothing_has_no_part_in_the_tipping_sd():
    parts = unpaired_parts(A[:, :1], B, drawn=(False, False))
    both, ours = tipping_sd(parts, 0.2), tipping_sd(parts, 0.2, drawn=(True, False))
    assert ours == pytest.approx(both * np.sqrt((1 + 1 / 3) / 1)) and both > 0
    with pytest.raises(ValueError, match="nothing is drawn"):
        tipping_sd(parts, drawn=(False, False))

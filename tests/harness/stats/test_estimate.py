"""The choice of the interval, and what it covers once it has been made."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pytest

from harness import stats
from harness.stats import Estimate, estimate_mean, mean_over_items, mean_stderr
from harness.stats.intervals import beta11, t_interval, wilson
from harness.stats.quantiles import binomial_pmf


def test_one_binary_attempt_gets_wilson() -> None:
    estimate = estimate_mean([[1]] * 9 + [[0]] * 21, binary=True)
    lower, upper = wilson(9, 30)
    assert estimate == Estimate(
        value=0.3,
        stderr=estimate.stderr,
        ci=(float(lower), float(upper)),
        ci_method="wilson",
        df=None,
        rerun_stderr=None,
        n_items=30,
        n_clusters=None,
    )
    assert estimate.stderr == pytest.approx(np.sqrt(0.21 / 29))


def test_repeated_attempts_get_t_over_item_means() -> None:
    scores = np.random.default_rng(0).integers(0, 2, size=(30, 4))
    estimate = estimate_mean(scores, binary=True)
    item_means = scores.mean(axis=1)
    error = item_means.std(ddof=1) / np.sqrt(30)
    lower, upper = t_interval(item_means.mean(), error, 29)
    assert estimate.ci_method == "t" and estimate.df == 29
    assert estimate.stderr == pytest.approx(error)
    assert estimate.ci == pytest.approx((float(lower), float(upper)))
    assert estimate.rerun_stderr == pytest.approx(np.sqrt(np.sum(scores.var(axis=1, ddof=1) / 4)) / 30)


def test_item_means_weigh_the_same_whatever_their_attempts() -> None:
    estimate = estimate_mean([[1], [0, 0, 0, 0]], binary=True)
    assert estimate.value == 0.5 and estimate.ci_method == "t"
    assert estimate.rerun_stderr is None


def test_graded_scores_get_t() -> None:
    estimate = estimate_mean([0.2, 0.4, 0.9], binary=False)
    assert estimate.ci_method == "t" and estimate.df == 2
    assert estimate.ci is not None and estimate.ci[0] < 0  # no range is assumed


def test_binary_intervals_stay_in_range() -> None:
    estimate = estimate_mean([[1, 1]] * 5 + [[1, 0]], binary=True)
    assert estimate.ci_method == "t" and estimate.ci is not None
    assert estimate.ci[1] == 1.0


def test_groups_get_the_clustered_error() -> None:
    estimate = estimate_mean([1, 1, 0, 1, 0, 0], groups=list("aabbcc"), binary=True)
    assert estimate.ci_method == "clustered_t"
    assert (estimate.df, estimate.n_clusters, estimate.n_items) == (2, 3, 6)
    assert estimate.stderr == pytest.approx(np.sqrt(3 / 2 * 2 / 36))


def test_groups_of_one_change_nothing_but_their_count() -> None:
    scores = [1.0, 0.0, 1.0, 1.0]
    plain = estimate_mean(scores, binary=True)
    grouped = estimate_mean(scores, groups=list("abcd"), binary=True)
    assert grouped.n_clusters == 4
    assert (grouped.ci, grouped.ci_method) == (plain.ci, "wilson")


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("binary", [True, False])
def test_all_wrong_or_all_right_is_not_certainty(value: int, binary: bool) -> None:
    estimate = estimate_mean(np.full((30, 8), value), binary=binary)
    assert (estimate.value, estimate.stderr, estimate.rerun_stderr) == (value, 0, 0)
    assert estimate.ci_method == "beta11" and estimate.df is None
    lower, upper = beta11(30 * value, 30)
    expected = (0.0, float(upper)) if value == 0 else (float(lower), 1.0)
    assert estimate.ci == pytest.approx(expected)


def test_degenerate_clusters_count_as_the_trials() -> None:
    estimate = estimate_mean(np.ones(30), groups=["a", "b", "c"] * 10, binary=True)
    assert estimate.ci_method == "beta11"
    assert estimate.ci == pytest.approx((float(beta11(3, 3)[0]), 1.0))
    # Clusters that balance out have a zero error although their items differ.
    estimate = estimate_mean([1, 0, 1, 0], groups=list("aabb"), binary=True)
    assert estimate.stderr == 0 and estimate.ci_method == "beta11"


def test_binary_items_all_half_right() -> None:
    estimate = estimate_mean([[1, 0]] * 10, binary=True)
    assert estimate.ci_method == "beta11" and estimate.ci is not None
    assert estimate.ci[0] < 0.3 and estimate.ci[1] > 0.7


def test_graded_scores_without_spread_have_no_interval() -> None:
    # Means of 2 and of 3 attempts of .1 differ in the last bit only.
    estimate = estimate_mean([[0.1] * 2, [0.1] * 3] * 5, binary=False)
    assert estimate.ci is None and estimate.ci_method == "none"
    assert estimate.stderr == pytest.approx(0, abs=1e-15)


def test_a_single_item_or_cluster() -> None:
    binary = estimate_mean([[1]], binary=True)
    assert binary.stderr is None and binary.ci_method == "wilson"
    graded = estimate_mean([0.4], binary=False)
    assert (graded.stderr, graded.ci, graded.ci_method) == (None, None, "none")
    cluster = estimate_mean([0.4, 0.6], groups=["a", "a"], binary=False)
    assert (cluster.stderr, cluster.ci, cluster.n_clusters) == (None, None, 1)


def test_level() -> None:
    narrow = estimate_mean([1, 0, 1, 1], binary=True, level=0.5).ci
    wide = estimate_mean([1, 0, 1, 1], binary=True, level=0.99).ci
    assert narrow and wide and wide[0] < narrow[0] < narrow[1] < wide[1]


@pytest.mark.parametrize("n", [15, 30, 164])
@pytest.mark.parametrize("p", [0.05, 0.5, 0.8, 0.95])
def test_exact_coverage_of_what_a_table_shows(n: int, p: float) -> None:
    """With k = 1 a table's interval depends on the number right only: every case is enumerated."""
    covered = 0.0
    for right, probability in enumerate(binomial_pmf(n, p)):
        ci = estimate_mean(np.arange(n) < right, binary=True).ci
        assert ci is not None
        covered += probability * (ci[0] <= p <= ci[1])
    assert covered >= 0.938


@pytest.mark.parametrize("mean", [0.05, 0.95])
def test_degenerate_sets_cover_the_population(mean: float) -> None:
    """Mostly identical hard (or easy) items, many attempts: where t claims certainty."""
    rng = np.random.default_rng(6)
    rates = (rng.random((3_000, 15)) < mean).astype(np.float64)
    covered = degenerate_covered = degenerate = 0
    for row in rates:
        estimate = estimate_mean(np.repeat(row[:, None], 8, axis=1), binary=True)
        assert estimate.ci is not None
        hit = estimate.ci[0] <= mean <= estimate.ci[1]
        covered += hit
        if estimate.ci_method == "beta11":
            degenerate += 1
            degenerate_covered += hit
    assert degenerate > 1_000
    assert degenerate_covered == degenerate
    # Wherever items differ t is used, and alone it would cover little more than half.
    assert (covered - degenerate_covered) / len(rates) < 0.56
    assert covered / len(rates) > 0.95


def test_mean_over_items() -> None:
    values = np.array([0.2, 0.9, 0.5, 1.0])
    estimate = mean_over_items(values)
    assert estimate.ci_method == "t" and estimate.rerun_stderr is None
    assert estimate.stderr == pytest.approx(float(mean_stderr(values)))
    assert estimate.ci is not None and estimate.ci[1] == 1.0
    assert mean_over_items([1, 0, 1 - 1e-15]).ci_method == "wilson"
    assert mean_over_items([0.5, 0.5]).ci_method == "beta11"
    assert mean_over_items(values, groups=list("aabb")).ci_method == "clustered_t"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: estimate_mean([], binary=True), "empty"),
        (lambda: estimate_mean([0.5], binary=True), "must all be 0 or 1"),
        (lambda: estimate_mean([float("nan")], binary=False), "NaN"),
        (lambda: estimate_mean([1.0], binary=True, level=1.5), "strictly between"),
        (lambda: estimate_mean([1.0, 0.0], groups=["a"], binary=True), "1 labels for 2 items"),
        (lambda: mean_over_items([0.5, np.nan, np.nan]), "undefined for 2 of 3 items"),
        (lambda: mean_over_items([]), "empty"),
        (lambda: mean_over_items([1.1]), r"\[0, 1\]"),
    ],
)
def test_errors(call: Callable[[], Estimate], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_hundred_thousand_items_take_milliseconds() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 2, size=(100_000, 4)).astype(np.float64)
    clusters = rng.integers(0, 5_000, size=100_000)

    def cpu(call: Callable[[], object]) -> float:
        def once() -> float:
            start = time.process_time()
            call()
            return time.process_time() - start

        return min(once() for _ in range(3))

    assert cpu(lambda: estimate_mean(scores, binary=True)) < 0.05
    assert cpu(lambda: estimate_mean(scores[:, 0], binary=True)) < 0.02
    assert cpu(lambda: estimate_mean(scores, groups=clusters, binary=True)) < 0.08


def test_public_names_are_sorted_and_exist() -> None:
    assert stats.__all__ == sorted(stats.__all__)
    assert all(hasattr(stats, name) for name in stats.__all__)


def test_importing_harness_does_not_import_numpy() -> None:
    code = "import sys, harness; sys.exit('numpy' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""Each interval is judged by the share of simulated data sets in which it holds the truth."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from harness.stats import beta_attempt_variance
from harness.stats.intervals import (
    Interval,
    beta11,
    cluster_codes,
    clustered_stderr,
    jeffreys,
    mean_stderr,
    rerun_stderr,
    t_interval,
    wilson,
)
from harness.stats.quantiles import FloatArray

REPLICATIONS = 20_000
# Three Monte-Carlo standard errors of a coverage near .95 over that many replications.
SLACK = 3 * np.sqrt(0.95 * 0.05 / REPLICATIONS)

GRID = [(n, p) for n in (15, 30, 164, 1319) for p in (0.05, 0.5, 0.8, 0.95)]

# Coverage measured at (n, p) in the project's notes; all are symmetric in p and 1 - p.
WALD = {
    (15, 0.5): 0.882,
    (15, 0.8): 0.814,
    (15, 0.95): 0.533,
    (30, 0.5): 0.959,
    (30, 0.8): 0.944,
    (30, 0.95): 0.782,
    (164, 0.5): 0.947,
    (164, 0.8): 0.947,
    (164, 0.95): 0.907,
    (1319, 0.5): 0.952,
    (1319, 0.8): 0.949,
    (1319, 0.95): 0.944,
}
T = WALD | {
    (15, 0.5): 0.964,
    (15, 0.8): 0.961,
    (30, 0.95): 0.785,
    (164, 0.8): 0.955,
}
WILSON = {
    (15, 0.5): 0.964,
    (15, 0.8): 0.982,
    (15, 0.95): 0.962,
    (30, 0.5): 0.959,
    (30, 0.8): 0.964,
    (30, 0.95): 0.939,
    (164, 0.5): 0.947,
    (164, 0.8): 0.948,
    (164, 0.95): 0.954,
    (1319, 0.5): 0.952,
    (1319, 0.8): 0.951,
    (1319, 0.95): 0.949,
}
JEFFREYS = WILSON | {
    (15, 0.8): 0.947,
    (30, 0.8): 0.929,
    (30, 0.95): 0.985,
    (164, 0.8): 0.947,
    (164, 0.95): 0.949,
}


def successes(n: int, p: float) -> FloatArray:
    return np.random.default_rng(0).binomial(n, p, size=REPLICATIONS).astype(np.float64)


def coverage(interval: Interval, truth: float) -> float:
    lower, upper = interval
    return float(np.mean((lower <= truth) & (truth <= upper)))


def stderr_of_share(x: FloatArray, n: int) -> FloatArray:
    """sd / √n, sd with n - 1, of n items of which x are 1 and the rest 0."""
    share = x / n
    return np.sqrt(share * (1 - share) / (n - 1))


def symmetric(table: dict[tuple[int, float], float], n: int, p: float) -> float:
    return table[n, p if p >= 0.5 else round(1 - p, 2)]


@pytest.mark.parametrize(("n", "p"), GRID)
def test_wilson_and_beta_cover_everywhere(n: int, p: float) -> None:
    x = successes(n, p)
    for interval in (wilson(x, n), beta11(x, n)):
        covered = coverage(interval, p)
        assert covered >= 0.939 - SLACK
        assert covered == pytest.approx(symmetric(WILSON, n, p), abs=2 * SLACK)


@pytest.mark.parametrize(("n", "p"), GRID)
def test_jeffreys_coverage(n: int, p: float) -> None:
    covered = coverage(jeffreys(successes(n, p), n), p)
    assert covered >= 0.929 - SLACK
    assert covered == pytest.approx(symmetric(JEFFREYS, n, p), abs=2 * SLACK)


@pytest.mark.parametrize(("n", "p"), GRID)
def test_t_coverage_of_binary_items(n: int, p: float) -> None:
    x = successes(n, p)
    covered = coverage(t_interval(x / n, stderr_of_share(x, n), n - 1), p)
    # Coverage far from .95 has more Monte-Carlo noise, at most that of .5.
    assert covered == pytest.approx(symmetric(T, n, p), abs=4 * SLACK)


@pytest.mark.parametrize(("n", "p"), GRID)
def test_wald_coverage_of_binary_items(n: int, p: float) -> None:
    x = successes(n, p)
    half = 1.959964 * stderr_of_share(x, n)
    covered = coverage((x / n - half, x / n + half), p)
    assert covered == pytest.approx(symmetric(WALD, n, p), abs=4 * SLACK)


@pytest.mark.parametrize(("n", "ceiling"), [(15, 0.56), (30, 0.80), (164, 0.92)])
@pytest.mark.parametrize("p", [0.05, 0.95])
def test_t_fails_near_the_ends_where_wilson_does_not(n: int, ceiling: float, p: float) -> None:
    x = successes(n, p)
    assert coverage(t_interval(x / n, stderr_of_share(x, n), n - 1), p) < ceiling
    assert coverage(wilson(x, n), p) > 0.93


def test_wilson_known_values() -> None:
    lower, upper = wilson(9, 30)
    assert (float(lower), float(upper)) == pytest.approx((0.166645, 0.478760), abs=1e-5)
    # The rule of three: with nothing right, z² / (n + z²).
    lower, upper = wilson(0, 30)
    assert float(lower) == 0.0
    assert float(upper) == pytest.approx(3.841459 / 33.841459, abs=1e-6)


def test_wilson_solves_the_score_equation() -> None:
    """Its bounds are where the truth lies exactly z standard errors (at the truth) away."""
    x, n = np.arange(1, 40), 40
    for bound in wilson(x, n, level=0.9):
        distance = np.abs(x / n - bound) / np.sqrt(bound * (1 - bound) / n)
        np.testing.assert_allclose(distance, 1.6448536, rtol=1e-6)


def test_beta_bounds_have_the_tail_mass() -> None:
    """Beta(x+1, n-x+1) below q has mass P(Binomial(n+1, q) > x)."""
    lower, upper = beta11(3, 10)
    for bound, mass in ((float(lower), 0.025), (float(upper), 0.975)):
        tail = sum(comb(11, j) * bound**j * (1 - bound) ** (11 - j) for j in range(4, 12))
        assert tail == pytest.approx(mass, abs=1e-9)


@pytest.mark.parametrize("method", [wilson, beta11, jeffreys])
def test_proportion_intervals_mirror_and_nest(method) -> None:  # type: ignore[no-untyped-def]
    x, n = np.arange(31), 30
    lower, upper = method(x, n)
    mirrored_lower, mirrored_upper = method(n - x, n)
    np.testing.assert_allclose(lower, 1 - mirrored_upper, atol=1e-12)
    np.testing.assert_allclose(upper, 1 - mirrored_lower, atol=1e-12)
    wide_lower, wide_upper = method(x, n, level=0.99)
    assert (wide_lower <= lower).all() and (upper <= wide_upper).all()
    assert (lower >= 0).all() and (upper <= 1).all()


def test_t_interval_known_value() -> None:
    lower, upper = t_interval(0.5, 0.1, 9)
    assert (float(lower), float(upper)) == pytest.approx((0.5 - 0.2262157, 0.5 + 0.2262157))


# Beta(a, b) of item difficulty; then for k = 1, 4, 16, 64: re-run SD, SE over item means and naive
# SE in points, coverage of t on item means and of the naive interval.
REPEATED = {
    (0.7, 0.7): [
        (1, 6.9, 9.1, 9.0, 0.960, 0.960),
        (4, 3.5, 6.8, 4.5, 0.947, 0.790),
        (16, 1.7, 6.1, 2.3, 0.945, 0.530),
        (64, 0.9, 5.9, 1.1, 0.944, 0.291),
    ],
    (2.0, 1.0): [
        (1, 7.4, 8.6, 8.4, 0.940, 0.940),
        (4, 3.7, 5.7, 4.3, 0.949, 0.849),
        (16, 1.9, 4.7, 2.1, 0.947, 0.630),
        (64, 1.0, 4.4, 1.1, 0.949, 0.360),
    ],
    (0.5, 1.2): [
        (1, 6.7, 8.3, 8.1, 0.952, 0.952),
        (4, 3.3, 6.0, 4.1, 0.939, 0.809),
        (16, 1.6, 5.3, 2.1, 0.945, 0.545),
        (64, 0.8, 5.1, 1.0, 0.947, 0.298),
    ],
}


@pytest.mark.parametrize(("beta", "row"), [(beta, row) for beta, rows in REPEATED.items() for row in rows])
def test_repeated_attempts(beta: tuple[float, float], row: tuple[float, ...]) -> None:
    k, rerun_sd, item_se, naive_se, item_coverage, naive_coverage = row
    k, n, sets = int(k), 30, 10_000
    truth = beta[0] / (beta[0] + beta[1])
    rng = np.random.default_rng(1)
    rates = rng.beta(*beta, size=(sets, n))
    item_means = rng.binomial(k, rates) / k
    means = item_means.mean(axis=1)

    errors = mean_stderr(item_means)
    assert 100 * errors.mean() == pytest.approx(item_se, abs=0.11)
    covered = coverage(t_interval(means, errors, n - 1), truth)
    # The notes' figures come from 4,000 replications: 3 of their standard errors and of ours.
    assert covered == pytest.approx(item_coverage, abs=0.017)
    assert covered > 0.93

    naive = np.sqrt(means * (1 - means) / (n * k))
    assert 100 * naive.mean() == pytest.approx(naive_se, abs=0.11)
    half = 1.959964 * naive
    naive_covered = coverage((means - half, means + half), truth)
    assert naive_covered == pytest.approx(naive_coverage, abs=0.035)
    if k > 1:
        assert naive_covered < 0.87

    # The same items run again: the spread of the mean around what these items are worth.
    true_rerun_sd = (means - rates.mean(axis=1)).std()
    assert 100 * true_rerun_sd == pytest.approx(rerun_sd, abs=0.15)
    assert true_rerun_sd == pytest.approx(np.sqrt(beta_attempt_variance(*beta) / (n * k)), rel=0.025)
    if k > 1:
        variances = item_means * (1 - item_means) * k / (k - 1)
        estimated = np.sqrt(np.mean(rerun_stderr(variances, np.full(n, k)) ** 2))
        assert estimated == pytest.approx(true_rerun_sd, rel=0.04)


def test_rerun_stderr_with_unequal_attempts() -> None:
    """Against the spread of the mean over many runs of one fixed set of items."""
    rng = np.random.default_rng(5)
    rates, k = rng.beta(0.7, 0.7, size=40), rng.integers(2, 9, size=40)
    item_means = rng.binomial(k, rates, size=(20_000, 40)) / k
    estimated = rerun_stderr(item_means * (1 - item_means) * k / (k - 1), k)
    true_sd = item_means.mean(axis=1).std()
    assert np.sqrt(np.mean(estimated**2)) == pytest.approx(true_sd, rel=0.03)
    # It is not the population error, which also holds the draw of the items.
    assert mean_stderr(item_means).mean() > 1.5 * true_sd


@pytest.mark.parametrize(("n_clusters", "size"), [(20, 5), (50, 4), (100, 10)])
def test_clustered_coverage(n_clusters: int, size: int) -> None:
    """Items of a cluster share most of their difficulty."""
    rng = np.random.default_rng(2)
    sets = 4_000
    shared = rng.normal(0.5, 0.1, size=(sets, n_clusters, 1))
    own = rng.normal(0.0, 0.05, size=(sets, n_clusters, size))
    scores = (shared + own).reshape(sets, -1)
    groups = np.repeat(np.arange(n_clusters), size)
    errors, found = clustered_stderr(scores, groups)
    assert found == n_clusters
    covered = coverage(t_interval(scores.mean(axis=1), errors, n_clusters - 1), 0.5)
    assert covered == pytest.approx(0.95, abs=0.012)
    assert errors.mean() == pytest.approx(scores.mean(axis=1).std(), rel=0.04)

    naive = mean_stderr(scores)
    assert coverage(t_interval(scores.mean(axis=1), naive, n_clusters * size - 1), 0.5) < 0.85
    assert 1.5 < errors.mean() / naive.mean() < 3.1


def test_clustered_coverage_with_unequal_clusters() -> None:
    rng = np.random.default_rng(3)
    sizes = rng.integers(1, 8, size=60)
    groups = np.repeat(np.arange(60), sizes)
    shared = rng.beta(2, 2, size=(4_000, 60))[:, groups]
    scores = (rng.random(shared.shape) < shared).astype(np.float64)
    errors, _ = clustered_stderr(scores, groups)
    covered = coverage(t_interval(scores.mean(axis=1), errors, 59), 0.5)
    assert covered == pytest.approx(0.95, abs=0.02)


def test_clustered_stderr_by_hand() -> None:
    # Residuals around .5: a: +.5 +.5, b: -.5 +.5, c: -.5 -.5; cluster sums 1, 0, -1.
    error, n_clusters = clustered_stderr([1, 1, 0, 1, 0, 0], list("aabbcc"))
    assert n_clusters == 3
    assert float(error) == pytest.approx(np.sqrt(3 / 2 * 2 / 36))


def test_clusters_of_one_are_the_plain_error() -> None:
    values = np.random.default_rng(0).random(50)
    error, n_clusters = clustered_stderr(values, [str(i) for i in range(50)])
    assert n_clusters == 50
    assert float(error) == pytest.approx(float(mean_stderr(values)))


def test_clustered_stderr_is_the_same_for_one_and_for_many() -> None:
    rng = np.random.default_rng(4)
    values, groups = rng.random((7, 40)), rng.integers(3, 12, size=40)
    together, _ = clustered_stderr(values, groups)
    one_by_one = [float(clustered_stderr(row, [f"g{g}" for g in groups])[0]) for row in values]
    np.testing.assert_allclose(together, one_by_one)


def test_cluster_codes_number_labels_of_any_kind() -> None:
    codes, n_clusters = cluster_codes(["x", "y", "x"], 3)
    assert codes.tolist() == [0, 1, 0] and n_clusters == 2
    codes, n_clusters = cluster_codes(np.array([7, 3, 7]), 3)
    assert codes.tolist() == [1, 0, 1] and n_clusters == 2
    codes, n_clusters = cluster_codes(np.array(["u", "v", "u"]), 3)
    assert codes.tolist() == [0, 1, 0] and n_clusters == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wilson([], 3), "successes is empty"),
        (lambda: wilson(np.nan, 3), "successes holds NaN"),
        (lambda: wilson(4, 3), "between 0 and the number of trials"),
        (lambda: beta11(-1, 3), "between 0 and the number of trials"),
        (lambda: jeffreys(0, 0), "trials must be at least 1"),
        (lambda: wilson(1, 3, level=1.0), "strictly between 0 and 1"),
        (lambda: beta11(1, 3, level=0.0), "strictly between 0 and 1"),
        (lambda: t_interval(0.5, 0.1, 9, level=95), "strictly between 0 and 1"),
        (lambda: t_interval(0.5, 0.1, 9, level=float("nan")), "strictly between 0 and 1"),
        (lambda: t_interval(0.5, -0.1, 9), "stderr must not be negative"),
        (lambda: t_interval(0.5, 0.1, 0), "df must be positive"),
        (lambda: t_interval(0.5, np.nan, 9), "stderr holds NaN"),
        (lambda: mean_stderr([0.5]), "at least two items"),
        (lambda: mean_stderr([]), "values is empty"),
        (lambda: clustered_stderr([0, 1], ["a"]), "1 labels for 2 items"),
        (lambda: clustered_stderr([0, 1], ["a", "a"]), "at least two clusters"),
        (lambda: clustered_stderr([0, 1, 1], ["a", None, None]), "holds None"),
        (lambda: rerun_stderr([0.1, 0.1], [2, 1]), "at least two attempts"),
        (lambda: rerun_stderr([0.1, np.nan], [2, 2]), "holds NaN"),
        (lambda: rerun_stderr([0.1, -0.1], [2, 2]), "must not be negative"),
    ],
)
def test_errors_are_one_clear_line(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)

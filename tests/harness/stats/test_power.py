"""The planning tables, to the digit they print, and the formula against simulated comparisons."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from harness.stats.intervals import t_interval
from harness.stats.paired import paired_difference
from harness.stats.power import (
    attempt_variance,
    attempts_needed,
    beta_attempt_variance,
    default_attempt_variance,
    detectable_from,
    holm_factor,
    items_needed,
    measured_variances,
    minimum_detectable_effect,
    power_of,
    z_factor,
)

KS = (1, 4, 16, 64)

# n, Beta of the item rates, mean of σ², and in points: MDE by k at best; floor and MDE by k when
# the effect varies over items with a standard deviation of 10 points.
PLANNING = {
    "AIME": (30, (0.7, 0.7), 0.146, (24.5, 12.3, 6.1, 3.1), 4.5, (24.9, 13.1, 7.6, 5.5)),
    "HumanEval": (164, (0.85, 0.15), 0.064, (6.9, 3.5, 1.7, 0.9), 1.9, (7.2, 4.0, 2.6, 2.1)),
    "MATH-500": (500, (0.85, 0.15), 0.064, (4.0, 2.0, 1.0, 0.5), 1.1, (4.1, 2.3, 1.5, 1.2)),
    "GSM8K": (1319, (0.75, 0.25), 0.094, (3.0, 1.5, 0.7, 0.4), 0.7, (3.0, 1.6, 1.0, 0.8)),
}


@pytest.mark.parametrize("task", PLANNING)
def test_planning_tables(task: str) -> None:
    n, beta, variance, best, floor, varying = PLANNING[task]
    exact = beta_attempt_variance(*beta)
    assert f"{exact:.3f}" == f"{variance:.3f}"

    def points(effect: float) -> float:
        return round(100 * effect, 1)

    assert tuple(points(minimum_detectable_effect(n, k, exact)) for k in KS) == best
    spread = tuple(points(minimum_detectable_effect(n, k, exact, effect_variance=0.01)) for k in KS)
    assert spread == varying
    assert points(minimum_detectable_effect(n, 1, 0.0, effect_variance=0.01)) == floor


def test_leading_factor() -> None:
    assert z_factor() == pytest.approx(2.486, abs=5e-4)


@pytest.mark.parametrize(("tasks", "factor"), [(1, 1.00), (5, 1.27), (10, 1.37), (20, 1.47), (50, 1.58)])
def test_holm_table(tasks: int, factor: float) -> None:
    assert round(holm_factor(tasks), 2) == factor


def test_default_variance_is_the_noisiest_of_the_planning_table() -> None:
    assert f"{default_attempt_variance():.3f}" == "0.146"
    assert all(
        beta_attempt_variance(*beta) <= default_attempt_variance() for _, beta, *_ in PLANNING.values()
    )
    # The documented price of being wrong: all items at even odds.
    assert np.sqrt(0.25 / default_attempt_variance()) == pytest.approx(1.31, abs=0.005)


def test_beta_variance_by_simulation() -> None:
    rates = np.random.default_rng(0).beta(0.85, 0.15, size=400_000)
    assert (rates * (1 - rates)).mean() == pytest.approx(beta_attempt_variance(0.85, 0.15), rel=0.01)


def test_attempt_variance_of_a_stored_run() -> None:
    rng = np.random.default_rng(0)
    rates = rng.beta(0.7, 0.7, size=(20_000, 1))
    scores = (rng.random((20_000, 4)) < rates).astype(np.float64)
    assert attempt_variance(scores) == pytest.approx(default_attempt_variance(), rel=0.02)
    assert attempt_variance([[1, 0], [1], [1, 1]]) == pytest.approx(0.25)


def test_unequal_arms() -> None:
    effect = minimum_detectable_effect(
        100, 4, 0.1, k_reference=16, reference_variance=0.2, effect_variance=0.01
    )
    assert effect == pytest.approx(z_factor() * np.sqrt((0.01 + 0.1 / 4 + 0.2 / 16) / 100))


@pytest.mark.parametrize("omega2", [0.0, 0.01])
@pytest.mark.parametrize("k", [1, 3, 16, 100])
def test_attempts_needed_inverts_the_effect(k: int, omega2: float) -> None:
    effect = minimum_detectable_effect(164, k, 0.1, effect_variance=omega2)
    assert attempts_needed(effect, 164, 0.1, effect_variance=omega2) == k
    assert attempts_needed(effect * (1 - 1e-6), 164, 0.1, effect_variance=omega2) == k + 1


def test_some_effects_need_more_items() -> None:
    # AIME: ω of 10 points leaves a floor of 4.5 points.
    assert attempts_needed(0.045, 30, 0.146, effect_variance=0.01) is None
    needed = attempts_needed(0.05, 30, 0.146, effect_variance=0.01)
    assert needed is not None and needed > 64
    assert attempts_needed(0.5, 30, 0.0) == 1


@pytest.mark.parametrize("k", [1, 16])
def test_a_paired_test_has_the_planned_power(k: int) -> None:
    n, sets = 500, 4_000
    rng = np.random.default_rng(3)
    rates = rng.uniform(0.2, 0.7, size=(sets, n))
    effect = minimum_detectable_effect(n, k, float((rates * (1 - rates)).mean()))
    worse = rng.binomial(k, rates - effect) / k
    better = rng.binomial(k, rates) / k
    d = worse - better
    error = d.std(axis=1, ddof=1) / np.sqrt(n)
    # One-sided at .05: the upper bound of a two-sided 90 % interval lies below 0.
    _, upper = t_interval(d.mean(axis=1), error, n - 1, level=0.90)
    assert float((upper < 0).mean()) == pytest.approx(0.80, abs=0.025)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: z_factor(alpha=0), "alpha"),
        (lambda: z_factor(power=1), "power"),
        (lambda: z_factor(alpha=0.5, power=0.4), "must exceed"),
        (lambda: minimum_detectable_effect(0, 1, 0.1), "n_items"),
        (lambda: minimum_detectable_effect(10, 0, 0.1), "k must"),
        (lambda: minimum_detectable_effect(10, 1, 0.1, k_reference=0), "k_reference"),
        (lambda: minimum_detectable_effect(10, 1, -0.1), "variance"),
        (lambda: minimum_detectable_effect(10, 1, float("nan")), "variance"),
        (lambda: attempts_needed(0.0, 10, 0.1), "effect"),
        (lambda: attempts_needed(float("nan"), 10, 0.1), "effect"),
        (lambda: holm_factor(0), "n_tasks"),
        (lambda: beta_attempt_variance(0, 1), "Beta"),
        (lambda: attempt_variance([1.0, 0.0]), "at least two attempts"),
    ],
)
def test_errors(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()


def test_power_inverts_the_detectable_effect() -> None:
    stderr = np.sqrt(2 * 0.1 / 4 / 164)
    effect = minimum_detectable_effect(164, 4, 0.1)
    assert effect == pytest.approx(detectable_from(stderr))
    assert power_of(effect, stderr) == pytest.approx(0.80)
    assert power_of(effect, stderr, df=163) == pytest.approx(0.80, abs=0.01)
    assert power_of(0.0, stderr, df=29) == pytest.approx(0.05)


@pytest.mark.parametrize("df", [9, 29, 163])
def test_power_of_t_agrees_with_statsmodels(df: int) -> None:
    expected = TTestPower().power(0.4, nobs=df + 1, alpha=0.05, alternative="larger")
    assert power_of(0.4, 1 / np.sqrt(df + 1), df=df) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("k", [1, 4, 16])
def test_items_needed_inverts_the_effect(k: int) -> None:
    effect = minimum_detectable_effect(164, k, 0.1, k_reference=2, effect_variance=0.01)
    options = {"k_reference": 2, "effect_variance": 0.01}
    assert items_needed(effect, k, 0.1, **options) == 164  # type: ignore[arg-type]
    assert items_needed(effect * (1 - 1e-6), k, 0.1, **options) == 165  # type: ignore[arg-type]


def test_measured_variances_are_those_of_the_population() -> None:
    rng = np.random.default_rng(1)
    rates = rng.uniform(0.3, 0.7, size=20_000)
    shift = rng.normal(0.02, 0.1, size=20_000)  # ω² = .01
    candidate = rng.random((20_000, 4)) < (rates + shift)[:, None]
    reference = rng.random((20_000, 8)) < rates[:, None]
    found = measured_variances(candidate, reference)
    truth = (rates * (1 - rates)).mean()
    assert found.separated
    assert found.reference == pytest.approx(truth, rel=0.02)
    assert found.candidate == pytest.approx(truth - 0.01, rel=0.05)
    assert found.effect == pytest.approx(0.01, abs=0.002)
    # Put together again they are the error of the comparison itself.
    difference = paired_difference(candidate, reference, binary=True)
    assert found.of_item_difference(4, 8) == pytest.approx(difference.variance, rel=1e-9)
    assert np.sqrt(found.of_item_difference(4, 8) / 20_000) == pytest.approx(difference.stderr)


def test_measured_variances_of_single_attempts() -> None:
    rng = np.random.default_rng(2)
    rates = rng.beta(0.7, 0.7, size=(5_000, 1))
    once, four = rng.random((5_000, 1)) < rates, rng.random((5_000, 4)) < rates
    truth = beta_attempt_variance(0.7, 0.7)
    both_single = measured_variances(once, rng.random((5_000, 1)) < rates)
    assert not both_single.separated and both_single.effect == 0
    assert both_single.candidate == both_single.reference
    assert both_single.candidate == pytest.approx(truth, rel=0.06)
    one_single = measured_variances(once, four)
    assert not one_single.separated
    assert one_single.candidate == pytest.approx(truth, rel=0.08)
    assert one_single.reference == pytest.approx(truth, rel=0.06)
    # Attempts that never vary: all of the difference is the effect.
    fixed = np.repeat(rng.integers(2, size=(50, 1)), 4, axis=1)
    assert measured_variances(fixed, 1 - fixed).candidate == 0


def test_a_planted_drop_is_found_at_the_planned_power() -> None:
    """Five points on 1,319 items, planned from the variances of two stored runs."""
    rng = np.random.default_rng(3)
    rates = rng.beta(0.75, 0.25, size=1319)
    stored = [rng.random((1319, 2)) < rates[:, None] for _ in range(2)]
    variances = measured_variances(*stored)
    planned = power_of(0.05, np.sqrt(variances.of_item_difference(1) / 1319), df=1318)
    lowered = rates * (1 - 0.05 / rates.mean())
    found = [
        paired_difference(rng.random(1319) < lowered, rng.random(1319) < rates, binary=True).p_worse()
        for _ in range(200)
    ]
    assert planned > 0.9 and np.mean(np.array(found) <= 0.05) >= planned - 0.03


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: power_of(-0.1, 0.1), "effect"),
        (lambda: power_of(0.1, 0.0), "stderr"),
        (lambda: power_of(0.1, 0.1, df=0), "df"),
        (lambda: power_of(0.1, 0.1, alpha=1), "alpha"),
        (lambda: detectable_from(-1.0), "stderr"),
        (lambda: items_needed(0.0, 1, 0.1), "effect"),
        (lambda: measured_variances([1.0], [0.0]), "two items"),
        (lambda: measured_variances([1.0, 0.0], [0.0]), "2 items but the reference 1"),
    ],
)
def test_errors_of_plans_from_runs(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()

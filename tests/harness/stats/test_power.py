"""What a plan promises: the worked example and the table to their digits, and simulated comparisons."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from harness.stats.crossed import parts_of, unpaired_parts
from harness.stats.crossed_rule import half_width
from harness.stats.plan import (
    Components,
    Costs,
    Design,
    beta_attempt_variance,
    cheapest,
    default_attempt_variance,
    detectable,
    needed,
    power_of,
)
from harness.stats.power import Expected

EXAMPLE = Components(items=0.01, runs=0.0002, attempts=0.292)
PAIRED = Design(500, 5, paired=True)
APART = Design(500, 5)
NONE = Design(500, 5, drawing=0)

# items, SD between runs in points; then points detected with 2, 3, 5, 10, 20 runs, paired and apart
TABLE = [
    (164, 0, (49, 14, 7.5, 4.8, 3.6), (31, 11, 6.7, 4.6, 3.5)),
    (164, 3, (69, 20, 10.3, 6.4, 4.5), (44, 15, 9.1, 6.0, 4.4)),
    (500, 0, (28, 7.9, 4.3, 2.8, 2.1), (18, 6.1, 3.8, 2.6, 2.0)),
    (500, 1, (32, 9.2, 4.9, 3.1, 2.2), (21, 7.1, 4.3, 2.9, 2.2)),
    (500, 3, (56, 15.9, 8.3, 5.0, 3.5), (36, 12.2, 7.3, 4.8, 3.4)),
    (1319, 1, (24, 6.7, 3.5, 2.2, 1.6), (15, 5.1, 3.1, 2.1, 1.5)),
    (1319, 3, (52, 14.6, 7.6, 4.5, 3.1), (33, 11.1, 6.7, 4.3, 3.0)),
]


def noise(points: float) -> Components:
    return Components(0.01, 2 * (points / 100) ** 2, 0.292)


def test_the_worked_example_to_its_digits() -> None:
    expected = PAIRED.expected(EXAMPLE)
    found = (expected.items, sum(expected.runs), expected.overlap, expected.variance)
    assert found == pytest.approx((136.8e-6, 156.8e-6, 116.8e-6, 176.8e-6))
    assert round(power_of(0.05, EXAMPLE, PAIRED), 3) == 0.817
    assert round(power_of(0.05, EXAMPLE, PAIRED, tests=10), 3) == 0.267
    assert round(detectable(EXAMPLE, PAIRED), 4) == 0.0489
    assert round(power_of(0.05, EXAMPLE, NONE), 4) == 0.9895
    assert round(detectable(EXAMPLE, NONE), 4) == 0.0328
    assert round(power_of(0.05, EXAMPLE, APART), 4) == 0.9019
    assert round(power_of(0.05, EXAMPLE, APART, tests=10), 4) == 0.4710
    assert round(detectable(EXAMPLE, APART), 4) == 0.0432


def test_the_table_of_smallest_differences() -> None:
    """To half of the last digit, and 1 % for the draws of either side (few runs have long tails)."""
    for items, points, paired, apart in TABLE:
        for together, figures in ((True, paired), (False, apart)):
            for runs, figure in zip((2, 3, 5, 10, 20), figures, strict=True):
                found = 100 * detectable(noise(points), Design(items, runs, paired=together))
                digit = 0.5 if isinstance(figure, int) else 0.05
                assert found == pytest.approx(figure, abs=digit + 0.01 * figure), (items, points, runs)
    for items, figure in ((164, 5.8), (500, 3.3), (1319, 2.0)):
        assert round(100 * detectable(noise(0), Design(items, 5, drawing=0)), 1) == figure


def test_an_arm_that_draws_nothing_adds_to_the_items_alone() -> None:
    one = Design(500, 5, drawing=1).expected(Components(0.01, 0.0001, 0.292))
    assert (one.runs, one.df_runs) == ((pytest.approx((1e-4 + 0.146 / 500) / 5),), (4.0,))
    assert one.overlap == pytest.approx(0.146 / 2500)
    assert one.items == APART.expected(EXAMPLE).items


def test_more_runs_see_more_than_more_attempts() -> None:
    found = [detectable(noise(1), Design(500, runs, k)) for runs, k in ((10, 1), (3, 4))]
    assert [round(100 * each, 1) for each in found] == [2.9, 4.8]


# items, runs, attempts, SD between runs, effect, level; the power that simulated comparisons had
SIMULATED = [
    ((164, 3, 1, 0.01, 0.06, 0.05), True, 0.221),
    ((500, 5, 1, 0.03, 0.05, 0.05), True, 0.410),
    ((1319, 5, 4, 0.01, 0.02, 0.05), True, 0.518),
    ((500, 5, 1, 0.01, 0.05, 0.005), True, 0.268),
    ((30, 10, 4, 0.01, 0.08, 0.05), True, 0.855),
    ((500, 3, 1, 0.01, 0.05, 0.05), False, 0.508),
    ((500, 2, 1, 0.01, 0.15, 0.05), False, None),
    ((1319, 3, 1, 0.01, 0.04, 0.05), False, 0.597),
    ((500, 10, 1, 0.03, 0.05, 0.05), False, 0.833),
]


@pytest.mark.parametrize(("setting", "paired", "published"), SIMULATED)
def test_a_plan_has_the_power_of_simulated_comparisons(
    setting: tuple[int, int, int, float, float, float], paired: bool, published: float | None
) -> None:
    """Gaussian tables, their variances estimated by the rule that decides."""
    items, runs, attempts, sd, effect, alpha = setting
    components = Components(0.01, 2 * sd**2, 0.292)
    design = Design(items, runs, attempts, paired)
    planned = power_of(effect, components, design, alpha=alpha)
    if published is not None:
        assert planned == pytest.approx(published, abs=0.011)
    replicates = 150
    found = simulated(components, design, effect, alpha, replicates)
    assert planned == pytest.approx(found, abs=0.011 + 3 * math.sqrt(planned * (1 - planned) / replicates))


def simulated(components: Components, design: Design, effect: float, alpha: float, replicates: int) -> float:
    """The share of simulated comparisons that show the effect."""
    rng = np.random.default_rng(1)
    n, s = design.items, design.runs
    arm_noise = math.sqrt(components.attempts / design.attempts / 2)
    measured = []
    for _ in range(replicates):
        differing = effect + math.sqrt(components.items) * rng.standard_normal((n, 1))
        arms = [
            math.sqrt(components.runs / 2) * rng.standard_normal(s) + arm_noise * rng.standard_normal((n, s))
            for _ in range(2)
        ]
        arms[0] += differing
        measured.append(parts_of(arms[0] - arms[1]) if design.paired else unpaired_parts(*arms))
    fields = np.array([(p.value, p.items, p.df_items, p.runs, p.df_runs, p.overlap) for p in measured]).T
    return float((half_width(alpha, *fields[1:]) < np.abs(fields[0])).mean())


def test_the_cheapest_design_of_a_budget() -> None:
    for fit, runs, items, attempts, points in (
        (0, 20, 1000, 1, "1.71"),
        (500, 12, 1166, 1, "2.06"),
        (5000, 3, 833, 2, "6.4"),
    ):
        costs = Costs(40_000, fit=fit)
        found = cheapest(EXAMPLE, costs, 1319, paired=True)
        assert found is not None
        design, difference = found
        assert (design.runs, design.items, design.attempts) == (runs, items, attempts)
        assert f"{100 * difference:.{len(points) - 2}f}" == points
        assert costs.of(design) <= costs.budget
    assert round(100 * detectable(EXAMPLE, Design(1319, 15, paired=True)), 2) == 1.77
    assert cheapest(EXAMPLE, Costs(10, fit=5000), 1319) is None


@pytest.mark.parametrize("df", [9, 29, 163])
def test_without_draws_it_is_the_power_of_t(df: int) -> None:
    known = TTestPower().power(0.4, nobs=df + 1, alpha=0.05, alternative="two-sided")
    assert Expected(1 / (df + 1), df).power(0.4) == pytest.approx(known, abs=1e-6)
    assert Expected(1.0, df).power(0.0) == pytest.approx(0.05)
    assert Expected(1.0, df).power(60.0) == pytest.approx(1.0)


def test_detectable_inverts_power() -> None:
    for design in (PAIRED, APART, NONE, Design(500)):
        size = detectable(EXAMPLE, design, power=0.9, tests=3)
        assert power_of(size, EXAMPLE, design, tests=3) == pytest.approx(0.9, abs=1e-5)


def test_what_is_needed_is_the_least_that_is_enough() -> None:
    for dial in ("runs", "items", "attempts"):
        design = Design(500, 8, 2)
        found = needed(0.03, EXAMPLE, design, dial)
        assert found is not None
        names = {"runs": design.runs, "items": design.items, "attempts": design.attempts}
        enough, fewer = (Design(**{**names, dial: n}) for n in (found, found - 1))
        assert power_of(0.03, EXAMPLE, enough) >= 0.8 > power_of(0.03, EXAMPLE, fewer)
    assert needed(0.001, EXAMPLE, Design(500, 8), "items") is None, "runs vary too much"


def test_groups_cost_what_clusters_cost() -> None:
    grouped = Components(0.01, 0.0, 0.292, group_size=5, group_correlation=0.5)
    assert grouped.design_effect == 3
    plain, alike = (Design(1000).expected(c) for c in (Components(0.01, 0.0, 0.292), grouped))
    assert alike.items == pytest.approx(3 * plain.items) and alike.df_items == 199
    assert detectable(grouped, Design(1000)) > 1.7 * detectable(Components(0.01, 0.0, 0.292), Design(1000))


def test_no_noise_at_all_shows_everything() -> None:
    assert detectable(Components(0, 0, 0), Design(10, 3)) == 0.0
    assert power_of(0.01, Components(0, 0, 0), Design(10, 3)) == 1.0


def test_the_assumed_variance_of_an_attempt() -> None:
    assert f"{default_attempt_variance():.3f}" == "0.146"
    rates = np.random.default_rng(0).beta(0.85, 0.15, size=400_000)
    assert (rates * (1 - rates)).mean() == pytest.approx(beta_attempt_variance(0.85, 0.15), rel=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Components(-0.1, 0, 0), "not negative"),
        (lambda: Components(math.nan, 0, 0), "finite"),
        (lambda: Components(0, 0, 0, group_size=0.5), "at least one item"),
        (lambda: Components(0, 0, 0, group_correlation=2), "correlation"),
        (lambda: Design(1), "items must"),
        (lambda: Design(10, 0), "runs must"),
        (lambda: Design(10, 1, 0), "attempts must"),
        (lambda: Design(10).expected(Components(0.1, 0, 0, group_size=10)), "too few"),
        (lambda: Design(10, drawing=3), "of two arms"),
        (lambda: Costs(0), "budget"),
        (lambda: power_of(math.inf, EXAMPLE, NONE), "effect"),
        (lambda: power_of(0.1, EXAMPLE, NONE, alpha=1), "alpha"),
        (lambda: power_of(0.1, EXAMPLE, NONE, tests=0), "tests"),
        (lambda: detectable(EXAMPLE, NONE, power=0.01), "power"),
        (lambda: Expected(0.1, 0), "two groups"),
        (lambda: Expected(0.1, 9, (0.1,), ()), "degrees of freedom"),
        (lambda: beta_attempt_variance(0, 1), "Beta"),
    ],
)
def test_errors(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()

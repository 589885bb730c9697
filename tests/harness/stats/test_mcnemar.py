"""McNemar's test against statsmodels, Tango's interval against its own definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar

from harness.stats.mcnemar import mcnemar_test, tango_interval, tango_statistic

COUNTS = [(0, 0), (1, 0), (0, 4), (3, 3), (7, 12), (60, 41), (140, 180)]


@pytest.mark.parametrize(("losses", "wins"), COUNTS)
def test_exact_agrees_with_statsmodels(losses: int, wins: int) -> None:
    expected = reference_mcnemar([[5, losses], [wins, 5]], exact=True).pvalue
    assert float(mcnemar_test(losses, wins, mid_p=False)) == pytest.approx(expected)


@pytest.mark.parametrize(("losses", "wins"), COUNTS)
def test_one_sided_formulas(losses: int, wins: int) -> None:
    x = stats.binom(losses + wins, 0.5)
    exact = mcnemar_test(losses, wins, alternative="worse", mid_p=False)
    assert float(exact) == pytest.approx(x.sf(losses - 1))
    mid = mcnemar_test(losses, wins, alternative="worse")
    assert float(mid) == pytest.approx(x.sf(losses) + x.pmf(losses) / 2)
    # Mid-p values of the two directions share the middle, so they add up to 1.
    assert float(mid + mcnemar_test(losses, wins, alternative="better")) == pytest.approx(1)
    two_sided = float(mcnemar_test(losses, wins))
    assert two_sided == pytest.approx(
        min(1, 2 * min(float(mid), float(mcnemar_test(losses, wins, alternative="better"))))
    )


def test_broadcasts() -> None:
    grid = mcnemar_test(np.arange(5)[:, None], np.arange(7))
    assert grid.shape == (5, 7) and float(grid[3, 5]) == float(mcnemar_test(3, 5))


def log_likelihood(rate: float, b: float, c: float, n: float, delta: float) -> float:
    parts = ((b, rate), (c, rate + delta), (n - b - c, 1 - 2 * rate - delta))
    return sum(count * np.log(max(p, 1e-300)) for count, p in parts if count)


@pytest.mark.parametrize(("b", "c", "n"), [(3, 9, 40), (12, 4, 100), (1, 0, 20), (40, 100, 1319)])
@pytest.mark.parametrize("delta", [-0.3, -0.02, 0.05, 0.4])
def test_statistic_uses_the_constrained_likelihood(b: int, c: int, n: int, delta: float) -> None:
    low, high = max(0.0, -delta), (1 - delta) / 2
    best = optimize.minimize_scalar(
        lambda rate: -log_likelihood(rate, b, c, n, delta),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-12},
    ).x
    expected = (c - b - n * delta) / np.sqrt(n * (2 * best + delta - delta**2))
    assert float(tango_statistic(b, c, n, delta)) == pytest.approx(expected, rel=1e-4)


def test_bounds_are_where_the_score_test_turns() -> None:
    b, c, n = np.array([0, 1, 12, 30, 0, 15]), np.array([3, 1, 4, 30, 5, 0]), 60
    lower, upper = tango_interval(b, c, n, 0.90)
    np.testing.assert_allclose(tango_statistic(b, c, n, lower), 1.6448536, rtol=1e-6)
    np.testing.assert_allclose(tango_statistic(b, c, n, upper), -1.6448536, rtol=1e-6)


def test_known_ends() -> None:
    lower, upper = tango_interval(0, 0, 50)
    z2 = 3.8414588
    assert (float(lower), float(upper)) == pytest.approx((-z2 / (50 + z2), z2 / (50 + z2)))
    lower, upper = tango_interval(15, 0, 15)
    assert float(lower) == -1.0 and -1 < float(upper) < 0
    # The airway example of Fagerland, Lydersen, Laake (Statistics in Medicine 33, 2014).
    lower, upper = tango_interval(7, 1, 21)
    assert (float(lower), float(upper)) == pytest.approx((-0.517, -0.026), abs=5e-4)


def test_the_statistic_falls_with_delta() -> None:
    deltas = np.linspace(-1, 1, 2001)
    for b, c, n in [(0, 0, 15), (2, 0, 15), (0, 15, 15), (7, 8, 15), (40, 100, 1319)]:
        values = tango_statistic(b, c, n, deltas)
        assert (values[1:] <= values[:-1] + 1e-9).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mcnemar_test(-1, 2), "losses must be whole"),
        (lambda: mcnemar_test(1, 2.5), "wins must be whole"),
        (lambda: mcnemar_test(1, 2, alternative="less"), "two-sided, worse, better"),  # type: ignore[arg-type]
        (lambda: tango_interval(3, 3, 5), "nor more than the items"),
        (lambda: tango_interval(0, 0, 0), "at least 1"),
        (lambda: tango_interval(0, 0, 5, level=0), "strictly between"),
    ],
)
def test_refusals(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()

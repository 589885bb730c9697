from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from harness.stats import find_steps
from harness.stats.change_points import _best_cuts

RNG = np.random.default_rng(0)


def test_a_planted_step_is_found_where_it_is() -> None:
    y = np.concatenate((np.full(20, 0.80), np.full(15, 0.75))) + RNG.normal(0, 0.01, size=35)
    (step,) = find_steps(y, np.full(35, 0.01))
    assert step.index == 20 and step.p_value < 1e-6
    assert step.before == pytest.approx(y[:20].mean()) and step.after == pytest.approx(y[20:].mean())
    assert find_steps(y) and find_steps(y)[0].index == 20  # the errors measured from neighbours


def test_several_steps_up_and_down() -> None:
    levels = np.repeat([0.5, 0.6, 0.55, 0.7], [10, 12, 9, 14])
    found = find_steps(levels + RNG.normal(0, 0.005, size=45), np.full(45, 0.005))
    assert [step.index for step in found] == [10, 22, 31]
    assert [step.after > step.before for step in found] == [True, False, True]


@pytest.mark.parametrize("n", [6, 20, 100])
@pytest.mark.parametrize("known", [True, False])
def test_false_alarms(n: int, known: bool) -> None:
    sets, alpha = 1_000, 0.05
    errors = np.full(n, 0.02) if known else None
    alarms = sum(
        bool(find_steps(0.7 + RNG.normal(0, 0.02, size=n), errors, alpha=alpha)) for _ in range(sets)
    )
    slack = 3 * np.sqrt(alpha * (1 - alpha) / sets)
    # Errors measured from a handful of neighbours are themselves uncertain.
    allowed = alpha if known else {6: 0.35, 20: 0.15, 100: 0.08}[n]
    assert alarms / sets <= allowed + slack


def test_power_for_a_step_of_three_errors() -> None:
    sets, n = 400, 30
    shape = np.where(np.arange(n) < 18, 0.0, -3.0)
    found = [find_steps(shape + RNG.normal(size=n), np.ones(n), alpha=0.05) for _ in range(sets)]
    near = [any(abs(step.index - 18) <= 1 for step in steps) for steps in found]
    assert np.mean(near) > 0.9


def test_scatter_beyond_the_errors_is_no_step() -> None:
    """Runs that scatter three times their own error (another server each time)."""
    y = 0.7 + RNG.normal(0, 0.03, size=(200, 40))
    alarms = [bool(find_steps(row, np.full(40, 0.01), alpha=0.05)) for row in y]
    assert np.mean(alarms) < 0.15


def test_an_odd_score_has_to_recur() -> None:
    y = np.full(20, 0.8)
    y[11] = 0.5
    assert find_steps(y, np.full(20, 0.02)) == []
    assert [step.index for step in find_steps(y, np.full(20, 0.02), min_length=1)] == [11, 12]
    y[12] = 0.5
    assert [step.index for step in find_steps(y, np.full(20, 0.02))] == [11, 13]


def test_slow_decay_is_seen() -> None:
    """Half an error a run: no two neighbours differ, the history does."""
    y = 0.8 - 0.005 * np.arange(30) + RNG.normal(0, 0.01, size=30)
    found = find_steps(y, np.full(30, 0.01))
    assert found and all(step.after < step.before for step in found)


def test_a_precise_score_weighs_more() -> None:
    y = np.array([0.5, 0.5, 0.5, 0.6, 0.9, 0.6, 0.6])
    errors = np.array([0.01, 0.01, 0.01, 0.01, 0.5, 0.01, 0.01])
    (step,) = find_steps(y, errors)
    assert step.index == 3 and step.after == pytest.approx(0.6, abs=0.001)


@pytest.mark.parametrize("min_length", [1, 2, 3])
def test_the_fit_is_the_cheapest_of_all(min_length: int) -> None:
    """Dynamic programming against every way to cut a short history."""

    def cost(y: np.ndarray, w: np.ndarray, cuts: tuple[int, ...], penalty: float) -> float:
        total = penalty * len(cuts)
        for a, b in zip((0, *cuts), (*cuts, y.size), strict=True):
            if b - a < min_length:
                return np.inf
            total += float((w[a:b] * (y[a:b] - np.average(y[a:b], weights=w[a:b])) ** 2).sum())
        return total

    for _ in range(20):
        y, w = RNG.normal(size=9), RNG.uniform(0.5, 4, size=9)
        options = [c for size in range(9) for c in combinations(range(1, 9), size)]
        best = min(options, key=lambda cuts: cost(y, w, cuts, 2.0))
        assert _best_cuts(y, w, 2.0, min_length) == [0, *best]


def test_short_and_constant_histories() -> None:
    assert find_steps([0.5]) == [] and find_steps([0.5, 0.9, 0.1]) == []
    assert find_steps(np.full(30, 0.7)) == []
    assert [step.index for step in find_steps(np.repeat([0.7, 0.6], 15))] == [15]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: find_steps([]), "empty"),
        (lambda: find_steps([1.0, float("nan")]), "NaN"),
        (lambda: find_steps([1.0, 2.0], [0.1]), "1 standard errors for 2 scores"),
        (lambda: find_steps([1.0, 2.0], [0.1, 0.0]), "positive"),
        (lambda: find_steps([1.0], alpha=0), "alpha"),
        (lambda: find_steps([1.0], min_length=0), "min_length"),
    ],
)
def test_refusals(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()

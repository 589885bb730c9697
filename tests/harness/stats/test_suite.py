from __future__ import annotations

import numpy as np
import pytest

from harness.stats import paired_difference, power_of, sign_flip, suite_difference
from harness.stats.resample import resampled_means


def tasks(rng: np.random.Generator, shift: float = 0.0) -> list[np.ndarray]:
    sizes, spreads = (20, 80, 300), (0.5, 0.2, 0.4)
    return [rng.normal(shift, s, size=n) for n, s in zip(sizes, spreads, strict=True)]


def test_macro_error_adds_in_quadrature() -> None:
    parts = tasks(np.random.default_rng(0))
    found = suite_difference(parts)
    errors = [part.std(ddof=1) / np.sqrt(part.size) for part in parts]
    assert found.value == pytest.approx(np.mean([part.mean() for part in parts]))
    assert found.stderr == pytest.approx(np.sqrt(np.sum(np.square(errors))) / 3)
    assert found.n_tasks == 3 and found.n_items == 400
    assert found.bootstrap_ci == pytest.approx(found.ci, abs=0.3 * found.stderr)


def test_one_task_is_the_paired_difference() -> None:
    d = np.random.default_rng(1).normal(0.1, 1, size=50)
    groups = np.arange(50) // 5
    for labels in (None, groups):
        alone = paired_difference(d, np.zeros(50), groups=labels, binary=False)
        found = suite_difference([d], groups=[labels])
        assert found.ci == pytest.approx(alone.ci) and found.df == pytest.approx(alone.df)
        assert found.p_value == pytest.approx(alone.p_value)
        assert found.permutation_p == sign_flip(d, groups=labels, draws=1_000).p_value


def test_level_coverage_and_power() -> None:
    rng, sets = np.random.default_rng(2), 600
    null = [suite_difference(tasks(rng), draws=399, seed=i) for i in range(sets)]
    slack = 3 * np.sqrt(0.05 * 0.95 / sets)
    assert np.mean([one.p_value < 0.05 for one in null]) == pytest.approx(0.05, abs=slack)
    assert np.mean([one.permutation_p <= 0.05 for one in null]) == pytest.approx(0.05, abs=slack)
    held = np.mean([one.ci[0] <= 0 <= one.ci[1] for one in null])
    assert held == pytest.approx(0.95, abs=slack)
    # Percentiles know nothing of t: with the 20 items of one task they are a little short.
    held = np.mean([one.bootstrap_ci[0] <= 0 <= one.bootstrap_ci[1] for one in null])
    assert 0.935 - slack < held < 0.95 + slack
    errors = np.sqrt(np.mean([one.stderr**2 for one in null]))
    assert errors == pytest.approx(np.std([one.value for one in null]), rel=0.06)
    error = np.sqrt(0.5**2 / 20 + 0.2**2 / 80 + 0.4**2 / 300) / 3
    shifted = [suite_difference(tasks(rng, 2.8 * error), draws=199, seed=i) for i in range(500)]
    # Two-sided at .05 is one-sided at .025 in the right direction; 29 degrees of freedom.
    planned = power_of(2.8 * error, error, df=29, alpha=0.025)
    for p_values in (
        [one.p_value for one in shifted],
        [one.permutation_p for one in shifted],
    ):
        assert np.mean(np.array(p_values) <= 0.05) > planned - 0.03 - 3 * np.sqrt(0.16 / 500)


def test_no_spread() -> None:
    found = suite_difference([np.zeros(5), np.zeros(9)])
    assert found.value == 0 and found.stderr == 0 and found.ci is None and found.p_value is None
    assert found.permutation_p == 1.0 and found.bootstrap_ci == (0.0, 0.0)
    assert suite_difference([np.array([0.3]), np.zeros(9)]).stderr is None


@pytest.mark.parametrize("distinct", [3, 500])
def test_resampled_means(distinct: int) -> None:
    """Both ways of drawing have the bootstrap's mean and error, with and without clusters."""
    rng = np.random.default_rng(3)
    values = rng.integers(distinct, size=300) / distinct
    for groups in (None, np.sort(rng.integers(60, size=300))):
        drawn = resampled_means(values, groups, 4_000, rng)
        assert drawn.mean() == pytest.approx(values.mean(), abs=0.003)
        error = paired_difference(values, np.zeros(300), groups=groups, binary=False).stderr
        assert drawn.std() == pytest.approx(error, rel=0.06)
    together = resampled_means(np.column_stack((values, 1 - values)), None, 50, rng)
    np.testing.assert_allclose(together.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: suite_difference([]), "at least one task"),
        (lambda: suite_difference([[]]), "empty"),
        (lambda: suite_difference([[1.0, 2.0]], groups=[]), "0 entries for 1 tasks"),
        (lambda: suite_difference([[1.0, 2.0]], level=2), "strictly between"),
    ],
)
def test_refusals(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()

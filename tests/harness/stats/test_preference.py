from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from harness.stats import bradley_terry, preference_ranks


def votes(strengths: np.ndarray, meetings: int, rng: np.random.Generator) -> np.ndarray:
    chances = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
    wins = np.triu(rng.binomial(meetings, chances), 1)
    return wins + np.triu(meetings - wins, 1).T


def test_agrees_with_logistic_regression() -> None:
    rng = np.random.default_rng(0)
    wins = votes(np.array([1.0, 0.3, 0.0, -0.8]), 200, rng)
    rows, outcomes = [], []
    for i in range(4):
        for j in range(i + 1, 4):
            row = np.zeros(4)
            row[i], row[j] = 1, -1
            rows.append(row[1:])
            outcomes.append((wins[i, j], wins[j, i]))
    fit = sm.GLM(np.array(outcomes), np.array(rows), family=sm.families.Binomial()).fit()
    expected = np.concatenate(([0.0], fit.params))
    found = bradley_terry(wins, prior=1e-9)
    np.testing.assert_allclose(found, expected - expected.mean(), atol=1e-4)


def test_many_fits_are_one_by_one() -> None:
    rng = np.random.default_rng(1)
    tables = np.array([votes(np.array([0.5, 0, -0.5]), 30, rng) for _ in range(5)])
    np.testing.assert_allclose(bradley_terry(tables), [bradley_terry(table) for table in tables], atol=1e-6)


def test_an_unbeaten_method_has_a_finite_strength() -> None:
    found = bradley_terry([[0, 50, 50], [0, 0, 25], [0, 25, 0]])
    assert np.isfinite(found).all() and found[0] > 3
    assert found[1] == pytest.approx(found[2]) and found.sum() == pytest.approx(0)


def test_coverage_of_strengths_and_places() -> None:
    rng, sets = np.random.default_rng(2), 300
    strengths = np.array([0.6, 0.1, 0.1, -0.2, -0.6])
    best, worst = np.array([1, 2, 2, 4, 5]), np.array([1, 3, 3, 4, 5])
    in_ci, in_ranks = np.zeros(5), np.zeros(5)
    for i in range(sets):
        found = preference_ranks(votes(strengths, 60, rng), draws=200, seed=i)
        in_ci += [p.ci[0] <= s <= p.ci[1] for p, s in zip(found, strengths, strict=True)]
        in_ranks += [p.rank.low <= b and p.rank.high >= w for p, b, w in zip(found, best, worst, strict=True)]
    assert (in_ci / sets).min() > 0.89 and (in_ci / sets).mean() == pytest.approx(0.945, abs=0.025)
    assert (in_ranks / sets).min() >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / sets)


def test_two_votes_do_not_make_a_first_place() -> None:
    table = [[0, 501, 900], [499, 0, 898], [100, 102, 0]]
    found = preference_ranks(table)
    assert [p.rank.rank for p in found] == [1, 2, 3]
    assert [(p.rank.low, p.rank.high) for p in found] == [(1, 2), (1, 2), (3, 3)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bradley_terry([[0, 1]]), "square"),
        (lambda: bradley_terry([[0, -1], [1, 0]]), "negative"),
        (lambda: bradley_terry([[0, 1], [1, 0]], prior=0), "prior"),
        (lambda: preference_ranks([[0, 0], [0, 0]]), "at least one vote"),
    ],
)
def test_refusals(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()

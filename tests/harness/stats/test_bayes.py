from __future__ import annotations

import numpy as np
import pytest

from harness.stats import probability_better


@pytest.mark.parametrize(("losses", "wins", "n"), [(0, 0, 15), (2, 7, 30), (5, 1, 164), (0, 3, 20)])
@pytest.mark.parametrize("prior", [1.0, 0.5])
def test_against_draws_from_the_posterior(losses: int, wins: int, n: int, prior: float) -> None:
    counts = np.array([losses, wins, n - losses - wins, 0]) + prior
    draws = np.random.default_rng(0).dirichlet(counts, size=200_000)
    delta = draws[:, 1] - draws[:, 0]
    for than in (0.0, -0.05, 0.1):
        found = probability_better(losses, wins, n_items=n, than=than, prior=prior)
        assert found == pytest.approx(float((delta > than).mean()), abs=0.005)


def test_thresholds_join_up_with_zero() -> None:
    exact = probability_better(3, 8)
    assert probability_better(3, 8, n_items=40, than=1e-9) == pytest.approx(exact, abs=1e-5)
    assert probability_better(3, 8, n_items=40, than=-1) == pytest.approx(1)
    assert probability_better(3, 8, n_items=40, than=1) == pytest.approx(0)


def test_symmetry() -> None:
    assert probability_better(4, 4) == pytest.approx(0.5)
    assert probability_better(2, 9) == pytest.approx(1 - probability_better(9, 2))


def test_it_is_calibrated_under_its_prior() -> None:
    """Among data sets drawn from the prior for which it says about x, a share x is truly better."""
    rng = np.random.default_rng(1)
    cells = rng.dirichlet(np.ones(4), size=20_000)
    counts = rng.multinomial(30, cells)
    said = np.array([probability_better(int(b), int(c)) for b, c in counts[:, :2]])
    truth = cells[:, 1] > cells[:, 0]
    for low in (0.05, 0.3, 0.5, 0.7, 0.9):
        near = (said >= low) & (said < low + 0.1)
        slack = 3 * np.sqrt(0.25 / near.sum())
        assert truth[near].mean() == pytest.approx(said[near].mean(), abs=slack)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: probability_better(-1, 0), "negative"),
        (lambda: probability_better(1, 0, prior=0), "prior"),
        (lambda: probability_better(1, 0, than=2, n_items=4), "threshold"),
        (lambda: probability_better(1, 0, than=0.1), "n_items"),
        (lambda: probability_better(3, 2, than=0.1, n_items=4), "n_items"),
    ],
)
def test_refusals(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()

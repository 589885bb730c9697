from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.stats import mcnemar_test, sign_flip

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("alternative", "theirs"),
    [("worse", "less"), ("better", "greater"), ("two-sided", "two-sided")],
)
def test_enumeration_agrees_with_scipy(alternative, theirs: str) -> None:  # type: ignore[no-untyped-def]
    d = RNG.normal(0.2, 1, size=11)
    expected = stats.permutation_test(
        (d,), lambda x: x.sum(), permutation_type="samples", alternative=theirs, n_resamples=2**11
    ).pvalue
    found = sign_flip(d, alternative=alternative)
    assert found.exact and found.draws == 2**11
    assert found.p_value == pytest.approx(expected)


@pytest.mark.parametrize(("losses", "wins"), [(3, 9), (12, 4), (6, 6)])
def test_on_yes_or_no_it_is_exact_mcnemar(losses: int, wins: int) -> None:
    d = np.array([-1.0] * losses + [1.0] * wins + [0.0] * 50)
    for alternative in ("worse", "better", "two-sided"):
        found = sign_flip(d, alternative=alternative)  # type: ignore[arg-type]
        expected = mcnemar_test(losses, wins, alternative=alternative, mid_p=False)  # type: ignore[arg-type]
        assert found.exact and found.p_value == pytest.approx(float(expected))


def test_draws_estimate_the_exact_test() -> None:
    for losses, wins in ((30, 14), (20, 25)):
        d = np.array([-1.0] * losses + [1.0] * wins)
        exact = float(mcnemar_test(losses, wins, mid_p=False))
        found = sign_flip(d, draws=40_000, seed=1)
        assert not found.exact
        assert found.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact / 40_000) + 1e-4)
    # Sizes that are all different are drawn one by one; near normal, t is a yardstick.
    d = RNG.normal(0.15, 1, size=200)
    found = sign_flip(d, draws=40_000, seed=1)
    assert found.p_value == pytest.approx(stats.ttest_1samp(d, 0).pvalue, abs=0.01)


def test_it_is_deterministic_and_never_zero() -> None:
    d = RNG.random(40) + 1
    first = sign_flip(d, draws=99, seed=7)
    assert first == sign_flip(d, draws=99, seed=7)
    assert first.p_value == 1 / 100
    noisy = RNG.normal(size=40)
    assert sign_flip(noisy, seed=1).p_value != sign_flip(noisy, seed=2).p_value


def test_clusters_flip_together() -> None:
    groups = np.arange(60) // 6
    d = np.repeat(RNG.normal(size=10), 6)
    found = sign_flip(d, groups=groups)
    assert found.exact and found.draws == 2**10
    assert found.p_value == pytest.approx(sign_flip(np.unique(d)).p_value)
    # Taken for 60 items it would claim far too much.
    assert sign_flip(d + 0.6).p_value < found.p_value


def test_nothing_differs() -> None:
    assert sign_flip(np.zeros(30)).p_value == 1.0
    assert sign_flip([0.5, -0.5], groups=["a", "a"]).p_value == 1.0


def test_scale_and_rounding_do_not_matter() -> None:
    d = np.array([0.1, 0.2, -0.3, 0.1 + 0.2 - 0.3, 0.4])
    for factor in (1, 1e-9, 1e9):
        assert sign_flip(d * factor).p_value == sign_flip(d[[0, 1, 2, 4]]).p_value


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sign_flip([]), "empty"),
        (lambda: sign_flip([1.0], draws=0), "draws"),
        (lambda: sign_flip([1.0], alternative="less"), "alternative"),  # type: ignore[arg-type]
        (lambda: sign_flip([1.0, 2.0], groups=["a"]), "labels"),
    ],
)
def test_refusals(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()

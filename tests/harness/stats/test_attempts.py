"""Metrics of repeated attempts, against the enumeration of every subset of attempts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import combinations
from math import ceil, comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.stats.attempts import avg_at_k, g_pass_at_k, maj_at_k, pass_at_k, pass_hat_k
from harness.stats.quantiles import FloatArray
from harness.stats.votes import all_blank_share, win_share

attempts_of_an_item = st.lists(st.booleans(), min_size=1, max_size=9)


def average_over_subsets(
    attempts: Sequence[object], k: int, value: Callable[[tuple[object, ...]], float]
) -> float:
    return float(np.mean([value(subset) for subset in combinations(attempts, k)]))


@settings(deadline=None)
@given(attempts_of_an_item, st.data())
def test_counting_metrics_equal_brute_force(attempts: list[bool], data: st.DataObject) -> None:
    n, c = len(attempts), sum(attempts)
    k = data.draw(st.integers(1, n))
    tau = data.draw(st.sampled_from([0.0, 0.2, 0.25, 0.5, 2 / 3, 0.75, 1.0]))
    needed = max(1, ceil(round(tau * k, 9)))
    cases: list[tuple[FloatArray, Callable[[tuple[object, ...]], float]]] = [
        (pass_at_k(n, c, k), any),
        (pass_hat_k(n, c, k), all),
        (g_pass_at_k(n, c, k, tau), lambda drawn: sum(map(bool, drawn)) >= needed),
        (avg_at_k(n, c, k), lambda drawn: sum(map(bool, drawn)) / k),
    ]
    for computed, value in cases:
        assert float(computed) == pytest.approx(average_over_subsets(attempts, k, value))


def test_known_values() -> None:
    assert float(pass_at_k(5, 2, 2)) == pytest.approx(0.7)  # 1 - C(3,2)/C(5,2)
    assert float(pass_hat_k(4, 3, 2)) == pytest.approx(0.5)  # C(3,2)/C(4,2)
    assert float(g_pass_at_k(4, 2, 2, 1.0)) == pytest.approx(1 / 6)


def test_undefined_is_nan_not_one() -> None:
    n, c = np.array([8, 4, 3]), np.array([8, 4, 3])
    for values in (
        pass_at_k(n, c, 4),
        pass_hat_k(n, c, 4),
        g_pass_at_k(n, c, 4, 0.5),
        avg_at_k(n, c, 4),
    ):
        assert np.isnan(values).tolist() == [False, False, True]
        np.testing.assert_allclose(values[:2], 1.0)


def test_no_attempts_at_all_is_nan() -> None:
    assert np.isnan(pass_at_k([0], [0], 1)).all()
    assert np.isnan(avg_at_k([0], [0], 1)).all()


@given(st.integers(1, 60), st.data())
@settings(deadline=None)
def test_monotone_in_k_and_in_tau(n: int, data: st.DataObject) -> None:
    c = data.draw(st.integers(0, n))
    ks = range(1, n + 1)
    rising = np.array([float(pass_at_k(n, c, k)) for k in ks])
    falling = np.array([float(pass_hat_k(n, c, k)) for k in ks])
    assert (np.diff(rising) >= -1e-12).all() and (np.diff(falling) <= 1e-12).all()
    assert rising[0] == pytest.approx(c / n) and falling[0] == pytest.approx(c / n)
    k = data.draw(st.integers(1, n))
    by_tau = [float(g_pass_at_k(n, c, k, tau)) for tau in np.linspace(0, 1, 9)]
    assert (np.diff(by_tau) <= 1e-9).all()
    assert by_tau[0] == pytest.approx(float(pass_at_k(n, c, k)), abs=1e-9)
    assert by_tau[-1] == pytest.approx(float(pass_hat_k(n, c, k)), abs=1e-9)


@pytest.mark.parametrize("k", [1, 3, 8])
def test_unbiased_where_the_plug_in_is_not(k: int) -> None:
    """Averaged over runs of n = 8 attempts they give the metric of k attempts at the true rate."""
    rate, n = 0.3, 8
    c = np.random.default_rng(0).binomial(n, rate, size=200_000)
    assert pass_at_k(n, c, k).mean() == pytest.approx(1 - (1 - rate) ** k, abs=0.004)
    assert pass_hat_k(n, c, k).mean() == pytest.approx(rate**k, abs=0.004)
    assert avg_at_k(n, c, k).mean() == pytest.approx(rate, abs=0.002)
    needed = ceil(k / 2)
    tail = sum(comb(k, j) * rate**j * (1 - rate) ** (k - j) for j in range(needed, k + 1))
    assert g_pass_at_k(n, c, k, 0.5).mean() == pytest.approx(tail, abs=0.004)
    if k == 3:
        assert abs((1 - (1 - c / n) ** k).mean() - (1 - (1 - rate) ** k)) > 0.03


def test_stable_for_very_many_attempts() -> None:
    n, c, k = 20_000, 7, 1_000
    exact = 1 - Fraction(comb(n - c, k), comb(n, k))
    assert float(pass_at_k(n, c, k)) == pytest.approx(float(exact), rel=1e-9)
    assert float(g_pass_at_k(n, c, k, 0.001)) == pytest.approx(float(exact), rel=1e-6)


def test_rounding_does_not_ask_for_one_more() -> None:
    # .07 · 100 is 7.000000000000001 in floating point.
    assert float(g_pass_at_k(100, 7, 100, 0.07)) == pytest.approx(1.0)


def brute_force_majority(answers: Sequence[str | None], scores: Sequence[float], k: int) -> float:
    """Draw k, count, break ties by the average over the tied answers."""
    worth = {
        answer: float(np.mean([s for a, s in zip(answers, scores, strict=True) if a == answer]))
        for answer in set(answers)
    }

    def one_vote(drawn: tuple[object, ...]) -> float:
        votes = Counter(a for a in drawn if a is not None)
        if not votes:
            return worth[None]
        most = max(votes.values())
        return float(np.mean([worth[a] for a in votes if votes[a] == most]))  # type: ignore[index]

    return average_over_subsets(answers, k, one_vote)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c", "d", None]), st.sampled_from([0.0, 0.5, 1.0])),
        min_size=1,
        max_size=9,
    ),
    st.data(),
)
def test_majority_equals_brute_force(attempts: list[tuple[str | None, float]], data: st.DataObject) -> None:
    answers, scores = zip(*attempts, strict=True)
    k = data.draw(st.integers(1, len(answers)))
    computed = maj_at_k([answers], [scores], k)
    assert computed[0] == pytest.approx(brute_force_majority(answers, scores, k), abs=1e-12)


@pytest.mark.parametrize(
    ("answers", "k", "expected"),
    [
        (["x", "x", "y"], 3, 1.0),
        (["x", "y"], 2, 0.5),  # a tie is worth its expected value
        (["x", "y", "z"], 3, 1 / 3),
        ([None, None, "x"], 3, 1.0),  # silence does not outvote an answer
        ([None, None, None], 2, 0.0),
        ([None, None, "x"], 2, 2 / 3),  # of three pairs, one holds no answer
        (["y", "y", "x"], 3, 0.0),
    ],
)
def test_majority_by_hand(answers: list[str | None], k: int, expected: float) -> None:
    scores = [float(answer == "x") for answer in answers]
    assert maj_at_k([answers], [scores], k)[0] == pytest.approx(expected)


def test_majority_of_one_is_the_mean_and_of_too_many_is_nan() -> None:
    answers: list[list[str | None]] = [["x", "y", None, "x"], ["x"]]
    correct = [[1.0, 0.0, 0.0, 1.0], [1.0]]
    np.testing.assert_allclose(maj_at_k(answers, correct, 1), [0.5, 1.0])
    values = maj_at_k(answers, correct, 3)
    assert not np.isnan(values[0]) and np.isnan(values[1])


def test_majority_is_unbiased_for_a_fresh_vote() -> None:
    """16 attempts predict the vote over 5 fresh ones."""
    rng = np.random.default_rng(0)
    labels = np.array(["x", "y", "z", "w"])
    stored = labels[rng.choice(4, p=[0.4, 0.3, 0.2, 0.1], size=(4_000, 16))]
    predicted = maj_at_k(stored.tolist(), (stored == "x").astype(float), 5).mean()
    fresh = rng.multinomial(5, [0.4, 0.3, 0.2, 0.1], size=200_000)
    best = fresh == fresh.max(axis=1, keepdims=True)
    simulated = (best[:, 0] / best.sum(axis=1)).mean()
    assert predicted == pytest.approx(simulated, abs=0.008)


@pytest.mark.parametrize("k", [1, 7, 32, 63, 64])
def test_shares_of_the_win_sum_to_one(k: int) -> None:
    counts, blank = (17, 11, 11, 6, 5, 3, 2, 1, 1, 1), 6
    total = all_blank_share(64, blank, k)
    for i, votes in enumerate(counts):
        total += win_share(votes, counts[:i] + counts[i + 1 :], blank, k)
    assert total == pytest.approx(1.0, abs=1e-10)


def test_few_of_thousands_of_attempts_do_not_underflow() -> None:
    # P(two or three of 3 votes), plus a third of P(all three differ), nearly without replacement.
    share = win_share(2_000, (1_200, 800), 0, 3)
    expected = 0.5**3 + 3 * 0.5**2 * 0.5 + 6 * 0.5 * 0.3 * 0.2 / 3
    assert share == pytest.approx(expected, abs=1e-3)


def test_large_votes_against_sampling() -> None:
    counts = np.array([30, 28, 20, 10, 5, 3])
    share = win_share(30, (28, 20, 10, 5, 3), 4, 25)
    colours = np.append(counts, 4)
    drawn = np.random.default_rng(0).multivariate_hypergeometric(colours, 25, size=100_000)[:, :6]
    best = drawn == drawn.max(axis=1, keepdims=True)
    assert share == pytest.approx((best[:, 0] / best.sum(axis=1)).mean(), abs=0.006)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pass_at_k(5, 6, 1), "more correct"),
        (lambda: pass_at_k(5, -1, 1), "whole numbers"),
        (lambda: pass_at_k(5, 0.5, 1), "whole numbers"),
        (lambda: pass_at_k([], [], 1), "empty"),
        (lambda: pass_at_k(5, np.nan, 1), "NaN"),
        (lambda: pass_at_k(5, 1, 0), "k must be"),
        (lambda: g_pass_at_k(5, 1, 2, 1.5), "tau"),
        (lambda: avg_at_k(-1, 1, 2), "whole numbers"),
        (lambda: maj_at_k([], [], 1), "empty"),
        (lambda: maj_at_k([["a"]], [], 1), "1 items but correct has 0"),
        (lambda: maj_at_k([["a"]], [[1, 0]], 1), "1 answers but 2 scores"),
        (lambda: maj_at_k([["a"]], [[float("nan")]], 1), "NaN"),
        (lambda: maj_at_k([["a"]], [[1.0]], 0), "k must be"),
    ],
)
def test_errors(call: Callable[[], FloatArray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()

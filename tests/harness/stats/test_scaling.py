"""The forms on curves of known truth, and verdicts that don't say more than the points do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.stats import scaling
from harness.stats.scaling import Fit, chosen, fit_forms

K = np.array([16, 64, 100, 250, 500, 1000, 2000, 4000], dtype=float)
TRUE = {
    "constant": {"a": 0.7},
    "logarithmic": {"a": 0.4, "b": 0.05, "peak": 500.0},
    "power": {"A": 0.9, "B": 0.9, "c": 0.4, "D": 0.12},
}


def made(form, noise=0.0, seed=0):
    truth = Fit(form, TRUE[form], 0.0, float(K[-1]), {})
    return truth.at(K) + noise * np.random.default_rng(seed).normal(size=len(K))


@pytest.mark.parametrize("form", TRUE)
def test_a_form_is_recovered_from_its_own_curve(form):
    fits = {fit.form: fit for fit in fit_forms(K, made(form), np.full(len(K), 1e-6))}
    assert set(fits) == set(TRUE)
    assert fits[form].chi2 < 1e-2
    for name, value in TRUE[form].items():
        assert fits[form].parameters[name] == pytest.approx(value, rel=0.02)
    assert fits[form].at([100.0])[0] == pytest.approx(made(form)[2], abs=1e-4)


@pytest.mark.parametrize("form", TRUE)
def test_the_verdict_names_the_truth_where_noise_is_small_and_seldom_another(form):
    said = []
    for seed in range(60):
        fits = fit_forms(K, made(form, 0.004, seed), np.full(len(K), 0.004**2))
        said.append(chosen(fits, len(K), 5)[0])
    wrong = sum(name not in (form, "inconclusive") for name in said)
    assert wrong <= 3
    if form != "constant":  # a richer form is never further than 4 or 6 behind, so it stays possible
        assert said.count(form) >= 50


def test_noise_is_no_form():
    said = [
        chosen(fit_forms(K, made("logarithmic", 0.1, seed), np.full(len(K), 0.01)), len(K), 3)[0]
        for seed in range(40)
    ]
    assert said.count("inconclusive") >= 30


def test_bootstrap_intervals_hold_the_truth():
    """Replicates around measured points: the interval of each parameter covers it in most runs."""
    held = {"a": 0, "b": 0}
    for seed in range(30):
        rng, sd = np.random.default_rng(seed), 0.01
        points = made("logarithmic") + sd * rng.normal(size=len(K))
        fits = fit_forms(K, points, np.full(len(K), sd**2), points + sd * rng.normal(size=(100, len(K))))
        fit = next(fit for fit in fits if fit.form == "logarithmic")
        for name in held:
            low, high = fit.intervals[name]
            assert low <= high
            held[name] += low <= TRUE["logarithmic"][name] <= high
    assert all(count >= 26 for count in held.values()), held


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=5, max_size=9), st.floats(1e-6, 0.1))
def test_constraints_and_order_of_points(scores, variance):
    k = np.geomspace(1, 3000, len(scores))
    fits = fit_forms(k, scores, np.full(len(k), variance))
    by_form = {fit.form: fit for fit in fits}
    assert by_form["logarithmic"].parameters["b"] >= 0
    assert all(by_form["power"].parameters[name] >= 0 for name in "ABcD")
    assert by_form["power"].chi2 <= by_form["constant"].chi2 + 1e-6 * (1 + by_form["constant"].chi2)
    assert by_form["logarithmic"].chi2 <= by_form["constant"].chi2 + 1e-6 * (1 + by_form["constant"].chi2)
    assert [fit.aic for fit in fits] == sorted(fit.aic for fit in fits)
    turned = fit_forms(k[::-1], scores[::-1], np.full(len(k), variance))
    assert [fit.form for fit in turned] == [fit.form for fit in fits]
    assert [fit.chi2 for fit in turned] == pytest.approx([fit.chi2 for fit in fits], rel=1e-6, abs=1e-9)


def test_few_points_decide_nothing():
    assert [f.form for f in fit_forms([1, 2], [0.1, 0.2], [1e-4, 1e-4])] == ["constant"]
    fits = fit_forms(K, made("power"), np.full(len(K), 1e-6))
    assert chosen(fits, 5, 5)[0] == chosen(fits, 8, 2)[0] == "inconclusive"
    assert chosen(fits, 8, 3)[0] == "power"


@pytest.mark.parametrize(
    "bad",
    [
        ([0, 1], [1, 1], [1, 1]),
        ([1, 2], [1, 1], [0, 1]),
        ([1], [1, 2], [1]),
        ([], [], []),
    ],
)
def test_bad_input(bad):
    with pytest.raises(ValueError):
        fit_forms(*bad)


def test_many_vectors_at_once_are_fitted_as_each_alone():
    """Each replicate's power form is as good as its own fit's, up to the grid of exponents."""
    rng, weight = np.random.default_rng(0), np.full(len(K), 50.0)
    replicates = made("power") + 0.02 * rng.normal(size=(40, len(K)))
    many = scaling._powers(K, replicates, weight)
    for n, each in enumerate(replicates):
        alone = Fit("power", scaling._power(K, each, weight), 0.0, float(K[-1]), {})
        found = Fit("power", {name: float(values[n]) for name, values in many.items()}, 0.0, float(K[-1]), {})
        left, least = (float((((each - fit.at(K)) * weight) ** 2).sum()) for fit in (found, alone))
        assert min(found.parameters.values()) >= 0 and least - 1e-6 <= left <= least * 1.02 + 1e-6

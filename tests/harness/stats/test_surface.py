"""Forms over two axes: planted surfaces come back, errors are those of refits, intervals cover."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.simulations.surfaces import (
    CELLS,
    SPLIT,
    TRUTHS,
    VALUES,
    best_share,
    both,
    covered,
    simulated,
    splits_covered,
)
from harness.stats.hypothesis import GAP, LEVELS, Effect, Judgement, judge
from harness.stats.iso_budget import best_shares, optimum
from harness.stats.surface import best_form, fit_surfaces, values_at
from harness.stats.sweep_means import sweep_means

R, S = CELLS.T
#: of the worked examples: a logarithmic and a linear surface, tokens in thousands
LOGARITHMIC = 0.20 + 0.15 * np.log10(R) + 0.10 * np.log10(S)
LINEAR = 0.2 + 0.03 * R + 0.01 * S


def means_of(values):
    """Means without noise."""
    return sweep_means([np.full((2, 2), value) for value in values])


def fitted(values, at=CELLS, **how):
    given = {"variances": np.full(len(values), 1e-4), "draws": 2}
    return {(fit.shape, fit.terms): fit for fit in fit_surfaces(means_of(values), at, **{**given, **how})}


def test_a_planted_surface_comes_back():
    fits = fitted(LOGARITHMIC)
    assert [LOGARITHMIC.min(), LOGARITHMIC.max()] == pytest.approx([0.2, 0.5010], abs=1e-4)
    log, linear = fits["logarithmic", "both"], fits["linear", "both"]
    assert log.parameters == pytest.approx({"g": 0.20, "a": 0.15, "b": 0.10})
    assert log.r2 == pytest.approx(1) and log.left_out == pytest.approx(0, abs=1e-9)
    assert linear.r2 == pytest.approx(0.8710, abs=1e-4)
    assert next(iter(fits)) == ("logarithmic", "both")
    planted = fitted(LINEAR)
    assert planted["linear", "both"].parameters == pytest.approx({"g": 0.2, "a": 0.03, "b": 0.01})
    assert planted["linear", "interaction"].parameters["d"] == pytest.approx(0, abs=1e-12)
    assert planted["logarithmic", "both"].r2 == pytest.approx(0.8710, abs=1e-4)


def test_scaling_to_the_range_keeps_the_ratio():
    low, high = LOGARITHMIC.min(), LOGARITHMIC.max()
    found = fitted((LOGARITHMIC - low) / (high - low))["logarithmic", "both"].parameters
    assert (found["a"], found["b"]) == pytest.approx((0.4983, 0.3322), abs=1e-4)


def test_swapped_axes_swap_the_coefficients():
    found = fitted(LOGARITHMIC, CELLS[:, ::-1])["logarithmic", "both"].parameters
    assert (found["a"], found["b"]) == pytest.approx((0.10, 0.15))


def test_a_saturating_surface_comes_back():
    values = 0.9 - 0.4 * np.exp(-0.3 * R) - 0.2 * np.exp(-0.15 * S)
    fits = fitted(values)
    found = fits["saturating", "both"]
    assert next(iter(fits)) == ("saturating", "both") and found.r2 > 0.999
    assert found.parameters["g"] == pytest.approx(0.9, abs=0.02)
    assert (found.parameters["c1"], found.parameters["c2"]) == pytest.approx((0.3, 0.15), rel=0.2)
    assert found.at(R, S) == pytest.approx(values, abs=0.01)


def test_forms_are_told_apart_under_noise():
    """As in 200 of 200 draws with an SD of .02, and about 93 % with 100 questions a cell."""
    rng = np.random.default_rng(0)
    log, linear = (fitted(LOGARITHMIC)[shape, "both"] for shape in ("logarithmic", "linear"))

    def wins(drawn):
        left = [
            ((drawn - values_at(fit, drawn @ fit.weights.T, R, S)) ** 2).sum(axis=1) for fit in (log, linear)
        ]
        return (left[0] < left[1]).mean()

    assert wins(LOGARITHMIC + rng.normal(0, 0.02, (200, 25))) == 1
    for questions, share in ((50, 0.86), (100, 0.93), (200, 0.98)):
        counts = rng.binomial(questions, LOGARITHMIC, (4000, 25))
        assert wins(counts / questions) == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("form", [("linear", "both"), ("logarithmic", "interaction"), ("saturating", "both")])
def test_an_error_at_a_left_out_cell_is_that_of_a_fit_without_it(form):
    """And every draw is fitted as the means are."""
    rng = np.random.default_rng(1)
    values, variances = LOGARITHMIC + rng.normal(0, 0.03, 25), rng.uniform(1e-4, 3e-4, 25)
    shapes = form[:1]
    whole = fitted(values, variances=variances, shapes=shapes)[form]
    errors = []
    for k in range(25):
        rest = np.arange(25) != k
        fit = fitted(values[rest], CELLS[rest], variances=variances[rest], shapes=shapes)[form]
        errors.append(values[k] - fit.at(*CELLS[k]))
    assert whole.left_out == pytest.approx(np.sqrt(np.mean(np.square(errors))))
    made = simulated(rng, TRUTHS["flat"], 50)
    found = next(f for f in fit_surfaces(made, CELLS, draws=5, shapes=shapes) if (f.shape, f.terms) == form)
    drawn = made.replicates(5)
    again = fitted(drawn[3], variances=made.variances(), shapes=shapes)[form]
    assert list(again.parameters.values()) == pytest.approx(list(found.drawn[3]))


def test_too_few_cells_leave_forms_out():
    square = CELLS[[0, 1, 5, 6]]
    values = [0.1, 0.2, 0.3, 0.5]
    assert set(fitted(values, square)) == {
        *((shape, terms) for shape in ("linear", "logarithmic") for terms in ("both", "first", "second"))
    }
    row = np.column_stack((VALUES, np.full(5, 2.0)))
    assert {terms for _, terms in fitted(VALUES / 20, row)} == {"first"}
    assert best_form([]) == ("inconclusive", "too few cells to fit more than one form")
    found = fitted([0.1, 0.2, 0.9], CELLS[[0, 1, 5]])  # the last alone has another r
    assert np.isnan(found["linear", "first"].left_out)


def test_best_form_wants_a_gap():
    fits = list(fitted(LOGARITHMIC).values())
    form, why = best_form(fits)
    assert form == "inconclusive" and "differ by 2.0 in AIC, not by 4" in why
    assert best_form([fits[0], fits[-1]])[0] == "logarithmic"
    named = {fit.name for fit in fits}
    assert {"linear", "linear with interaction", "saturating, second axis alone"} <= named


def optimum_of(shape, terms, budget, **parameters):
    """Of a form with these parameters."""
    fit = fitted(LOGARITHMIC)[shape, terms]
    ordered = np.array([[parameters[name] for name in fit.parameters]])
    return best_shares(fit, ordered, budget)[0]


@pytest.mark.parametrize(
    ("shape", "terms", "parameters", "share"),
    [
        ("logarithmic", "both", {"a": 0.15, "b": 0.10}, 0.4),
        ("logarithmic", "both", {"a": -0.1, "b": 0.10}, 1.0),
        ("logarithmic", "both", {"a": 0.1, "b": 0.0}, 0.0),
        ("logarithmic", "both", {"a": -0.1, "b": -0.1}, np.nan),
        ("linear", "interaction", {"a": 0.02, "b": 0.03, "d": 0.005}, 0.6),
        ("linear", "interaction", {"a": 0.02, "b": 0.03, "d": 0.0}, 1.0),
        ("linear", "interaction", {"a": 0.02, "b": 0.03, "d": 1e-5}, 1.0),
        ("linear", "interaction", {"a": 0.03, "b": 0.02, "d": -0.1}, 0.0),
        ("linear", "both", {"a": 0.02, "b": 0.03}, 1.0),
        ("linear", "both", {"a": 0.02, "b": 0.02}, np.nan),
        ("logarithmic", "interaction", {"a": 0.15, "b": 0.10, "d": 0.0}, 0.4),
        ("saturating", "both", {"b1": 0.3, "b2": 0.3, "c1": 0.2, "c2": 0.2}, 0.5),
        ("saturating", "both", {"b1": 0.0, "b2": 0.3, "c1": 0.2, "c2": 0.2}, 1.0),
    ],
)
def test_the_best_split_of_a_budget(shape, terms, parameters, share):
    found = optimum_of(shape, terms, 10.0, g=0.2, **parameters)
    assert found == pytest.approx(share, abs=1e-9, nan_ok=True)


def test_a_split_is_given_in_tokens_and_nothing_is_no_answer():
    fit = fitted(LOGARITHMIC)["logarithmic", "both"]
    found = optimum(fit, 10)
    assert (found.first, found.second) == pytest.approx((6, 4)) and found.share == pytest.approx(0.4)
    flat = fitted(np.full(25, 0.5))["linear", "both"]
    assert optimum(flat, 10).interval == (0.0, 1.0)  # draws that all agree, and have no best split


def test_intervals_cover_a_known_surface():
    """`make simulations` says it at length."""
    held = covered(40, 5, 100, 1.0)
    assert all(held[name] >= 34 for name in ("a", "b", "share")) and held["width"] / 40 < 0.5


@pytest.mark.parametrize(
    "truth", [name for name in SPLIT if name.startswith(("saturating", "linear, .010 and .005"))]
)
def test_intervals_cover_the_best_split_of_other_forms(truth):
    """`make simulations` says it at length, of more."""
    assert splits_covered(10, 5, truth, 100)["own"] >= 8


def test_best_splits_by_search_are_those_of_closed_forms():
    assert best_share(SPLIT["linear, .010 and .005, interaction .001"][0]) == pytest.approx(
        5.5 / 16, abs=1e-3
    )
    assert best_share(SPLIT["linear, .010 and .015 (a corner)"][0]) == 1
    assert best_share(SPLIT["logarithmic, .15 and .10"][0]) == 0.4


def test_residuals_of_a_true_form_are_noise():
    rng, low = np.random.default_rng(6), 0
    for _ in range(40):
        made = simulated(rng, TRUTHS["logarithmic, .15 and .10"], 100)
        low += both(fit_surfaces(made, CELLS, draws=2, shapes=["logarithmic"]), "logarithmic").misfit < 0.05
    assert low <= 7
    bent = simulated(rng, TRUTHS["logarithmic, .15 and .10"], 1000)
    assert both(fit_surfaces(bent, CELLS, draws=2, shapes=["linear"]), "linear").misfit < 1e-4


def verdicts(truth, items=300, margin=None, at=CELLS, levels=(5, 5)):
    made = simulated(np.random.default_rng(3), TRUTHS[truth], items)
    fits = fit_surfaces(made, at, draws=2)
    return [judge(fits, made, at, levels, reading, margin) for reading in ("linear", "logarithmic")]


@pytest.mark.parametrize(
    ("truth", "margin", "words"),
    [
        ("logarithmic, .15 and .10", None, ["contradicts", "supports"]),
        ("linear, .015 and .010", None, ["supports", "contradicts"]),
        ("linear with interaction .002", None, ["contradicts", "contradicts"]),
        ("second falls, linear .015 and -.01", None, ["contradicts", "contradicts"]),
        ("first axis alone, linear .015", None, ["cannot tell", "contradicts"]),
        ("first axis alone, linear .015", 0.1, ["contradicts", "contradicts"]),
        ("flat", None, ["cannot tell", "cannot tell"]),
        ("flat", 0.1, ["contradicts", "contradicts"]),
    ],
)
def test_the_rules_of_the_verdict(truth, margin, words):
    found = verdicts(truth, margin=margin)
    assert [each.word for each in found] == words
    for each in found:
        assert [effect.sign for effect in each.effects] == [
            int(low > 0) - int(high < 0) for low, high in (effect.interval for effect in each.effects)
        ]
        if each.word == "supports":
            assert each.predicts and not each.beaten and each.enough and each.errors[0] < min(each.errors[1:])


def test_two_values_of_an_axis_support_nothing():
    found = verdicts("linear, .015 and .010", levels=(5, 2))[0]
    assert found.word == "cannot tell" and not found.enough


def test_one_axis_has_no_verdict():
    row = np.column_stack((VALUES, np.full(5, 2.0)))
    made = means_of(VALUES / 20)
    assert judge(fit_surfaces(made, row, np.ones(5), draws=2), made, row, (5, 1)) is None


@pytest.mark.parametrize(
    ("change", "of", "holds"),
    [
        ({"gap": GAP}, "beaten", False),
        ({"gap": GAP + 0.1}, "beaten", True),
        ({"misfit": 0.05}, "misfit", False),
        ({"misfit": 0.049}, "misfit", True),
        ({"errors": (1.0, 1.0, 2.0)}, "predicts", False),
        ({"errors": (1.0, 2.0, 1.0)}, "predicts", False),
        ({"errors": (0.9, 1.0, 1.0)}, "predicts", True),
        ({"levels": (LEVELS, LEVELS)}, "enough", True),
        ({"levels": (LEVELS - 1, LEVELS)}, "enough", False),
        ({"levels": (9, LEVELS - 1)}, "enough", False),
    ],
)
def test_the_rules_of_a_judgement_at_their_thresholds(change, of, holds):
    known = {"misfit": 0.5, "errors": (1.0, 2.0, 2.0), "gap": 0.0, "levels": (LEVELS, LEVELS)} | change
    fit = replace(fitted(LINEAR)["linear", "both"], misfit=known.pop("misfit"))
    effect = Effect(1.0, (0.5, 1.5), (0.6, 1.4), 0.5, False)
    made = Judgement("cannot tell", fit, (effect, effect), rival=None, **known)
    assert getattr(made, of) is holds

"""Surfaces found in a store by the runs' own arguments: where cells lie, what is said, what is drawn."""

import json

import numpy as np
import pytest

from harness.comparison.surface import surfaces
from harness.comparison.surface_forms import describe, heights, measured, parameters_of
from harness.comparison.surface_json import plain_surface
from harness.comparison.surface_words import axes_sentence, optimum_sentence, sentence, word
from harness.results.index import read_index
from harness.spec import MetricRange
from harness.testing import seal_scores

NAMES = ("reasoning", "searches")
#: caps of reasoning tokens, and searches of 500 tokens each
REASONING, SEARCHES = (1024, 2048, 4096, 8192), (2, 4, 8, 16)


def level(reasoning, searches):
    """A planted logarithmic surface of what was really used."""
    return 0.2 + 0.3 * np.log10(reasoning / 1000) + 0.2 * np.log10(searches / 2)


def grid(
    root,
    truth=level,
    reasoning=REASONING,
    searches=SEARCHES,
    seeds=2,
    items=300,
    span=None,
    tokens=True,
    same_items=True,
    **how,
):
    """Half of the reasoning that was allowed is used; seeds of their own in every cell."""
    rng = np.random.default_rng(1)
    hard = rng.normal(0, 0.1, items)
    for row, r in enumerate(reasoning):
        for column, s in enumerate(searches):
            for seed in range(seeds):
                p = np.clip(truth(r, s) + hard, 0, 1)
                used = {"reasoning_tokens": r // 2, "retrieved_tokens": 500 * s} if tokens else None
                arguments = (
                    {"method_args": dict(zip(NAMES, (r, s), strict=True))}
                    if same_items
                    else {"method_args": {"reasoning": r}, "task_args": {"searches": s}}
                )
                seal_scores(
                    root,
                    (rng.random(items) < p).astype(float),
                    method="react",
                    seed=1000 * (10 * row + column) + seed,
                    items=None if same_items else [f"{s}-{n}" for n in range(items)],
                    used=used,
                    **arguments,
                    **({"metric_range": span} if span else {}),
                    **{"draws": "run", **how},
                )


def found_in(root, **how):
    (surface,) = surfaces(read_index(root).rows, NAMES, **how)
    return surface


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    root = tmp_path_factory.mktemp("planted")
    grid(root)
    seal_scores(root, np.ones(300), method="direct")  # has no such arguments
    return root


def test_cells_lie_at_the_tokens_that_were_used(planted):
    surface = found_in(planted)
    assert surface.axes == ("realised", "realised") and surface.tokens
    assert surface.axis_names == ("thousand reasoning tokens", "thousand search tokens")
    assert surface.dials[:5].tolist() == [[1024, 2], [1024, 4], [1024, 8], [1024, 16], [2048, 2]]
    assert surface.coordinates == pytest.approx(surface.dials * [0.0005, 0.5])
    assert [len(arm.runs) for arm in surface.arms] == [2] * 16 and surface.levels == (4, 4)
    as_set = found_in(planted, axes="dials")
    assert as_set.axes == ("dials", "dials") and as_set.axis_names == NAMES
    assert (as_set.coordinates == as_set.dials).all()
    assert axes_sentence(as_set) == "axes: reasoning (as set) and searches (as set)"


def test_tokens_that_some_cell_does_not_know_are_no_axis(tmp_path):
    grid(tmp_path, reasoning=(1024, 2048), searches=(2, 4), seeds=1, items=20)
    used = {"reasoning_tokens": None, "retrieved_tokens": 100}
    seal_scores(
        tmp_path, np.ones(20), method="react", seed=7, used=used, draws="run",
        method_args={"reasoning": 4096, "searches": 2},
    )  # fmt: skip
    surface = found_in(tmp_path)
    assert surface.axes == ("dials", "realised") and not surface.tokens
    made = describe(surface)
    assert made.budget is None and describe(surface, iso_budget=5000.0).budget is None
    assert "reasoning and searches have no common unit" in optimum_sentence(surface, made)


def test_what_a_method_measured_comes_before_what_servers_counted(tmp_path):
    """Retrieved text and queries are both search; two dials of one kind would lie on one line."""
    for n, (r, s) in enumerate((r, s) for r in (1, 2) for s in (1, 2)):
        for first in ("reasoning", "retrieved"):
            seal_scores(
                tmp_path,
                np.ones(10),
                seed=n,
                used={"reasoning_tokens": 7, "retrieved_tokens": 7},
                measures={
                    "tokens_reasoning": 1000.0 * r,
                    "tokens_retrieved": 500.0 * s,
                    "tokens_arguments": 20,
                },
                method_args={first: r, "searches": s},
            )
    surface = found_in(tmp_path)
    assert surface.coordinates.tolist() == [[1, 0.52], [1, 1.02], [2, 0.52], [2, 1.02]]
    assert plain_surface(surface)["cells"][1]["search_tokens"] == 1020
    (other,) = surfaces(read_index(tmp_path).rows, ("retrieved", "searches"))
    assert other.axes == ("dials", "dials")


def test_the_planted_surface_comes_back(planted):
    surface = found_in(planted)
    made = describe(surface)
    log = next(fit for fit in made.fits if (fit.shape, fit.terms) == ("logarithmic", "both"))
    for name, true in (("a", 0.3), ("b", 0.2)):
        value, (low, high) = parameters_of(log, surface.span)[name]
        assert low < true < high and low < value < high < low + 0.2
    assert made.budget == pytest.approx(np.median(surface.coordinates.sum(axis=1)), rel=0.05)
    best = made.optima[log.name]
    assert best.interval[0] < 0.4 < best.interval[1] and measured(surface, best)
    assert heights(surface, log, *surface.coordinates.T) == pytest.approx(surface.means, abs=0.1)
    assert word(surface, made.judgements["linear"]) == "contradicts"
    assert word(surface, made.judgements["logarithmic"]) == "supports"
    said = sentence(surface, made.judgements["logarithmic"], "logarithmic")
    assert said.startswith("supports 'better linearly with the logarithm of both': both coefficients")
    assert "Over the grid accuracy moves with reasoning by +2" in said
    assert "of this task, method and model, for new items and new seeds (300 items, 2 seeds" in said
    against = sentence(surface, made.judgements["linear"], "linear")
    assert "fits better (AIC lower by" in against and "larger than noise" in against
    split = optimum_sentence(surface, made)
    assert split.startswith(f"best split of {1000 * made.budget:,.0f} tokens by {made.drawn.name}: ")
    assert " % [" in split and split.endswith("to searches, the rest to reasoning")


def test_swapped_axes_swap_everything(planted):
    one = describe(found_in(planted))
    (swapped,) = surfaces(read_index(planted).rows, NAMES[::-1])
    other = describe(swapped)
    first, second = (
        next(fit for fit in made.fits if (fit.shape, fit.terms) == ("logarithmic", "both"))
        for made in (one, other)
    )
    assert (first.parameters["a"], first.parameters["b"]) == pytest.approx(
        (second.parameters["b"], second.parameters["a"])
    )
    assert first.parameters["a"] > first.parameters["b"] + 0.02


def test_a_surface_as_json(planted):
    row = plain_surface(found_in(planted), 0.05, 8000.0)
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert row["parameters"] == list(NAMES) and row["budget"] == 8.0 and row["axis_units"] == [1000.0] * 2
    assert len(row["cells"]) == 16 and all(cell["compared"] for cell in row["cells"])
    cell = row["cells"][0]
    assert cell["dials"] == {"reasoning": 1024.0, "searches": 2.0}
    assert (cell["reasoning_tokens"], cell["search_tokens"]) == (512, 1000)
    assert [fit["aic"] for fit in row["fits"]] == sorted(fit["aic"] for fit in row["fits"])
    by_form = {fit["form"]: fit for fit in row["fits"]}
    assert len(by_form) == 11 and by_form["linear, reasoning alone"]["optimum"] is None
    log = by_form["logarithmic"]
    means = [cell["mean"] for cell in row["cells"]]
    for name in "ab":
        whole = log["parameters"][name]["value"] / (max(means) - min(means))
        assert log["normalised"][name] == pytest.approx(whole)
    best = log["optimum"]
    assert best["reasoning"] + best["searches"] == pytest.approx(8.0)
    assert best["searches"] == pytest.approx(8 * best["share"]) and not best["measured"]  # 4.8 > 4.1
    assert by_form["saturating"]["normalised"] is None
    assert row["hypothesis"]["linear"]["verdict"] == "contradicts"
    assert row["hypothesis"]["logarithmic"]["rival"]["form"] in by_form


def test_a_dial_at_nothing_is_shown_and_in_no_form(tmp_path):
    def truth(reasoning, searches):
        return 0.1 if not searches else level(reasoning, searches)

    grid(tmp_path, truth, searches=(0, 2, 4, 8, 16), items=100)
    surface = found_in(tmp_path)
    assert surface.compared.sum() == 16 and len(surface.arms) == 20
    assert axes_sentence(surface).endswith("; 4 cells at 0 have no logarithm and are in no form")
    row = plain_surface(surface)
    assert [cell["compared"] for cell in row["cells"][:5]] == [False, True, True, True, True]
    assert row["fits"][0]["parameters"]["g"]["value"] > 0.1


def test_where_less_is_better_performance_still_improves(tmp_path):
    span = MetricRange(0, 1, lower_is_better=True)
    grid(tmp_path, lambda r, s: 1 - level(r, s), span=span, items=300)
    surface = found_in(tmp_path)
    made = describe(surface)
    assert word(surface, made.judgements["logarithmic"]) == "supports"
    said = sentence(surface, made.judgements["logarithmic"], "logarithmic")
    assert "moves with reasoning by -" in said and said.endswith("accuracy: lower is better")
    log = next(fit for fit in made.fits if (fit.shape, fit.terms) == ("logarithmic", "both"))
    value, (low, high) = parameters_of(log, span)["a"]
    assert low < value < high < 0
    assert heights(surface, log, *surface.coordinates.T) == pytest.approx(surface.means, abs=0.1)


def test_a_margin_makes_an_idle_axis_a_contradiction(tmp_path):
    grid(tmp_path, lambda r, s: 0.3 + 0.00005 * r, tokens=False, items=400)
    surface = found_in(tmp_path)
    found = describe(surface).judgements["linear"]
    assert word(surface, found) == "cannot tell"
    said = sentence(surface, found, "linear")
    assert "searches is not shown, and " in said and "points over the grid would be (80 % power)" in said
    judged = describe(surface, 0.1).judgements["linear"]
    assert judged.word == "contradicts"
    said = sentence(surface, judged, "linear", 0.1)
    assert "all of searches moves accuracy by less than the margin of 10 points" in said


def test_what_would_be_needed_is_said(tmp_path):
    grid(tmp_path / "two", reasoning=(1024, 8192), searches=(2, 4, 8), items=100)
    surface = found_in(tmp_path / "two")
    said = sentence(surface, describe(surface).judgements["linear"], "linear")
    assert "cannot tell" in said and "2 values of reasoning, and 3 are the least" in said
    grid(tmp_path / "seed", seeds=1, items=100)
    surface = found_in(tmp_path / "seed")
    found = describe(surface).judgements["logarithmic"]
    assert word(surface, found).endswith(" (one seed)")
    assert "says nothing about another seed" in sentence(surface, found, "logarithmic")
    zero = tmp_path / "zero"
    grid(zero, lambda r, s: 0.5, reasoning=(1024, 2048), searches=(0, 4), seeds=1, items=20)
    surface = found_in(zero)
    made = describe(surface)
    assert made.judgements == {"linear": None, "logarithmic": None} and made.drawn is None
    said = sentence(surface, None, "linear")
    assert "the cells don't tell reasoning from searches" in said and "--axes" not in said
    assert optimum_sentence(surface, made) == "no best split: no form of both axes can be fitted"


def test_a_dial_that_moves_no_use_is_said(tmp_path):
    rng = np.random.default_rng(0)
    for n, (r, s) in enumerate((r, s) for r in REASONING for s in SEARCHES):
        seal_scores(
            tmp_path,
            rng.random(20) < 0.5,
            seed=n,
            used={"reasoning_tokens": 100, "retrieved_tokens": 500 * s},
            draws="run",
            method_args=dict(zip(NAMES, (r, s), strict=True)),
        )
    surface = found_in(tmp_path)
    found = describe(surface).judgements["linear"]
    assert found is None
    assert sentence(surface, found, "linear").endswith("--axes dials takes what was set")
    assert describe(found_in(tmp_path, axes="dials")).judgements["linear"] is not None


def test_scores_that_never_move_are_no_error(tmp_path):
    grid(tmp_path, lambda r, s: 2.0, reasoning=(1024, 2048, 4096), items=20, draws="none")
    surface = found_in(tmp_path)
    row = plain_surface(surface, 0.1)
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert row["hypothesis"]["linear"]["verdict"] == "cannot tell"
    assert "none, as " in optimum_sentence(surface, describe(surface))


def test_an_argument_of_the_task_has_items_of_its_own(tmp_path):
    grid(tmp_path, same_items=False, items=100)
    surface = found_in(tmp_path)
    assert not surface.paired and surface.items == [100] * 16
    assert word(surface, describe(surface).judgements["logarithmic"]) != "contradicts"
    assert "100 items of its own at each value" in sentence(
        surface, describe(surface).judgements["linear"], "linear"
    )


def test_attempts_that_failed_are_said_beside_both_readings(tmp_path):
    for reasoning in (1, 2):
        for searches in (1, 2):
            lost = (lambda n, epoch: "error") if reasoning * searches == 4 else (lambda n, epoch: "ok")
            seal_scores(
                tmp_path, np.ones(6), method="react", status=lost, draws="none",
                method_args={"reasoning": reasoning, "searches": searches},
            )  # fmt: skip
    surface = found_in(tmp_path)
    for reading, found in describe(surface).judgements.items():
        assert "6 of 24 attempts, at 1 of 4 values, failed or were" in sentence(surface, found, reading)


def test_one_value_of_an_argument_makes_no_surface(tmp_path):
    grid(tmp_path, searches=(2,), seeds=1, items=10)
    assert surfaces(read_index(tmp_path).rows, NAMES) == []
    seal_scores(
        tmp_path, np.ones(10), method="react", seed=9, draws="run",
        method_args={"reasoning": 1024, "searches": "auto"},
    )  # fmt: skip
    grid(tmp_path, searches=(4,), seeds=1, items=10)
    surface = found_in(tmp_path)
    assert surface.no_numbers == ("auto",)
    found = describe(surface).judgements["linear"]
    assert "without auto, no number" in sentence(surface, found, "linear")


@pytest.mark.parametrize("ending", [".svg", ".png"])
def test_a_picture_of_it(planted, tmp_path, ending):
    pytest.importorskip("matplotlib")
    from harness.contours import plot_surfaces

    surface = found_in(planted)
    path, again = (tmp_path / f"{name}{ending}" for name in ("one", "two"))
    plot_surfaces([surface], path, None, 8000.0)
    plot_surfaces([surface], again, None, 8000.0)
    assert path.read_bytes() == again.read_bytes()
    if ending == ".svg":
        drawn = path.read_text()
        for said in ("thousand reasoning tokens", "linear: contradicts, logarithmic: supports", "best split"):
            assert said in drawn


def test_a_picture_without_a_form_shows_the_cells(tmp_path):
    pytest.importorskip("matplotlib")
    from harness.contours import plot_surfaces

    grid(tmp_path, lambda r, s: 2.0, reasoning=(1024, 2048), searches=(0, 4), seeds=1, items=20)
    plot_surfaces([found_in(tmp_path), found_in(tmp_path, axes="dials")], tmp_path / "cells.svg")
    assert "no form of both axes" in (tmp_path / "cells.svg").read_text()

"""What a grid prints, whole cells and sentences, against values made by hand."""

from dataclasses import replace
from types import SimpleNamespace as Some

import pytest

from harness.comparison.arms import arms_of
from harness.comparison.card import ITEMS, Recovery
from harness.comparison.grid import Grid, grids
from harness.comparison.grid_words import (
    _by_value,
    card_cells,
    reversal_sentences,
    scope,
    spread_sentences,
    trajectory_sentence,
    variance_cells,
)
from harness.results.index import read_index
from harness.testing import seal_scores


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """Two methods and two models; `a` has k=4 and temperature differs by model."""
    root = tmp_path_factory.mktemp("grid")
    for method, arguments in (("a", {"k": 4}), ("b", {"k": 1})):
        for model in ("x", "y"):
            scores = [1, 0, 1, (method, model) == ("a", "x")]
            seal_scores(root, scores, method=method, model=f"sim/{model}", method_args=arguments)
    (made,) = grids(arms_of(read_index(root).rows))
    return made


def component(value, low, high, raw=1.5, p=0.02):
    return Some(variance=value, sd=max(value, 0) ** 0.5, ci=(low, high), raw=raw, p_value=p)


def with_parts(grid, components=None, shares=None, spreads=None, ratios=None, reversals=None):
    parts = Some(components=components, shares=shares, spreads=spreads, ratios=ratios)
    return replace(grid, decomposition=parts, reversals=reversals or {})


def test_one_row_an_effect(grid):
    components = {
        ("method",): component(4.0, -1.0, 9.04, p=0.0004),
        ("model",): component(-0.5, -2.0, 3.0, p=0.001),
        ("method", "model"): component(0.0, 0.0, 0.0, p=0.25),
    }
    share = Some(value=0.7, ci=(0.125, 0.9))
    names, rows = variance_cells(with_parts(grid, components, dict.fromkeys(components, share)))
    assert names == ["source", "SD", "variance [95 %]", "share [95 %] (about)", "p"]
    assert rows == [
        ["method", "2.0", "4.0 [0.0, 9.0]", "0.70 [0.12, 0.90]", "< .001"],
        ["model", "below noise", "0.0 [0.0, 3.0]", "0.70 [0.12, 0.90]", ".001"],
        ["method x model", "below noise", "0.0 [0.0, 0.0]", "0.70 [0.12, 0.90]", ".250"],
    ]


def test_spreads_and_their_ratio_where_there_is_one(grid):
    spreads = {"method": component(4.0, -1.0, 9.0), "model": component(-2.0, -3.0, 1.0, raw=0.25)}
    shown = with_parts(grid, spreads=spreads, ratios={"model": Some(value=0.5, ci=(0.1, 2.0))})
    first = (
        "variance in squared points: HV, of methods (the harness), all else held: 4.0 [0.0, 9.0] (raw 1.5); "
        "MV, of models, all else held: 0.0 [0.0, 1.0] (raw 0.2)"
    )
    assert spread_sentences(shown) == [first, "HV / MV: 0.50 [0.10, 2.00] (about)"]
    without = with_parts(grid, spreads=spreads, ratios={})
    assert spread_sentences(without) == [first, "HV / MV: no ratio, as MV is not shown to be above 0"]
    third = replace(without, factors=("method", "model", "task"))
    assert spread_sentences(third)[2] == (
        "HV / variance of tasks: no ratio, as variance of tasks is not shown to be above 0"
    )


@pytest.mark.parametrize(
    "seen, p, said",
    [
        (False, 0.01, "seen in 0 of 2 pairs, shown in 0"),
        (True, 0.049, "seen in 1 of 2 pairs, shown in 1 (a and b)"),
        (True, 0.05, "seen in 1 of 2 pairs, shown in 1 (a and b)"),
        (True, 0.051, "seen in 1 of 2 pairs, shown in 0"),
    ],
)
def test_reversals_at_their_level(grid, seen, p, said):
    pairs = [
        Some(seen=seen, adjusted_p=p, first=0, second=1),
        Some(seen=False, adjusted_p=0, first=0, second=1),
    ]
    shown = with_parts(grid, reversals={"model": pairs})
    assert reversal_sentences(shown) == [f"reversals of methods over models: {said}"]


def test_what_the_numbers_hold_for(grid):
    assert scope(grid) == "of these 2 methods and 2 models, for new items (4 items; 1 run a cell)"
    groups = replace(grid, items={"t": (8, 4), "u": (3, 3)}, claim="these runs")
    assert scope(groups) == (
        "of these 2 methods and 2 models, for these runs (8 items in 4 groups of t, 3 items of u; 1 run a "
        "cell)"
    )
    first, *rest = grid.arms.items()
    twice = dict([(first[0], replace(first[1], runs=first[1].runs * 2)), *rest])
    assert scope(replace(grid, arms=twice)).endswith("1 to 2 runs a cell)")
    every = {names: replace(arm, runs=arm.runs * 3) for names, arm in grid.arms.items()}
    assert scope(replace(grid, arms=every)).endswith("3 runs a cell)")


@pytest.mark.parametrize(
    "values, said",
    [
        ([4, 4, 1, 1], "4 (a), 1 (b)"),
        ([4, 1, 4, 1], "4 (sim/x), 1 (sim/y)"),
        ([4, 4, 4, 4], "4 (a, b)"),
        ([4, 1, 1, 1], "4 or 1"),
        ([4, None, None, 4], "4 or none"),
    ],
)
def test_a_value_is_told_by_the_factor_that_tells_it_apart(grid, values, said):
    assert isinstance(grid, Grid) and list(grid.arms) == [
        *(("a", "sim/x"), ("a", "sim/y")),
        *(("b", "sim/x"), ("b", "sim/y")),
    ]
    assert _by_value(grid, values) == said


def test_the_card_says_what_all_cells_share_and_what_differs(grid):
    names, rows = card_cells(grid)
    assert names == ["harness card", "in all cells", "differs"] and [row[0] for row in rows] == list(ITEMS)
    told = {item: (same, apart) for item, same, apart in rows}
    assert told["context construction"][1] == "k: 4 (a), 1 (b)"
    assert "metric accuracy" in told["verification"][0] and told["verification"][1] == ""
    assert [item for item, (_, apart) in told.items() if apart] == ["context construction"]


@pytest.mark.parametrize(
    "found, said",
    [
        (None, "trajectories: recovery rate, context retention and control lag: not recorded"),
        (
            Recovery(10, 0, None),
            "recovery: a tool call failed in 0 of 10 attempts, none to recover from; context retention and "
            "control lag: not recorded",
        ),
        (
            Recovery(10, 4, 0.375),
            "recovery: a tool call failed in 4 of 10 attempts, mean score 0.38; context retention and "
            "control lag: not recorded",
        ),
    ],
)
def test_what_is_known_of_the_course_of_attempts(found, said):
    assert trajectory_sentence(found) == said

"""Stored runs as grids of methods and models, from records to what is printed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import harness
from harness.base.errors import UsageError
from harness.cli.compare import command
from harness.comparison.arms import arms_of
from harness.comparison.card import ITEMS, card, card_sentence, differing_cards
from harness.comparison.grid import grids, parse_factors
from harness.results.index import read_index
from harness.testing import seal_scores

METHODS = {"direct": 0.0, "vote": 0.1, "tools": 0.2}
MODELS = {"sim/small": 0.0, "sim/large": 0.3}


def seal_grid(root, *, task="simulated", runs=1, n=200, draws="none", leave_out=(), seed=0, **more):
    """Methods that add to models, on items of one difficulty each."""
    rng = np.random.default_rng(seed)
    hard = rng.random(n)
    for method, gain in METHODS.items():
        for model, level in MODELS.items():
            for run in range(0 if (method, model) in leave_out else runs):
                scores = hard + rng.normal(0, 0.1, n) < 0.2 + gain + level
                seal_scores(
                    root, scores, task=task, method=method, model=model, seed=run, draws=draws, **more
                )


def of(root, *factors, **options):
    return grids(arms_of(read_index(root).rows), factors or ("method", "model"), **options)


def test_a_grid_from_records(tmp_path):
    seal_grid(tmp_path)
    (grid,) = of(tmp_path)
    assert grid.factors == ("method", "model") and grid.claim == "new items" and grid.unit == "points"
    assert grid.levels == {"method": ["direct", "tools", "vote"], "model": ["sim/large", "sim/small"]}
    assert grid.items == {"simulated": (200, 200)} and not grid.left_out and not grid.notes
    parts = grid.decomposition.components
    assert parts["model",].sd == pytest.approx(30 / np.sqrt(2), abs=5) and parts["model",].p_value < 0.001
    assert parts["method",].sd == pytest.approx(10, abs=4)
    assert grid.decomposition.shares["model",].value > 0.6
    assert grid.decomposition.ratios["model"].value == pytest.approx(100 / 450, abs=0.12)
    assert not any(pair.adjusted_p < 0.05 for pair in grid.reversals["model"])
    for arm in grid.arms.values():
        at = tuple(grid.levels[name].index(getattr(arm, name)) for name in grid.factors)
        assert grid.means[at] == pytest.approx(100 * arm.runs[0]["metrics"][arm.primary]["value"])


def test_what_an_incomplete_grid_leaves_out_is_named(tmp_path):
    seal_grid(tmp_path, leave_out={("tools", "sim/small")})
    (grid,) = of(tmp_path)
    assert grid.levels["method"] == ["direct", "vote"]
    assert grid.left_out == ["method tools: not run with all others"]
    with pytest.raises(UsageError, match="needs two methods or more that were run with each model"):
        grids([arm for arm in arms_of(read_index(tmp_path).rows) if arm.method == "direct"])


def test_variants_of_a_method_are_levels_of_their_own(tmp_path):
    seal_grid(tmp_path)
    seal_scores(tmp_path, np.ones(200), model="sim/small", method="vote", method_args={"k": 3}, draws="none")
    (grid,) = of(tmp_path)
    assert grid.levels["method"] == ["direct", "tools", "vote (k=null)"]
    assert grid.left_out == ["method vote (k=3): not run with all others"]
    seal_grid(tmp_path, method_args={"k": 3})
    (grid,) = of(tmp_path)
    assert len(grid.levels["method"]) == 6 and "vote (k=3)" in grid.levels["method"]


def test_one_name_with_other_arguments_is_no_level(tmp_path):
    """`vote` is not one method where it had k=3 with one model and k=5 with the other."""
    for method in ("direct", "vote"):
        for model, k in (("sim/small", 3), ("sim/large", 5)):
            arguments = {"k": k} if method == "vote" else {}
            seal_scores(tmp_path, np.eye(40)[0], method=method, model=model, method_args=arguments)
    with pytest.raises(UsageError, match=r"vote \(k=3\), method vote \(k=5\)"):
        of(tmp_path)


@pytest.mark.parametrize("digest", ["drawn", None])
def test_draws_that_models_share_are_the_methods_luck(tmp_path, digest):
    """Demonstrations of one seed go to every model; where no digest is recorded they may."""
    rng = np.random.default_rng(5)
    for method in METHODS:
        for seed in range(3):
            luck = rng.normal(0, 0.2)
            for model in MODELS:
                scores = rng.random(100) < 0.5 + luck
                told = digest and f"{digest} {method} {seed}"
                seal_scores(
                    tmp_path, scores, method=method, model=model, seed=seed, draws="run", draw_digest=told
                )
    (grid,) = of(tmp_path)
    parts = grid.decomposition.components
    assert parts["method",].p_value > 0.05 and parts["method",].noise > 5 * parts["model",].noise


def test_what_is_claimed_of_seeds(tmp_path):
    seal_grid(tmp_path / "one", draws="run")
    seal_grid(tmp_path / "three", draws="run", runs=3)
    (one,), (three,) = of(tmp_path / "one"), of(tmp_path / "three")
    assert one.claim == "new items on these runs only" and "nothing is said of other seeds" in one.notes[0]
    assert three.claim == "new items and new seeds" and not three.notes
    # one run more of a single cell tells how much runs vary, and that is said
    seal_scores(
        tmp_path / "one", np.arange(200) % 2 == 0, method="vote", model="sim/small", seed=9, draws="run"
    )
    (some,) = of(tmp_path / "one")
    assert some.claim == "new items and new seeds"
    assert some.notes == ["5 of 6 cells have one run; how much runs vary is taken from the others"]


def test_groups_and_items_in_common_are_kept(tmp_path):
    groups = [f"g{n // 4}" for n in range(200)]
    seal_grid(tmp_path, groups=groups)
    (grid,) = of(tmp_path)
    assert grid.items == {"simulated": (200, 50)}


def test_tasks_as_a_third_factor(tmp_path):
    seal_grid(tmp_path, task="first")
    seal_grid(tmp_path, task="second", n=120, seed=1)
    (grid,) = of(tmp_path, "method", "model", "task")
    assert grid.means.shape == (3, 2, 2) and len(grid.decomposition.components) == 7
    assert grid.items == {"first": (200, 200), "second": (120, 120)}
    assert set(grid.reversals) == {"model", "task"}
    assert grid.decomposition.components["model",].p_value < 0.001
    assert len(of(tmp_path)) == 2


def test_factors_are_named_as_they_are_known():
    assert parse_factors("model, method") == ("method", "model")
    with pytest.raises(UsageError, match="no factor 'modle'; did you mean 'model'"):
        parse_factors("method,modle")
    with pytest.raises(UsageError, match="method,model or method,model,task"):
        parse_factors("method,task")


def test_the_command_prints_what_python_gives(tmp_path):
    seal_grid(tmp_path)
    made = harness.grid(store=tmp_path)
    given = ["--grid", "method,model", "--store", str(tmp_path)]
    found = CliRunner().invoke(command, [*given, "--json"])
    assert found.exit_code == 0 and json.loads(found.stdout) == json.loads(json.dumps(made.to_json()))
    (grid,) = json.loads(found.stdout)["grids"]
    assert set(grid["components"]) == {"method", "model", "method x model"}
    assert grid["components"]["model"]["ci"][0] > 0 and len(grid["cells"]) == 6
    assert list(grid["cells"][0]["card"]) == list(ITEMS)
    shown = CliRunner().invoke(command, given)
    for said in (
        "3 methods x 2 models",
        "HV, of methods (the harness)",
        "HV / MV: 0.",
        "reversals of methods over models: seen in 0 of 3 pairs, shown in 0",
        "of these 3 methods and 2 models, for new items (200 items; 1 run a cell)",
        "not recorded",
    ):
        assert said in shown.output, shown.output
    assert made.to_pandas().set_index("effect").loc["model", "p_value"] < 0.001
    refused = CliRunner().invoke(command, [*given, "--baseline", "direct"])
    assert refused.exit_code != 0 and "has no baseline" in str(refused.exception)


def test_cards_say_what_differs(tmp_path):
    seal_scores(tmp_path, [1.0] * 8, method="few", method_args={"k": 4, "samples": 2, "max_retries": 1})
    seal_scores(tmp_path, [0.0] * 8, method="none", method_args={"k": 0, "samples": 2})
    few, none = arms_of(read_index(tmp_path).rows)
    known = card(few)
    assert tuple(known) == ITEMS and known["context construction"]["k"] == 4
    assert known["execution"]["samples"] == 2 and known["verification"]["metric"] == "accuracy"
    assert known["tools"] == {}
    assert set(differing_cards([known, card(none)])) == {"context construction", "scheduling and recovery"}
    assert card_sentence(few, none) == (
        "the harness differs in context construction (k 4 against 0); "
        "scheduling and recovery (max_retries 1 against none)"
    )
    assert card_sentence(few, few) == ""
    compared = CliRunner().invoke(command, ["--baseline", "none", "--store", str(tmp_path)])
    assert "the harness differs in context construction (k 4 against 0)" in " ".join(compared.output.split())

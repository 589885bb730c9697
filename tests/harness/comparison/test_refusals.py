"""What a comparison refuses, each once, in the words that it prints; and what lies just inside."""

from dataclasses import replace

import numpy as np
import pytest

from harness.base.errors import RecordError, UsageError
from harness.comparison.arms import arms_of
from harness.comparison.attempt_items import load_attempt_items
from harness.comparison.attempt_metrics import attempt_metric
from harness.comparison.grid import grids
from harness.comparison.items import check_stated, load_items, load_run
from harness.comparison.paired import compare
from harness.comparison.scores import score
from harness.display.failures import failures
from harness.results.index import in_force, read_index
from harness.spec import MetricRange
from harness.testing import seal_scores


def arms(root, **more):
    return arms_of({**row, **more} for row in in_force(read_index(root).rows))


def of_attempts(arm, name):
    return load_attempt_items(arm, attempt_metric(name), name)


def table(root, cells, **more):
    """Runs by method and model."""
    for method, model in cells:
        seal_scores(root, [1, 0, 1, 0], method=method, model=f"sim/{model}", **more)
    return arms(root)


@pytest.mark.parametrize(
    "cells, left",
    [
        (["aa", "ab"], "two methods or more that were run with each model"),
        (["aa", "ba"], "two models or more that were run with each method"),
        (["aa", "bb"], "two methods or more that were run with each model; incomplete: method"),
        ([], "no complete runs to make a grid of; 'harness eval' makes some"),
    ],
)
def test_a_grid_needs_two_levels_of_each_factor(tmp_path, cells, left):
    with pytest.raises(UsageError, match=left):
        grids(table(tmp_path, cells))


FULL = ["aa", "ab", "ba", "bb"]


def test_the_least_grid_is_taken_and_what_is_not_run_with_all_is_left_out(tmp_path):
    (found,) = grids(table(tmp_path, [*FULL, "ca"]))
    assert found.levels == {"method": ["a", "b"], "model": ["sim/a", "sim/b"]}
    assert found.left_out == ["method c: not run with all others"]
    assert found.means.tolist() == [[50.0, 50.0], [50.0, 50.0]] and found.unit == "points"


def test_a_task_of_a_grid_has_one_comparability_key(tmp_path):
    for task in ("t", "u"):
        table(tmp_path, FULL, task=task)
    assert len(grids(arms(tmp_path), ("method", "model", "task"))) == 1
    found = table(tmp_path, FULL, task="t", task_args={"level": 2})
    with pytest.raises(UsageError, match="a task has runs of several comparability keys; choose one with -T"):
        grids(found, ("method", "model", "task"))


def test_two_subjects_at_one_place_are_named(tmp_path):
    found = table(tmp_path, FULL)
    twin = replace(found[0], runs=tuple({**run, "run_id": "f" * 64} for run in found[0].runs))
    with pytest.raises(UsageError) as caught:
        grids([*found, twin])
    first = found[0].run_ids[0][:12]
    assert str(caught.value) == (
        f"two subjects are a x sim/a on simulated, in runs {first} and {'f' * 12}; choose one with -M, "
        "--method or --store"
    )


def test_tasks_without_bounds_make_no_common_grid(tmp_path):
    table(tmp_path, FULL, task="t", metric_range=MetricRange(-np.inf, np.inf))
    found = table(tmp_path, FULL, task="u")
    with pytest.raises(UsageError, match="metrics have no bounds make no common grid"):
        grids(found, ("method", "model", "task"))


def test_a_metric_that_a_grid_lacks(tmp_path):
    with pytest.raises(UsageError, match="^simulated has no metric 'f1'; it has: accuracy$"):
        grids(table(tmp_path, FULL), metric="f1")


@pytest.mark.parametrize("apart, taken", [(0.9e-6, True), (-0.9e-6, True), (1.1e-6, False), (-1.1e-6, False)])
def test_attempts_give_the_value_that_their_record_states(tmp_path, apart, taken):
    run = {"metrics": {"accuracy": {"value": 0.5}}}
    if taken:
        check_stated(0.5 + apart, run, "accuracy", tmp_path)
    else:
        with pytest.raises(RecordError, match="'harness results verify' checks every digest"):
            check_stated(0.5 + apart, run, "accuracy", tmp_path)
    check_stated(0.9, run, "of its own", tmp_path)


def test_attempts_of_a_metric_that_no_item_has(tmp_path):
    seal_scores(tmp_path, [1, 0, 1])
    (arm,) = arms(tmp_path)
    with pytest.raises(RecordError, match="has no attempts at 'f1'"):
        load_run(arm.runs[0], "f1")
    told = {**arm.runs[0], "metrics": {**arm.runs[0]["metrics"], "f1": {"value": 0.5}}}
    with pytest.raises(RecordError, match=r"f1 .*accuracy"):
        load_run(told, "f1")
    with pytest.raises(KeyError):
        score(arm, "f1")


def test_a_metric_of_attempts_needs_so_many_and_a_score_from_0_to_1(tmp_path):
    seal_scores(tmp_path / "a", [[1, 0, 1], [0, 0, 1]])
    (arm,) = arms(tmp_path / "a")
    assert of_attempts(arm, "pass@3").means().tolist() == [1.0, 1.0]
    with pytest.raises(UsageError, match="pass@4 needs 4 attempts .* has at most 3; .*--epochs 4"):
        of_attempts(arm, "pass@4")
    seal_scores(tmp_path / "b", [[1, 0], [0, 2]], metric_range=MetricRange(0.0, 2.0))
    (arm,) = arms(tmp_path / "b")
    with pytest.raises(UsageError, match="accuracy of simulated isn't from 0 to 1, more being better"):
        of_attempts(arm, "pass@2")
    for seed in (0, 1):
        seal_scores(tmp_path / "c", [[1, 0], [0, 1]], seed=seed, draws="run")
    (arm,) = arms(tmp_path / "c")
    with pytest.raises(UsageError, match="pass@4 needs the attempts of all 2 runs of .*; run one seed more"):
        of_attempts(arm, "pass@4")
    assert of_attempts(arm, "pass@2").cells.shape == (2, 2)


def test_one_quantity_is_compared_with_itself(tmp_path):
    """Of 2 runs of 2 attempts, 3 attempts are of several draws; of a run of 4 attempts, of one."""
    for seed in (0, 1, 2):
        seal_scores(tmp_path, [[1, 0], [0, 1]] * 5, method="short", seed=seed, draws="run")
        seal_scores(tmp_path, [[1, 0, 1, 1], [0, 1, 0, 0]] * 5, method="long", seed=seed, draws="run")
    long, short = arms(tmp_path)

    def load(arm, metric):
        return of_attempts(arm, metric)

    with pytest.raises(UsageError, match="pass@3 is not one quantity here: .* give both as many --epochs"):
        compare(short, long, "pass@3", load=load)


def test_arms_of_other_keys_are_not_compared(tmp_path):
    seal_scores(tmp_path, [1, 0], task="a")
    seal_scores(tmp_path, [1, 0], task="b")
    with pytest.raises(ValueError, match="are not comparable"):
        compare(*arms(tmp_path))


def test_items_as_fixed_need_two_runs_of_each_arm(tmp_path):
    for method, seeds in (("a", 2), ("b", 1)):
        for seed in range(seeds):
            seal_scores(tmp_path, [1, 0, 1], method=method, seed=seed, draws="run")
    a, b = arms(tmp_path)
    with pytest.raises(UsageError, match="--fixed-items asks .* b x sim/model has one run"):
        compare(a, b, wanted="fixed-items")
    seal_scores(tmp_path, [1, 1, 1], method="b", seed=1, draws="run")
    a, b = arms(tmp_path)
    assert compare(a, b, wanted="fixed-items").claim == "runs"


@pytest.mark.parametrize("lower, worst", [(False, -3.0), (True, 7.0)])
def test_without_a_bound_what_was_not_scored_counts_as_the_worst_that_was_measured(tmp_path, lower, worst):
    """Such a run is sealed, and its record, its items and its line say the same."""
    span = MetricRange(-np.inf, np.inf, lower_is_better=lower)
    scores = [[7.0, 1.0], [5.0, 1.0], [-3.0, 1.0]]
    made = seal_scores(
        tmp_path, scores, metric_range=span, status=lambda n, epoch: "error" if (n, epoch) == (1, 1) else "ok"
    )
    metric, wanted = made["metrics"]["accuracy"], (4.0 + (5.0 + worst) / 2 - 1.0) / 3
    assert metric["value"] == pytest.approx(wanted) and metric["scored_only"] == pytest.approx(8 / 3)
    (arm,) = arms(tmp_path)
    assert sorted(load_items(arm, "accuracy").means()) == sorted([4.0, (5.0 + worst) / 2, -1.0])
    assert "1 of 6 attempts ended in errors and count as the worst value that was measured" == failures(made)


def test_without_a_bound_a_run_of_errors_alone_has_the_value_0(tmp_path):
    span = MetricRange(0.0, np.inf, lower_is_better=True)
    made = seal_scores(tmp_path, [1.0, 2.0], metric_range=span, status=lambda n, _: "error")
    assert made["metrics"]["accuracy"]["value"] == 0 and made["metrics"]["accuracy"]["scored_only"] is None

"""Whole runs of personal tasks with the simulated person: what the record says of users, pasts and costs."""

import pytest

from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from tests.one_cell import rows

TASK = {"users": 4, "history": 8, "test": 3}


def run(folder, method="personaagent", **more):
    args = {"task_args": TASK, "offline": True, **more}
    request = Request("personal/synthetic", method, "sim/person", **args)
    (result,) = run_grid(plan(request), Session(Store(folder / "store"))).results
    assert result.record is not None, result.error
    return result.record


def test_users_are_the_unit_and_alignment_is_a_cost_of_its_own(tmp_path):
    record = run(tmp_path)
    assert (
        record["metrics"]["accuracy"]["n_clusters"] == 4
        and record["metrics"]["user_accuracy"]["n_clusters"] == 4
    )
    assert record["data_access"] == {"history": 32}
    spent = {purpose: usage["calls"] for purpose, usage in record["usage"]["by_purpose"].items()}
    assert spent == {"profile": 4, "align": 4 * (9 + 3 + 1), "answer": 36}
    assert [row["calls"] for row in rows(record)] == [3] * 12  # of answering alone
    assert record["metrics"]["ceiling"]["value"] == pytest.approx(0.9) and record["draws"] == "run"


def test_a_swap_stands_in_the_record_and_makes_another_subject(tmp_path):
    own, swapped = run(tmp_path), run(tmp_path, method_args={"swap": "persona"})
    assert swapped["data_access"] == {"history": 32, "history_swapped": 4}
    assert swapped["subject"]["method_args"]["swap"] == "persona"
    assert own["comparability_key"] == swapped["comparability_key"]
    assert own["subject_key"] != swapped["subject_key"]
    prior = run(tmp_path, "label-prior", method_args={"swap": "memory"})
    assert prior["draws"] == "run" and run(tmp_path, "label-prior")["draws"] == "none"


def test_another_past_is_another_measurement(tmp_path):
    one = run(tmp_path)
    other = run(tmp_path, task_args={**TASK, "data_seed": 0, "history": 9})
    assert one["comparability"]["data_digest"] == other["comparability"]["data_digest"]
    assert one["comparability"]["history"] != other["comparability"]["history"]


def test_only_users_that_are_asked_are_prepared(tmp_path):
    record = run(tmp_path, limit=3)
    assert record["data_access"] == {"history": 8} and record["usage"]["by_purpose"]["profile"]["calls"] == 1


def test_a_run_that_stopped_between_alignment_and_answers_goes_on_as_if_it_had_not(tmp_path):
    whole = run(tmp_path / "whole")
    stopped = run(tmp_path / "parts", budget_calls=70)
    assert stopped["status"] == "stopped" and 0 < stopped["counts"]["attempts"] < 12
    again = run(tmp_path / "parts")
    assert again["status"] == "complete"
    for name in ("metrics", "counts", "data_access", "draws"):
        assert again[name] == whole[name], name
    mine, theirs = ({k: v["calls"] for k, v in r["usage"]["by_purpose"].items()} for r in (whole, again))
    assert mine == theirs


def test_the_cold_start_curve_is_one_curve(tmp_path):
    from harness.api.sweeps import cells_of
    from harness.comparison.sweep import curves
    from harness.results.index import read_index

    store = Store(tmp_path / "store")
    request = Request("personal/synthetic", "label-prior", "none", task_args=TASK, offline=True)
    _, cells = cells_of(request, [("history", [1, 4, 12])])
    assert all(result.record for result in run_grid(cells, Session(store)).results)
    (curve,) = curves(read_index(store.root).rows, "history")
    assert list(curve.values) == [1, 4, 12] and len(curve.means) == 3

"""The methods through the command's own path: training, what is kept of it, and what it costs."""

import json
import multiprocessing
import time

import pytest
from pyarrow import parquet

from harness.base.errors import UsageError
from harness.engine.loading import load_policy
from harness.methods.cm2.codec import Codec
from harness.model.factory import POCKET
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session

TINY = {"fit": "train", "steps": 2, "prompts": 2, "rollouts": 3, "max_tokens": 4}
GAME = {"turns": 2, "style": "compact", "train": 6, "items": 3}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def go(tmp_path, method="cm2", task_args=GAME, model="pocket/office", tiny=TINY, **args):
    request = Request(
        task="toolworld/chain", task_args=task_args, method=method, model=model, method_args={**tiny, **args}
    )
    (result,) = run_grid(plan(request), Session(Store(tmp_path / "results"))).results
    return result


def trained(cache):
    (folder,) = [path for path in (cache / "artifacts").iterdir() if (path / "training.json").exists()]
    return folder


@pytest.mark.parametrize("method", ["cm2", "outcome-rl", "holistic-rl", "sft"])
def test_a_policy_is_trained_once_and_its_cost_is_every_runs(tmp_path, cache, method):
    record = go(tmp_path, method).record
    assert record["status"] == "complete" and record["counts"]["ok"] == 3
    used = record["usage"]["by_purpose"]["train"]
    assert used["calls"] == 12 and used["output_tokens"] > 12
    assert record["data_access"]["train_rollouts"] == 12 and record["data_access"]["labels_seen"] == 6
    facts = json.loads((trained(cache) / "training.json").read_text("utf-8"))
    assert facts["method"] == method and facts["steps"] == 2 and facts["plan"]["rollouts"] == 3
    again = go(tmp_path / "again", method).record
    assert again["usage"]["by_purpose"]["train"]["calls"] == 12
    assert again["metrics"] == record["metrics"]


def test_a_trained_policy_is_evaluated_as_it_is(tmp_path, cache):
    go(tmp_path)
    kept = go(tmp_path / "kept", tiny={}, policy=str(trained(cache))).record
    assert kept["draws"] == "none" and kept["curve"]["rows"] == 2


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"rollouts": 1}, "rollouts=1 is below 2"),
        ({"rate": -1.0}, "above 0"),
        ({"rate": 1e9, "flip": 0.3}, "lower -M rate and run again"),
        ({"flip": 1.5}, "flip=1.5"),
        ({"judge": "model"}, "--role judge=MODEL"),
        ({"blind": "person,bookings,act,rest"}, "leaves a turn without items"),
        ({"level": "step", "std": True}, "std is not defined"),
        ({"fit": "shipped"}, "no shipped policy"),
        ({"blind": "rest,rooms"}, "no checklist has items of the kind 'rooms'"),
        ({"level": "turn", "minimum_holders": 5}, "more than the 3 episodes of a group"),
    ],
)
def test_a_mistake_gets_a_line(tmp_path, args, said):
    assert said in str(go(tmp_path, **args).error)


def test_a_policy_without_a_chat_template_can_not_learn_from_dialogues(tmp_path):
    assert "pocket/grid holds no dialogue" in str(go(tmp_path, model="pocket/grid").error)
    with pytest.raises(UsageError, match="chat template shows no dialogue"):
        Codec(load_policy(POCKET / "grid", "cm2")[1])


def test_a_training_that_was_killed_goes_on_to_the_same_curve(tmp_path, cache, monkeypatch):
    killed = multiprocessing.get_context("spawn").Process(
        target=go, args=(tmp_path / "killed",), kwargs={"steps": 6, "save_every": 1}
    )
    killed.start()
    until = time.time() + 60
    while not list(cache.glob("workspaces/*/checkpoint-2/course.json")) and time.time() < until:
        time.sleep(0.005)
    killed.kill()
    killed.join()
    assert not list(cache.glob("artifacts/*/training.json")), "it was killed too late"
    assert list(cache.glob("workspaces/*/checkpoint-2/course.json"))
    record = go(tmp_path, steps=6, save_every=1).record
    curve = (trained(cache) / "curve.jsonl").read_text("utf-8")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "other"))
    whole = go(tmp_path / "whole", steps=6, save_every=1).record
    other = (trained(tmp_path / "other") / "curve.jsonl").read_text("utf-8")

    def kept(text):
        return [
            {k: v for k, v in json.loads(row).items() if not k.endswith("_s")} for row in text.splitlines()
        ]

    assert kept(curve) == kept(other) and len(kept(curve)) == 6
    assert record["usage"]["by_purpose"]["train"]["calls"] == whole["usage"]["by_purpose"]["train"]["calls"]


def test_the_best_of_several_episodes_is_kept_and_all_are_paid_for(tmp_path):
    tiny = {"n": 3}
    record = go(tmp_path, "cm2-best-of-n", tiny=tiny).record
    rows = parquet.read_table(record["samples_path"]).to_pylist()
    for row in rows:
        trace = json.loads(row["trace"])
        assert len(trace["scores"]) == 3 and trace["scores"][trace["chosen"]] == max(trace["scores"])
        assert trace["scores"].index(max(trace["scores"])) == trace["chosen"]
        assert trace["checklist"] == "rule"
    alone = go(tmp_path / "alone", "cm2-best-of-n", tiny={"n": 1}).record
    assert record["usage"]["calls"] > 2 * alone["usage"]["calls"]
    assert "targets_seen" not in record["data_access"]


def test_an_oracle_is_counted_and_gets_no_place(tmp_path):
    import harness
    from harness import compare
    from harness.comparison.arms import arms_of
    from harness.comparison.grid import grids
    from harness.display.records import beside
    from harness.gate.candidates import candidate_rows
    from harness.gate.checks import Rules
    from harness.gate.integrity import faults
    from harness.leaderboard.board import Entry
    from harness.leaderboard.tables import _status
    from harness.results.ceiling import ceiling
    from harness.results.index import read_index

    record = go(tmp_path, "cm2-best-of-n", tiny={"n": 2, "checklist": "oracle"}).record
    assert record["data_access"]["targets_seen"] == 3
    assert "saw the items' targets: a ceiling, not ranked" in beside(record)
    plain = go(tmp_path, "cm2-best-of-n", tiny={"n": 2}).record
    assert not [line for line in beside(plain) if "ceiling" in line]
    found = compare(baseline=plain["run_id"][:12], store=tmp_path / "results")
    (against,) = found
    assert "the candidate saw the items' targets: a ceiling, not ranked" in against.warnings

    with pytest.raises(UsageError, match="a ceiling is no baseline"):
        harness.set_baseline("main", method_args={"checklist": "oracle"}, store=tmp_path / "results")
    first, oracle = sorted(read_index(tmp_path / "results").rows, key=ceiling)
    (reference,) = arms_of([first])
    newer = {**oracle, "created_at": "9"}
    assert candidate_rows(reference, [first, newer]) == [first] and candidate_rows(reference, [newer])
    told = [fault.sentence for fault in faults(against, Rules())]
    assert "the candidate saw the items' targets: a ceiling is no method's score" in told
    with pytest.raises(UsageError, match="no complete runs to make a grid of"):
        grids(arms_of([oracle]))

    class Arm:
        model, complete, runs = "pocket/office", True, [record]

    assert not Entry(Arm(), 0.5, None, "").ranked and _status(Entry(Arm(), 0.5, None, "")) == "ceiling"
    Arm.runs = [{**record, "data_access": {}}]
    assert Entry(Arm(), 0.5, None, "").ranked

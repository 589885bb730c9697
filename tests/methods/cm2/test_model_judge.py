"""Training under a model's judgement, by a real server that contradicts itself and writes nonsense."""

import hashlib
import json

import pytest

from harness.model.factory import open_model
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from tests.harness.checklist.conftest import Server, judgement

JUDGE = "openai-api/local/judge"
TINY = {"fit": "train", "steps": 2, "prompts": 2, "rollouts": 3, "max_tokens": 4, "judge": "model"}
GAME = {"turns": 2, "style": "compact", "train": 6, "items": 2}


@pytest.fixture
def server():
    made = Server()
    yield made
    made.shutdown()
    made.server_close()


def moody(prompt):
    """The same mood about the same prompt, whenever it is asked."""
    mood = hashlib.sha256(prompt.encode()).digest()[0]
    return "I would say yes." if mood < 40 else judgement(mood % 3 == 0)


def go(folder, server, method="cm2", budget=None, **args):
    session = Session(Store(folder))
    session.use(open_model(JUDGE, {"base_url": server.url, "api_key": "none", "timeout": 2}))
    request = Request(
        task="toolworld/chain",
        task_args=GAME,
        method=method,
        model="pocket/office",
        method_args={**TINY, **args},
        roles={"judge": JUDGE},
        budget_calls=budget,
    )
    (result,) = run_grid(plan(request), session).results
    return result


def curve(cache):
    (folder,) = [path for path in (cache / "artifacts").iterdir() if (path / "training.json").exists()]
    rows = [json.loads(row) for row in (folder / "curve.jsonl").read_text("utf-8").splitlines()]
    return [{k: v for k, v in row.items() if not k.endswith("_s") and k != "asked"} for row in rows]


def test_a_judge_that_fails_leaves_episodes_out_and_every_call_is_booked(tmp_path, monkeypatch, server):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    server.reply = moody
    result = go(tmp_path / "out", server, judge_mode="turn")
    assert result.record, result.error
    rows = curve(tmp_path / "cache")
    assert sum(row["judge_calls"] for row in rows) > 20 and sum(row["judge_errors"] for row in rows) > 0
    assert sum(row["dropped"] for row in rows) > 0
    used = result.record["usage"]["by_purpose"]
    assert used["judge"]["calls"] >= sum(row["judge_calls"] for row in rows) > 0
    seen = result.record["data_access"]
    assert seen["judge_errors"] == sum(row["judge_errors"] for row in rows) < seen["judge_verdicts"]
    again = go(tmp_path / "again", server, judge_mode="turn").record["usage"]["by_purpose"]
    assert again["judge"]["calls"] == used["judge"]["calls"], "the cost of what is found is counted"


def test_a_training_whose_budget_ended_goes_on_to_the_same_curve(tmp_path, monkeypatch, server):
    server.reply = moody
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "whole"))
    small = {"steps": 3, "save_every": 1, "prompts": 1, "rollouts": 2, "judge_mode": "turn"}
    assert go(tmp_path / "a", server, **small).record
    asked = len(server.requests)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cut"))
    stopped = go(tmp_path / "b", server, budget=asked // 2, **small)
    assert stopped.record["status"] == "stopped"
    assert go(tmp_path / "b", server, **small).record["status"] == "complete"
    assert curve(tmp_path / "cut") == curve(tmp_path / "whole")


def test_a_judge_that_never_answers_stops_the_training_and_leaves_no_policy(tmp_path, monkeypatch, server):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    server.reply = lambda prompt: "no idea"
    result = go(tmp_path / "out", server, steps=1, prompts=1, rollouts=2, judge_mode="turn")
    assert "not one episode had a reward" in str(result.error)
    assert not list((tmp_path / "cache").glob("artifacts/*/training.json"))


@pytest.mark.parametrize("method", ["outcome-rl", "holistic-rl"])
def test_a_model_can_judge_the_whole(tmp_path, monkeypatch, server, method):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    told = {"outcome-rl": {"success": True}, "holistic-rl": {"grade": 4}}[method]
    server.reply = lambda prompt: json.dumps({"analysis": "...", **told})
    result = go(tmp_path / "out", server, method)
    assert result.record, result.error
    rows = curve(tmp_path / "cache")
    assert {round(row["reward"], 3) for row in rows} == {1.0 if method == "outcome-rl" else 0.333}


def test_an_episode_whose_reward_is_unknown_is_not_kept_while_another_is_known(tmp_path, monkeypatch, server):
    from pyarrow import parquet

    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    server.reply = lambda prompt: "no idea"
    request = {"fit": None, "judge": "model", "n": 2}
    session = Session(Store(tmp_path / "out"))
    session.use(open_model(JUDGE, {"base_url": server.url, "api_key": "none", "timeout": 2}))
    cells = plan(
        Request(
            task="toolworld/chain",
            task_args=GAME,
            method="cm2-best-of-n",
            model="pocket/office",
            method_args={k: v for k, v in request.items() if v is not None},
            roles={"judge": JUDGE},
        )
    )
    (result,) = run_grid(cells, session).results
    for row in parquet.read_table(result.record["samples_path"]).to_pylist():
        trace = json.loads(row["trace"])
        assert trace["scores"] == [None, None] and trace["chosen"] == 0
        assert trace["chosen_by"] == "none known: the first" and trace["judge_errors"] > 0

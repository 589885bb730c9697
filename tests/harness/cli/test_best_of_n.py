"""`cm2-best-of-n` as typed, and from Python: a model writes a checklist of the request and judges by it."""

import json

import pytest
from pyarrow import parquet

from tests.harness.cli.test_dialogues import attempts, item, judgement, said

ROLES = {name: f"openai-api/local/{name}" for name in ("judge", "simulator")}
GRID = ("--task", "tau2/retail,toolsandbox/offline,toolworld/multi", "--method", "cm2-best-of-n")


@pytest.fixture
def server(endpoint, monkeypatch):
    """The first episode of an item says a word that the judge wants to hear only where it is asked again."""
    monkeypatch.setenv("LOCAL_API_KEY", "none")
    monkeypatch.setenv("LOCAL_BASE_URL", endpoint.address)
    monkeypatch.setenv("HARNESS_CACHE", "cache")
    drawn, asked = {}, []

    def reply(body):
        text = body["messages"][-1]["content"]
        asked.append((body["model"], json.dumps(body["messages"])))
        if body["model"] == "agent":
            opening = json.dumps(body["messages"])
            drawn[opening] = drawn.get(opening, 0) + 1
            return said("Well done." if drawn[opening] > 1 else "Sorry.")
        if body["response_format"]["json_schema"]["name"] == "checklist":
            return json.dumps({"turns": [[item("C0", 1.0)]]})
        return judgement("Well done." in text)

    endpoint.reply = reply
    return asked


def arguments(*tasks):
    named = (part for name, model in ROLES.items() for part in ("--role", f"{name}={model}"))
    return (*tasks, "--model", "openai-api/local/agent", *named)


def test_the_episode_that_a_model_s_own_checklist_likes_best_is_kept(command, server, tmp_path):
    done = command("eval", *arguments(*GRID), "-M", "n=2", "--limit", "1", "--max-retries", "0", "--json")
    assert "tau2/retail" in done.err and "toolsandbox/offline" in done.err  # need a set-up that isn't here
    (row,) = attempts(tmp_path)
    trace = row["trace"]
    assert trace["checklist"] == "model" and trace["annotations"] == 1 and trace["judge_errors"] == 0
    assert trace["scores"][trace["chosen"]] == max(trace["scores"]) == 1.0 and min(trace["scores"]) == 0.0
    (written,) = [text for who, text in asked_for(server, "[request 0]")]
    assert "send_message" in written  # the agent's tools are known
    (path,) = tmp_path.glob("results/**/run.json")
    record = json.loads(path.read_text())
    assert record["usage"]["by_purpose"]["annotator"]["calls"] == 1
    # a simulator that this task doesn't ask is no part of what its run is
    assert {*record["subject"]["roles"]} == {"judge"} and record["comparability"]["roles"] == {}


def asked_for(server, words):
    return [(who, text) for who, text in server if who == "judge" and words in text]


def test_a_verdict_that_is_missing_is_counted_beside_the_run_and_the_same_from_python(
    command, server, endpoint, tmp_path
):
    import harness

    whole = endpoint.reply

    def reply(body):
        form = body.get("response_format", {}).get("json_schema", {}).get("name")
        return "no idea" if form == "judgement" else whole(body)

    endpoint.reply = reply
    runs = harness.evaluate(
        task="toolworld/multi",
        method="cm2-best-of-n",
        model="openai-api/local/agent",
        method_args={"n": 2},
        roles={"judge": ROLES["judge"]},
        limit=1,
        progress=False,
    )
    (row,) = parquet.read_table(next(tmp_path.glob("results/**/samples.parquet"))).to_pylist()
    assert json.loads(row["trace"])["scores"] == [None, None]
    (path,) = tmp_path.glob("results/**/run.json")
    assert json.loads(path.read_text())["counts"]["judge_errors"] == 2
    shown = repr(runs)
    assert "verdicts that the judge failed to give: 2 on test items; none is taken for a no" in shown
    assert "spent on annotator 1 calls" in shown and "; judge 6 calls" in shown

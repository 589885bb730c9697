"""`show --request` and the tools of a run: what a server that records its requests got, and nothing else."""

import json
import sqlite3
from pathlib import Path

import pytest
from inspect_ai.tool import ToolInfo

from harness.base.messages import user
from harness.model import first_request
from harness.model.first_request import FirstRequests, as_kept
from harness.model.provider import Call, Provider
from harness.results.requests import BEFORE, NO_CALL, NO_TRANSCRIPTS, request_of, tools_of
from harness.sample import Question

KEY = "sk-own-0123456789abcdef"


@pytest.fixture
def measured(command, endpoint, monkeypatch):
    """Runs `eval` on the recording server; the record."""
    monkeypatch.setenv("LOCAL_API_KEY", KEY)
    monkeypatch.setenv("LOCAL_BASE_URL", endpoint.address)
    rows = [{"text": text, "label": label} for text, label in (("sing – ü", "music"), ("wake {me}", "alarm"))]
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, rows)))

    def run(
        *arguments, task=("--task", "classify/custom", "-T", "data=rows.jsonl"), model="openai-api/local/m"
    ):
        endpoint.requests.clear()
        done = command("eval", *task, "--model", model, *arguments, "--max-connections", "1", "--json")
        assert done.code == 0, done.err
        (found,) = json.loads(done.out)["runs"]
        return found

    return run


@pytest.fixture
def shown(command):
    """What `show RUN --request` prints, as JSON."""

    def show(run, *arguments):
        done = command("show", run["run_id"], "--request", *arguments)
        assert done.code == 0, done.err
        assert KEY not in done.out and "uthorization" not in done.out
        return json.loads(done.out)

    return show


def test_the_first_request_is_the_one_that_the_server_got(measured, shown, endpoint):
    endpoint.reply = lambda body: "music"
    run = measured(
        "--system", "Be kind – ü.", "--temperature", "0.3", "-G", 'extra_body={"own": {"x": [1, null]}}'
    )
    for sample, words in (("0", "sing – ü"), ("1", "wake {me}")):
        (sent,) = [body for body in endpoint.requests if words in body["messages"][-1]["content"]]
        assert shown(run, "--sample", sample) == sent and sent["own"] == {"x": [1, None]}
    assert shown(run) == shown(run, "--sample", "0")


def test_of_several_calls_and_epochs_it_is_the_first(measured, shown, endpoint):
    endpoint.reply = lambda body: "music"
    grid = ("--method", "self-consistency", "-M", "samples=3", "--epochs", "2", "--limit", "1")
    run = measured(*grid, "-G", "seed=7")
    assert len(endpoint.requests) == 6
    assert shown(run, "--epoch", "0") == endpoint.requests[0]
    again = measured("--method", "cot", "--limit", "1")
    assert [shown(again)] == endpoint.requests


def test_after_a_refused_setting_it_is_the_request_that_was_answered(measured, shown, endpoint):
    def reply(body):
        refused = "Unsupported parameter: 'temperature' is not supported with this model."
        return (400, refused) if "temperature" in body else "music"

    endpoint.reply = reply
    run = measured("--limit", "1")
    assert ["temperature" in body for body in endpoint.requests] == [True, False]
    assert shown(run) == endpoint.requests[1]


def test_a_request_that_failed_for_good_is_shown_too(measured, command, endpoint):
    endpoint.reply = lambda body: (422, "that is no prompt")
    done = command(
        "eval",
        "--task",
        "classify/custom",
        "-T",
        "data=rows.jsonl",
        "--model",
        "openai-api/local/m",
        "--limit",
        "1",
        "--json",
        "--no-probe",
        "--keep-going",
    )
    (run,) = json.loads(done.out)["runs"]
    asked = command("show", run["run_id"], "--request")
    assert json.loads(asked.out) == endpoint.requests[-1], asked.err


def test_tools_are_listed_with_their_schemas_on_request(measured, shown, command, endpoint):
    endpoint.reply = lambda body: "I can't."
    run = measured(task=("--task", "toolworld/single", "--limit", "2"))
    body = shown(run)
    assert body == endpoint.requests[0] and len(body["tools"]) > 2
    names = [tool["function"]["name"] for tool in body["tools"]]
    listed = f"tools offered: {', '.join(names)} (--tools: with schemas)"
    sample = json.loads(command("show", run["run_id"], "--json").out)
    assert [(tool["name"], tool["attempts"]) for tool in sample["tools"]] == [(name, 2) for name in names]
    for arguments in ((), ("--sample", sample_id(run, command))):
        lines = command("show", run["run_id"], *arguments).out.splitlines()
        assert listed in lines
        lines = command("show", run["run_id"], *arguments, "--tools").out.splitlines()
        start = lines.index("tools offered:")
        schemas = [json.loads(line) for line in lines[start + 1 : start + 1 + len(names)]]
        assert [tool["name"] for tool in schemas] == names
        assert all(tool["parameters"]["type"] == "object" for tool in schemas)
    row = json.loads(command("show", run["run_id"], "--sample", sample_id(run, command), "--json").out)
    assert row["request"] == body and row["request_unknown"] is None and row["tools"] == schemas


def sample_id(run, command):
    from harness.results import load_samples

    return load_samples(run["run_id"])["sample_id"][0]


def test_a_run_from_the_cache_has_the_request_by_which_its_answer_was_got(measured, shown, command, endpoint):
    endpoint.reply = lambda body: "music"
    first = measured("--limit", "1")
    sent = endpoint.requests[0]
    again = measured("--limit", "1", "--overwrite")
    assert not endpoint.requests and shown(again) == sent
    with sqlite3.connect("cache/completions.sqlite") as cache:
        assert cache.execute("DELETE FROM requests").rowcount == 1
    third = measured("--limit", "1", "--overwrite")
    said = command("show", third["run_id"], "--request")
    assert said.code == 2 and said.out == ""
    (line,) = said.errors
    assert line.startswith(
        f"error: the first request of sample '0' of run {third['run_id'][:12]} can't be known"
    )
    assert line.endswith("its answer came from the cache, which doesn't hold the request")
    digests = {json.loads(Path(run["record"]).read_text())["result_digest"] for run in (first, again, third)}
    assert len(digests) == 1
    assert command("results", "verify").code == 0


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--no-transcripts",), "the run was sealed with --no-transcripts"),
        (("--model", "echo/first"), "no server was asked: its model runs in this process"),
    ],
)
def test_what_cannot_be_known_is_said(measured, command, endpoint, arguments, why):
    endpoint.reply = lambda body: "music"
    run = measured(*arguments)
    said = command("show", run["run_id"], "--request")
    assert said.code == 2 and why in said.err
    (line,) = command("show", "direct", "--request").errors
    assert line.startswith("error: --request is of a run, and 'direct' is a task or a method")


def test_a_request_that_is_too_long_is_not_kept_and_said_to_be(measured, command, endpoint, monkeypatch):
    monkeypatch.setattr(first_request, "LONGEST", 40)
    endpoint.reply = lambda body: "music"
    run = measured()
    assert "it is longer than 262,144 characters" in command("show", run["run_id"], "--request").err


def test_a_request_that_inspect_ai_makes_is_not_known():
    provider = Provider()
    provider.name = "anthropic/m"
    call = Call(Question("q", "?"), [user("?")], sent=[])
    assert json.loads(as_kept(call, provider)) == (
        "anthropic/m was asked through inspect-ai's client, which doesn't show what it sends"
    )
    provider.batched = True
    assert "in a batch" in as_kept(call, provider)


def test_what_is_kept_is_read_as_hostile_data():
    row = {"input": "?", "request": None, "tools": None}
    assert request_of({"input": "?"}) == (None, BEFORE)
    assert request_of(row) == (None, NO_CALL) and request_of({**row, "input": None}) == (None, NO_TRANSCRIPTS)
    assert request_of({**row, "request": "{"})[1] == "what is kept of it can't be read"
    assert request_of({**row, "request": '{"a": 1}'}) == ({"a": 1}, "")
    for text in ("[", '{"name": "x"}', '[1, {"name": 2}, {}]', None):
        assert tools_of({"tools": text}) == []


def test_tools_of_later_calls_are_offered_too_and_attempts_are_apart():
    requests = FirstRequests()
    one, two = (ToolInfo(name=name, description="does") for name in ("one", "two"))
    assert requests.begins("a", 0, [one]) and not requests.begins("a", 0, [one, two])
    assert requests.begins("a", 1, []) and requests.begins("b", 0, [two])
    requests.keep("a", 0, '{"x": 1}')
    taken = requests.take("a", 0)
    assert taken["request"] == '{"x": 1}'
    assert [tool["name"] for tool in json.loads(taken["tools"])] == ["one", "two"]
    assert requests.take("a", 1) == {} == requests.take("a", 0) and requests.begins("a", 0, [])
    requests.clear()
    requests.keep("b", 0, "{}")
    assert requests.take("b", 0) == {}

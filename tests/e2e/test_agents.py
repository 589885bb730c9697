"""Agents and simulated users behind a real OpenAI-compatible server, with faults, kills and hostile text."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.cli.eval import command, request_from
from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.results import load_samples
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import plan
from harness.run.session import Session

HARNESS = Path(sys.executable).with_name("harness")


def items(name):
    spec = registry().task(name)
    return [sample.target for sample in load_task(spec, spec.arguments({})).load(Data()).test]


WANTED = {
    target["lines"][0]: target for name in ("toolworld/single", "toolworld/multi") for target in items(name)
}


def agent(messages):
    """First an unknown tool and arguments that are no JSON, then every wanted action at once, then words."""
    opening = next(m["content"] for m in messages if m["role"] == "user")
    target = WANTED[opening]
    said = [m for m in messages if m["role"] == "assistant"]
    if not said:
        return "Let me see.", [("open_door", "{}"), ("find_people", '{"name": ')]
    actions, says = ([each for turn in target[key] for each in turn] for key in ("actions", "says"))
    if len(said) == 1 and actions:
        return "", [(name, json.dumps(arguments)) for name, arguments in actions]
    return " ".join(["Done.", *says]), []


def user(messages):
    """Reads its lines from its instructions and leaves after the last."""
    lines = [line.partition(". ")[2] for line in messages[0]["content"].splitlines() if line[:1].isdigit()]
    said = sum(m["role"] == "assistant" for m in messages)
    return (lines[said] if said < len(lines) else "[END]"), []


def endless(messages):
    return "", [("find_people", '{"name": "a"}')]


def chatty(messages):
    return "One more thing, please.", []


def silent(messages):
    return "", []


PLAYERS = {f.__name__: f for f in (agent, user, endless, chatty, silent)}


@pytest.fixture
def server(serve):
    return serve(PLAYERS)


def arguments(server, *more, model="agent"):
    return [
        "--task",
        "toolworld/multi",
        "--model",
        f"openai-api/local/{model}",
        "--model-arg",
        "api_key=none",
        "--model-arg",
        f"base_url=http://127.0.0.1:{server.server_port}/v1",
        "--max-connections",
        "6",
        "--limit",
        "30",
        *more,
    ]


def environment(place):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HARNESS_")}
    return {**kept, "HARNESS_CACHE": str(place / "cache")}


@pytest.fixture
def shell(warm, tmp_path):
    def start(server, *more):
        asked = arguments(server, *more, "--store", tmp_path / "results", "--json")
        return warm.start([HARNESS, "eval", *asked], tmp_path, environment(tmp_path))

    return start


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run in this process, with a cache and a store of its own: its record and its attempts."""

    def measured(server, *more, name="here", **fields):
        monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / name / "cache"))
        given = command.make_context("eval", arguments(server, *more, **fields)).params
        given = {key: value for key, value in given.items() if key not in ("as_json", "dry_run", "out")}
        (cell,) = plan(request_from(given, {})[0])
        (result,) = run_grid([cell], Session(Store(tmp_path / name))).results
        assert result.record is not None, result.error
        return result.record, load_samples(result.record["run_id"], str(tmp_path / name))

    return measured


BOTH = ("-T", "user=model", "--role", "user=openai-api/local/user")


def test_dialogues_with_parallel_and_malformed_calls(server, run):
    record, attempts = run(server, *BOTH)
    assert record["metrics"]["accuracy"]["value"] == 1.0 and record["counts"]["ok"] == 30
    by_purpose, calls = record["usage"]["by_purpose"], record["usage"]["calls"]
    assert by_purpose["answer"]["calls"] + by_purpose["user"]["calls"] == calls == len(server.answered)
    assert by_purpose["user"]["calls"] > 60
    trace = json.loads(attempts["trace"][0])
    assert trace["tool_errors"] == 2 and trace["stop"] == "stop"
    errors = [m["content"] for m in trace["messages"] if m["role"] == "tool"][:2]
    assert "no tool 'open_door'" in errors[0] and "can't be read" in errors[1]
    assert any(len(m.get("calls", ())) == 2 for m in trace["messages"])


def test_killed_and_resumed_pays_nothing_twice(server, serve, run, shell):
    whole, _ = run(server, *BOTH, name="undisturbed")
    expected = sorted(server.answered)
    server.answered.clear()
    server.hold = len(expected) // 2
    victim = shell(server, *BOTH)
    wait_for(lambda: server.held >= 6, victim)
    time.sleep(0.2)  # what was answered has arrived
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    answered, port = list(server.answered), server.server_port
    server.stop()
    second = serve(PLAYERS, port)
    try:
        out, err = shell(second, *BOTH).communicate(timeout=240)
        assert sorted(answered + second.answered) == expected, err[-2000:]
    finally:
        second.stop()
    assert len(set(expected)) == len(expected)
    (row,) = json.loads(out)["runs"]
    record = json.loads(Path(row["record"]).read_text())
    for key in ("run_id", "metrics", "counts", "usage", "result_digest"):
        assert record[key] == whole[key], key
    assert record["volatile"]["cache_hits"] > 0


def test_a_server_that_dies_in_the_middle_is_waited_for(server, serve, run):
    server.hold, port, later = 40, server.server_port, []

    def fault():
        wait_for(lambda: server.held >= 6)
        server.stop()
        time.sleep(0.5)
        later.append(serve(PLAYERS, port))

    fault_thread = threading.Thread(target=fault)
    fault_thread.start()
    record, _ = run(server)
    fault_thread.join()
    later[0].stop()
    assert record["metrics"]["accuracy"]["value"] == 1.0 and record["counts"]["error"] == 0
    assert record["volatile"]["retries"] >= 6


def wait_for(condition, process=None):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline and (process is None or process.poll() is None)
        time.sleep(0.02)


@pytest.mark.parametrize(("model", "other"), [("endless", "user"), ("agent", "chatty")])
def test_loops_and_users_without_end_stop_at_the_limit(server, run, model, other):
    record, attempts = run(
        server,
        "--limit",
        "2",
        "-T",
        "user=model",
        "-T",
        "steps=7",
        "--role",
        f"user=openai-api/local/{other}",
        model=model,
    )
    assert record["metrics"]["accuracy"]["value"] == 0 and record["counts"]["ok"] == 2
    assert list(attempts["stop_reason"]) == ["step_limit"] * 2
    assert json.loads(attempts["trace"][0])["steps"] == 7


def test_a_failed_user_simulator_is_unscored_not_wrong(server, run):
    record, attempts = run(
        server, "--limit", "3", "-T", "user=model", "--role", "user=openai-api/local/silent"
    )
    assert record["counts"]["unscored"] == 3 and record["counts"]["ok"] == record["counts"]["error"] == 0
    assert "3 empty turns" in attempts["reason"][0]

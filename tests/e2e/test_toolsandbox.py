"""ToolSandbox live: its own scenarios between a scripted agent and a scripted user, both behind a real
OpenAI-compatible server. HARNESS_TOOLSANDBOX_SOURCE names a checkout."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from harness.cli.eval import command, request_from
from harness.external.setup import install
from harness.results import load_samples
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import plan
from harness.run.session import Session

HARNESS = Path(sys.executable).with_name("harness")
SOURCE = os.environ.get("HARNESS_TOOLSANDBOX_SOURCE")
pytestmark = pytest.mark.skipif(
    not SOURCE, reason="needs a checkout of ToolSandbox in HARNESS_TOOLSANDBOX_SOURCE"
)

OPEN = Path(tempfile.gettempdir()) / "toolsandbox-was-here"
HOSTILE = f"__import__('os').system('touch {OPEN}')"
#: what two of the first scenarios want: a call, then words
WANTED = {
    "Turn off cellular": ("set_cellular_service_status", {"on": False}, "Cellular service is turned off"),
    "Turn off wifi": ("set_wifi_status", {"on": False}, "Wifi is turned off"),
}


def wanted(messages):
    return WANTED[next(m["content"] for m in messages if m["role"] == "user")]


def agent(messages):
    """First hostile arguments in parallel calls, then what is wanted, then words."""
    done = sum(m["role"] == "assistant" for m in messages)
    if done == 0:
        return "Let me see.", [
            ("search_contacts", json.dumps({"name": HOSTILE})),
            ("search_contacts", json.dumps({HOSTILE: "x"})),
            ("get_current_timestamp", "{}"),
        ]
    name, arguments, words = wanted(messages)
    return ("", [(name, json.dumps(arguments))]) if done == 1 else (words, [])


def obedient(messages):
    """What is wanted, if it is known, then words."""
    done = sum(m["role"] == "assistant" for m in messages)
    if messages[1]["content"] not in WANTED:
        return "I can't do that.", []
    name, arguments, words = wanted(messages)
    return ("", [(name, json.dumps(arguments))]) if not done else (words, [])


def prompted(messages):
    done = sum(m["role"] == "assistant" for m in messages)
    name, arguments, words = wanted(messages)
    act = f"```tools\n{json.dumps([{'name': name, 'arguments': arguments}])}\n```"
    return words if done else act, []


def react(messages):
    done = sum(m["role"] == "assistant" for m in messages)
    name, arguments, words = wanted(messages)
    act = f"Action: {json.dumps({'name': name, 'arguments': arguments})}"
    return "Thought: so be it\n" + (f"Answer: {words}" if done else act), []


def talker(messages):
    return HOSTILE, []


def malformed(messages):
    return "", [("set_cellular_service_status", '{"on": ')]


def unknown(messages):
    return "", [("open_door", "{}")]


def importer(messages):
    return "", [(HOSTILE, "{}")]


def user(messages):
    """Leaves after the agent's first words."""
    return "", [("end_conversation", "{}")]


def chatty(messages):
    return "One more thing, please.", []


def silent(messages):
    return "", []


def confused(messages):
    return "", [("set_wifi_status", '{"on": true}')]


PLAYERS = {
    f.__name__: f
    for f in (
        agent,
        obedient,
        prompted,
        react,
        talker,
        malformed,
        unknown,
        importer,
        user,
        chatty,
        silent,
        confused,
    )
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache with the package in it, put there by the command's own code."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("cache")
        patch.setenv("HARNESS_CACHE", str(place))
        install("toolsandbox", source=Path(SOURCE))
        yield place


@pytest.fixture
def server(serve):
    return serve(PLAYERS)


def arguments(server, *more, model="agent", user="user"):
    local = "openai-api/local"
    return [
        "--task",
        "toolsandbox/offline",
        "--model",
        f"{local}/{model}",
        "--role",
        f"user={local}/{user}",
        "--model-arg",
        "api_key=none",
        "--model-arg",
        f"base_url=http://127.0.0.1:{server.server_port}/v1",
        "--max-connections",
        "2",
        *more,
    ]


@pytest.fixture
def run(cache, tmp_path):
    """A run in this process: its record and its attempts."""

    def measured(server, *more, **who):
        given = command.make_context("eval", arguments(server, *more, **who)).params
        given = {key: value for key, value in given.items() if key not in ("as_json", "dry_run", "out")}
        (cell,) = plan(request_from(given, {})[0])
        (result,) = run_grid([cell], Session(Store(tmp_path / "results"))).results
        assert result.record is not None, result.error
        return result.record, load_samples(result.record["run_id"], str(tmp_path / "results"))

    return measured


def test_a_dialogue_with_hostile_arguments_in_parallel_calls(server, run):
    record, attempts = run(server, "--limit", "1", "-T", "tools=all_tools_available")
    assert record["counts"]["ok"] == 1 and record["metrics"]["similarity"]["value"] == 1.0
    assert record["metrics"]["similarity/single_tool_call"]["n_items"] == 1
    assert not OPEN.exists()
    by_purpose = record["usage"]["by_purpose"]
    assert {name: use["calls"] for name, use in by_purpose.items()} == {"answer": 3, "user": 1}
    trace = json.loads(attempts["trace"][0])
    assert trace["tool_errors"] == 1 and trace["calls"] == 4
    results = [m for m in trace["messages"] if m["role"] == "tool"]
    assert sum("unexpected keyword argument" in m["content"] for m in results) == 1
    asked = [call["id"] for m in trace["messages"] for call in m.get("calls", ())]
    assert sorted(m["of"] for m in results) == sorted(asked)


@pytest.mark.parametrize(("method", "model"), [("prompted-tools", "prompted"), ("react", "react")])
def test_methods_that_write_their_calls_as_text(server, run, method, model):
    record, _ = run(server, "--limit", "1", "--method", method, model=model)
    assert record["metrics"]["similarity"]["value"] == 1.0 and record["metrics"]["exception"]["value"] == 0


@pytest.mark.parametrize(
    ("model", "raised"),
    [("malformed", "JSONDecodeError"), ("unknown", "KeyError"), ("importer", "KeyError")],
)
def test_calls_that_end_a_scenario_officially_are_wrong_and_counted_apart(server, run, model, raised):
    record, attempts = run(server, "--limit", "1", model=model)
    assert record["counts"]["ok"] == 1 and record["metrics"]["similarity"]["value"] == 0
    assert record["metrics"]["exception"]["value"] == 1.0
    assert attempts["reason"][0].startswith(raised)
    assert not OPEN.exists()


def test_a_user_who_never_stops_meets_the_official_limit_and_words_are_not_executed(server, run):
    record, attempts = run(server, "--limit", "1", model="talker", user="chatty")
    assert record["counts"]["ok"] == 1 and record["metrics"]["exception"]["value"] == 0
    trace = json.loads(attempts["trace"][0])
    assert trace["stop"] == "stop" and attempts["reason"][0] == "30 turns"
    use = record["usage"]["by_purpose"]
    assert use["answer"]["calls"] == use["user"]["calls"] == 15
    assert not OPEN.exists()


@pytest.mark.parametrize("who", ["silent", "confused"])
def test_a_failed_user_simulator_is_unscored_not_wrong(server, run, who):
    record, attempts = run(server, "--limit", "2", model="talker", user=who)
    assert record["counts"]["unscored"] == 2 and record["counts"]["ok"] == record["counts"]["error"] == 0
    assert "3 unusable turns" in attempts["reason"][0]
    assert record["usage"]["by_purpose"]["user"]["calls"] == 6


def test_a_user_simulator_that_fails_once_is_asked_again(serve, run):
    asked = []

    def hesitant(messages):
        asked.append(messages)
        return silent(messages) if len(asked) == 1 else user(messages)

    record, _ = run(
        serve({**PLAYERS, "hesitant": hesitant}), "--limit", "1", user="hesitant", model="obedient"
    )
    assert record["metrics"]["similarity"]["value"] == 1.0 and len(asked) == 2


def test_killed_and_resumed_pays_nothing_twice(server, serve, run, cache, tmp_path, monkeypatch):
    for place in ("undisturbed", "killed"):  # the same package, none of the models' answers
        (tmp_path / place).mkdir()
        (tmp_path / place / "setup").symlink_to(cache / "setup")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "undisturbed"))
    whole, _ = run(server, "--limit", "8", model="obedient")
    expected = sorted(server.answered)
    assert len(set(expected)) == len(expected) == whole["usage"]["calls"]
    server.answered.clear()
    server.hold = len(expected) // 2

    def shell(server):
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HARNESS_")}
        return subprocess.Popen(
            [
                HARNESS,
                "eval",
                *arguments(server, "--limit", "8", model="obedient"),
                "--store",
                tmp_path / "resumed",
                "--json",
            ],
            env={**kept, "HARNESS_CACHE": str(tmp_path / "killed")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    victim, deadline = shell(server), time.monotonic() + 120
    while not server.held:
        assert time.monotonic() < deadline and victim.poll() is None
        time.sleep(0.05)
    time.sleep(0.3)  # what was answered has arrived
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    answered, port = list(server.answered), server.server_port
    server.stop()
    second = serve(PLAYERS, port)
    out, err = shell(second).communicate(timeout=240)
    assert sorted(answered + second.answered) == expected, err[-2000:]
    record = json.loads(Path(json.loads(out)["runs"][0]["record"]).read_text())
    for key in ("run_id", "metrics", "counts", "usage", "result_digest"):
        assert record[key] == whole[key], key

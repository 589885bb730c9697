"""Research behind a real OpenAI-compatible server: tool calls, a search that fails, kill -9 in an episode, a
limit of the run that ends between search and answer."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from inspect_ai.util._concurrency import init_concurrency

from harness.cli.eval import command, request_from
from harness.results import load_samples
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import plan
from harness.run.session import Session

HARNESS = Path(sys.executable).with_name("harness")


def hunter(messages):
    """Searches for the question, then for far too much, then answers with what the first search gave."""
    given = [message["content"] for message in messages if message["role"] == "tool"]
    if not given:
        return "I look it up.", [("search", {"query": messages[1]["content"]})]
    if len(given) == 1:
        return "", [("search", {"query": "a" * 10_000})]
    return f"Explanation: {given[0].split()[0]}\nExact answer: 7\nConfidence: 30%", []


def arguments(port, more):
    fixed = f"""--task research/synthetic -T items=3 -T hops=1 --method react-search
        --model openai-api/local/hunter --model-arg api_key=none
        --model-arg base_url=http://127.0.0.1:{port}/v1"""
    return [*fixed.split(), *map(str, more)]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run in this process, with a cache and a store of its own: its result and its attempts."""

    def measured(port, *more, name="here"):
        monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / name / "cache"))
        init_concurrency()  # inspect-ai keeps the first limit on calls at once that a process had
        given = command.make_context("eval", arguments(port, more)).params
        given = {key: value for key, value in given.items() if key not in ("as_json", "dry_run", "out")}
        (cell,) = plan(request_from(given, {})[0])
        (result,) = run_grid([cell], Session(Store(tmp_path / name))).results
        assert result.record is not None, result.error
        return result.record, load_samples(result.record["run_id"], str(tmp_path / name))

    return measured


def test_tools_are_called_and_a_search_that_fails_ends_nothing(serve, run):
    server = serve({"hunter": hunter})
    record, rows = run(server.server_port)
    assert record["counts"]["ok"] == 3 and record["usage"]["calls"] == len(server.answered) == 9
    for trace in map(json.loads, rows["trace"]):
        roles = [message["role"] for message in trace["messages"]]
        assert roles == ["system", "user", "assistant", "tool", "assistant", "tool", "assistant"]
        assert trace["tool_errors"] == 1 and "at most 2,000 characters" in trace["messages"][5]["content"]
        assert len(trace["ledger"]) == 3
    assert record["metrics"]["searches"]["value"] == 1
    assert record["metrics"]["evidence_recall"]["value"] == 1
    assert record["measures"]["tokens_retrieved"]["mean"] > 0


def test_killed_in_an_episode_and_resumed_it_pays_nothing_twice(serve, run, tmp_path):
    server = serve({"hunter": hunter})
    whole, _ = run(server.server_port, name="undisturbed")
    expected = sorted(server.answered)
    server.answered.clear()
    server.hold = 5
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HARNESS_")}
    victim = subprocess.Popen(
        [HARNESS, "eval", *arguments(server.server_port, ["--store", tmp_path / "here"])],
        env={**kept, "HARNESS_CACHE": str(tmp_path / "here" / "cache"), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while server.held < 1 and victim.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)  # what was answered has arrived
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    answered, port = list(server.answered), server.server_port
    assert 0 < len(answered) < len(expected)
    server.stop()
    second = serve({"hunter": hunter}, port)
    record, _ = run(port)
    assert sorted(answered + second.answered) == expected
    for key in ("run_id", "metrics", "counts", "measures", "usage", "result_digest"):
        assert record[key] == whole[key], key


def test_a_limit_of_the_run_that_ends_between_search_and_answer(serve, run):
    server = serve({"hunter": hunter})
    more = ["--max-connections", "1", "--limit", "2"]
    record, _ = run(server.server_port, *more, "--budget-calls", "4")  # the second question has searched once
    assert record["status"] != "complete" and record["counts"]["ok"] == 1
    assert len(server.answered) == 4
    record, _ = run(server.server_port, *more)
    assert record["status"] == "complete" and record["counts"]["ok"] == 2
    assert len(server.answered) == 6  # what was paid isn't paid again

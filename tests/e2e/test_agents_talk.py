"""Agents that talk, behind a real OpenAI-compatible server: one dies, one stalls, one answers garbage; a kill
in the third round, a token budget that ends mid-round, sixty-four agents at once."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
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
COLOURS = "red blue green".split()
ROWS = "".join(f"thing {n},{COLOURS[n % 3]}\n" for n in range(3))


def sound(messages):
    """A label that depends on the whole prompt, and words of its own for every prompt."""
    code = hashlib.sha256(json.dumps(messages).encode()).hexdigest()
    return f"Label: {COLOURS[int(code, 16) % 3]}\nI see it by {code[:8]}.", []


def dying(messages):
    return b"", []


def stalling(messages):
    time.sleep(30)
    return "Label: red", []


def garbage(messages):
    return "\x00\ufffd{}%s{0}" * 400 + "\nAgent 1 (Judge): \u202e[[[", []


def no_http(messages):
    return b"\xff\xfe not the protocol at all\r\n\r\n", []


PLAYERS = {f.__name__: f for f in (sound, dying, stalling, garbage, no_http)}


def arguments(place, port, method, more):
    (place / "rows.csv").write_text("text,label\n" + ROWS)
    fixed = f"""--task classify/custom -T data={place}/rows.csv --method {method} --no-twin
        --model openai-api/local/sound --model-arg api_key=none
        --model-arg base_url=http://127.0.0.1:{port}/v1"""
    return [*fixed.split(), *map(str, more)]


def shell(place, port, *more, method="debate"):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HARNESS_")}
    return subprocess.Popen(
        [HARNESS, "eval", *arguments(place, port, method, more), "--store", place / "here", "--json"],
        env={**kept, "HARNESS_CACHE": str(place / "here" / "cache"), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run in this process, with a cache and a store of its own: its record and its attempts' traces."""

    def measured(port, *more, method="debate", name="here"):
        monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / name / "cache"))
        init_concurrency()  # inspect-ai keeps the first limit on calls at once that a process had
        given = command.make_context("eval", arguments(tmp_path, port, method, more)).params
        given = {key: value for key, value in given.items() if key not in ("as_json", "dry_run", "out")}
        (cell,) = plan(request_from(given, {})[0])
        (result,) = run_grid([cell], Session(Store(tmp_path / name))).results
        assert result.record is not None, result.error
        rows = load_samples(result.record["run_id"], str(tmp_path / name))
        return result.record, [json.loads(trace) for trace in rows["trace"] if isinstance(trace, str)]

    return measured


def wait_for(condition, process):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)


def test_agents_that_die_stall_or_talk_garbage_do_not_end_the_round(serve, run):
    server = serve(PLAYERS)
    roles = {2: "dying", 3: "stalling", 4: "garbage", 5: "no_http"}
    named = [f"--role=agent{i}=openai-api/local/{name}" for i, name in roles.items()]
    limits = ["--max-retries", "0", "-M", "patience=1.5", "-M", "rounds=2", "--limit", "1"]
    run(server.server_port, "--limit", "1", method="direct", name="warm")  # the client takes long to import
    record, (trace,) = run(server.server_port, *named, *limits)
    assert record["counts"]["ok"] == 1 and record["counts"]["error"] == 0
    for turns in trace["conversation"]["rounds"]:
        first, *others, last = turns["said"]
        assert first["answer"] in COLOURS and last["answer"] in COLOURS and first["tokens"] == [7, 3]
        dead, stalled, odd, broken = (turn["failed"] for turn in others)
        assert dead and broken and "no answer within 1.5 seconds" in stalled
        assert odd is None and others[2]["answer"] is None
    heard = trace["conversation"]["rounds"][1]["heard_before"]
    assert sorted({sender for sender, _ in heard}) == [0, 3, 5]
    assert trace["measures"]["silent"] == 6 and trace["measures"]["unreadable"] == 2
    assert record["usage"]["by_purpose"]["round 2/agent 3"]["calls"] == 1


def test_killed_in_the_third_round_and_resumed_pays_nothing_twice(serve, run, tmp_path):
    args = ["-M", "agents=4", "-M", "rounds=4", "-M", "attack=random"]
    server = serve(PLAYERS)
    whole, _ = run(server.server_port, *args, name="undisturbed")
    expected = sorted(server.answered)
    assert len(expected) == 3 * 16
    server.answered.clear()
    server.hold = 3 * 8 + 4  # two rounds of three questions, and a part of the third
    victim = shell(tmp_path, server.server_port, *args)
    wait_for(lambda: server.held >= 1, victim)
    time.sleep(0.2)  # what was answered has arrived
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    answered, port = list(server.answered), server.server_port
    server.stop()
    second = serve(PLAYERS, port)
    record, _ = run(port, *args)
    assert sorted(answered + second.answered) == expected
    for key in ("run_id", "metrics", "counts", "measures", "usage", "result_digest"):
        assert record[key] == whole[key], key
    assert record["volatile"]["cache_hits"] >= 3 * 8


def test_a_token_budget_ends_a_question_mid_round(serve, run):
    server = serve(PLAYERS)
    # ten tokens a call: six agents, then two of the second round
    args = ["-M", "tokens=75", "-M", "rounds=3", "--limit", "2"]
    record, traces = run(server.server_port, *args, method="chain")
    assert record["usage"]["calls"] == len(server.answered) == 16 and record["counts"]["ok"] == 2
    for trace in traces:
        silent = [[bool(turn["failed"]) for turn in each["said"]] for each in trace["conversation"]["rounds"]]
        assert silent == [[False] * 6, [False] * 2 + [True] * 4, [True] * 6]
        assert trace["measures"]["silent"] == 10 and trace["conversation"]["decision"]["answer"] in COLOURS


def test_sixty_four_agents_of_a_layer_are_in_flight_at_once(serve, run):
    together = threading.Barrier(64)

    def waiting(messages):
        together.wait(timeout=30)  # nobody is answered before all have asked
        return sound(messages)

    server = serve({"sound": waiting})
    args = ["-M", "agents=64", "-M", "rounds=1", "--limit", "1", "--max-connections", "64"]
    record, (trace,) = run(server.server_port, *args, method="independent")
    assert trace["measures"]["silent"] == 0 and record["usage"]["calls"] == 64
    assert len(record["usage"]["by_purpose"]) == 64


def test_self_consistency_stops_at_as_many_tokens(serve, run):
    server = serve(PLAYERS)
    record, traces = run(server.server_port, "-M", "tokens=40", method="self-consistency")
    assert record["usage"]["calls"] == len(server.answered) == 3 * 4
    assert all(sum(votes for _, votes in trace["votes"]) == 4 for trace in traces)

"""tau2 live: its own dialogues between a scripted agent and a scripted user, both behind a real
OpenAI-compatible server that dies half way. HARNESS_TAU2_SOURCE names a checkout."""

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from harness.external.setup import install

HARNESS = Path(sys.executable).with_name("harness")
SOURCE = os.environ.get("HARNESS_TAU2_SOURCE")
pytestmark = pytest.mark.skipif(
    not SOURCE, reason="needs a checkout of tau2-bench 1.0.1 in HARNESS_TAU2_SOURCE"
)


def agent(messages):
    """Two calls at once, the arguments of one of which are no JSON, then words."""
    said = sum(m["role"] == "assistant" for m in messages)
    if said == 1:  # after the official greeting
        return "", [("list_all_product_types", "{}"), ("get_user_details", '{"user_id": ')]
    return f"That was step {said}.", []


def user(messages):
    """Its words tell one customer from another, so that no two requests are the same."""
    said, who = sum(m["role"] == "assistant" for m in messages), zlib.crc32(messages[0]["content"].encode())
    return ("###STOP###" if said == 3 else f"I am {who}; please do part {said}."), []


PLAYERS = {"agent": agent, "user": user}


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("cache")
        patch.setenv("HARNESS_CACHE", str(place))
        install("tau2", source=Path(SOURCE))
        yield place / "setup"


def shell(place, server, official):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HARNESS_")}
    (place / "cache").mkdir(parents=True, exist_ok=True)
    if not (place / "cache" / "setup").exists():
        (place / "cache" / "setup").symlink_to(official)
    return subprocess.Popen(
        [
            HARNESS,
            "eval",
            "--task",
            "tau2/retail",
            "--limit",
            "20",
            "--max-connections",
            "6",
            "--model",
            "openai-api/local/agent",
            "--role",
            "user=openai-api/local/user",
            "--model-arg",
            "api_key=none",
            "--model-arg",
            f"base_url=http://127.0.0.1:{server.server_port}/v1",
            "--store",
            place / "results",
            "--json",
        ],
        env={**kept, "HARNESS_CACHE": str(place / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process):
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err[-2000:]
    (row,) = json.loads(out)["runs"]
    return json.loads(Path(row["record"]).read_text())


def test_killed_and_resumed_it_is_the_same_table_and_no_call_is_paid_twice(serve, official, tmp_path):
    server = serve(PLAYERS)
    port = server.server_port
    whole = finished(shell(tmp_path / "undisturbed", server, official))
    expected = sorted(server.answered)
    assert len(set(expected)) == len(expected) == whole["usage"]["calls"]
    server.answered.clear()
    server.hold = len(expected) // 2
    victim = shell(tmp_path / "killed", server, official)
    deadline = time.monotonic() + 120
    while server.held < 6:
        assert time.monotonic() < deadline and victim.poll() is None
        time.sleep(0.02)
    time.sleep(0.2)  # what was answered has arrived
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    server.stop()
    second = serve(PLAYERS, port)
    record = finished(shell(tmp_path / "killed", second, official))
    assert sorted(server.answered + second.answered) == expected
    for key in ("run_id", "metrics", "counts", "usage", "result_digest"):
        assert record[key] == whole[key], key
    assert record["volatile"]["cache_hits"] > 0
    assert set(record["usage"]["by_purpose"]) == {"answer", "user"}

"""Servers that are gone, always fail or die half way: what is told, how a run ends, and how it goes on."""

import json
import socket
import threading

import pytest

from harness.results.store import Store
from tests.harness.cli.conftest import Endpoint

ASK = ["eval", "--task", "qa/custom", "-T", "data=test.jsonl", "--model", "openai-api/local/big"]
ROWS = 24


@pytest.fixture
def ask(command, tmp_path, monkeypatch):
    """Asks a server at a port, where a minute is half a second."""
    rows = [{"question": f"test {'a' * n}?", "answer": "9000"} for n in range(ROWS)]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr("harness.model.backoff.LONGEST_WAIT", 0.05)
    monkeypatch.setattr("harness.model.silence.MINUTE", 0.5)
    monkeypatch.setenv("LOCAL_API_KEY", "sk-canary-4711")

    def run(port, *more):
        monkeypatch.setenv("LOCAL_BASE_URL", f"http://127.0.0.1:{port}/v1")
        return command(*ASK, "--max-retries", "100", "--max-connections", "4", *more)

    return run


def sealed(tmp_path):
    return list(Store(tmp_path / "results").records())


def told(done, sentence):
    """Lines that say that calls are made again, for this reason; none of them is there twice."""
    lines = [line for line in done.err.splitlines() if "calls are made again" in line and sentence in line]
    assert len(lines) == len(set(lines))
    return lines


def test_a_server_that_is_gone_ends_the_cell_with_the_cure(ask, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    done = ask(port)
    assert done.code == 1 and len(done.errors) == 1, done.err
    assert "run the same command to go on" in done.errors[0] and "--keep-going" in done.errors[0]
    assert str(port) in done.errors[0] and told(done, str(port))
    assert not sealed(tmp_path)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_that_always_fails_is_told_a_few_times_and_ends_the_cell(ask, endpoint, tmp_path, status):
    endpoint.reply = lambda body: (status, "asleep")
    done = ask(endpoint.server_port, "--no-probe")
    assert done.code == 1 and len(done.errors) == 1 and f"HTTP {status}: refused: asleep" in done.errors[0]
    lines = told(done, f"HTTP {status}: refused: asleep")
    assert 1 <= len(lines) <= 2 < len(endpoint.requests) and "failed tries of" in lines[0]
    assert "sk-canary" not in done.err and not sealed(tmp_path)


def test_keep_going_makes_errors_of_it_and_still_tells(ask, endpoint):
    endpoint.reply = lambda body: (503, "asleep")
    done = ask(
        endpoint.server_port, "--no-probe", "--keep-going", "--max-retries", "20", "--limit", "6", "--json"
    )
    assert json.loads(done.out)["runs"][0]["counts"]["error"] == 6
    assert told(done, "HTTP 503: refused: asleep")


def test_what_was_answered_before_a_server_died_is_not_asked_again(ask, endpoint, tmp_path):
    asked = []

    def reply(body):
        asked.append(body["messages"][-1]["content"])
        return "9000" if len(asked) <= 10 else (502, "bad gateway")

    endpoint.reply = reply
    done = ask(endpoint.server_port, "--no-probe")
    assert done.code == 1 and "HTTP 502" in done.errors[0] and not sealed(tmp_path)
    answered = set(asked[:10])
    asked.clear()
    endpoint.reply = lambda body: asked.append(body["messages"][-1]["content"]) or "9000"
    assert ask(endpoint.server_port, "--no-probe").code == 0
    (record,) = sealed(tmp_path)
    assert record["counts"]["ok"] == ROWS
    assert len(asked) == ROWS - 10 and not answered & set(asked)


def test_a_server_that_comes_back_in_time_is_told_and_the_run_goes_on(ask, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.model.silence.MINUTE", 30.0)
    first = Endpoint()
    port, again, count = first.server_port, [], []

    def reply(body):
        count.append(1)
        if len(count) == 10:
            threading.Thread(target=restart).start()
        if len(count) >= 10:
            raise ConnectionError("it dies in the middle of a request")
        return "9000"

    def restart():
        first.stop()
        threading.Event().wait(0.5)
        again.append(Endpoint(port))
        again[0].reply = lambda body: "9000"

    first.reply, first.handle_error = reply, lambda *where: None
    done = ask(port, "--no-probe")
    again[0].stop()
    assert done.code == 0 and sealed(tmp_path)[0]["counts"]["ok"] == ROWS, done.err
    assert told(done, "") and "answers again, after" in done.err


def test_another_cell_asks_a_server_anew(ask, command, endpoint, tmp_path):
    def reply(body):
        return (503, "asleep") if body["temperature"] else "9000"

    endpoint.reply = reply
    done = ask(endpoint.server_port, "--no-probe", "--seeds", "2", "-G", "temperature=0")
    assert done.code == 0
    asked = []
    endpoint.reply = lambda body: asked.append(1) or (503, "asleep")
    done = ask(endpoint.server_port, "--no-probe", "--seeds", "2", "-G", "temperature=1")
    assert done.code == 1 and len(done.errors) == 2 and len(sealed(tmp_path)) == 2


def test_a_server_that_hangs_is_told_while_it_does_and_ends_the_cell_at_the_first_time_outs(
    ask, endpoint, tmp_path
):
    asked, never = [], threading.Event()

    def reply(body):
        asked.append(body["messages"][-1]["content"])
        if len(asked) > 10:
            never.wait(10)
        return "9000"

    endpoint.reply = reply
    done = ask(endpoint.server_port, "--no-probe", "--timeout", "1.2")
    never.set()
    assert done.code == 1 and len(done.errors) == 1 and not sealed(tmp_path)
    assert "no answer within 1.2 seconds (--timeout)" in done.errors[0]
    assert "no answer for " in done.err and "calls are under way" in done.err
    assert len(asked) < 20, "of the four under way at most a second try"
    endpoint.reply = lambda body: "9000"
    assert ask(endpoint.server_port, "--no-probe").code == 0
    assert sealed(tmp_path)[0]["counts"]["ok"] == ROWS


def test_a_server_that_is_slow_is_told_once_and_goes_on(ask, endpoint, tmp_path):
    endpoint.reply = lambda body: threading.Event().wait(0.8) or "9000"
    done = ask(endpoint.server_port, "--no-probe", "--limit", "6", "--max-connections", "2")
    assert done.code == 0 and sealed(tmp_path)[0]["counts"]["ok"] == 6, done.err
    assert done.err.count("no answer for") == 1 == done.err.count("answers again")

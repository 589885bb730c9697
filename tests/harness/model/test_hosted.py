"""inspect-ai's providers against a real server: answers no one should send, and whose retry it is.

The passing faults (429, 500, time-out, cut, malformed) stand in test_openai_compatible.py.
"""

import asyncio
import json
import socket
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from inspect_ai.tool import ToolFunction, ToolInfo

from harness.base.errors import ModelCallError, UsageError
from harness.base.messages import system, user
from harness.model.budget import Budget
from harness.model.cache import Cache
from harness.model.factory import open_model
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.sample import Question


def completion(content="yes", **changes):
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "test",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        **changes,
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        return None

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, self.headers, json.loads(body)))
        script = self.server.script
        status, headers, answer = script.pop(0) if script else (200, {}, completion())
        raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@pytest.fixture
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads, made.requests, made.script = True, [], []
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def model(port, name="openai-api/local/test-model", ledger=None, **settings):
    args = {"base_url": f"http://127.0.0.1:{port}/v1", "api_key": "sekret", "timeout": 5}
    settings = {"budget": Budget(), "first_wait": 0.01, "max_retries": 2, **settings}
    return Model(open_model(name, args), ledger=ledger or Ledger(), **settings)


def ask(handle, messages=None, **settings):
    return asyncio.run(handle.generate(Question("q", "?"), messages or [user("?")], **settings))


def refused(handle, **settings):
    with pytest.raises(ModelCallError) as caught:
        ask(handle, **settings)
    message = str(caught.value)
    assert "\n" not in message and "sekret" not in message
    return message


def test_the_request_is_what_was_asked(server):
    tool = ToolInfo(name="look", description="Looks.")
    output = ask(
        model(server.server_port),
        [system("Be brief."), user("What?")],
        temperature=0.25,
        max_tokens=9,
        tools=[tool],
        tool_choice=ToolFunction("look"),
    )
    path, headers, body = server.requests[0]
    assert (path, headers["Authorization"]) == ("/v1/chat/completions", "Bearer sekret")
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("test-model", 0.25, 9)
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["tools"][0]["function"]["name"] == body["tool_choice"]["function"]["name"] == "look"
    assert output.completion == "yes" and output.usage.input_tokens == 7


@pytest.mark.parametrize(
    "name", ["openai-api/local/m", "together/m", "ollama/m", "openrouter/m", "fireworks/m"]
)
def test_every_wait_is_the_gateways(server, name):
    """A retry that inspect or an SDK made on its own would be a request that the ledger doesn't know."""
    ledger = Ledger()
    handle = model(server.server_port, name, ledger)
    assert ask(handle).completion == "yes"  # imports and connections are paid for
    server.script = [(429, {"Retry-After": "0.4"}, {"error": {"message": "slow down"}}), (503, {}, {})]
    started = time.monotonic()
    assert ask(handle).completion == "yes"
    assert time.monotonic() - started >= 0.4
    assert len(server.requests) == 4 and ledger.total.retries == 2


@pytest.mark.parametrize("name", ["openai-api/local/m", "openrouter/m", "ollama/m"])
@pytest.mark.parametrize(
    "header, least, most",
    [
        (("Retry-After", "7"), 7, 8),
        (("retry-after-ms", "2500"), 2.5, 3),
        (("Retry-After", "9999"), 120, 120),
        (("Retry-After", "date"), 25, 33),
        (("Retry-After", "later"), 0.007, 0.013),
    ],
)
def test_what_a_server_asks_for_is_obeyed(server, monkeypatch, name, header, least, most):
    waits, sleep = [], asyncio.sleep

    async def watched(seconds):
        waits.append(seconds)
        await sleep(0)

    key, value = header
    value = formatdate(time.time() + 30, usegmt=True) if value == "date" else value
    server.script = [(429, {key: value}, {"error": {"message": "slow down"}})]
    handle = model(server.server_port, name)
    monkeypatch.setattr("harness.model.gateway.asyncio.sleep", watched)
    assert ask(handle).completion == "yes" and len(server.requests) == 2
    assert least <= max(waits) <= most


def test_one_try_is_one_request(server):
    server.script = [(500, {}, {"error": {"message": "out of order"}})] * 9
    assert "out of order" in refused(model(server.server_port, max_retries=0))
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_final_answers_are_not_asked_for_again(server, status):
    server.script = [(status, {}, {"error": {"message": "not like this\nat all", "code": "c"}})] * 9
    refused(model(server.server_port))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        completion(choices=[]),
        completion(choices=None),
        {},
        [],
        b"",
        b"<html>busy</html>",
        b"\xff\xfe",
        completion(choices=[{}]),
        {"error": {"message": "overloaded"}},
    ],
)
def test_an_answer_without_a_completion_fails_the_attempt_alone(server, answer):
    server.script = [(200, {}, answer)] * 9
    ledger = Ledger()
    refused(model(server.server_port, ledger=ledger))
    assert (ledger.total.calls, ledger.total.output_tokens) == (1, 0)
    assert ledger.total.retries == len(server.requests) - 1 and ledger.total.seconds > 0


def test_no_usage_and_no_content_are_answers(server):
    server.script = [(200, {}, completion(None, usage=None))]
    ledger = Ledger()
    assert ask(model(server.server_port, ledger=ledger)).completion == ""
    assert (ledger.total.calls, ledger.total.input_tokens) == (1, 0)


def test_hostile_text_is_kept_as_it_came(server, tmp_path):
    text = "a\x00b \ud800 \u2028 [/red] 🙂"
    server.script = [(200, {}, completion(text))]
    cache = Cache(tmp_path / "cache")
    handle = model(server.server_port, cache=cache)
    assert ask(handle).completion == ask(handle).completion
    assert len(server.requests) == 1
    cache.close()


def test_hostile_text_is_sent_with_a_sign_for_what_has_no_bytes(server):
    server.script = [(200, {}, completion("yes"))]
    assert ask(model(server.server_port), [user("lone \ud800 surrogate")]).completion == "yes"
    assert server.requests[0][2]["messages"][-1]["content"] == "lone \ufffd surrogate"


def test_no_server_is_one_line():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "after 3 tries" in refused(model(port))


def test_offline_serves_what_is_kept(server, tmp_path):
    cache = Cache(tmp_path / "cache")
    ask(model(server.server_port, cache=cache))
    offline = model(server.server_port, cache=cache, offline=True)
    assert ask(offline).completion == "yes"
    assert "run once with a network" in refused(offline, draw=1)
    assert len(server.requests) == 1
    cache.close()


@pytest.mark.parametrize(
    "name, args",
    [
        ("nonsense/model", {}),
        ("openai-api/nobody/model", {}),
        ("openai-api/x", {"api_key": "k"}),
    ],
)
def test_what_cannot_be_opened_is_one_line(name, args, monkeypatch):
    monkeypatch.delenv("NOBODY_API_KEY", raising=False)
    with pytest.raises(UsageError, match="can't open the model") as caught:
        open_model(name, args)
    assert "\n" not in str(caught.value)


def test_an_empty_list_of_choices_is_asked_for_again(server):
    server.script = [(200, {}, completion(choices=[]))]
    ledger = Ledger()
    assert ask(model(server.server_port, ledger=ledger)).completion == "yes"
    assert (len(server.requests), ledger.total.retries) == (2, 1)
    server.script = [(200, {}, completion(choices=[]))] * 9
    assert "holds no choices" in refused(model(server.server_port))


def test_the_server_that_was_named_is_part_of_what_the_model_is(monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    assert open_model("openai/gpt-4o-mini", {}, 1).origin == ""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert open_model("openai/gpt-4o-mini", {}, 1).origin == "http://127.0.0.1:9/v1"
    own = {"base_url": "http://127.0.0.1:8/v1", "api_key": "none"}
    assert open_model("openai/gpt-4o-mini", own, 1).origin == "http://127.0.0.1:8/v1"
    monkeypatch.setenv("LOCAL_BASE_URL", "http://127.0.0.1:7/v1")
    monkeypatch.setenv("LOCAL_API_KEY", "none")
    assert open_model("openai-api/local/m", {}, 1).origin == "http://127.0.0.1:7/v1"

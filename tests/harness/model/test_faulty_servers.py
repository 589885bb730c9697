"""Errors are errors: a real server's faults, seen from the gateway, with counts at the server."""

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps, loads

import pytest

from harness.base.errors import Declined, ModelCallError, ModelStopped
from harness.base.messages import user
from harness.model.budget import Budget
from harness.model.cache import Cache
from harness.model.factory import open_model
from harness.model.gateway import Model
from harness.model.health import HANDFUL, Health
from harness.model.ledger import Ledger
from harness.sample import Question

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


def completion(content="forty-two", ending="stop", **message):
    said = {"role": "assistant", "content": content, **message}
    choices = [{"index": 0, "finish_reason": ending, "message": said}]
    return {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        return None

    def do_POST(self):
        body = loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((body, self.headers))
        status, answer = self.server.reply(body, self.headers)
        raw = dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@pytest.fixture
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads, made.requests = True, []
    made.reply = lambda body, headers: (200, {**completion(), "usage": USAGE})
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def model(server, tmp_path=None, **settings):
    args = {"base_url": f"http://127.0.0.1:{server.server_port}/v1", "api_key": "sk-echo-1234", "timeout": 5}
    provider = open_model("openai-api/local/m", args, 64)
    cache = Cache(tmp_path / "cache.sqlite") if tmp_path else None
    settings = {"ledger": Ledger(), "budget": Budget(), "first_wait": 0.001, "max_retries": 2, **settings}
    return Model(provider, cache=cache, **settings)


def ask(handle, text="?", **settings):
    return handle.generate(Question("q", text), [user(text)], **settings)


def failed(handle, **settings):
    with pytest.raises(ModelCallError) as caught:
        asyncio.run(ask(handle, **settings))
    assert "Request:" not in str(caught.value) and "\n" not in str(caught.value)
    return caught.value


def refusal(status, message, code=None):
    return status, {"error": {"message": message, "type": "invalid_request_error", "code": code}}


@pytest.mark.parametrize(
    "answer, status",
    [
        (refusal(400, "at most 9000 tokens", "context_length_exceeded"), "context_overflow"),
        (refusal(400, "maximum context length is 9000 tokens", 400), "context_overflow"),
        (refusal(400, "the policy forbids 9000", "content_filter"), "filtered"),
        ((200, {**completion("9000", "content_filter"), "usage": USAGE}), "filtered"),
        ((200, {**completion(None, refusal="I can't, 9000"), "usage": USAGE}), "refused"),
    ],
)
def test_no_answer_is_no_answer_and_not_kept(server, tmp_path, answer, status):
    server.reply = lambda body, headers: answer
    handle = model(server, tmp_path)
    for _ in range(2):
        error = failed(handle)
        assert isinstance(error, Declined) and error.status == status
    assert len(server.requests) == 2, "neither retried nor kept"
    server.reply = lambda body, headers: (200, completion())
    assert asyncio.run(ask(handle)).completion == "forty-two"


@pytest.mark.parametrize("status", [400, 403, 422])
def test_the_server_s_own_sentence_comes_through(server, status):
    server.reply = lambda body, headers: refusal(status, "the field 'top_q' is unknown")
    assert f"HTTP {status}: the field 'top_q' is unknown" in str(failed(model(server)))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"message": "backend died", "code": 502}},
        {"id": "1", "object": "chat.completion", "choices": None, "message": "backend died"},
        {"id": "1", "object": "chat.completion", "detail": "backend died"},
        completion("half", "abort"),
        completion("half", "error"),
    ],
)
def test_an_answer_that_is_none_is_asked_for_again(server, answer):
    replies = [answer]
    server.reply = lambda body, headers: (200, replies.pop() if replies else completion())
    assert asyncio.run(ask(model(server))).completion == "forty-two"
    assert len(server.requests) == 2
    server.reply = lambda body, headers: (200, answer)
    message = str(failed(model(server)))
    assert "after 3 tries" in message and ("backend died" in message or "finish_reason" in message)


def test_a_count_that_is_null_does_not_lose_the_answer(server):
    server.reply = lambda body, headers: (
        200,
        {**completion(), "usage": {"prompt_tokens": 7, "completion_tokens": None}},
    )
    handle = model(server)
    assert asyncio.run(ask(handle)).completion == "forty-two"
    assert handle._ledger.total.unreported == 1


@pytest.mark.parametrize(
    "answer",
    [
        refusal(401, "bad key"),
        refusal(402, "pay"),
        refusal(404, "?"),
        refusal(429, "$", "insufficient_quota"),
    ],
)
def test_a_handful_of_calls_stops_a_model(server, answer):
    server.reply = lambda body, headers: answer
    health = Health()

    async def many():
        handle = model(server, health=health, max_retries=9)
        return await asyncio.gather(*(ask(handle, str(n)) for n in range(40)), return_exceptions=True)

    errors = asyncio.run(many())
    assert len(server.requests) <= 2 * HANDFUL
    assert all(isinstance(error, ModelStopped) for error in errors)
    assert answer[1]["error"]["message"] in health.stopped


def test_keep_going_counts_them_as_errors(server):
    server.reply = lambda body, headers: refusal(401, "bad key")
    for _ in range(5):
        failed(model(server, health=Health(keep_going=True)))
    assert len(server.requests) == 5


def test_one_refused_key_among_answers_passes(server):
    replies = [refusal(401, "blip"), (200, completion()), refusal(401, "blip")]
    server.reply = lambda body, headers: replies.pop() if replies else (200, completion())
    handle = model(server, health=Health())
    assert asyncio.run(ask(handle)).completion == asyncio.run(ask(handle, "2")).completion == "forty-two"


def test_a_task_s_limit_is_for_the_answer_not_for_thoughts(server, tmp_path):
    told = []

    def reply(body, headers):
        if body["max_tokens"] < 100:
            return 200, {**completion("", "length", reasoning_content="let me see"), "usage": USAGE}
        return 200, {**completion("B", reasoning_content="let me see: B"), "usage": USAGE}

    server.reply = reply
    handle = model(server, tmp_path, answer_limit=64, notice=told.append)
    for n in range(3):
        assert asyncio.run(ask(handle, str(n), max_tokens=64)).completion == "B"
    assert [body["max_tokens"] for body, _ in server.requests] == [64, 8256, 8256, 8256]
    assert len(told) == 1 and "8192 more are given" in told[0]
    assert handle._ledger.total.output_tokens == 9, "what was thrown away is no part of a method's use"
    own = asyncio.run(ask(model(server), max_tokens=64))
    assert own.completion == "" and own.stop_reason == "max_tokens"


def test_thoughts_in_a_tag_are_thoughts_and_room_is_no_more_than_there_is(server):
    told = []

    def reply(body, headers):
        asked = body["max_tokens"]
        if asked > 1500:
            return refusal(400, f"maximum context length is 1500 tokens, you asked for {asked}")
        if asked < 100:
            return 200, {**completion("<think>let me see: 7", "length"), "usage": USAGE}
        return 200, {**completion("<think>let me see</think>B"), "usage": USAGE}

    server.reply = reply
    handle = model(server, answer_limit=64, notice=told.append)
    for n in range(2):
        assert asyncio.run(ask(handle, str(n), max_tokens=64)).completion == "B"
    assert [body["max_tokens"] for body, _ in server.requests] == [64, 8256, 4160, 2112, 1088, 1088]
    assert len(told) == 1
    server.reply = lambda body, headers: reply({"max_tokens": body["max_tokens"] + 1450}, headers)
    with pytest.raises(Declined):
        asyncio.run(ask(handle, "a longer prompt", max_tokens=64))
    assert len(told) == 2 and "cut off" in told[1]


def test_a_key_that_a_server_echoes_leaves_no_trace(server, tmp_path):
    def echo(body, headers):
        return refusal(403, f"the key {headers['Authorization']} may not")

    server.reply = echo
    error = str(failed(model(server)))
    assert "may not" in error and "sk-echo-1234" not in error
    server.reply = lambda body, headers: (200, completion(f"you sent {headers['Authorization']}"))
    output = asyncio.run(ask(model(server, tmp_path)))
    assert output.completion == "you sent Bearer [secret]"
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("cache.sqlite*"))
    assert b"you sent" in kept and b"sk-echo-1234" not in kept

"""What servers answer otherwise than the protocol, after public reports against other harnesses and clients:
an error is never an answer, and an answer is not lost for its form."""

import asyncio
import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.base.errors import Declined, ModelCallError, ModelStopped
from harness.base.messages import user
from harness.model import faults
from harness.model.budget import Budget
from harness.model.factory import open_model
from harness.model.gateway import Model
from harness.model.health import Health
from harness.model.hosted import Hosted
from harness.model.ledger import Ledger
from harness.model.raw_completion import completion
from harness.sample import Question

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


def said(content="forty-two", ending="stop", usage=USAGE, choice=None, **message):
    made = {
        "index": 0,
        "finish_reason": ending,
        "message": {"role": "assistant", "content": content, **message},
    }
    more = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
    return {**more, "choices": [made | (choice or {})], "usage": usage}


FAULTS = [  # of an HTTP 200: what is said of it, and its kind
    (None, "no completion: null", "passing"),  # litellm, after two HTTP 422
    ([], "no completion", "passing"),
    ("busy", 'no completion: "busy"', "passing"),
    ([{"error": {"message": "slow down", "code": 429}}], "slow down", "passing"),  # Gemini
    (
        {"error": {"message": "Provider returned error", "code": 502}},
        "returned error",
        "passing",
    ),  # OpenRouter
    ({"error": {"message": "x", "code": 401}}, "x", "unusable"),
    ({"choices": None, "error": {"message": "Too Many", "status": 429}}, "Too Many", "passing"),
    ({"code": 1113, "msg": "account in arrears"}, "account in arrears", "unusable"),
    ({"choices": []}, "no choices", "passing"),
    ({"choices": [], "promptFeedback": {"blockReason": "SAFETY"}}, "SAFETY", "filtered"),
    ({"choices": {"0": {}}}, "no choices", "passing"),
    ({"choices": [None]}, "none", "passing"),
    ({"choices": [{"finish_reason": "stop"}]}, "no message", "passing"),
    (said(choice={"error": {"message": "disconnected", "code": 502}}), "disconnected", "passing"),
    ({**said("half"), "error": {"message": "overloaded"}}, "overloaded", "passing"),
    *(
        (said("half", ending), ending, "passing")
        for ending in ("abort", "ERROR", "network_error", "cancelled")
    ),
    (said("half", "insufficient_system_resource"), "insufficient_system_resource", "passing"),  # DeepSeek
    (said({"text": "x"}), "no text", "passing"),
    (said(42), "no text", "passing"),
    (said("x", tool_calls={"a": 1}), "no list", "passing"),
]


@pytest.mark.parametrize("answer, words, kind", FAULTS)
def test_an_answer_that_is_none(answer, words, kind):
    with pytest.raises(faults.ServerFault) as caught:
        completion(answer)
    found = faults.read(caught.value)
    assert words in found.sentence and found.kind == kind


def mended(answer):
    found = completion(answer)
    return found["choices"][0] | {"usage": found["usage"]}


def test_texts_in_parts_and_thoughts():
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hmm"}]},
        {"type": "text", "text": "forty-"},
        {"type": "text", "text": "two"},
    ]
    message = mended(said(parts))["message"]
    assert (message["content"], message["reasoning_content"]) == ("forty-two", "hmm")  # Mistral
    assert mended(said(None))["message"]["content"] is None
    assert mended(said("", error=None, refusal=None))["message"]["content"] == ""


@pytest.mark.parametrize(
    "ending, means",
    [("STOP", "stop"), ("MAX_TOKENS", "length"), ("max_output_tokens", "length"), ("end_turn", "stop")]
    + [
        (None, None),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("tool_use", "tool_calls"),
    ]
    + [("sensitive", "content_filter"), ("model_length", "model_length"), ("unheard_of", "unheard_of")],
)
def test_endings_in_other_words(ending, means):
    assert mended(said(ending=ending))["finish_reason"] == means


def test_calls_of_tools():
    made = [
        {"id": None, "type": "function", "function": {"name": "f", "arguments": {"x": 1}}},
        {"id": "a", "function": {"name": "f", "arguments": None}},
        None,
    ]
    first, second = mended(said(None, "tool_calls", tool_calls=made))["message"]["tool_calls"]
    assert first == {"id": "call_0", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    assert second["function"]["arguments"] == "" and second["type"] == "function"
    old = mended(said(None, "function_call", function_call={"name": "f", "arguments": "{}"}))["message"]
    assert old["tool_calls"][0]["function"]["name"] == "f" and old["function_call"] is None


@pytest.mark.parametrize(
    "usage, prompt, made",
    [
        ({"prompt_tokens": "7", "completion_tokens": 3.0}, 7, 3),
        ({"prompt_tokens": -7, "completion_tokens": 3}, None, None),
        ({"prompt_tokens": True, "completion_tokens": 3}, None, None),
        ({"prompt_tokens": float("nan"), "completion_tokens": 3}, None, None),
        ({"prompt_tokens": 7}, None, None),
        ([7, 3], None, None),
        ({**USAGE, "prompt_tokens_details": {"cached_tokens": 100}}, 107, 3),
        ({**USAGE, "completion_tokens_details": {"reasoning_tokens": None}}, 7, 3),
    ],
)
def test_counts(usage, prompt, made):
    found = mended(said(usage=usage))["usage"]
    assert (found and found["prompt_tokens"], found and found["completion_tokens"]) == (prompt, made)
    cached = found and (found.get("prompt_tokens_details") or {}).get("cached_tokens")
    assert cached == (100 if prompt == 107 else None)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        return None

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, raw, self.headers))
        status, body, headers = self.server.reply
        if self.path.startswith("/moved"):
            status, body, headers = 200, json.dumps(said()).encode(), {}
        cut = headers.get("X-Cut")
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        if headers.get("Transfer-Encoding"):
            body = b"".join(b"%x\r\n%s\r\n" % (1, body[n : n + 1]) for n in range(len(body))) + b"0\r\n\r\n"
        else:
            self.send_header("Content-Length", str(len(body) + 10 * bool(cut)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = bool(cut)


@pytest.fixture
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads, made.requests = True, []
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def ask(server, status, body, headers=None, *, by_inspect=False):
    """The completion that comes of an answer, after at most one try more; or the error."""
    server.reply = (status, body if isinstance(body, bytes) else json.dumps(body).encode(), headers or {})
    args = {"base_url": f"http://127.0.0.1:{server.server_port}/v1", "api_key": "sk-move-1234", "timeout": 5}
    name = "openai-api/local/m"
    provider = Hosted(name, args) if by_inspect else open_model(name, args, 8)
    handle = Model(
        provider, ledger=Ledger(), budget=Budget(), first_wait=0.001, max_retries=1, health=Health()
    )
    try:
        return asyncio.run(handle.generate(Question("q", "?"), [user("?")])).completion
    except ModelCallError as error:
        return error
    except ModelStopped as error:
        return error


OK = json.dumps(said()).encode()
PAGE = b"<!DOCTYPE html>\n<html><head><title>502 Bad\nGateway</title></head><body>nginx</body></html>"


@pytest.mark.parametrize(
    "body, headers",
    [
        (b"\xef\xbb\xbf" + OK, {}),  # a byte order mark
        (b"\n   \n" + OK, {}),  # kept alive by white space
        (gzip.compress(OK), {"Content-Encoding": "gzip"}),
        (OK, {"Transfer-Encoding": "chunked"}),
        (OK, {"Content-Type": "text/html"}),
        (OK.replace(b'"created": 1', b'"created": NaN'), {}),
        (json.dumps({**said(), "choices": said()["choices"] * 2}).encode(), {}),
    ],
)
def test_an_answer_is_not_lost_for_its_form(server, body, headers):
    assert ask(server, 200, body, headers) == "forty-two" and len(server.requests) == 1


@pytest.mark.parametrize("by_inspect", [False, True])
@pytest.mark.parametrize(
    "status, body, headers, words, tries",
    [
        (200, PAGE, {"Content-Type": "text/html"}, "a page instead of an answer: 502 Bad Gateway", 2),
        (502, PAGE, {"Content-Type": "text/html"}, "HTTP 502: a page instead of an answer: 502 Bad", 2),
        (403, PAGE, {"Content-Type": "text/html"}, "HTTP 403: a page instead of an answer", 1),
        (409, {"error": "busy"}, {}, "HTTP 409: busy", 2),
        (200, {"choices": None, "detail": "backend died"}, {}, "backend died", 2),
    ],
)
def test_pages_and_failures_are_told_alike_by_both_paths(
    server, status, body, headers, words, tries, by_inspect
):
    assert words in str(ask(server, status, body, headers, by_inspect=by_inspect))
    assert len(server.requests) == tries


@pytest.mark.parametrize(
    "status, body, headers, words, tries",
    [
        (200, b"", {}, "the server's answer is empty", 2),
        (200, b"[" * 100_000, {}, "no JSON", 2),
        (200, b'{"error": "caf\xe9"}', {}, "no JSON", 2),
        (200, OK, {"Content-Encoding": "gzip"}, "broke off on its way", 2),
        (200, OK, {"X-Cut": "1"}, "broke off on its way", 2),
        (200, b'data: {"choices": [{"delta": {}}]}\n\n', {}, "streams its answer", 3),
        (429, {"error": {"message": "You exceeded your current quota; retry in 12s"}}, {}, "retry in", 2),
        (308, b"", {"Location": "/v1/chat/completions"}, "in a circle", 12),
        (301, b"", {"Location": "http://other.example/?key=sk-move-1234"}, "on to http://other.example/", 3),
    ],
)
def test_what_is_no_answer_is_told_in_one_line(server, status, body, headers, words, tries):
    error = str(ask(server, status, body, headers))
    assert words in error and "\n" not in error and "sk-move" not in error
    assert len(server.requests) == tries


@pytest.mark.parametrize("status", [301, 307])
def test_a_move_within_a_server_is_followed_with_the_whole_request(server, status):
    assert ask(server, status, b"", {"Location": "/moved/here"}) == "forty-two"
    (first, second) = server.requests
    assert second[0] == "/moved/here" and second[1] == first[1] != b""


@pytest.mark.parametrize("by_inspect", [False, True])
@pytest.mark.parametrize("ending, status", [("SAFETY", "filtered"), ("refusal", "refused")])
def test_endings_of_other_protocols_are_no_answers(server, ending, status, by_inspect):
    error = ask(server, 200, said("9000", ending), by_inspect=by_inspect)
    assert isinstance(error, Declined) and error.status == status and len(server.requests) == 1

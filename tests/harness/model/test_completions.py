"""Base models over /v1/completions: what is sent and read, held against inspect-ai; no template, ever."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    ContentImage,
    ContentText,
    GenerateConfig,
)
from inspect_ai.tool import ToolInfo

from harness.base.errors import UsageError
from harness.model import faults
from harness.model.factory import open_model
from harness.model.hosted import Hosted
from harness.model.openai_compatible.plain import MAX_TOKENS, prompt
from harness.model.provider import Call
from harness.sample import Question

NAME = "openai-api/local/some-model"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        return None

    def do_GET(self):
        if self.path == "/":
            self.server.greeted += 1
        self.reply(200 if self.path == "/" else 404, self.server.greeting)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        own = {"authorization": self.headers["Authorization"], "x-own": self.headers["X-Own"]}
        self.server.requests.append((self.path, own, body))
        status, answer = self.server.answer
        self.reply(status, json.dumps(answer).encode())

    def reply(self, status, raw):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def said(text="yes", finish="stop", usage=True, **choice):
    counts = {"prompt_tokens": 70, "completion_tokens": 30, "total_tokens": 100}
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "served-2026-01-01",
        "choices": [{"index": 0, "text": text, "finish_reason": finish, "logprobs": None, **choice}],
        "usage": counts if usage is True else usage,
    }


@pytest.fixture(scope="module")
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads, made.requests, made.greeting, made.greeted = True, [], b"{}", 0
    made.answer = (200, said())
    made.args = {"base_url": f"http://127.0.0.1:{made.server_port}/v1", "api_key": "k", "timeout": 5}
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture(autouse=True)
def fresh(server):
    server.requests.clear()
    server.answer, server.greeting = (200, said()), b"{}"


@pytest.fixture(scope="module")
def paths(server):
    theirs = Hosted("openai-api-completions/local/some-model", server.args)
    return open_model(NAME, {**server.args, "endpoint": "completions"}), theirs


@pytest.fixture(scope="module")
def run():
    with asyncio.Runner() as runner:
        yield runner.run


def ask(path, messages=None, **call):
    return path.generate(Call(Question("q", "?"), messages or [ChatMessageUser(content="Once")], **call))


def both(run, paths, server, answer=None, **call):
    """What both paths sent and what they made of the reply."""
    server.answer, results = answer or (200, said()), []
    for path in paths:
        server.requests.clear()
        made = run(ask(path, **call)).model_dump(exclude={"time", "metadata", "input_context_tokens"})
        for choice in made["choices"]:
            del choice["message"]["id"]
            for part in ("model", "source"):  # which inspect-ai leaves out on this path
                del choice["message"][part]
        results.append((list(server.requests), made))
    return results


SETTINGS = [
    {"max_tokens": 9, "temperature": 0.0, "top_p": 0.9, "stop_seqs": ["\n", "Q:"], "seed": 7},
    {"max_tokens": 9, "temperature": 0.5, "frequency_penalty": 0.5, "presence_penalty": -0.5},
    {"max_tokens": 1, "temperature": 0.0, "logprobs": True, "top_logprobs": 3, "prompt_logprobs": 1},
    {"max_tokens": 1, "temperature": 1.0, "logprobs": True, "num_choices": 2},
    {"max_tokens": 4, "temperature": 0.0, "extra_body": {"min_p": 0.1, "ignore_eos": True}},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=range(len(SETTINGS)))
@pytest.mark.parametrize("text", ["Once upon a time", "a\x00 \u2028 🙂 \"' \n\n"])
def test_requests_are_alike(run, paths, server, settings, text):
    (ours, _), (theirs, _) = both(
        run, paths, server, messages=[ChatMessageUser(content=text)], decoding=settings
    )
    assert ours == theirs and len(ours) == 1
    path, own, body = ours[0]
    assert path == "/v1/completions" and own["authorization"] == "Bearer k"
    assert body["prompt"] == text and not {"echo", "messages"} & set(body)


TOKENS = {
    "tokens": [" yes", "."],
    "token_logprobs": [-0.1, -0.7],
    "top_logprobs": [{" yes": -0.1, " no": -2.5}, None],
    "text_offset": [4, 8],
}
REPLIES = {
    "text": said(" yes"),
    "nothing": said(""),
    "odd text": said("a\x00b \ud800 \u2028 🙂"),
    "a tag": said("<think>hm</think>yes"),
    "cut off": said("ye", "length"),
    "no reason": said("ye", None),
    "no usage": said(usage=None),
    "logprobs": said(logprobs=TOKENS),
    "no first logprob": said(logprobs={**TOKENS, "token_logprobs": [None, -0.7]}),
    "empty logprobs": said(logprobs={"tokens": [], "token_logprobs": [], "top_logprobs": []}),
    "prompt logprobs": said(
        prompt_logprobs=[None, {"5": {"decoded_token": "a", "logprob": -1.0, "rank": 1}}]
    ),
    "two choices": {
        **said(),
        "choices": [
            {"index": at, "finish_reason": "stop", "text": str(at), "logprobs": None} for at in (1, 0)
        ],
    },
}


@pytest.mark.parametrize("reply", REPLIES)
def test_replies_are_read_alike(run, paths, server, reply):
    (_, ours), (_, theirs) = both(run, paths, server, (200, REPLIES[reply]), decoding={"max_tokens": 1})
    if reply == "a tag":  # a base model thinks in no tag: what it wrote is what it wrote
        assert ours["choices"][0]["message"]["content"] == "<think>hm</think>yes"
    assert ours == theirs


def test_what_the_server_read_from_its_cache_is_counted(run, paths, server):
    usage = {"prompt_tokens": 70, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 64}}
    server.answer = (200, said(usage=usage))
    found = run(ask(paths[0])).usage
    assert (found.input_tokens, found.input_tokens_cache_read, found.output_tokens) == (6, 64, 3)


FEW = [
    ChatMessageUser(content="Q: 1+1"),
    ChatMessageAssistant(content="2"),
    ChatMessageUser(content="Q: 2+2"),
]


@pytest.mark.parametrize(
    "messages, text",
    [
        ([ChatMessageUser(content="Q: 1+1\n")], "Q: 1+1\n"),
        (FEW, "Q: 1+1\n\n2\n\nQ: 2+2\n\n"),
        ([ChatMessageSystem(content="Examples"), ChatMessageUser(content="Q")], "Examples\n\nQ\n\n"),
        ([ChatMessageUser(content="Count."), ChatMessageAssistant(content="one,")], "Count.\n\none,"),
        ([ChatMessageUser(content=[ContentText(text="a")])], "a"),
    ],
)
def test_a_conversation_is_one_plain_text(run, paths, server, messages, text):
    assert prompt(messages) == text
    run(ask(paths[0], messages))
    assert server.requests[0][2]["prompt"] == text


def test_a_length_is_always_sent(run, paths, server):
    """Servers write 16 tokens where nobody says how many."""
    run(ask(paths[0], decoding={"max_tokens": None}))
    assert server.requests[0][2] == {"model": "some-model", "prompt": "Once", "max_tokens": MAX_TOKENS}


PIXEL = ContentImage(image="data:image/png;base64,iVBORw0KGgo=")


@pytest.mark.parametrize(
    "call, says",
    [
        ({"tools": [ToolInfo(name="look", description="Looks.")]}, "takes no tools"),
        ({"decoding": {"extra_body": {"echo": True}}}, "takes no extra_body echo"),
        ({"messages": [ChatMessageUser(content=[ContentText(text="a"), PIXEL])]}, "in plain text"),
        ({"messages": [ChatMessageTool(content="seen", tool_call_id="1", function="f")]}, "in plain text"),
    ],
)
def test_what_a_base_model_cannot_be_asked_is_never_sent_as_a_chat(run, paths, server, call, says):
    with pytest.raises(UsageError, match=says):
        run(ask(paths[0], **call))
    assert not server.requests


def test_a_setting_without_a_field_is_not_sent_and_known_not_to_be_taken(run, paths, server):
    """So that the gateway says it, where a user chose it."""
    run(ask(paths[0], decoding={"reasoning_effort": "high", "parallel_tool_calls": True, "max_tokens": 5}))
    assert server.requests[0][2] == {"model": "some-model", "prompt": "Once", "max_tokens": 5}
    taken = {name for name in GenerateConfig.model_fields if paths[0].takes(name)}
    assert {"seed", "top_k", "stop_seqs", "best_of", "logprobs"} < taken
    assert not taken & {"reasoning_effort", "response_schema", "parallel_tool_calls"}


@pytest.mark.parametrize("family", ["vllm/org/m", "sglang/org/m"])
def test_servers_of_vllm_and_sglang_too(run, server, family):
    run(ask(open_model(family, {**server.args, "endpoint": "completions"}), FEW))
    (path, _, body), *more = server.requests
    assert path == "/v1/completions" and body["model"] == "org/m" and not more
    server.requests.clear()
    server.answer = (200, {"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}]})
    run(ask(open_model(family, {**server.args, "endpoint": "chat"}), FEW))
    assert [path for path, _, _ in server.requests] == ["/v1/chat/completions"]


def test_a_server_that_applies_a_template_all_the_same_is_refused(run, server):
    server.greeting = b"Ollama is running"
    with pytest.raises(UsageError, match="Ollama applies the model's own template"):
        run(ask(open_model(NAME, {**server.args, "endpoint": "completions"})))
    assert not server.requests


def test_the_server_is_looked_at_once(run, server):
    model = open_model(NAME, {**server.args, "endpoint": "completions"})
    before = server.greeted
    for _ in range(3):
        run(ask(model))
    assert server.greeted == before + 1 and len(server.requests) == 3
    assert "without a chat template" in model.notice and model.abilities == {"logprobs"}


def test_a_chat_without_a_template_says_how_base_models_are_asked(run, server):
    server.answer = (400, {"error": {"message": "you must provide a chat template", "code": 400}})
    for args, cured in (({}, True), ({"endpoint": "completions"}, False)):
        with pytest.raises(faults.ServerFault) as caught:
            run(ask(open_model(NAME, {**server.args, **args})))
        line = faults.read(caught.value).line
        assert "you must provide a chat template" in line and ("endpoint=completions" in line) == cured


@pytest.mark.parametrize(
    "name, args, says",
    [
        ("openai/davinci-002", {}, "is for models of openai-api/, vllm/, sglang/ alone, not of openai/"),
        ("vllm/org/m", {}, "of a server that runs"),
        (NAME, {"responses_api": True}, "without --model-arg responses_api"),
        (NAME, {"endpoint": "raw"}, "endpoint=raw is chat or completions"),
    ],
)
def test_where_it_cannot_be_had_is_one_line(name, args, says, monkeypatch):
    monkeypatch.delenv("VLLM_BASE_URL", raising=False)
    with pytest.raises(UsageError, match=says):
        open_model(name, {"endpoint": "completions", **args}, connect=False)

"""The path of our own to OpenAI-compatible servers, held against inspect-ai's on the same exchanges."""

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
    ContentReasoning,
    ContentText,
    GenerateConfig,
    ModelOutput,
)
from inspect_ai.tool import ToolCall, ToolCallError, ToolFunction, ToolInfo, ToolParam, ToolParams

from harness.base.errors import Declined
from harness.model import endings, faults
from harness.model.factory import open_model
from harness.model.hosted import Hosted
from harness.model.openai_compatible import provider, request
from harness.model.provider import Call
from harness.sample import Question

FAMILIES = {"openai-api": "openai-api/local/some-model", "vllm": "vllm/org/m", "sglang": "sglang/org/m"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        return None

    def do_GET(self):  # inspect-ai asks vLLM for its context
        self.reply(404, b"{}")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.path, headers, body))
        status, answer = self.server.answer
        self.reply(status, json.dumps(answer).encode())

    def reply(self, status, raw):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def said(message=None, *, finish="stop", **more):
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", **(message or {})}}
    choice |= more.pop("choice", {})
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "served-2026-01-01",
        "choices": [choice],
        "usage": {"prompt_tokens": 70, "completion_tokens": 30, "total_tokens": 100},
        **more,
    }


@pytest.fixture(scope="module")
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads, made.requests, made.answer = True, [], (200, said({"content": "yes"}))
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture(scope="module")
def paths(server):
    """Both paths to the same server, by family."""
    args = {"base_url": f"http://127.0.0.1:{server.server_port}/v1", "api_key": "k", "timeout": 5}
    return {family: (open_model(name, args), Hosted(name, args)) for family, name in FAMILIES.items()}


@pytest.fixture(scope="module")
def run():
    """One loop for all exchanges, so that connections last."""
    with asyncio.Runner() as runner:
        yield runner.run


def both(run, paths, server, family="openai-api", answer=None, **call):
    """What both paths sent and what they made of the reply, or the error they ended with."""
    server.answer = answer or (200, said({"content": "yes"}))
    call = {"messages": [ChatMessageUser(content="?")], **call}
    results = []
    for path in paths[family]:
        server.requests.clear()
        try:
            output = run(path.generate(Call(Question("q", "?"), **call)))
            made = output.model_dump(exclude={"time", "metadata"})
            for choice in made["choices"]:
                del choice["message"]["id"], choice["message"]["metadata"]  # what inspect-ai doesn't keep
        except Exception as error:
            kind = faults.read(error).kind
            passing = kind == "passing" or (kind is None and path.retryable(error))
            made = ("error", "passing" if passing else kind)
        results.append((list(server.requests), made))
    return results


def sent(results):
    bodies = []
    for requests, _ in results:
        assert len(requests) == 1
        address, headers, body = requests[0]
        bodies.append((address, headers["authorization"], headers.get("x-own"), body))
    return bodies


LOOK = ToolInfo(
    name="look",
    description="Looks.",
    parameters=ToolParams(
        properties={
            "pattern": ToolParam(type="string", description="what", pattern="a+", minLength=2),
            "many": ToolParam(type="array", items=ToolParam(type="integer", minimum=1)),
            "either": ToolParam(anyOf=[ToolParam(type="string", maxLength=3), ToolParam(type="null")]),
        },
        required=["pattern"],
    ),
)
SIT = ToolInfo(name="sit", description="Sits.")
CALLED = ToolCall(id="c1", function="look", arguments={"pattern": "ä \ud800", "many": [1]})
THOUGHT = ContentReasoning(reasoning="hm", internal="reasoning_content")

MESSAGES = {
    "plain": [ChatMessageSystem(content="Be brief."), ChatMessageUser(content="What?")],
    "odd text": [ChatMessageUser(content="a\x00 \ud800 \u2028 🙂 \"'")],
    "example": [
        ChatMessageUser(content="1"),
        ChatMessageAssistant(content="one"),
        ChatMessageUser(content="2"),
    ],
    "in a row": [
        ChatMessageSystem(content="a"),
        ChatMessageSystem(content="b"),
        ChatMessageUser(content="1"),
        ChatMessageUser(content=[ContentText(text="2"), ContentText(text="3")]),
        ChatMessageAssistant(content="x"),
        ChatMessageAssistant(content="y", tool_calls=[CALLED]),
        ChatMessageTool(content="seen", tool_call_id="c1", function="look"),
    ],
    "begun": [ChatMessageUser(content="Count."), ChatMessageAssistant(content="one, two,")],
    "parts": [ChatMessageSystem(content=[ContentText(text="a"), ContentText(text="b")])]
    + [ChatMessageUser(content=[ContentText(text="c"), ContentText(text="d")])],
    "tools": [
        ChatMessageUser(content="Go."),
        ChatMessageAssistant(content="", tool_calls=[CALLED]),
        ChatMessageTool(content=[ContentText(text="seen")], tool_call_id="c1", function="look"),
        ChatMessageAssistant(content=[THOUGHT, ContentText(text="more")], tool_calls=[CALLED]),
        ChatMessageTool(content="", tool_call_id="c1", error=ToolCallError(type="timeout", message="late")),
    ],
    "thought in a tag": [
        ChatMessageUser(content="Go."),
        ChatMessageAssistant(content=[ContentReasoning(reasoning="hm"), ContentText(text="yes")]),
        ChatMessageUser(content="On."),
    ],
}


#: vLLM and SGLang go on with a message that is begun
BETWEEN = [("openai-api", name) for name in MESSAGES]
# inspect-ai asks a vLLM server first whether it is there, and gives up soon where a machine is busy
BETWEEN += [("sglang", "begun")]


@pytest.mark.parametrize("family, messages", BETWEEN)
def test_messages_are_sent_alike(run, paths, server, family, messages):
    ours, theirs = sent(both(run, paths, server, family, messages=MESSAGES[messages]))
    assert ours == theirs


SETTINGS = [
    {"max_tokens": 9, "temperature": 0.0, "top_p": 0.9, "stop_seqs": ["\n", "Q:"], "seed": 7},
    {"frequency_penalty": 0.5, "presence_penalty": -0.5, "logit_bias": {11: -100}},
    {"num_choices": 2, "logprobs": True, "top_logprobs": 3, "prompt_logprobs": 1},
    {"reasoning_effort": "high", "reasoning_tokens": 512, "reasoning_summary": "auto", "effort": "low"},
    {"extra_body": {"top_k": 4, "metadata": {"a": 1}, "temperature": 0.3}, "extra_headers": {"X-Own": "1"}},
    {"top_k": 5, "best_of": 2, "verbosity": "low", "cache_prompt": True, "parallel_tool_calls": False},
    {
        "reasoning_history": "none",
        "max_tool_output": 5,
        "internal_tools": False,
        "reasoning_mode": "standard",
    },
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: next(iter(settings)))
def test_settings_are_sent_alike(run, paths, server, settings):
    ours, theirs = sent(both(run, paths, server, decoding=settings))
    assert ours == theirs


def test_the_limit_of_models_that_reason_has_its_own_name(run, server):
    args = {"base_url": f"http://127.0.0.1:{server.server_port}/v1", "api_key": "k"}
    name = "openai-api/local/gpt-5-mini"
    pair = {"openai-api": (open_model(name, args), Hosted(name, args))}
    ours, theirs = sent(both(run, pair, server, decoding={"max_tokens": 5}))
    assert ours == theirs and ours[-1]["max_completion_tokens"] == 5


def test_every_setting_of_the_installed_version_is_known_or_left_to_inspect():
    """A new field of GenerateConfig must not be dropped in silence: what isn't named goes over inspect-ai."""
    assert request.KNOWN <= set(GenerateConfig.model_fields)
    assert not request.expressible(Call(Question("q", "?"), [], decoding={"a_new_field": 1}))


@pytest.mark.parametrize("choice", [None, "auto", "any", "none", ToolFunction("look")], ids=str)
def test_tools_are_sent_alike(run, paths, server, choice):
    settings = {"parallel_tool_calls": False}
    ours, theirs = sent(both(run, paths, server, tools=[LOOK, SIT], tool_choice=choice, decoding=settings))
    assert ours == theirs


TOKENS = {
    "content": [
        {
            "token": "yes",
            "logprob": -0.1,
            "bytes": [121],
            "top_logprobs": [{"token": "no", "logprob": -2.5, "bytes": None}],
        }
    ]
}


def asked(arguments, name="look", **more):
    return {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}, **more}


REPLIES = {
    "text": said({"content": "yes"}),
    "nothing": said({"content": None}),
    "odd text": said({"content": "a\x00b \ud800 \u2028 🙂"}),
    "no usage": said({"content": "yes"}, usage=None),
    "half a usage": said({"content": "yes"}, usage={"prompt_tokens": 7, "completion_tokens": None}),
    "no total": said({"content": "yes"}, usage={"prompt_tokens": 7, "completion_tokens": 3}),
    "details": said(
        {"content": "yes"},
        usage={
            "prompt_tokens": 70,
            "completion_tokens": 30,
            "total_tokens": 100,
            "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 2},
            "completion_tokens_details": {"reasoning_tokens": 20},
        },
    ),
    "empty details": said(
        {"content": "yes"},
        usage={
            "prompt_tokens": 70,
            "completion_tokens": 30,
            "total_tokens": 100,
            "prompt_tokens_details": {"cached_tokens": None},
            "completion_tokens_details": None,
        },
    ),
    "fingerprint": said({"content": "yes"}, system_fingerprint="fp_1"),
    "cut off": said({"content": "ye"}, finish="length"),
    "eos": said({"content": "ye"}, finish="eos"),
    "abort": said({"content": "ye"}, finish="abort"),
    "no reason": said({"content": "ye"}, finish=None),
    "filtered": said({"content": ""}, finish="content_filter"),
    "refused": said({"content": None, "refusal": "I can't."}),
    "filter results": said(
        {"content": "x"},
        finish="content_filter",
        choice={"content_filter_results": {"hate": {"filtered": True, "severity": "high"}}},
    ),
    "reasoning_content": said({"content": "yes", "reasoning_content": "hm"}),
    "reasoning": said({"content": "yes", "reasoning": "hm"}),
    "only reasoning": said({"content": None, "reasoning_content": "hm"}, finish="length"),
    "empty reasoning": said({"content": "yes", "reasoning_content": "", "tool_calls": []}),
    "details of reasoning": said(
        {"content": "yes", "reasoning_details": [{"type": "reasoning.text", "text": "hm", "index": 0}]}
    ),
    "a tag": said({"content": "<think>hm\n</think>\nyes"}),
    "an empty tag": said({"content": "<think></think>"}),
    "an open tag": said({"content": "<think>hm"}),
    "a call": said({"content": None, "tool_calls": [asked('{"pattern": "a"}')]}, finish="tool_calls"),
    "two calls": said({"content": "so", "tool_calls": [asked("{}"), asked("{}", "sit")]}),
    "arguments broken": said({"content": None, "tool_calls": [asked('{"pattern": "a')]}),
    "arguments bare": said({"content": None, "tool_calls": [asked("forty-two")]}),
    "arguments missing": said({"content": None, "tool_calls": [asked("")]}),
    "stray quote": said({"content": None, "tool_calls": [asked('{"pattern": "a"}"')]}),
    "unknown tool": said({"content": None, "tool_calls": [asked('{"x": 1}', "fly")]}),
    "logprobs": said({"content": "yes"}, choice={"logprobs": TOKENS}),
    "no logprobs": said({"content": "yes"}, choice={"logprobs": {"content": None}}),
    "prompt logprobs": said(
        {"content": "yes"},
        prompt_logprobs=[None, {"5": {"decoded_token": "a", "logprob": -1.0, "rank": 1}}],
    ),
    "two choices": said(
        {"content": "a"},
        choices=[
            {"index": at, "finish_reason": "stop", "message": {"role": "assistant", "content": str(at)}}
            for at in (1, 0)
        ],
    ),
}


@pytest.mark.parametrize("reply", REPLIES)
def test_replies_are_read_alike(run, paths, server, reply):
    (_, ours), (_, theirs) = both(run, paths, server, answer=(200, REPLIES[reply]), tools=[LOOK, SIT])
    assert ours == theirs and isinstance(ours, dict) == (reply != "abort")


def error(message, code="c", kind="BadRequestError"):
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


REFUSALS = {
    "wrong": (400, error("not like this")),
    "key": (401, error("wrong key")),
    "money": (402, error("no money")),
    "forbidden": (403, error("not you")),
    "unknown": (404, error("no such model")),
    "slow": (408, error("slow")),
    "large": (413, error("too large")),
    "sense": (422, error("makes no sense")),
    "often": (429, error("too often")),
    "ill": (503, error("busy")),
    "context": (400, error("too long", "context_length_exceeded")),
    "vLLM's context": (400, error("This model's maximum context length is 9000 tokens.", 400)),
    "length": (400, error("the input length exceeds")),
    "filter": (400, error("filtered", "content_filter")),
    "policy": (403, error("blocked by policy", "x", "invalid_request_error")),
    "bare": (400, {"object": "error", "message": "maximum context length", "code": 400}),
}


#: the families have words of their own for a context that is too short
TAKEN = [("openai-api", name) for name in REFUSALS]
TAKEN += [(family, name) for family in ("sglang",) for name in ("wrong", "vLLM's context", "bare", "filter")]


@pytest.mark.parametrize("family, refusal", TAKEN)
def test_refusals_are_taken_alike(run, paths, server, family, refusal):
    (_, ours), (_, theirs) = both(run, paths, server, family, answer=REFUSALS[refusal])
    if isinstance(theirs, dict):  # inspect-ai makes completions of some: the same turn that ended
        with pytest.raises(Declined) as ended:
            endings.check(ModelOutput.model_validate(theirs), "m")
        theirs = ("error", ended.value.status)
    assert ours == theirs


def test_an_image_goes_over_inspect(run, paths, server, monkeypatch):
    monkeypatch.setattr(provider.request, "chat", None)
    pixel = "data:image/png;base64,iVBORw0KGgo="
    parts = [ContentText(text="What?"), ContentImage(image=pixel)]
    ours, theirs = sent(both(run, paths, server, messages=[ChatMessageUser(content=parts)]))
    assert ours == theirs and ours[-1]["messages"][0]["content"][1]["image_url"]["url"] == pixel


def test_what_the_server_says_it_is_stays_with_the_answer(run, paths, server):
    server.answer = (200, REPLIES["fingerprint"])
    ours = paths["openai-api"][0]
    output = run(ours.generate(Call(Question("q", "?"), [ChatMessageUser(content="?")])))
    assert output.model == "served-2026-01-01" and output.metadata == {"system_fingerprint": "fp_1"}


@pytest.mark.parametrize(
    "body", [{"error": {"message": "overloaded"}}, {"choices": None}, {}, [], {"choices": [{}]}]
)
def test_all_well_without_an_answer_is_asked_again_with_the_server_s_word(run, paths, server, body):
    server.answer, ours = (200, body), paths["openai-api"][0]
    with pytest.raises(Exception) as caught:
        run(ours.generate(Call(Question("q", "?"), [ChatMessageUser(content="?")])))
    assert faults.read(caught.value).kind == "passing"
    if isinstance(body, dict) and "error" in body:
        assert "overloaded" in str(caught.value)


@pytest.mark.parametrize(
    "name, args",
    [
        ("openai-api/local/m", {"responses_api": True}),
        ("openai-api/local/m", {"emulate_tools": True}),
        ("vllm/org/m", {}),
        ("vllm/org/m:adapter", {"base_url": "http://127.0.0.1:9/v1"}),
        ("vllm/org/m", {"model_path": "x", "port": 9}),
    ],
)
def test_what_this_path_does_not_do_stays_with_inspect(name, args, monkeypatch):
    monkeypatch.setenv("LOCAL_API_KEY", "k")
    monkeypatch.setenv("LOCAL_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.delenv("VLLM_BASE_URL", raising=False)
    assert type(open_model(name, args)) is Hosted

"""Tools and messages of official packages: sent as they are, and part of what identifies a call."""

import json

from inspect_ai.model import ChatMessageAssistant, ChatMessageUser
from inspect_ai.tool import ToolCall, ToolInfo

from harness.base.concurrent import run_sync
from harness.base.messages import described
from harness.model.openai_compatible import request
from harness.model.provider import Call
from harness.model.sizes import prompt_size
from harness.model.verbatim import official_of, official_tool, sent_as, tool_of
from harness.sample import Question

ENTRY = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Looks.",
        "parameters": {
            "type": "object",
            "$defs": {"Place": {"type": "string", "enum": ["here"]}},
            "properties": {
                "place": {"$ref": "#/$defs/Place", "title": "Place"},
                "many": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "default": None},
            },
            "required": ["place"],
            "optional": ["many"],
        },
        "response": {"type": "object"},
    },
}


def body(messages, tools=(), **settings):
    call = Call(Question("q", "?"), messages, tools)
    return json.loads(run_sync(request.chat(call, "m", long_name=False, strict=True, **settings)))


def test_a_tool_is_sent_as_it_is_and_beside_it_what_others_read():
    tool = official_tool(ENTRY)
    assert body([ChatMessageUser(content="?")], [tool], continues=False)["tools"] == [ENTRY]
    assert tool.parameters.properties["place"].enum == ["here"] and tool.parameters.required == ["place"]
    assert described(tool) == ENTRY["function"]
    crossed = tool_of(json.loads(json.dumps(tool.model_dump(exclude_none=True))))
    assert official_of(crossed) == ENTRY
    plain = ToolInfo(name="sit", description="Sits.")
    assert official_of(tool_of(plain.model_dump())) is None
    sent = body([ChatMessageUser(content="?")], [plain], continues=False)["tools"]
    assert sent[0]["function"]["strict"] is True


def test_a_message_is_sent_as_it_is_and_joined_with_none():
    entry = {"role": "assistant", "content": None, "tool_calls": [{"id": None}], "odd": [None]}
    mine = sent_as(ChatMessageAssistant(content="x", tool_calls=[ToolCall("a", "look", {})]), entry)
    said = [ChatMessageUser(content="1"), mine, ChatMessageUser(content="2"), ChatMessageUser(content="3")]
    for continues in (False, True):
        sent = body(said, continues=continues)["messages"]
        assert sent == [{"role": "user", "content": "1"}, entry] + [
            {"role": "user", "content": text} for text in "23"
        ]


def test_the_size_of_a_prompt_counts_a_tool_once():
    tool = official_tool(ENTRY)
    call = Call(Question("q", "?"), [ChatMessageUser(content="?")], [tool])
    bare = Call(Question("q", "?"), [ChatMessageUser(content="?")], [ToolInfo(name="", description="")])
    assert prompt_size(call).bytes < prompt_size(bare).bytes + len(json.dumps(ENTRY))

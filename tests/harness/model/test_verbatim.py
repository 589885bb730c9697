"""Tools and messages of official packages: sent as they are, and part of what identifies a call."""

import json
import pickle

import pytest
from inspect_ai.model import ChatMessageAssistant, ChatMessageTool, ChatMessageUser
from inspect_ai.tool import ToolCall, ToolInfo

from harness.base.concurrent import run_sync
from harness.base.messages import described
from harness.model.ledger import Ledger
from harness.model.openai_compatible import request
from harness.model.provider import Call
from harness.model.sizes import prompt_size
from harness.model.verbatim import official_of, official_tool, sent_as, tool_of
from harness.results.served import served_lines
from harness.sample import Question
from tests.harness.model.test_gateway import ScriptedProvider, ask, model

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
    assert official_of(crossed) == official_of(pickle.loads(pickle.dumps(tool))) == ENTRY
    plain = ToolInfo(name="sit", description="Sits.")
    assert official_of(tool_of(plain.model_dump())) is None
    sent = body([ChatMessageUser(content="?")], [plain], continues=False)["tools"]
    assert sent[0]["function"]["strict"] is True


def test_a_message_is_sent_as_it_is_and_joined_with_none():
    entry = {"role": "assistant", "content": None, "odd": [None]}
    mine = sent_as(ChatMessageAssistant(content="x", tool_calls=[ToolCall("a", "look", {})]), entry)
    said = [ChatMessageUser(content="1"), mine, ChatMessageUser(content="2"), ChatMessageUser(content="3")]
    for continues in (False, True):
        sent = body(said, continues=continues)["messages"]
        assert sent == [{"role": "user", "content": "1"}, entry] + [
            {"role": "user", "content": text} for text in "23"
        ]
    unsaid = sent_as(ChatMessageTool(content="for others", tool_call_id="a"), {})
    assert len(body([*said, unsaid], continues=False)["messages"]) == 4


def test_what_a_method_changed_is_sent_as_it_is_now():
    said = sent_as(ChatMessageUser(content="Go."), {"role": "user", "content": "Go.", "name": "u"})
    hinted = said.model_copy(update={"content": "Go. Think first."})
    made = ChatMessageAssistant(content="x", tool_calls=[ToolCall("a", "look", {})])
    entry = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "look"}}]}
    other = sent_as(made, entry).model_copy(update={"tool_calls": [ToolCall("a", "sit", {})]})
    tool = official_tool(ENTRY)
    plainer = tool.model_copy(update={"description": "Looks well."})
    sent = body([said, hinted, sent_as(made, entry), other], [tool, plainer], continues=False)
    assert [sent["messages"][n] for n in (0, 2)] == [official_of(said), entry]
    assert sent["messages"][1] == {"role": "user", "content": "Go. Think first."}
    assert sent["messages"][3]["tool_calls"][0]["function"]["name"] == "sit"
    assert sent["tools"][0] == ENTRY and sent["tools"][1]["function"]["description"] == "Looks well."
    assert described(plainer)["description"] == "Looks well."


def test_the_size_of_a_prompt_counts_a_tool_once():
    tool = official_tool(ENTRY)
    call = Call(Question("q", "?"), [ChatMessageUser(content="?")], [tool])
    bare = Call(Question("q", "?"), [ChatMessageUser(content="?")], [ToolInfo(name="", description="")])
    assert prompt_size(call).bytes < prompt_size(bare).bytes + len(json.dumps(ENTRY))


@pytest.mark.parametrize(
    ("verbatim", "tools", "rewritten"), [(False, True, True), (True, True, False), (False, False, False)]
)
def test_a_record_says_where_only_a_client_of_its_own_could_write_a_request(verbatim, tools, rewritten):
    provider, ledger = ScriptedProvider(), Ledger()
    provider.remote, provider.verbatim = True, verbatim
    ask(model(provider, ledger=ledger), tools=[official_tool(ENTRY)] if tools else [])
    served = ledger.served.as_dict()
    assert served["models"][provider.name].get("rewritten", False) == rewritten
    assert ("as its own client writes them" in "".join(served_lines({"served": served}))) == rewritten

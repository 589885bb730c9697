"""What a server wrote, found again after everything that reads and mends it."""

import json
from dataclasses import replace

import pytest
from inspect_ai.model import ChatMessageAssistant, ModelOutput
from inspect_ai.tool import ToolCall, ToolInfo, ToolParam, ToolParams

from harness.model.openai_compatible import reply
from harness.model.raw_calls import calls_as_written, raw_calls, raw_fields, raw_text
from harness.run.isolation import forms

LOOK = ToolInfo(
    name="look",
    description="Looks.",
    parameters=ToolParams(properties={"number": ToolParam(type="integer")}, required=["number"]),
)
OBJECTS = ['{"number": 5}', ' {"number":5}\n', "{}", '{"a": null}', '{"a": 1, "a": 2}', '{"ä": "\\u00e4🙂"}']
OTHERS = [
    *("5", '"x"', "null", '""', "[1, 2]", "", "true", "number: 5", "forty-two", '"{\\"number\\": 5}"'),
    *('{"number": 5}"', '{"number": 5,}', "{'number': 5}", '{"number": 5', '{"a": 1} {"b": 2}', "[" * 5000),
]


def message(*arguments, **more):
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "look", "arguments": text}}
        for text in arguments
    ]
    said = {"role": "assistant", "content": None, "tool_calls": calls, **more}
    found = {"choices": [{"index": 0, "finish_reason": "tool_calls", "message": said}], "usage": None}
    return reply.output(found, "m", [LOOK], 0.1).message


def travelled(sent):
    """The message after a pipe and a cache."""
    (sent,) = forms.heard(json.loads(json.dumps([forms.said_plainly(sent)])))
    return ModelOutput.model_validate(ModelOutput.from_message(sent).model_dump(exclude_none=True)).message


@pytest.mark.parametrize("text", OBJECTS + OTHERS)
def test_the_text_of_a_call_is_what_the_server_sent(text):
    found = message(text)
    for each in (found, travelled(found), calls_as_written(found), calls_as_written(travelled(found))):
        assert [(call.id, call.name, call.arguments) for call in raw_calls(each)] == [("c1", "look", text)]


@pytest.mark.parametrize("text", OBJECTS)
def test_an_object_is_read(text):
    (call,) = calls_as_written(message(text)).tool_calls
    assert call.parse_error is None and call.arguments == json.loads(text)


@pytest.mark.parametrize("text", OTHERS)
def test_what_is_no_object_is_not_mended(text):
    (call,) = calls_as_written(message(text)).tool_calls
    assert call.parse_error and call.arguments == {}


def test_what_inspect_mends_stays_mended_where_that_is_asked_for():
    found = message("5")
    assert calls_as_written(found, mended=True).tool_calls[0].arguments == {"number": 5}
    unheld = calls_as_written(message('{"number": NaN}'), mended=True).tool_calls[0]
    assert unheld.parse_error and unheld.arguments == {}


def test_several_calls_keep_their_order_and_their_ids_where_these_repeat():
    found = calls_as_written(message("5", '{"number": 1}', "null"))
    assert [call.arguments for call in raw_calls(found)] == ["5", '{"number": 1}', "null"]
    assert [bool(call.parse_error) for call in found.tool_calls] == [True, False, True]


def test_what_a_method_changed_counts_and_not_what_was_sent():
    found = message("5", '{"number": 1}')
    first, second = found.tool_calls
    mended = found.model_copy(update={"tool_calls": [replace(first, arguments={"number": 6}), second]})
    assert [call.arguments for call in raw_calls(mended)] == ['{"number": 6}', '{"number": 1}']
    fewer = found.model_copy(update={"tool_calls": [second]})
    assert [call.arguments for call in raw_calls(fewer)] == ['{"number": 1}']
    other = found.model_copy(update={"tool_calls": [replace(first, function="sit"), second]})
    assert raw_calls(other)[0].name == "sit"


def test_a_call_of_which_no_text_travelled():
    calls = [
        ToolCall("a", "look", {"number": None}),
        ToolCall("b", "look", {}, parse_error="no such form"),
        ToolCall("c", "look", {}, parse_error='{"number": 1}'),
    ]
    found = ChatMessageAssistant(content="", tool_calls=calls)
    first, *unread = raw_calls(found)
    assert first.arguments == '{"number": null}'
    for call in unread:
        with pytest.raises(ValueError):
            json.loads(call.arguments)
    kept = message('{"number": ').tool_calls  # inspect's error holds the text
    assert raw_calls(found.model_copy(update={"tool_calls": kept}))[0].arguments == '{"number":'


@pytest.mark.parametrize(
    ("content", "more"),
    [
        ("plain", {}),
        ("", {}),
        ("<think>hm\n</think>\n\nyes", {}),
        ("<think></think>yes", {}),
        ("so <think>hm</think> yes", {}),
        ("<think>a<summary>b</summary></think>c", {}),
        ("yes", {"reasoning_content": "hm"}),
        ("\n yes ", {"reasoning": "hm"}),
    ],
)
def test_the_text_is_the_servers_with_thoughts_that_stand_in_it(content, more):
    found = message('{"number": 5}', content=content, **more)
    assert raw_text(found) == raw_text(travelled(found)) == content


def test_no_text_is_none_where_there_are_calls():
    assert raw_text(message("{}")) is None and raw_text(message(content="")) == ""
    plain = {"choices": [{"message": {"role": "assistant", "content": "yes"}}], "usage": None}
    assert reply.output(plain, "m", [], 0.1).message.metadata is None  # nothing is kept that inspect-ai keeps


DETAILS = [{"type": "reasoning.text", "text": "hm", "format": "unknown", "index": 0}]
SIGNED = {"index": 0, "extra_content": {"google": {"thought_signature": "s"}}}


@pytest.mark.parametrize("call", [{}, SIGNED])
@pytest.mark.parametrize(
    ("held", "more"),
    [
        ({}, {"refusal": None, "annotations": [], "audio": None, "function_call": None}),
        ({"reasoning_content": "hm"}, {"reasoning": "hm"}),
        ({"reasoning_content": "hm"}, {"reasoning": "other"}),
        ({}, {"reasoning": "hm", "reasoning_details": DETAILS}),
    ],
)
def test_what_else_a_server_gives_travels_with_the_message(call, held, more):
    """As vLLM, OpenRouter and Gemini answer: fields without a value, thoughts in two of them, a signature."""
    function = {"name": "look", "arguments": "{}", "strict": None}
    sent = {"content": "yes", "tool_calls": [{"id": "c1", "type": "function", "function": function, **call}]}
    found = {"choices": [{"message": {"role": "assistant", **sent, **held, **more}}], "usage": None}
    made = reply.output(found, "m", [LOOK], 0.1).message
    for each in (made, travelled(made), calls_as_written(travelled(made))):
        assert raw_fields(each) == more
        (raw,) = raw_calls(each)
        assert raw.fields == call and raw.of_function == {"strict": None}


def test_an_empty_list_of_calls_is_a_field_of_the_message():
    assert raw_fields(message()) == {"tool_calls": []}


def test_a_field_that_no_record_can_hold_does_not_travel():
    made = message("{}", score=float("nan"), half="\ud83d", deep=nested(600), sound=1)
    assert raw_fields(made) == {"half": "\ufffd", "sound": 1}


def nested(levels):
    made = []
    for _ in range(levels):
        made = [made]
    return made


def test_half_a_character_in_arguments_becomes_the_sign_for_it_and_the_text_stays():
    text = '{"a": "\\ud83d"}'
    found = calls_as_written(message(text))
    assert found.tool_calls[0].arguments == {"a": "\ufffd"} and not found.tool_calls[0].parse_error
    assert raw_calls(found)[0].arguments == text
    deep = json.dumps({"a": "\ud83d", "b": nested(700)})
    (call,) = calls_as_written(message(deep)).tool_calls
    assert "nest" in call.parse_error and call.arguments == {}


@pytest.mark.parametrize(
    "content", [None, "<think>hm</think>\n\nyes", "<think>a<summary>b</summary></think>c"]
)
def test_a_text_that_a_method_changed_is_that_text(content):
    found = message("{}", content=content)
    assert raw_text(found.model_copy(update={"content": "other"})) == "other"

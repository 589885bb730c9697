"""Replay, schema and simulator: the order in which a call is answered, and what goes wrong."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inspect_ai.model import ModelOutput
from inspect_ai.tool import ToolCall

from harness.base.errors import ModelCallError, WorldFailed
from harness.replay import Record, ReplayTools, Simulator
from harness.replay.records import Records
from harness.replay.schema import faults
from harness.replay.simulator import read_result
from harness.sample import Question

WEATHER = {
    "name": "weather",
    "description": "The weather.",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"type": "string", "enum": ["C", "F"]},
            "days": {"type": "integer"},
            "at": {"type": "object", "properties": {"hour": {"type": "number"}}, "required": ["hour"]},
        },
        "required": ["city"],
    },
}
RECORDS = [
    Record("weather", {"city": "Oslo", "days": 1}, '{"sky": "grey"}', 0),
    Record("weather", {"town": "Rome"}, '{"sky": "blue"}', 1),  # violates the schema
    Record("weather", {"city": "Lima"}, "first", 0),
    Record("weather", {"city": "Lima"}, "second", 1),
]


class Model:
    """Answers with the next text; keeps what it was asked."""

    name = "scripted"

    def __init__(self, *replies):
        self.replies, self.asked, self.settings = list(replies), [], []

    async def generate(self, question, messages, **settings):
        self.asked.append(messages[0].text)
        self.settings.append(settings)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return ModelOutput.from_content("scripted", reply)


def result(value):
    return json.dumps({"analysis": "near Oslo", "result": value})


def played(calls, *replies, tools=(WEATHER,), **switches):
    """The texts that answer calls, the model and the tools of one episode."""
    model = Model(*replies)
    simulator = Simulator(model, Question("q", "?"), RECORDS, **switches)
    box = ReplayTools({tool["name"]: tool for tool in tools}, RECORDS, simulator)

    async def all_calls():
        found = []
        for n, call in enumerate(calls):
            name, arguments, *turn = call
            found.append(await box.answer(ToolCall(f"c{n}", name, arguments), *(turn or [0])))
        return found

    return asyncio.run(all_calls()), model, box


def code(message):
    assert message.error is not None
    return json.loads(message.text)["tool_error"]


def test_a_recorded_call_is_found_whatever_the_order_of_its_keys():
    (one, other), model, box = played(
        [("weather", {"city": "Oslo", "days": 1}), ("weather", {"days": 1, "city": "Oslo"})]
    )
    assert one.text == other.text == '{"sky": "grey"}' and one.error is None
    assert model.asked == [] and box.counts == {"replayed": 2}


def test_a_recorded_failure_is_a_failure_again():
    failed = Record("weather", {"city": "Oslo"}, '{"fault": "down"}', failed=True)
    box = ReplayTools({"weather": WEATHER}, [failed])
    found = asyncio.run(box.answer(ToolCall("c", "weather", {"city": "Oslo"}), 0))
    assert found.text == failed.response and found.error is not None and box.counts == {"replayed": 1}


def test_numbers_are_what_they_are_written_as():
    record = Record("f", {"b": 1, "a": 2}, "found")
    records = Records([record])
    assert records.take("f", {"a": 2, "b": 1}) == record
    for other in ({"a": 2, "b": 1.0}, {"a": 2, "b": True}, {"a": 2, "b": "1"}, {"a": 2}):
        assert records.take("f", other) is None
    assert records.take("g", {"a": 2, "b": 1}) is None


def test_a_recorded_call_that_violates_the_schema_still_replays():
    (found,), _, _ = played([("weather", {"town": "Rome"})])
    assert found.text == '{"sky": "blue"}' and found.error is None


def test_a_call_recorded_twice_gets_its_results_in_order():
    found, _, _ = played([("weather", {"city": "Lima"})] * 3)
    assert [each.text for each in found] == ["first", "second", "second"]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ({}, {"required": ["city"]}),
        ({"city": "Rome", "when": 1}, {"unexpected": ["when"]}),
        ({"city": 1}, {"type": ["city: string wanted"]}),
        ({"city": "Rome", "days": True}, {"type": ["days: integer wanted"]}),
        ({"city": "Rome", "unit": "K"}, {"enum": ["unit: one of C, F wanted"]}),
        ({"city": "Rome", "at": {}}, {"required": ["at.hour"]}),
        ({"city": "Rome", "at": {"hour": 1, "x": 2}}, {"unexpected": ["at.x"]}),
        ({"unit": 1, "y": 2}, {"required": ["city"], "unexpected": ["y"], "type": ["unit: string wanted"]}),
    ],
)
def test_a_violated_schema_is_a_structured_error_and_no_simulation(arguments, wanted):
    (found,), model, box = played([("weather", arguments)])
    assert code(found) == {"code": "SCHEMA_VALIDATION_FAILED", **wanted}
    assert model.asked == [] and box.counts == {"SCHEMA_VALIDATION_FAILED": 1}


def test_types_of_json_schemas():
    assert not faults({"type": "integer"}, 2.0) and faults({"type": "integer"}, 2.5)
    assert not faults({"type": ["string", "null"]}, None) and faults({"type": ["string", "null"]}, 1)
    either = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "integer"}}]}
    assert not faults(either, "a") and not faults(either, [1]) and faults(either, ["a"])
    assert faults({"items": {"type": "string"}}, ["a", 1]) == {"type": ["[1]: string wanted"]}
    open_ended = {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}
    assert not faults(open_ended, {"a": "b"}) and faults(open_ended, {"a": 1})
    assert not faults({"type": "object"}, {"a": 1})
    assert not faults({"enum": [1, "a"]}, 1) and faults({"enum": [1]}, True)
    assert not faults({"enum": [1, [2]]}, 1.0) and faults({"enum": [[1]]}, [True])
    assert faults({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1) == {
        "type": [": string or null wanted"]
    }


def test_alternatives_may_each_name_keys_of_one_object():
    by_name, by_id = ({"properties": {key: {"type": "string"}}, "required": [key]} for key in ("name", "id"))
    either = {"type": "object", "properties": {"day": {}}, "anyOf": [by_name, by_id]}
    assert not faults(either, {"name": "Ada", "day": 1}) and not faults(either, {"id": "P8", "day": 1})
    assert faults(either, {"name": "Ada", "hour": 1}) == {"unexpected": ["hour"]}
    assert faults(either, {"day": 1}) == {"required": ["name"]}
    assert faults(either, {"id": 8}) == {"type": ["id: string wanted"]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40)
@given(st.dictionaries(st.text(max_size=6), JSON, max_size=4))
def test_any_arguments_get_an_answer(arguments):
    box = ReplayTools({"weather": WEATHER}, RECORDS)
    found = asyncio.run(box.answer(ToolCall("c", "weather", arguments), 0))
    assert found.error is None or code(found)["code"] in ("SCHEMA_VALIDATION_FAILED", "UNSEEN_CALL")


def test_unknown_tools_unreadable_calls_and_unseen_ones_without_a_simulator():
    box = ReplayTools({"weather": WEATHER}, RECORDS)

    def answer(call):
        return code(asyncio.run(box.answer(call, 0)))

    assert answer(ToolCall("c", "fly", {})) == {"code": "UNKNOWN_TOOL", "tools": ["weather"]}
    assert answer(ToolCall("c", "weather", {}, parse_error="not JSON"))["code"] == "CALL_FORMAT"
    assert answer(ToolCall("c", "weather", {"city": "Rome"}))["code"] == "UNSEEN_CALL"


@pytest.mark.parametrize("text", ["%s", "<think>{}</think>\n%s", "```json\n%s\n```"])
def test_thoughts_and_a_fence_around_a_result_are_taken_off(text):
    assert json.loads(read_result(text % result({"sky": "red </think>"}))) == {"sky": "red </think>"}


def test_only_the_result_of_a_simulation_is_returned():
    (found,), model, _ = played([("weather", {"city": "Rome"})], result({"sky": "red"}))
    assert json.loads(found.text) == {"sky": "red"} and "analysis" not in found.text
    (sent,) = model.settings
    assert (sent["temperature"], sent["top_p"], sent["max_tokens"]) == (0.6, 0.8, 8000)
    assert sent["purpose"] == "simulator" and sent["response_schema"]["json_schema"]["required"]


@pytest.mark.parametrize(("cache", "calls"), [(True, 1), (False, 2)])
def test_the_same_unseen_call_twice(cache, calls):
    replies = [result({"sky": "red"}), result({"sky": "pink"})]
    found, model, box = played([("weather", {"city": "Rome"})] * 2, *replies, cache=cache)
    assert len(model.asked) == calls
    assert (found[0].text == found[1].text) is cache
    assert box.counts == ({"simulated": 1, "cached": 1} if cache else {"simulated": 2})
    assert len({sent["draw"] for sent in model.settings}) == calls


@pytest.mark.parametrize("forward", [True, False])
def test_earlier_simulations_stand_in_the_prompt_only_if_fed_forward(forward):
    calls = [("weather", {"city": "Rome"}), ("weather", {"city": "Bonn"})]
    _, model, _ = played(calls, result({"sky": "red"}), result({"sky": "pink"}), feed_forward=forward)
    assert ('"sky": "red"' in model.asked[1]) is forward
    assert '"sky": "red"' not in model.asked[0]


@pytest.mark.parametrize(("later", "turn", "seen"), [(True, 0, True), (False, 0, False), (False, 1, True)])
def test_records_of_later_turns_stand_in_the_prompt_by_a_switch(later, turn, seen):
    _, model, _ = played([("weather", {"city": "Bonn"}, turn)], result({}), later=later)
    assert ('{"sky": "blue"}' in model.asked[0]) is seen
    assert '{"sky": "grey"}' in model.asked[0]


BROKEN = ["no JSON", "[1]", "{}", '{"result": "text"}', '{"result": null}', '{"output": {}}', "[" * 9999]


@pytest.mark.parametrize("reply", BROKEN)
def test_a_reply_of_another_shape_ends_the_episode_as_the_world_s_failure(reply):
    with pytest.raises(WorldFailed, match="tool simulator: .*1 tried"):
        played([("weather", {"city": "Rome"})], reply)
    (found,), model, _ = played([("weather", {"city": "Rome"})], reply, result([1]), tries=2)
    assert found.text == "[1]" and [each["draw"] for each in model.settings] == [0, 1]
    keep = model.settings[0]["keep"]
    assert not keep(SimpleNamespace(completion=reply)) and keep(SimpleNamespace(completion=result([])))


def test_a_simulator_whose_server_failed_is_the_world_s_failure():
    with pytest.raises(WorldFailed, match="tool simulator: time-out"):
        played([("weather", {"city": "Rome"})], ModelCallError("time-out"))


def test_a_block_of_markdown_around_the_reply_is_read():
    assert read_result(f"```json\n{result({'a': 1})}\n```") == '{"a": 1}'
    assert read_result(f"Here it is: {result({'a': 1})}") is None

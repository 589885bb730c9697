"""What a benchmark's own runner says beside messages, tools and decoding, in the calls of a run."""

import json

import pytest
from inspect_ai.tool import ToolInfo

from harness.base.concurrent import run_sync
from harness.base.messages import user
from harness.model.openai_compatible import request
from harness.model.request_fields import NONE, UNSAID, Fields
from harness.sample import Question
from tests.harness.model.test_gateway import ScriptedProvider, ask, model

TOOL = ToolInfo(name="look", description="Looks.")


def calls(fields, *asked, provider=None, **settings):
    """The calls that a provider gets, as they are sent."""
    provider = provider or ScriptedProvider()
    handle = model(provider, fields=fields if callable(fields) else lambda question: fields, **settings)
    for each in asked:
        ask(handle, **each)
    return provider.calls


def body(call):
    sent = request.chat(call, "m", long_name=False, continues=False, strict=False)
    return json.loads(run_sync(sent))


@pytest.mark.parametrize(
    ("choice", "sent"), [(None, "auto"), ("any", "required"), ("none", None), (UNSAID, None)]
)
def test_the_choice_among_tools_is_the_tasks_where_a_method_names_none(choice, sent):
    own, named, bare = map(
        body,
        calls(Fields(tool_choice=choice), {"tools": [TOOL]}, {"tools": [TOOL], "tool_choice": "auto"}, {}),
    )
    assert own.get("tool_choice") == sent and ("tools" in own) == (choice != "none")
    assert named["tool_choice"] == "auto" and not {"tools", "tool_choice"} & bare.keys()


def test_the_seed_is_of_question_and_draw_and_gives_way_to_a_users_own():
    def of(question):
        return Fields(seed=300 + 10 * question.epoch)

    drawn = [{}, {"draw": 2}, {"question": Question("q", "?", epoch=1)}]
    assert [body(call)["seed"] for call in calls(of, *drawn)] == [300, 302, 310]
    assert "seed" not in body(*calls(of, {}, decoding={"seed": None}))
    own = [body(*calls(of, {}, decoding={"seed": value}))["seed"] for value in (7, 8)]
    assert 300 not in own and own[0] != own[1]
    assert "seed" not in body(*calls(NONE, {}))


def test_a_server_that_takes_no_seed_is_asked_without():
    class Refusing(ScriptedProvider):
        refused = frozenset({"seed"})

    assert "seed" not in body(*calls(Fields(seed=1), {}, provider=Refusing()))


def test_a_body_has_the_fields_that_the_protocol_knows_and_a_users_own_win():
    fields = Fields(body={"store": False})
    assert body(*calls(fields, {}))["store"] is False
    assert body(*calls(fields, {}, decoding={"extra_body": {"store": True, "x": 1}}))["store"] is True


def test_they_are_part_of_what_identifies_a_call_and_nothing_where_there_are_none():
    def key(fields, **asked):
        return calls(fields, {"tools": [TOOL], **asked})[0].seed

    kinds = [NONE, Fields(seed=1), Fields(seed=2), Fields(body={"store": False}), Fields(tool_choice=UNSAID)]
    keys = [key(kind) for kind in kinds]
    assert len(set(keys)) == len(kinds)
    plain = ScriptedProvider()
    ask(model(plain), [user("?")], tools=[TOOL])
    assert keys[0] == plain.calls[0].seed

"""Generation settings as people write them, and what a server is told of them."""

import pytest

from harness.base.errors import UsageError
from harness.base.messages import system, told, user
from harness.base.values import Written
from harness.model.faults import of_status
from harness.model.generation import generation_settings, hashed, merged
from harness.model.provider import Call, Provider
from harness.model.sent_request import unsent
from harness.model.supported_settings import Taken
from harness.sample import Question

NO_LIST = "several are written [a, b]"


@pytest.mark.parametrize(
    "written, made",
    [
        ("temperature=none", None),
        ("temperature=0", 0.0),
        ("reasoning_effort=none", "none"),
        ("reasoning_effort=null", None),
        ("reasoning_history=none", "none"),
        ("cache_prompt=auto", "auto"),
        ("cache_prompt=false", False),
        ("stop=END", ["END"]),
        ("stop=true", ["true"]),
        ("stop=12", ["12"]),
        ("stop=null", None),
        ("stop=[none]", ["none"]),
        ('stop="a,b"', ["a,b"]),
        ("stop=,", [","]),
        ('stop=["\\n", 0012]', ["\n", "0012"]),
        ("headers={X-A: 0012, X-B: true}", {"X-A": "0012", "X-B": "true"}),
        ("headers=X-A: b", {"X-A": "b"}),
        ("extra_body={a: {b: false}, c: 0012}", {"a": {"b": False}, "c": "0012"}),
        ("logit_bias={42: 10}", {"42": 10.0}),
        ("modalities=image", ["image"]),
        ("response_schema={type: object}", {"name": "answer", "json_schema": {"type": "object"}}),
        ("system_message=0012", "0012"),
    ],
)
def test_text_is_read_by_the_field(written, made):
    name, _, text = written.partition("=")
    assert [*generation_settings({name: Written(text)}).values()] == [made]


@pytest.mark.parametrize(
    "given, says",
    [
        ({"temperature": True}, "a number is wanted"),
        ({"temperature": "true"}, "a number is wanted"),
        ({"top_k": 4.5}, "valid integer"),
        ({"logprobs": 1}, "true or false is wanted"),
        ({"logprobs": "yes"}, "true or false is wanted"),
        ({"reasoning_effort": "hihg"}, "one of high, low, max"),
        ({"stop": "a,b"}, NO_LIST),
        ({"stop": {"a": 1}}, NO_LIST),
        ({"stop": [1.5]}, "1.5 is no text to stop at"),
        ({"stop": ""}, "no text to stop at"),
        ({"stop": "a", "stop_seqs": "b"}, "contradict each other"),
        ({"headers": {"a": 1.5}}, "write it in quotes"),
        ({"headers": {"a": "x\ny"}}, "on one line"),
        ({"headers": "nothing"}, "names with texts"),
        ({"extra_body": {"temperature": 1}}, "-G temperature=VALUE"),
        ({"extra_body": {"stream": True}}, "the harness itself writes 'stream'"),
        ({"extra_body": "{a: ["}, "broken YAML"),
        ({"response_schema": {"type": "object", "$defs": {}}}, "'$defs' is no part"),
        ({"min_p": 0.1}, "-G extra_body='{min_p: VALUE}'"),
        ({"topk": 3}, "did you mean 'top_k'"),
        ({"num_choices": 3}, "a method draws its samples one by one"),
        ({"fail_on_refusal": True}, "a refusal is a status of its own"),
    ],
)
def test_what_is_no_value_is_one_line(given, says):
    with pytest.raises(UsageError) as error:
        generation_settings(given)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_none_of_the_run_is_none_for_every_call():
    assert merged({"temperature": None, "top_p": 0.5}, {"temperature": 0.7}) == {"top_p": 0.5}
    assert merged({"temperature": 0.2}, {"temperature": None}) == {}


def test_a_system_message_joins_the_one_that_is_there():
    assert [m.text for m in told("A", [system("B"), user("C")])] == ["A\n\nB", "C"]
    assert [m.role for m in told("A", [user("C")])] == ["system", "user"]


def test_headers_in_the_identity_of_a_run():
    made = hashed({"extra_headers": {"X-Route": "one", "Authorization": "Bearer x", "User-Agent": "me"}})
    assert made["extra_headers"]["User-Agent"] == "me"
    assert made["extra_headers"]["X-Route"].startswith("#") and "Bearer" not in str(made)


def test_what_a_request_does_not_hold():
    request = {"model": "m", "generation_config": {"topP": 0.9, "temperature": None, "stop_sequences": ["x"]}}
    settings = {"top_p": 0.9, "temperature": 0.0, "stop_seqs": ["x"], "seed": 3, "parallel_tool_calls": True}
    assert unsent(request, settings) == {"temperature", "seed"}
    assert unsent(None, settings) == unsent({}, settings) == set()
    assert unsent(request, {"extra_body": {"min_p": 1}, "extra_headers": {"topP": "x"}}) == {"extra_body"}


@pytest.mark.parametrize(
    "status, body, refused",
    [
        (400, {"error": {"message": "Unsupported parameter: 'temperature'", "param": "temperature"}}, True),
        (422, {"detail": [{"msg": "Extra inputs are not permitted", "loc": ["body", "temperature"]}]}, True),
        (400, {"error": {"message": "`temperature` may only be set to 1 when thinking is enabled"}}, True),
        (400, {"error": {"message": "temperature must be between 0 and 2"}}, False),
        (400, {"error": {"message": "unknown field: foo"}}, False),
        (422, {"detail": [{"msg": "unknown", "loc": ["a"], "input": {"temperature": 1}}]}, False),
        (429, {"error": {"message": "unsupported 'temperature'"}}, False),
    ],
)
def test_what_a_server_refuses_is_left_out_unless_the_user_gave_it(status, body, refused):
    provider, notices = Provider(), []
    provider.name, provider.remote = "a/b", True
    error = of_status(status, {}, body)
    call = Call(Question("q", "?"), [user("?")], decoding={"temperature": 0.7, "max_tokens": 5}, seed=9)
    chosen = Taken(provider, {}, {"temperature"}, notices.append)
    assert not chosen.learns(error, call)
    assert bool(chosen.cure(error, call)) == refused
    spare = Taken(provider, {}, (), notices.append)
    assert spare.learns(error, call) == refused == bool(notices)
    assert ("temperature" in spare.fitting(call).decoding) != refused


def test_a_call_carries_its_own_seed_where_the_model_is_seeded_or_somebody_asks():
    provider = Provider()
    provider.name, provider.seeds = "a/b", True
    call = Call(Question("q", "?"), [user("?")], decoding={}, seed=2**40 + 5)
    assert Taken(provider, {}, (), print).fitting(call).decoding == {"seed": 5}
    assert Taken(provider, {"seed": None}, (), print).fitting(call).decoding == {}
    provider.seeds = False
    assert Taken(provider, {}, (), print).fitting(call) is call
    call.decoding = {"seed": 7}
    assert Taken(provider, {"seed": 7}, (), print).fitting(call).decoding == {"seed": 5}

"""Which prompts a provider is asked to keep: those whose long beginning is really shared, and no others."""

import asyncio

import pytest
from inspect_ai.model import ModelOutput

from harness.base.messages import assistant, system, user
from harness.model.budget import Budget
from harness.model.factory import open_model
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.provider import Provider
from harness.model.request_fields import NONE
from harness.sample import Question
from tests.harness.cli.conftest import Endpoint

LONG = "An example and its answer. " * 200


@pytest.fixture
def endpoint():
    made = Endpoint()
    yield made
    made.stop()


class Seen(Provider):
    """Keeps the settings of every call."""

    def __init__(self, name, origin=""):
        self.name, self.origin, self.sent = name, origin, []

    async def generate(self, call):
        self.sent.append(dict(call.decoding))
        return ModelOutput.from_content(self.name, "yes")


def ask(calls, name="anthropic/claude", wanted=True, origin="", **decoding):
    """What is sent with calls that are made one after another: pairs of a question and messages."""
    provider = Seen(name, origin)
    model = Model(provider, ledger=Ledger(), budget=Budget(), decoding=decoding, prompt_cache=wanted)

    async def every():
        for number, (question, messages) in enumerate(calls):
            await model.generate(Question(question, "?"), messages, draw=number)

    asyncio.run(every())
    return provider.sent


def kept(calls, **more):
    return [each["cache_prompt"] for each in ask(calls, **more)]


def keys(calls, **more):
    sent = ask(calls, "openai/gpt-4o", **more)
    return [(each.get("extra_body") or {}).get("prompt_cache_key") for each in sent]


MANY_SHOT = [(str(n), [system(LONG), user(f"question {n}")]) for n in range(3)]
SHORT = [(str(n), [system("Be brief."), user(f"question {n}")]) for n in range(3)]
APART = [(str(n), [system(f"{n} {LONG}"), user("question")]) for n in range(3)]
ALONE = [(str(n), [user(f"{n} {LONG}")]) for n in range(3)]
DRAWS = [("q", [user(LONG)])] * 3
TURNS = [user(LONG), assistant("look"), user("seen"), assistant("sit"), user("sat")]
DIALOGUE = [("q", TURNS[:n]) for n in (1, 3, 5)]


@pytest.mark.parametrize(
    "calls, shared",
    [
        (MANY_SHOT, [False, True, True]),
        (DRAWS, [False, True, True]),
        (DIALOGUE, [False, True, True]),
        (SHORT, [False] * 3),
        (APART, [False] * 3),
        (ALONE, [False] * 3),
    ],
    ids=["many-shot", "draws", "dialogue", "short", "apart", "alone"],
)
def test_only_long_beginnings_that_are_shared_are_kept(calls, shared):
    for name in ("anthropic/claude", "bedrock/claude", "openrouter/anthropic/claude"):
        assert kept(calls, name=name) == shared
    assert [key is not None for key in keys(calls)] == shared


def test_a_key_stands_for_one_beginning_or_one_dialogue():
    both = [pair for pair in zip(MANY_SHOT, DRAWS, strict=True) for pair in pair]
    found = [key for key in keys(both) if key]
    assert len(set(found)) == 2 and found[0] == found[2] and found[1] == found[3]
    assert keys(MANY_SHOT) == keys(MANY_SHOT)  # also in another process
    one, other = ([(q, TURNS[:n]) for n in (1, 3)] for q in "ab")
    assert keys(one)[1] != keys(other)[1]


def test_the_switch_and_what_the_user_set_win():
    assert kept(MANY_SHOT, wanted=False) == [False] * 3
    assert kept(SHORT, cache_prompt=True) == [True] * 3
    assert keys(MANY_SHOT, wanted=False) == [None] * 3
    assert keys(MANY_SHOT, extra_body={"prompt_cache_key": "mine"}) == ["mine"] * 3
    assert ask(MANY_SHOT, "openai/gpt-4o", extra_body={"a": 1})[2]["extra_body"].keys() == {
        "a",
        "prompt_cache_key",
    }


@pytest.mark.parametrize("name", ["openai-api/local/m", "vllm/m", "google/gemini", "openai/azure/gpt-4o"])
def test_others_are_asked_as_they_were(name):
    assert ask(MANY_SHOT, name) == [{}] * 3


def test_a_server_that_only_speaks_the_protocol_gets_no_key():
    assert keys(MANY_SHOT, origin="http://127.0.0.1:9/v1") == [None] * 3


def test_price_is_no_part_of_what_is_asked():
    """The key of a completion is the same, kept or not."""
    model = Model(Seen("anthropic/claude"), ledger=Ledger(), budget=Budget())
    other = Model(Seen("anthropic/claude"), ledger=Ledger(), budget=Budget(), prompt_cache=False)
    call = (Question("q", "?"), [user(LONG)], (), None, {}, 0, NONE)
    assert model._key(*call) == other._key(*call)


@pytest.mark.parametrize("responses, part", [(False, "messages"), (True, "input")])
def test_the_key_is_in_what_openai_gets(endpoint, responses, part):
    args = {"base_url": endpoint.address, "api_key": "k", "responses_api": responses}
    provider = open_model("openai/gpt-4o-mini", args)
    provider.origin = ""  # as if it were the official service
    model = Model(provider, ledger=Ledger(), budget=Budget())

    async def every():
        for question, messages in MANY_SHOT[:2]:
            await model.generate(Question(question, "?"), messages)

    endpoint.reply = lambda body: "yes"
    asyncio.run(every())
    assert all(part in body for body in endpoint.requests)
    assert ["prompt_cache_key" in body for body in endpoint.requests] == [False, True]

"""The gateway in front of a scripted provider: keys, charges, retries."""

import asyncio

import pytest
from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ModelOutput, ModelUsage
from inspect_ai.tool import ToolFunction, ToolInfo

from harness.base.errors import BudgetSpent, Declined, ModelCallError
from harness.base.messages import user
from harness.model.budget import Budget
from harness.model.cache import Cache
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.pace import Pace
from harness.model.provider import Provider
from harness.model.verbatim import official_tool, sent_as
from harness.sample import Question

QUESTION = Question("q", "?")


class ScriptedProvider(Provider):
    """Raises `faults` in turn, then answers; keeps the calls it was given."""

    def __init__(self, *faults, name="scripted/one", text="yes", error=None):
        self.name, self.text, self.error, self.faults, self.calls = name, text, error, list(faults), []

    def retryable(self, error):
        return isinstance(error, OSError)

    async def generate(self, call):
        self.calls.append(call)
        await asyncio.sleep(0)
        if self.faults:
            raise self.faults.pop(0)
        output = ModelOutput.from_content(self.name, self.text)
        output.error = self.error
        output.usage = ModelUsage(input_tokens=10, output_tokens=5, reasoning_tokens=2)
        return output


def model(provider, **settings):
    return Model(provider, **{"ledger": Ledger(), "budget": Budget(), "first_wait": 0.001, **settings})


def ask(handle, messages=None, question=QUESTION, **settings):
    return asyncio.run(handle.generate(question, messages or [user("?")], **settings))


def seeds(*calls, **settings):
    """The seeds, which are the head of the key, of each call in turn."""
    provider = ScriptedProvider()
    handle = model(provider, **settings)
    for messages, others in calls:
        ask(handle, messages, **others)
    return [call.seed for call in provider.calls]


def test_a_messages_random_id_is_not_in_the_key():
    one, two = ChatMessageUser(content="?", id="1"), ChatMessageUser(content="?", id="2")
    said = [ChatMessageAssistant(content="!", id=name, model=name) for name in "ab"]
    assert len(set(seeds(([one], {}), ([two], {}), ([one], {})))) == 1
    assert len(set(seeds(([one, said[0]], {}), ([two, said[1]], {})))) == 1


def test_whatever_may_change_the_answer_is_in_the_key():
    ask_once = [user("?")]
    tool = ToolInfo(name="look", description="Looks.")
    changes = [
        {},
        {"draw": 1},
        {"draw": 2},
        {"temperature": 0.5},
        {"temperature": 0.6},
        {"max_tokens": 5},
        {"question": QUESTION.again(1)},
        {"tools": [tool]},
        {"tools": [ToolInfo(name="look", description="Looks well.")]},
        {
            "tools": [
                official_tool({"type": "function", "function": {"name": "look", "description": "Looks."}})
            ]
        },
        {"tools": [official_tool({"function": {"name": "look", "description": "Looks."}})]},
        {"tools": [tool], "tool_choice": "any"},
        {"tools": [tool], "tool_choice": ToolFunction("look")},
    ]
    found = seeds(*((ask_once, change) for change in changes), ([user("!")], {}))
    found += seeds(*(([sent_as(user("?"), {"role": "user", "content": text})], {}) for text in "?!"))
    found += seeds((ask_once, {}), seed=1)
    found += seeds((ask_once, {}), decoding={"temperature": 0.7})
    assert len(set(found)) == len(found) == len(changes) + 5
    assert (
        len(
            {
                call_seed(name, revision, arguments)
                for name in ("a/b", "a/c")
                for revision in ("", "1")
                for arguments in ({}, {"emulate_tools": True}, {"chat_template": "x"})
            }
        )
        == 12
    )
    assert call_seed("a/b", "", {}, "http://here/v1") == call_seed("a/b", "", {}, "http://there/v1")


def call_seed(name, revision, arguments, origin=""):
    provider = ScriptedProvider(name=name)
    provider.revision, provider.arguments, provider.origin = revision, arguments, origin
    ask(model(provider))
    return provider.calls[0].seed


def test_purpose_and_sample_share_a_completion_unless_the_provider_answers_by_sample():
    calls = [
        ([user("?")], {"question": Question(name, "?"), "purpose": purpose})
        for name, purpose in (("a", "answer"), ("b", "judge"))
    ]
    assert len(set(seeds(*calls))) == 1
    provider = ScriptedProvider()
    provider.cacheable = False
    handle = model(provider)
    for messages, others in calls:
        ask(handle, messages, **others)
    assert provider.calls[0].seed != provider.calls[1].seed


def test_a_calls_own_decoding_wins():
    provider = ScriptedProvider()
    ask(model(provider, decoding={"temperature": 0.1, "top_p": 0.9}), temperature=0.5)
    assert provider.calls[0].decoding == {"temperature": 0.5, "top_p": 0.9}


@pytest.mark.parametrize("text", ["yes", "lone \ud800 surrogate \x00", ""])
def test_a_kept_completion_is_the_one_that_was_given(tmp_path, text):
    ledger, provider = Ledger(), ScriptedProvider(text=text)
    cache = Cache(tmp_path / "cache")
    first = ask(model(provider, cache=cache, ledger=ledger, price=(1.0, 2.0)))
    cache.close()
    cache = Cache(tmp_path / "cache")
    second = ask(model(provider, cache=cache, ledger=ledger, price=(1.0, 2.0)))
    assert len(provider.calls) == 1
    assert second.completion == first.completion == text
    assert second.usage == first.usage and second.stop_reason == first.stop_reason
    total = ledger.total
    assert (total.calls, total.cache_hits, total.input_tokens, total.reasoning_tokens) == (2, 1, 20, 4)
    assert (total.cost_usd, total.paid_usd) == (pytest.approx(40e-6), pytest.approx(20e-6))
    cache.close()


def test_the_same_call_at_the_same_time_is_made_once_and_has_one_answer(tmp_path):
    class Moody(ScriptedProvider):
        async def generate(self, call):
            number = len(self.calls)
            await super().generate(call)
            return ModelOutput.from_content(self.name, f"answer {number}")

    async def together(handle):
        asked = [handle.generate(QUESTION, [user(text)]) for text in "aabab"]
        return [
            getattr(each, "completion", each) for each in await asyncio.gather(*asked, return_exceptions=True)
        ]

    provider, cache, ledger = Moody(), Cache(tmp_path / "cache"), Ledger()
    handle = model(provider, cache=cache, ledger=ledger)
    first = asyncio.run(together(handle))
    assert first[0] == first[1] == first[3] and first[2] == first[4] != first[0]
    assert len(provider.calls) == 2 and (ledger.total.calls, ledger.total.cache_hits) == (5, 3)
    assert asyncio.run(together(handle)) == first  # as after a kill
    failing = Moody(ValueError("once"))
    found = asyncio.run(together(model(failing, cache=Cache(tmp_path / "other"))))
    assert isinstance(found[0], ModelCallError) and "answer" in found[1], "a failure is that call's alone"
    cache.close()


def test_what_a_provider_recommends_not_to_keep_is_not_kept(tmp_path):
    provider, cache = ScriptedProvider(), Cache(tmp_path / "cache")
    provider.cacheable = False
    handle = model(provider, cache=cache)
    ask(handle)
    ask(handle)
    assert len(provider.calls) == 2
    cache.close()


def test_failures_are_not_kept(tmp_path):
    provider, cache = ScriptedProvider(ValueError("once")), Cache(tmp_path / "cache")
    handle = model(provider, cache=cache)
    with pytest.raises(ModelCallError):
        ask(handle)
    assert ask(handle).completion == "yes"
    cache.close()


def test_retries_are_recorded_and_end():
    ledger, provider = Ledger(), ScriptedProvider(OSError("1"), OSError("2"))
    ask(model(provider, ledger=ledger), purpose="judge")
    assert ledger.by_purpose["judge"].retries == 2 and ledger.total.calls == 1
    provider = ScriptedProvider(*[OSError("first line\nsecond line")] * 9)
    with pytest.raises(ModelCallError) as caught:
        ask(model(provider, max_retries=2, ledger=ledger))
    assert str(caught.value) == "scripted/one after 3 tries: first line" and len(provider.calls) == 3
    assert ledger.by_purpose["answer"].retries == 2 and ledger.by_purpose["answer"].input_tokens == 0
    assert (ledger.total.calls, ledger.total.retries) == (2, 4)


@pytest.mark.parametrize(
    "error, reason",
    [
        (ValueError("no\nmore"), "no"),
        (ValueError(""), "ValueError"),
        (ValueError("x" * 999), "x" * 300),
    ],
)
def test_final_errors_are_one_short_line_at_once(error, reason):
    provider = ScriptedProvider(error)
    with pytest.raises(ModelCallError) as caught:
        ask(model(provider))
    assert str(caught.value) == f"scripted/one: {reason}" and len(provider.calls) == 1


def test_an_output_that_holds_an_error_is_one_and_is_paid_for():
    ledger = Ledger()
    with pytest.raises(ModelCallError) as caught:
        ask(model(ScriptedProvider(error="refused\nfor good"), ledger=ledger, price=(1.0, 2.0)))
    assert str(caught.value) == "scripted/one: a content filter held the answer back: refused for good"
    assert isinstance(caught.value, Declined) and caught.value.status == "filtered"
    assert (ledger.total.calls, ledger.total.input_tokens) == (1, 10)
    assert ledger.total.paid_usd == pytest.approx(20e-6)


@pytest.mark.parametrize("price, cost", [((1.0, 2.0), 0.0), (None, None)])
def test_a_failed_call_is_a_call_without_tokens(price, cost):
    ledger = Ledger()
    with pytest.raises(ModelCallError):
        ask(model(ScriptedProvider(ValueError("no")), ledger=ledger, price=price), purpose="judge")
    (spent,) = ledger.take("q", 0).values()
    assert spent == ledger.by_purpose["judge"] == ledger.total
    assert (spent.calls, spent.retries, spent.input_tokens, spent.cost_usd) == (1, 0, 0, cost)
    assert spent.seconds > 0


def test_failed_calls_spend_the_budget():
    handle = model(ScriptedProvider(*[ValueError("no")] * 9), budget=Budget(calls=2))
    for refusal in (ModelCallError, ModelCallError, BudgetSpent):
        with pytest.raises(refusal):
            ask(handle)


def test_a_call_that_never_left_is_not_recorded():
    async def cancelled():
        ledger, provider = Ledger(), ScriptedProvider()
        provider.remote = True
        waiting = asyncio.create_task(
            model(provider, ledger=ledger, pace=Pace(0)).generate(QUESTION, [user("?")])
        )
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return ledger, provider

    ledger, provider = asyncio.run(cancelled())
    assert (ledger.total.calls, provider.calls) == (0, [])


def test_waits_double(monkeypatch):
    waits, sleep = [], asyncio.sleep

    async def watched(seconds):
        if seconds:
            waits.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", watched)
    ask(model(ScriptedProvider(*[OSError("x")] * 4), first_wait=1.0))
    assert len(waits) == 4
    assert all(0.75 * 2**n <= wait <= 1.25 * 2**n for n, wait in enumerate(waits))


def test_only_remote_providers_are_refused_offline_and_take_a_slot():
    provider = ScriptedProvider()
    assert ask(model(provider, offline=True)).completion == "yes"
    provider.remote = True
    with pytest.raises(ModelCallError, match="not in the cache and --offline is set") as caught:
        ask(model(provider, offline=True))
    assert "\n" not in str(caught.value) and len(provider.calls) == 1


def test_parallel_calls_do_not_overrun_the_budget():
    async def many():
        provider = ScriptedProvider()
        handle = model(provider, budget=Budget(calls=3))
        calls = [handle.generate(QUESTION, [user(str(n))]) for n in range(8)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        return len(provider.calls), sum(isinstance(result, BudgetSpent) for result in results)

    assert asyncio.run(many()) == (3, 5)


def test_an_answer_of_no_use_is_not_kept(tmp_path):
    def asked(*texts, keep):
        provider, cache = ScriptedProvider(), Cache(tmp_path / "cache.sqlite")
        handle = model(provider, cache=cache)
        for text in texts:
            provider.text = text
            ask(handle, keep=keep)
        cache.close()
        return len(provider.calls)

    def useful(output):
        return bool(output.completion)

    assert asked("", "", "yes", "no", keep=useful) == 3  # until one is of use, which stays
    assert asked("no", keep=useful) == 0


class Slow(ScriptedProvider):
    """Takes 0.1 seconds a call, one at a time, as a server does that others ask too."""

    remote = True

    async def generate(self, call):
        await asyncio.sleep(0.1)
        return await super().generate(call)


def test_patience_counts_from_a_calls_turn_and_over_its_retries():
    handle = model(Slow(), pace=Pace(1))

    async def three():
        calls = (handle.generate(QUESTION, [user("?")], draw=n, patience=0.25) for n in range(4))
        return await asyncio.gather(*calls)

    assert [each.completion for each in asyncio.run(three())] == ["yes"] * 4  # the last waited 0.3 seconds
    ledger = Ledger()
    handle = model(Slow(*[OSError("busy")] * 9), ledger=ledger)
    with pytest.raises(ModelCallError, match="no answer within 0.25 seconds"):
        ask(handle, patience=0.25)
    assert (ledger.total.calls, ledger.total.retries) == (1, 2)


def test_time_outs_of_the_provider_itself_are_tried_again():
    assert ask(model(ScriptedProvider(TimeoutError("slow"))), patience=5).completion == "yes"

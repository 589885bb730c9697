"""Worlds, users and the loop between agent and world, without a server."""

import asyncio
import json

import pytest
from inspect_ai.model import ChatMessageAssistant, ModelOutput, ModelUsage
from inspect_ai.tool import ToolCall

from harness.base import messages
from harness.base.errors import BudgetSpent, ModelCallError
from harness.episode import play
from harness.model.budget import Budget
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.provider import Provider
from harness.sample import Question
from harness.world import (
    RESULT_LIMIT,
    Dialogue,
    Limits,
    Observation,
    ScriptedUser,
    SimulatedUser,
    Toolbox,
    ToolError,
    UserFailed,
    World,
)

QUESTION = Question("q", "count")


class Counter:
    def __init__(self):
        self.value = 0

    def add(self, amount: int, note: str = "") -> int:
        """Adds.

        Args:
            amount: How much.
            note: Why.
        """
        self.value += amount
        return self.value

    def shout(self) -> str:
        """A very long text."""
        return "x" * 1_000_000

    def refuse(self) -> str:
        """Refuses."""
        raise ToolError("not today")


def dialogue(lines=(), **limits):
    box = Toolbox(Counter, ("add", "shout", "refuse"))
    return Dialogue([messages.user("count")], box, Counter(), ScriptedUser(lines), Limits(**limits))


def call(name, number=0, error=None, **arguments):
    return ToolCall(f"c{number}", name, arguments, parse_error=error)


def script(*actions, tokens=0):
    """An agent that makes these actions: a text, or a list of calls."""
    stream = iter(actions)

    async def act(seen, tools):
        action = next(stream)
        if isinstance(action, Exception):
            raise action
        text, calls = (action, None) if isinstance(action, str) else ("", action)
        output = ModelOutput.from_message(ChatMessageAssistant(content=text, tool_calls=calls))
        output.usage = ModelUsage(input_tokens=tokens, output_tokens=0)
        return output

    return act


def run(world, *actions, **settings):
    return asyncio.run(play(QUESTION, world, script(*actions, **settings)))


def test_parallel_calls_are_answered_in_order_and_the_user_speaks_between():
    world = dialogue(["more"])
    outcome = run(world, [call("add", 1, amount=2), call("add", 2, amount="3")], "five", "bye")
    assert world.state.value == 5 and outcome.stop_reason == "stop" and outcome.text == "bye"
    assert outcome.answer == {
        "calls": [["add", {"amount": 2}], ["add", {"amount": "3"}]],
        "said": ["five", "bye"],
        "after": [2, 2],
    }
    roles = [m["role"] for m in outcome.trace["messages"]]
    assert roles == ["user", "assistant", "tool", "tool", "assistant", "user", "assistant"]
    assert [m["content"] for m in outcome.trace["messages"] if m["role"] == "tool"] == ["2", "5"]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (call("open_door"), "no tool 'open_door'"),
        (call("add"), "amount: Missing"),
        (call("add", amount="many"), "amount: Input should be a valid integer"),
        (call("add", amount=1, speed=2), "speed: Unexpected"),
        (call("add", error="Expecting ',' delimiter"), "can't be read: Expecting"),
        (call("__init__"), "no tool '__init__'"),
        (call("refuse"), "not today"),
    ],
)
def test_a_bad_call_gets_an_error_and_changes_nothing(bad, says):
    world = dialogue()
    outcome = run(world, [bad], "bye")
    assert says in outcome.trace["messages"][2]["content"]
    assert world.state.value == 0 and outcome.answer["calls"] == [] and outcome.trace["tool_errors"] == 1


DEEP = json.loads("[" * 100 + "]" * 100)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [{"deep": float("-inf")}], 10**400, DEEP])
def test_a_call_with_what_is_no_number_can_not_be_read_and_leaves_a_record(value):
    outcome = run(dialogue(), [call("add", n=value)], "done")
    assert outcome.error is None and outcome.trace["tool_errors"] == 1
    json.dumps(outcome.trace, allow_nan=False)


def test_a_world_gets_calls_as_they_were_written_unless_it_wants_them_mended():
    mended = ModelOutput.from_message(
        ChatMessageAssistant(
            content="",
            tool_calls=[call("add", amount=5)],
            metadata={
                "calls": [{"id": "c0", "name": "add", "arguments": "5", "read": {"amount": 5}}],
            },
        )
    )
    for wants, value in ((False, 0), (True, 5)):
        moves = iter([mended, ModelOutput.from_content("agent", "bye")])

        async def act(seen, tools, moves=moves):
            return next(moves)

        world = dialogue()
        world.mended = wants
        outcome = asyncio.run(play(QUESTION, world, act))
        assert world.state.value == value and outcome.trace["tool_errors"] == (not wants)
        (made,) = outcome.trace["messages"][1]["calls"]
        assert made["arguments"] == ({"amount": 5} if wants else {})
        assert ("no JSON object: 5" in made.get("unreadable", "")) != wants


def test_what_a_world_keeps_of_an_action_is_what_the_agent_sees_and_the_trace_has_it_whole():
    class Forgetful(World):
        async def start(self):
            return Observation([messages.user("one")])

        async def step(self, action):
            done = action.text == "second"
            own = messages.assistant(action.text.upper())
            return Observation([] if done else [messages.user("two")], done=done, own=own)

        def answer(self):
            return "said"

    seen = []

    async def act(transcript, tools):
        seen.append([m.text for m in transcript])
        return ModelOutput.from_content("agent", "first" if len(seen) == 1 else "second")

    outcome = asyncio.run(play(QUESTION, Forgetful(), act))
    assert seen == [["one"], ["one", "FIRST", "two"]]
    assert [m["content"] for m in outcome.trace["messages"]] == ["one", "first", "two", "second"]


def test_a_new_conversation_hides_what_was_before_and_the_trace_keeps_it():
    class Twice(World):
        async def start(self):
            return Observation([messages.user("one")])

        async def step(self, action):
            if action.text == "first":
                return Observation([messages.user("two")], new_conversation=True)
            return Observation((), done=True)

        def answer(self):
            return "both"

    seen = []

    async def act(transcript, tools):
        seen.append([m.text for m in transcript])
        return ModelOutput.from_content("agent", "first" if len(seen) == 1 else "second")

    outcome = asyncio.run(play(QUESTION, Twice(), act))
    assert seen == [["one"], ["two"]]
    assert [m["content"] for m in outcome.trace["messages"]] == ["one", "first", "two", "second"]


def test_a_result_of_a_megabyte_is_cut_and_says_so():
    outcome = run(dialogue(), [call("shout")], "bye")
    shown = outcome.trace["messages"][2]["content"]
    assert len(shown) < RESULT_LIMIT + 100 and f"{1_000_000 - RESULT_LIMIT} more characters" in shown


@pytest.mark.parametrize(
    ("limits", "reason"),
    [({"steps": 3}, "step_limit"), ({"errors": 2}, "error_limit"), ({"tokens": 30}, "token_limit")],
)
def test_limits_end_an_endless_loop(limits, reason):
    outcome = run(dialogue(**limits), *[[call("refuse")]] * 99, tokens=15)
    assert outcome.stop_reason == reason and outcome.trace["steps"] <= 3


@pytest.mark.parametrize(
    ("limits", "reason", "steps"),
    [({"turn_errors": 2}, "turn_error_limit", 5), ({"turn_steps": 3}, "turn_step_limit", 6), ({}, "stop", 8)],
)
def test_limits_within_a_turn_begin_again_with_the_users_words(limits, reason, steps):
    fail, fine = [call("refuse")], [call("add", amount=1)]
    actions = [fail, fine, "more?", fail, fail, fine, fine, "bye"]
    outcome = run(dialogue(["more"], **limits), *actions)
    assert (outcome.stop_reason, outcome.trace["steps"]) == (reason, steps)


def test_the_clock_ends_an_episode_and_the_world_is_closed():
    world, closed = dialogue(seconds=0.05), []

    async def close():
        closed.append(True)

    async def never(seen, tools):
        await asyncio.sleep(60)

    world.close = close
    outcome = asyncio.run(play(QUESTION, world, never))
    assert outcome.stop_reason == "time_limit" and closed == [True]


def test_a_dead_model_is_an_error_that_keeps_its_transcript_and_a_spent_budget_ends_the_run():
    outcome = run(dialogue(), [call("add", amount=1)], ModelCallError("gone"))
    assert outcome.error == "gone" and len(outcome.trace["messages"]) == 3
    with pytest.raises(BudgetSpent):
        run(dialogue(), BudgetSpent("enough"))


class Says(Provider):
    name, cacheable = "says", False

    def __init__(self, *texts):
        self.texts, self.calls = iter(texts), []

    async def generate(self, call):
        self.calls.append(call)
        text = next(self.texts)
        if isinstance(text, Exception):
            raise text
        return ModelOutput.from_content("says", text)


def simulated(*texts):
    provider, ledger = Says(*texts), Ledger()
    model = Model(provider, ledger=ledger, budget=Budget())
    return SimulatedUser(model, QUESTION, "Be brief.", "hello"), provider, ledger


def test_a_simulated_user_sees_the_other_side_and_is_billed_apart():
    person, provider, ledger = simulated("", "and now?", "[END]")

    async def talk():
        return [await person.reply("hi"), await person.reply("done")]

    assert asyncio.run(talk()) == ["and now?", None]
    assert ledger.by_purpose["user"].calls == 3 and person.retries == 1
    assert [(m.role, m.text) for m in provider.calls[-1].messages][2:] == [
        ("assistant", "hello"),
        ("user", "hi"),
        ("assistant", "and now?"),
        ("user", "done"),
    ]


def test_the_thoughts_of_a_simulated_user_are_said_to_nobody_and_end_nothing():
    person, _, _ = simulated("<think>not [END] yet, and cut", "<think>not [END] yet</think>and now?")
    assert asyncio.run(person.reply("hi")) == "and now?" and person.retries == 1


@pytest.mark.parametrize("texts", [("", " ", ""), (ModelCallError("gone"),)])
def test_a_user_that_fails_makes_the_attempt_unscored(texts):
    person, _, _ = simulated(*texts)
    with pytest.raises(UserFailed):
        asyncio.run(person.reply("hi"))
    world = dialogue()
    world.user, _, _ = simulated(*texts)
    outcome = run(world, "hi")
    assert outcome.unscored and outcome.error is None and outcome.stop_reason == "user_failed"

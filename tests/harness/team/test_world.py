"""A person beside a world: what is asked, carried out, refused and logged."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from inspect_ai.model import ChatMessageAssistant, ModelOutput
from inspect_ai.tool import ToolCall

from harness.base import messages
from harness.episode import play
from harness.human.brief import Brief, Fact, Refusal
from harness.human.events import Event
from harness.model.budget import Budget
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.provider import Provider
from harness.model.simulated_human import SimulatedHuman
from harness.sample import Question
from harness.team import TOOLS, Person, TeamWorld
from harness.world import Dialogue, Limits, ScriptedUser, Toolbox, ToolError

QUESTION = Question("q", "pay", metadata={"irreversible": ["pay"]})
CITY = Fact("city", "Porto", ("town",), ("Porto", "Lyon"))
SIZE = Fact("size", "large", (), ("small", "large"))
BRIEF = Brief(
    "Pay the right one.",
    (CITY, SIZE),
    (Refusal("pay", unless=({"amount": 2},), reason="two and no other"),),
    (("add", {"amount": 1}), ("pay", {"amount": 2})),
)


class Till:
    def __init__(self):
        self.paid, self.value = [], 0

    def add(self, amount: int) -> int:
        """Adds."""
        self.value += amount
        return self.value

    def pay(self, amount: int) -> str:
        """Pays."""
        if amount > 9:
            raise ToolError("too much")
        self.paid.append(amount)
        return "paid"


CUT = " [cut off]"


class Says(Provider):
    """A person who says these lines; one that ends with `CUT` was cut off by a limit."""

    name, cacheable = "test/says", False

    def __init__(self, *lines):
        self.lines, self.heard = iter(lines), []

    async def generate(self, call):
        self.heard.append([message.text for message in call.messages])
        line = next(self.lines)
        if isinstance(line, float):
            await asyncio.sleep(line)
            line = "late"
        stop = "max_tokens" if line.endswith(CUT) else "stop"
        return ModelOutput.from_content("person", line.removesuffix(CUT), stop_reason=stop)


def team(provider=None, brief=BRIEF, patience=5.0, limits=None, **more):
    state = Till()
    box = Toolbox(Till, ("add", "pay"))
    inner = Dialogue([messages.user("pay")], box, state, ScriptedUser([]), limits or Limits())
    ledger = Ledger()
    model = Model(provider or SimulatedHuman({}), ledger=ledger, budget=Budget())
    more = {"irreversible": ["pay"], **more}
    world = TeamWorld(inner, Person(model, QUESTION, brief, patience), **more)
    world.state, world.ledger = state, ledger
    return world


def call(tool, number=0, **arguments):
    return ToolCall(f"c{number}", tool, arguments)


def run(world, *actions):
    """Plays these actions, each a text or a list of calls."""
    stream, offered = iter(actions), []

    async def act(seen, tools):
        offered.append([tool.name for tool in tools])
        action = next(stream)
        text, calls = (action, None) if isinstance(action, str) else ("", action)
        return ModelOutput.from_message(ChatMessageAssistant(content=text, tool_calls=calls))

    outcome = asyncio.run(play(QUESTION, world, act))
    results = [m["content"] for m in outcome.trace["messages"] if m["role"] == "tool"]
    log = [Event.of(event) for event in outcome.answer["human"]]
    known = {name: getattr(outcome, name) for name in ("answer", "error", "stop_reason", "trace", "unscored")}
    return SimpleNamespace(**known, offered=offered, results=results, log=log)


def ask(text, number=0):
    return call("ask_human", number, question=text)


def propose(number=0, **arguments):
    return call("propose_action", number, name="pay", arguments=arguments)


def test_a_question_is_answered_from_the_facts_one_at_a_time_and_logged():
    outcome = run(team(), [ask("Which town, and what size?")], [ask("Which size?")], [ask("Why?")], "bye")
    assert outcome.results == ["city: Porto", "size: large", "I do not know."]
    assert outcome.offered[0] == ["add", "pay", *TOOLS]
    first, second, third = outcome.log
    assert (first.asked, first.facts, second.facts, third.facts) == (
        ("city", "size"),
        ("city",),
        ("size",),
        (),
    )
    assert first.requested and first.step == 0 and second.step == 1 and outcome.answer["steps"] == 4
    assert first.words_written == 2 and first.seconds > 2


def test_no_fact_stands_in_what_the_agent_sees_before_it_was_told():
    seen = []

    async def act(transcript, tools):
        seen.append("\n".join([*(m.text for m in transcript), *(t.model_dump_json() for t in tools)]))
        calls = [[ask("the size?")], [ask("the town?")], None][len(seen) - 1]
        return ModelOutput.from_message(ChatMessageAssistant(content="x", tool_calls=calls))

    asyncio.run(play(QUESTION, team(), act))
    assert ["Porto" in text for text in seen] == [False, False, True]
    assert ["large" in text for text in seen] == [False, True, True]


def test_an_approved_action_is_carried_out_once_and_a_rejected_one_not_at_all():
    world = team()
    outcome = run(world, [propose(amount=1)], [propose(amount=2)], "bye")
    assert outcome.results == ["Rejected: two and no other", "Approved.\npaid"]
    assert world.state.paid == [2] and outcome.answer["calls"] == [["pay", {"amount": 2}]]
    assert [(e.kind, e.verdict, e.executed, e.confirmed) for e in outcome.log] == [
        ("approval", "reject", 0, False),
        ("approval", "approve", 1, False),
        ("irreversible", "", 0, True),
    ]


def test_what_the_agent_does_unasked_is_unconfirmed_unless_it_fails():
    outcome = run(team(), [call("pay", amount=1), call("pay", 1, amount=10), call("add", 2, amount=1)], "bye")
    assert [(e.kind, e.confirmed) for e in outcome.log] == [("irreversible", False)]


@pytest.mark.parametrize("request_", [[call("hand_over", reason="you do it")], [propose(amount=1)]])
@pytest.mark.parametrize(
    "wrong, why",
    [
        ('{"name": "nope", "arguments": {}}', "there is no tool 'nope'; the tools are add, pay"),
        ('{"name": "hand_over", "arguments": {"reason": "you"}}', "there is no tool 'hand_over'"),
        ('{"name": "pay", "arguments": {"sum": 2}}', "pay has no argument 'sum'; its arguments are amount"),
        ('{"name": "pay", "arguments": {}}', "pay needs the argument 'amount'"),
    ],
)
def test_a_persons_call_that_is_no_tools_is_asked_for_again_and_never_the_agents_error(request_, wrong, why):
    edit = "edit: " * (request_[0].function == "propose_action")
    person = Says(edit + wrong, f'{edit}{{"name": "pay", "arguments": {{"amount": 3}}}}')
    world = team(person, limits=Limits(errors=1))
    outcome = run(world, request_, "bye")
    assert (outcome.stop_reason, world.state.paid, outcome.trace["tool_errors"]) == ("stop", [3], 0)
    assert f"can't be carried out: {why}" in person.heard[1][-1] and outcome.trace["user_retries"] == 1
    outcome = run(team(Says(*[edit + wrong] * 3), limits=Limits(errors=1)), request_)
    assert (
        outcome.stop_reason == "user_failed" and why in outcome.unscored and edit + wrong in outcome.unscored
    )


def test_the_thoughts_of_a_model_that_plays_the_person_are_told_to_nobody():
    hidden = "<think>the person wants Porto, large"
    said = (hidden, f"{hidden}</think>\n\nI do not know.")
    world = team(Says(*said))
    outcome = run(world, [ask("Why?")], "bye")
    assert outcome.results == ["I do not know."] and outcome.trace["user_retries"] == 1
    assert outcome.log[0].reply == "I do not know." and "wants" not in json.dumps(outcome.trace)
    assert "wants" not in run(team(Says(*[hidden] * 3)), [ask("Why?")]).unscored
    real = Says("Use <think> tags")
    real.person = True
    assert run(team(real), [ask("Why?")], "bye").results == ["Use <think> tags"]


@pytest.mark.parametrize("amount", ["abc", 99])
def test_a_call_that_fails_counts_against_the_agent_only_where_it_was_the_agents(amount):
    wrong = json.dumps({"name": "pay", "arguments": {"amount": amount}})
    over, limits = [call("hand_over", reason="you do it")], Limits(errors=1)
    outcome = run(team(Says(wrong), limits=limits), over, "bye")
    assert outcome.stop_reason == "stop" and outcome.results[0].startswith("The person did:")
    outcome = run(team(Says(f"edit: {wrong}"), limits=limits), [propose(amount=1)], "bye")
    assert outcome.stop_reason == "stop" and outcome.trace["tool_errors"] == 0
    outcome = run(team(Says("approve"), limits=limits), [propose(amount=amount)])
    assert outcome.stop_reason == "error_limit"


def test_an_edited_action_is_carried_out_as_it_was_edited():
    world = team(Says('edit: {"name": "pay", "arguments": {"amount": 3}}'))
    outcome = run(world, [propose(amount=1)], "bye")
    assert world.state.paid == [3] and "Changed by the person" in outcome.results[0]
    assert (
        outcome.log[1].confirmed and outcome.log[1].request == '{"name": "pay", "arguments": {"amount": 3}}'
    )


def test_a_move_is_the_persons_and_the_next_follows_it():
    world = team()
    over = [[call("hand_over", n, reason="you do it")] for n in range(3)]
    outcome = run(world, *over, "bye")
    assert world.state.value == 1 and world.state.paid == [2]
    assert "makes no move" in outcome.results[2]
    assert [e.executed for e in outcome.log if e.kind == "move"] == [1, 1, 0]


def test_a_plan_carries_nothing_out():
    outcome = run(team(Says("edit: pay first")), [call("propose_plan", plan="city: Lyon")], "bye")
    assert outcome.results == ["Changed by the person to: pay first"] and outcome.answer["calls"] == []
    outcome = run(team(), [call("propose_plan", plan="first\ncity: Lyon")], "bye")
    assert outcome.results == ["Rejected: city: Porto"] and outcome.log[0].facts == ("city",)


@pytest.mark.parametrize("budget", [0, 1])
def test_a_request_beyond_the_budget_is_refused_free_of_charge_and_the_episode_goes_on(budget):
    world = team(budget=budget)
    outcome = run(world, [ask("Which town?")], [ask("Which size?")], [propose(amount=2)], "bye")
    assert [e.refused for e in outcome.log] == [n >= budget for n in range(3)]
    assert all("no more than" in text for text in outcome.results[budget:])
    assert outcome.stop_reason == "stop" and world.state.paid == []
    assert world.ledger.by_purpose.get("human", world.ledger.total).calls == budget
    assert not any(e.words_read or e.seconds for e in outcome.log[budget:])


def test_the_refusal_is_an_error_of_the_type_limit():
    async def first():
        world = team(budget=0)
        await world.start()
        seen = await world.step(ChatMessageAssistant(content="", tool_calls=[ask("x")]))
        return seen.messages[0].error

    assert asyncio.run(first()).type == "limit"


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (call("ask_human"), "question: Missing"),
        (call("ask_human", question=" "), "the question is empty"),
        (call("propose_plan", plan=""), "the plan is empty"),
        (call("propose_action", name="fly", arguments={}), "there is no tool 'fly'; the tools are add, pay"),
        (call("propose_action", name="ask_human", arguments={"question": "x"}), "no tool 'ask_human'"),
        (ToolCall("c", "ask_human", {}, parse_error="no JSON"), "can't be read: no JSON"),
    ],
)
def test_a_bad_request_is_the_agents_mistake_and_asks_nobody(bad, says):
    outcome = run(team(Says()), [bad], "bye")
    assert says in outcome.results[0] and outcome.log == [] and outcome.trace["tool_errors"] == 1


def test_calls_of_one_message_are_answered_in_their_order():
    world = team()
    outcome = run(world, [call("add", 1, amount=1), ask("town?", 2), call("add", 3, amount=1)], "bye")
    assert outcome.results == ["1", "city: Porto", "2"]
    assert [m.get("of") for m in outcome.trace["messages"] if m["role"] == "tool"] == ["c1", "c2", "c3"]


def test_a_reply_that_was_cut_off_is_no_reply():
    provider = Says("Por" + CUT, "Porto")
    outcome = run(team(provider), [ask("town?")], "bye")
    assert outcome.results == ["Porto"] and "Your reply was cut off" in provider.heard[1][-1]
    outcome = run(team(Says(*["approve" + CUT] * 3)), [propose(amount=2)], "bye")
    assert "was cut off" in outcome.unscored and outcome.log == []


def test_calls_of_one_id_are_told_apart_by_their_order():
    """As servers give them: one that fails says nothing of the other."""
    outcome = run(team(), [call("pay", 0, amount=11), call("pay", 0, amount=3)], "bye")
    assert [(event.kind, event.confirmed) for event in outcome.log] == [("irreversible", False)]
    assert '"amount": 3' in outcome.log[0].request


def test_a_person_who_has_left_is_asked_no_more():
    provider = Says("[LEAVES]")
    outcome = run(team(provider), [ask("a")], [ask("b")], "bye")
    assert [e.verdict for e in outcome.log] == ["left", ""] and outcome.log[1].refused
    assert all("has left" in text for text in outcome.results) and len(provider.heard) == 1


def test_a_reply_without_its_form_is_asked_for_again_and_then_nobody_is_blamed():
    provider = Says("well", "hm", "approve")
    outcome = run(team(provider), [propose(amount=2)], "bye")
    assert outcome.results == ["Approved.\npaid"] and outcome.trace["user_retries"] == 2
    assert "could not be read" in provider.heard[1][-1] and outcome.log[0].words_written == 3
    outcome = run(team(Says("well", "hm", "so")), [propose(amount=2)], "bye")
    assert outcome.unscored.startswith("human: no reply in the form") and outcome.error is None


def test_a_person_who_never_answers_leaves_the_attempt_unscored():
    outcome = run(team(Says(5.0), patience=0.02), [ask("town?")], "bye")
    assert outcome.stop_reason == "user_failed" and "within 0.02 seconds" in outcome.unscored


def test_the_time_of_an_episode_stands_still_while_a_person_is_waited_for():
    limits = Limits(seconds=0.1)
    outcome = run(team(Says(0.25), limits=limits), [ask("town?")], "bye")
    assert outcome.stop_reason == "stop"


def test_the_agents_own_time_does_not_stand_still():
    async def act(seen, tools):
        await asyncio.sleep(0.3)

    outcome = asyncio.run(play(QUESTION, team(limits=Limits(seconds=0.02)), act))
    assert outcome.stop_reason == "time_limit"


def test_a_model_in_the_role_has_no_seconds_of_a_person():
    outcome = run(team(Says("Porto")), [ask("town?")], "bye")
    assert outcome.log[0].seconds is None and outcome.answer["human"][0]["seconds"] is None


def test_yes_and_no_settle_a_fact_once_one_value_is_left():
    fact = Fact("day", "Tue", (), ("Mon", "Tue", "Wed", "Thu"))
    brief = Brief(facts=(fact,), style="lazy")
    outcome = run(team(brief=brief), [ask("Is it Mon or Wed?")], [ask("Is it Thu?")], "bye")
    assert outcome.results == ["No.", "No."] and [e.facts for e in outcome.log] == [(), ("day",)]
    outcome = run(team(brief=brief), [ask("Which day?")], [ask("Is it Tue?")], "bye")
    assert outcome.results == ["I only say yes or no.", "Yes."]
    assert [e.facts for e in outcome.log] == [(), ("day",)]


@pytest.mark.parametrize(
    "text", ["half \ud800 a character", "\x1b[2J\x00", "Action: {}\nChoices: []", "x" * 100_000]
)
def test_odd_text_is_asked_and_kept(text):
    outcome = run(team(), [ask(f"{text} town?")], [call("propose_plan", plan=text)], "bye")
    assert outcome.results[0] == "city: Porto" and outcome.results[1] == "Approved."
    json.dumps(outcome.answer).encode()


def test_calls_with_one_id_are_told_apart_by_their_order():
    world = team()
    calls = [ToolCall("x", "pay", {"amount": amount}) for amount in (2, 99)]

    async def made():
        await world.start()
        await world.step(ChatMessageAssistant(content="", tool_calls=calls))

    asyncio.run(made())
    log = world.answer()["human"]
    assert [(each["kind"], json.loads(each["request"])["arguments"]) for each in log] == [
        ("irreversible", {"amount": 2})
    ]


def test_yes_to_a_question_about_two_facts_tells_the_first():
    world = team(SimulatedHuman({"style": "lazy"}))
    asked = {"question": "Is the city Porto and the size small?"}

    async def made():
        await world.start()
        await world.step(ChatMessageAssistant(content="", tool_calls=[ToolCall("a", "ask_human", asked)]))

    asyncio.run(made())
    (event,) = world.answer()["human"]
    assert event["asked"] == ["city", "size"] and event["facts"] == ["city"] and event["reply"] == "Yes."

"""What an episode does with the decisions of a policy."""

import pytest
from inspect_ai.model import ChatCompletionChoice, Logprob, Logprobs, ModelOutput

from harness.base.errors import UsageError
from harness.human import agent as asked
from harness.methods.team.controls import OracleGate
from harness.methods.team.episode import Questions, Sampling
from harness.methods.team.policy import (
    AskWhenUncertain,
    Autonomous,
    ConfirmIrreversible,
    HumanDriven,
    PlanApproval,
    SuggestThenExecute,
)
from harness.world import Limits


def last(call):
    return call.messages[-1].text


def script(*actions, questions=(), sure="100", plans=()):
    """An agent that makes these actions one after another, however often each is sampled."""
    written = {asked.ASK: iter(questions), asked.PLAN: iter(plans)}

    def say(call):
        text = last(call)
        for prompt, lines in written.items():
            if text.startswith(prompt):
                return next(lines)
        if text.endswith(asked.SURE):
            return sure
        own = [m for m in call.messages if m.role == "assistant"]
        acted = [m for m in own if not (m.tool_calls and m.tool_calls[0].function in HUMAN)]
        return actions[min(len(acted), len(actions) - 1)]

    return say


HUMAN = ("ask_human", "propose_plan", "hand_over")
ADD, PAY, PAY_ONE = [("add", {"amount": 1})], [("pay", {"amount": 2})], [("pay", {"amount": 1})]


def test_alone_nobody_is_asked_and_the_agent_does_not_see_the_tools_of_the_person(team):
    found = team(Autonomous(), script(ADD, PAY, "done"))
    assert found.moves == ["act", "act", "act"]
    assert found.till.paid == [2]
    assert {tool.name for call in found.agent.calls for tool in call.tools} == {"add", "pay"}
    assert [event.kind for event in found.log] == ["irreversible"]
    assert found.outcome.measures["interventions"] == 0


UNASKED = [
    ("ask_human", {"question": "What is the city?"}),
    ("propose_action", {"name": "pay", "arguments": {"amount": 2}}),
    ("propose_plan", {"plan": "pay"}),
    ("hand_over", {"reason": "you"}),
]


@pytest.mark.parametrize("call", UNASKED, ids=[name for name, _ in UNASKED])
@pytest.mark.parametrize(
    "policy", [Autonomous(), ConfirmIrreversible(), SuggestThenExecute(), AskWhenUncertain(threshold=2)]
)
def test_an_agent_reaches_the_person_only_when_the_policy_does(team, policy, call):
    actions = [[*ADD, call], [call], "done"]
    found = team(policy, lambda of: actions[sum(m.role == "assistant" for m in of.messages)])
    asked = [event for event in found.log if event.requested]
    if not isinstance(policy, SuggestThenExecute):
        assert asked == [] and found.outcome.measures["interventions"] == 0
    assert len(asked) == found.outcome.measures["interventions"]
    assert found.till.value == 1 and found.till.paid == []
    assert [text for text in found.results if "no tool" in text] == [
        f"Error: the call can't be read: there is no tool {call[0]!r}"
    ] * 2


def test_only_what_cannot_be_undone_is_proposed_and_a_no_leaves_it_undone(team):
    both = [*ADD, *PAY_ONE]
    found = team(ConfirmIrreversible(), script(both, "then not"))
    assert (found.till.value, found.till.paid) == (1, [])
    assert found.results == ["1", "Rejected: one is too little"]
    assert found.moves == ["propose", "act"]
    yes = team(ConfirmIrreversible(), script([*ADD, *PAY], "done"))
    assert yes.till.paid == [2]
    assert [event.confirmed for event in yes.log if event.kind == "irreversible"] == [True]


def test_beyond_the_budget_what_cannot_be_undone_stays_undone(team):
    found = team(ConfirmIrreversible(), script(PAY, PAY, "I may not"), budget=0)
    assert found.till.paid == []
    assert [event.refused for event in found.log] == [True, True]
    assert found.outcome.measures == {
        "interventions": 0.0,
        "requests_refused": 2.0,
        "agent_tokens": found.outcome.measures["agent_tokens"],
        "agent_samples": 3.0,
    }


def test_without_a_person_a_policy_that_may_use_one_goes_on_alone(team):
    found = team(SuggestThenExecute(), script(ADD, PAY, "done"), alone=True)
    assert found.till.paid == [2] and found.moves == ["act", "act", "act"]


def test_it_asks_while_it_says_that_it_is_unsure_and_never_the_same_twice(team):
    questions = ["Is the city Porto?", "Which size?", "Which size?"]
    how = Sampling("self-rating")
    found = team(AskWhenUncertain(0.5), script(PAY, "ok", questions=questions, sure="40"), sampling=how)
    assert found.moves == ["ask", "ask", "act", "act"]
    assert found.results[:2] == ["city: Porto", "size: large"]
    assert [each.uncertainty for each in found.episode.decisions][:3] == [0.6] * 3
    sure = team(AskWhenUncertain(0.5), script(PAY, "ok", sure="50"), sampling=how)
    assert sure.moves == ["act", "act"]


def test_after_a_refusal_it_asks_no_more(team):
    found = team(
        AskWhenUncertain(0.1),
        script(PAY, "ok", questions=["Is the city Porto?", "Which size?"], sure="0"),
        sampling=Sampling("self-rating"),
        budget=1,
    )
    assert found.moves == ["ask", "ask", "act", "act"]
    assert found.outcome.measures["interventions"] == 1
    assert found.outcome.measures["requests_refused"] == 1
    assert found.till.paid == [2]


def test_of_several_samples_the_most_frequent_action_is_taken_and_the_others_are_doubt(team):
    amounts = iter([1, 2, 2, 3, 2])

    def say(call):
        if last(call).startswith(asked.ASK):
            return "Which town?"
        paid = any("paid" in message.text for message in call.messages)
        return "ok" if paid else [("pay", {"amount": next(amounts, 2)})]

    found = team(AskWhenUncertain(0.3), say, sampling=Sampling(samples=5))
    first, second, *_ = found.episode.decisions
    assert (str(first.move), first.uncertainty) == ("ask", pytest.approx(0.4))
    assert (str(second.move), second.uncertainty) == ("act", 0.0)
    assert found.till.paid == [2]
    assert all(call.decoding["temperature"] == 0.7 for call in found.agent.calls if last(call) != asked.ASK)


def with_logprobs(output, *values):
    tokens = [Logprob(token="t", logprob=value) for value in values]
    choice = ChatCompletionChoice(message=output.choices[0].message, logprobs=Logprobs(content=tokens))
    return output.model_copy(update={"choices": [choice]})


def test_improbable_tokens_are_doubt_and_a_model_without_them_is_told_the_cure(team):
    acting = ModelOutput.for_tool_call("test/agent", "pay", {"amount": 2})

    def say(call):
        if last(call).startswith(asked.ASK):
            return "Which town?"
        return "ok" if any(m.text == "paid" for m in call.messages) else with_logprobs(acting, -1.0, -0.4)

    how = Sampling("log-probability")
    found = team(AskWhenUncertain(0.1), say, sampling=how)
    assert found.episode.decisions[0].uncertainty == pytest.approx(1 - 2.718281828**-0.7)
    with pytest.raises(UsageError, match="gives no log-probabilities; -M measure=disagreement"):
        team(AskWhenUncertain(0.1), script(PAY), sampling=how)


def test_a_plan_is_put_to_the_person_until_it_is_approved_and_again_when_something_is_said(team):
    plans = ["city: Lyon\nsize: large", "city: Porto\nsize: large", "city: Porto\nsize: large", "size: small"]
    found = team(
        PlanApproval(),
        script(ADD, "what else?", "what else?", PAY, "bye", plans=plans),
        later=["and again", "and more"],
    )
    shown = [event.request.partition("\n")[2] for event in found.log if event.kind == "plan"]
    assert shown == [plans[0], plans[1], plans[3]]  # the third is as approved: nobody is bothered
    assert [result for result in found.results if "Approved" in result or "Rejected" in result] == [
        "Rejected: city: Porto",
        "Approved.",
        "Rejected: size: large",
    ]


def test_an_agent_that_has_to_look_first_is_asked_for_its_plan_again(team):
    found = team(PlanApproval(), script(ADD, PAY, "ok", plans=["LOOK", "size: large"]))
    assert found.moves == ["act", "plan", "act", "act"]


def test_no_more_plans_than_it_may(team):
    plans = [f"city: Lyon\nplan {n}" for n in range(9)]
    found = team(PlanApproval(), script(PAY, "ok", plans=plans), plans=2)
    assert found.moves == ["plan", "plan", "act", "act"]


def test_every_action_is_proposed_until_nobody_may_be_asked(team):
    found = team(SuggestThenExecute(), script(ADD, PAY_ONE, PAY, "ok"))
    assert found.moves == ["propose", "propose", "propose", "act"]
    assert found.till.paid == [2] and found.till.value == 1
    spent = team(SuggestThenExecute(), script(ADD, PAY_ONE, PAY_ONE, "ok"), budget=1)
    assert spent.moves == ["propose", "propose", "act", "act"]
    assert spent.till.paid == [1]


def test_the_person_drives_and_the_agent_proposes_where_it_declines(team):
    found = team(HumanDriven(), script(ADD, "ok"))
    assert found.moves == ["hand over", "hand over", "hand over", "propose", "hand over", "act"]
    assert (found.till.value, found.till.paid) == (2, [2])
    assert found.outcome.measures["interventions"] == 5


def test_the_oracle_asks_about_exactly_what_is_needed_before_it_acts(team):
    about = []

    def say(call):
        if last(call).startswith(asked.ASK):
            about.append(last(call).rpartition(asked.ABOUT)[2])
            return f"What is the {about[-1]}?"
        if any(m.text == "paid" for m in call.messages):
            return "ok"
        return PAY if any(m.text == "1" for m in call.messages) else ADD

    questions = Questions(["city", "size"], repeats=True)
    found = team(OracleGate(2), say, questions=questions)
    assert about == ["city", "size"]
    assert found.moves == ["act", "ask", "ask", "act", "act"]


def test_an_agent_that_only_talks_ends_at_the_limit_of_steps_and_takes_nothing_from_the_person(team):
    found = team(
        AskWhenUncertain(0.1),
        script("hm"),
        later=["?"] * 20,
        limits=Limits(steps=4),
        sampling=Sampling("self-rating"),
    )
    assert found.outcome.stop_reason == "step_limit"
    assert found.log == [] and found.outcome.measures["interventions"] == 0


def test_samples_are_added_until_the_tokens_of_the_tested_policy_are_reached(team):
    one = team(Autonomous(), script(ADD, PAY, "ok"))
    each = one.episode.tokens / 2
    found = team(Autonomous(), script(ADD, PAY, "ok"), sampling=Sampling(tokens=3 * each))
    assert found.episode.tokens >= 6 * each
    assert found.outcome.measures["agent_samples"] > 3


def test_where_there_are_no_tools_words_are_the_action(team):
    """It asks until its answers agree in their last lines; after a request tools are named, not offered."""
    drawn = iter(["so\nExact answer: Lyon", "Exact answer: porto.", "hm"])

    def say(call):
        if last(call).startswith(asked.ASK):
            return "Which town?"
        told = any("Porto" in message.text for message in call.messages)
        return "thus\nExact answer: Porto" if told else next(drawn)

    found = team(AskWhenUncertain(0.1), say, sampling=Sampling(samples=3), words=True)
    assert found.moves == ["ask", "act"]
    assert [each.uncertainty for each in found.episode.decisions] == [pytest.approx(2 / 3), 0.0]
    assert found.outcome.answer["said"] == ["thus\nExact answer: Porto"]
    first, *_, final = found.agent.calls
    assert not first.tools and first.tool_choice is None
    assert final.tools and final.tool_choice == "none"


@pytest.mark.parametrize("policy", [SuggestThenExecute(), ConfirmIrreversible()])
def test_words_cannot_be_proposed(team, policy):
    found = team(policy, lambda call: "Exact answer: Porto", words=True)
    assert found.outcome.answer["said"] == ["Exact answer: Porto"]
    assert not any(event.kind == "approval" for event in found.log)


def test_the_oracle_asks_before_it_answers_in_words(team):
    def say(call):
        return "Which town?" if last(call).startswith(asked.ASK) else "Exact answer: Porto"

    found = team(OracleGate(1), say, questions=Questions(["city"], repeats=True), words=True)
    assert found.moves == ["ask", "act"]

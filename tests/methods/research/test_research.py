"""What the methods ask, what they may spend, and what a simulation with known truth makes of them."""

import pytest
from inspect_ai.model import ModelOutput, ModelUsage

from harness.base.errors import UsageError
from harness.methods.research.method import shares
from harness.methods.research.wording import ANSWER
from harness.model.simulated_reader import SimulatedReader
from harness.run.plan import Request, plan
from harness.search import Caps
from harness.testing import check_method
from tests.methods.research.conftest import ALL, Scripted

PERFECT = {"find": 1, "compose": 1, "scale": 1, "verify": 1}


def near(ran, truth, items):
    """Whether an accuracy is within four standard errors of the truth."""
    return abs(ran["accuracy"] - truth) < 4 * (truth * (1 - truth) / items) ** 0.5 + 1e-9


@pytest.mark.parametrize("searches, reasoning", [(2, 300), (3, 900)])
def test_react_search_does_as_the_law_of_the_reader_says(run, searches, reasoning):
    skill = {"find": 0.7, "compose": 0.9}
    ran = run(
        "react-search",
        skill,
        {"items": 120, "hops": [2], "arithmetic": [0, 2]},
        searches=searches,
        reasoning=reasoning,
    )
    reader = SimulatedReader(skill)
    # what it wrote on the way is a part of its reasoning: 20 tokens or so
    truth = sum(reader.accuracy(2, steps, searches, reasoning - 20) for steps in (0, 2)) / 2
    assert near(ran, truth, 120)


def test_the_floor_is_chance_and_the_ceiling_is_reached(run):
    world = {"items": 150, "hops": [2], "arithmetic": [0]}
    floor, ceiling = run("no-search", PERFECT, world), run("oracle-documents", PERFECT, world)
    assert near(floor, 0.01, 150) and floor["searches"] == floor["evidence_recall"] == 0
    assert ceiling["accuracy"] == ceiling["evidence_recall"] == ceiling["citation_recall"] == 1
    assert ceiling.record["data_access"]["targets_seen"] == 150


def test_one_search_is_enough_for_one_hop_and_not_for_two(run):
    one, two = (run("rag", PERFECT, {"items": 40, "hops": [hops], "arithmetic": [0]}) for hops in (1, 2))
    assert one["accuracy"] == 1 and two["accuracy"] < 0.2
    for method in ("react-search", "ircot", "parallel-verify"):
        ran = run(method, PERFECT, {"items": 12, "hops": [2], "arithmetic": [0]}, searches=6)
        assert ran["accuracy"] == ran["evidence_recall"] == 1, method


@pytest.mark.parametrize("method", ALL[1:-1])
@pytest.mark.parametrize("searches", [0, 1, 3])
def test_the_dial_of_searches_holds(run, method, searches):
    ran = run(method, {"find": 0.3}, {"hops": [4]}, searches=searches)
    most = max(len(row["answer"]["queries"]) for row in ran.rows)
    assert most <= searches and ran.measure("searches_made") <= searches
    assert ran.measure("searches_made") > 0 or searches == 0
    assert {row["stop_reason"] for row in ran.rows} == {"stop"}


@pytest.mark.parametrize("method", ALL)
def test_the_dial_of_reasoning_holds_and_the_ledger_adds_up(run, method):
    ran = run(method, {"find": 0.5}, {"hops": [2]}, reasoning=200)
    spent = ran.measure("tokens_reasoning")
    assert 0 < spent <= 230  # the words before the last search are written before they are counted
    used = ran.record["usage"]["by_purpose"]["answer"]
    kinds = ("prompt", "retrieved", "reasoning", "arguments", "visible")
    total = sum(ran.measure(f"tokens_{kind}") for kind in kinds) * len(ran.rows)
    assert total == pytest.approx(used["input_tokens"] + used["output_tokens"])


@pytest.mark.parametrize("method", ALL[:-1])  # the last needs evidence, which the tiny world has none of
def test_the_contract(method):
    check_method(method)


def said(text, *calls, tokens=(100, 50), reasoning=0):
    made = (
        ModelOutput.for_tool_call("m", "search", {"query": calls[0]})
        if calls
        else ModelOutput.from_content("m", text)
    )
    made.usage = ModelUsage(
        input_tokens=tokens[0], output_tokens=tokens[1], total_tokens=sum(tokens), reasoning_tokens=reasoning
    )
    return made


FINAL = "Explanation: none.\nExact answer: 7\nConfidence: 50%"


def test_when_the_searches_are_spent_the_answer_is_asked_for(run):
    model = Scripted(lambda call: said(FINAL) if call.tool_choice == "none" else said("", "mentor"))
    ran = run("react-search", model, {"items": 1}, searches=2)
    assert [call.tool_choice for call in model.calls] == [None, None, "none"]
    assert "final answer now" in model.calls[-1].messages[-1].text
    assert [len(call.tools) for call in model.calls] == [2, 2, 2]
    assert ran["searches"] == 2 and ran.measure("forced") == 1


def test_calls_that_come_when_none_may_are_dropped(run):
    model = Scripted(lambda call: said("", "mentor"))
    ran = run("react-search", model, {"items": 1}, searches=1)
    assert len(model.calls) == 2 and ran["searches"] == 1 and ran.rows[0]["stop_reason"] == "stop"


def test_at_the_cap_of_reasoning_the_answer_is_asked_for(run):
    model = Scripted(lambda call: said(FINAL) if call.tool_choice else said("", "mentor", reasoning=50))
    ran = run("react-search", model, {"items": 1}, searches=-1, reasoning=120)
    assert ran["searches"] == 3  # 50, 100, 150: the third was begun below the cap
    assert [call.decoding["max_tokens"] for call in model.calls] == [632, 582, 532, 512]
    assert "at most 120 tokens" in model.calls[0].messages[0].text


@pytest.mark.parametrize("text", ["", "I still wonder"])
def test_an_answer_that_the_budget_cut_off_is_asked_for_once_more(run, text):
    cut = said(text, reasoning=50)
    cut.choices[0].stop_reason = "max_tokens"
    outputs = iter([cut, said(FINAL)])
    model = Scripted(lambda call: next(outputs))
    ran = run("no-search", model, {"items": 1}, reasoning=50)
    assert ran.rows[0]["answer"]["said"] == FINAL and ran.measure("tokens_reasoning") == 50
    asked = [message.text for message in model.calls[1].messages][2:]
    assert asked[-1] == ANSWER and asked[1:-1] == [text] * bool(text)
    assert model.calls[1].decoding["max_tokens"] == 512


def test_an_answer_that_leaves_reasoning_unspent_is_thought_over(run):
    model = Scripted(lambda call: said(FINAL))
    run("react-search", model, {"items": 1}, reasoning=1000, cues=2)
    assert len(model.calls) == 3 and "Look for a mistake" in model.calls[-1].messages[-1].text


def test_a_planner_gets_its_queries_searched_once_each(run):
    def say(call):
        return (
            said("1. alpha\n- beta\nbeta\n\ngamma") if "one a line" in call.messages[-1].text else said(FINAL)
        )

    ran = run("plan-search-write", Scripted(say), {"items": 1}, searches=2)
    assert ran.rows[0]["answer"]["queries"] == ["alpha", "beta"]


def test_ircot_searches_with_its_sentences(run):
    lines = iter(["First the mentor.", FINAL])
    model = Scripted(lambda call: said(next(lines)))
    ran = run("ircot", model, {"items": 1})
    (row,) = ran.rows
    assert row["answer"]["queries"][1:] == ["First the mentor."]
    assert [message.role for message in model.calls[1].messages] == [
        "system",
        "user",
        "user",
        "assistant",
        "user",
    ]


def test_parallel_episodes_that_agree_ask_nobody_and_those_that_differ_a_choice(run):
    model = Scripted(lambda call: said(FINAL))
    ran = run("parallel-verify", model, {"items": 1}, n=3)
    assert len(model.calls) == 3 and ran.measure("disagree") == 0
    answers = iter("123")

    def say(call):
        return (
            said("Best: 2")
            if "Candidate" in call.messages[-1].text
            else said(f"Exact answer: {next(answers)}")
        )

    ran = run("parallel-verify", Scripted(say), {"items": 1}, n=3, searches=7)
    assert ran.rows[0]["answer"]["said"] == "Exact answer: 2" and ran.measure("candidates") == 3


def test_budgets_are_shared_without_loss():
    three, last = shares(Caps(searches=8, reasoning=9), 3)
    assert three == [Caps(3, reasoning=3), Caps(3, reasoning=2), Caps(2, reasoning=2)]
    assert last == Caps(0, reasoning=2)
    assert [each.searches for each in shares(Caps(searches=1), 3)[0]] == [1, 0, 0]


@pytest.mark.parametrize("dial, calls", [({"retrieved": 30}, 2), ({"total": 160}, 3)])
def test_other_budgets_end_the_search_too(run, dial, calls):
    model = Scripted(lambda call: said(FINAL) if call.tool_choice else said("", call.messages[1].text))
    ran = run("react-search", model, {"items": 1}, searches=-1, **dial)
    assert len(model.calls) == calls and ran["searches"] == 1 and ran.measure("forced") == 1
    assert ran.measure("searches_refused") == calls - 2  # 150 tokens a call: the second is beyond the total


def test_a_search_that_fails_is_told_to_the_model_and_the_episode_goes_on(run):
    def say(call):
        return said(FINAL) if len(call.messages) > 2 else said("", "a" * 10_000)

    model = Scripted(say)
    ran = run("react-search", model, {"items": 1})
    assert "at most 2,000 characters" in model.calls[-1].messages[-1].text
    assert ran["searches"] == 0 and ran.rows[0]["trace"]["tool_errors"] == 1


def test_tokens_that_nobody_counted_are_no_measure(run):
    ran = run("react-search", Scripted(lambda call: FINAL), {"items": 1})
    assert not any(name.startswith("tokens_") for name in ran.record["measures"])


@pytest.mark.parametrize(
    "method, args, task, line",
    [
        ("react-search", {"searches": -2}, {}, "searches=-2"),
        ("parallel-verify", {"n": 0}, {}, "n=0"),
        ("oracle-documents", {}, {"documents": False}, "documents=false"),
    ],
)
def test_wrong_dials_are_one_line(run, method, args, task, line):
    with pytest.raises(AssertionError, match=line):
        run(method, {}, task, **args)


def test_isolated_it_does_the_same(run):
    args = {"searches": 2, "reasoning": 100}
    plain = run("react-search", {}, {"items": 2}, **args)
    walled = run("react-search", {}, {"items": 2}, {"isolate": True}, **args)
    assert [row["answer"] for row in plain.rows] == [row["answer"] for row in walled.rows]
    assert walled.record["measures"] == plain.record["measures"]


def test_a_retriever_by_vectors_is_part_of_what_is_measured(run):
    words, both = (run("rag", {}, {"retriever": name}, {"embedder": "lsa"}) for name in ("bm25", "hybrid"))
    assert words.record["comparability"]["corpus"] == both.record["comparability"]["corpus"]
    assert both.record["comparability"]["embedder"][0] == "lsa"
    assert "embedder" not in words.record["comparability"]
    assert both.record["subject"]["embedder"] is None  # it is the task's, not the method's
    assert both["evidence_recall"] > 0


def test_without_the_extra_it_is_said_before_a_model_is_asked(run, monkeypatch):
    monkeypatch.setattr("harness.search.lexical.find_spec", lambda name: None)
    model = Scripted(lambda call: said(FINAL))
    with pytest.raises(AssertionError, match="method-harness\\[search\\]"):
        run("react-search", model)
    assert model.calls == []


def test_a_task_without_a_corpus_is_refused_before_anything_is_loaded():
    with pytest.raises(UsageError, match="corpus"):
        plan(Request(task="toolworld/single", method="react-search", model="sim/reader"))

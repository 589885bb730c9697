"""A model as judge, against a real server: what it is shown, how often it is asked, what faults become."""

import asyncio
import json

import pytest

from harness.base.errors import BudgetSpent, UsageError
from harness.checklist import Checklist, Evidence, Item, Result, Step, ToolUse, Trajectory, Turn
from harness.checklist.holistic import grade, grade_reward, read_grade
from harness.checklist.judge_prompt import judge_prompt, read_judgement
from harness.checklist.model_judge import DECODING, ModelJudge
from harness.model.budget import Budget
from harness.model.ledger import Ledger
from harness.sample import Question

from .conftest import judgement

QUESTION = Question("q", "?")
REPLY = "assistant.content.user_visible_reply"


def item(n=0, focus=REPLY, **more):
    return Item(f"C{n}", f"question {n}?", f"condition {n}", focus, 0.2, **more)


def checklist(turns, items):
    return Checklist(tuple(tuple(item(n) for n in range(items)) for _ in range(turns)))


def trajectory(turns, steps):
    made = [
        Turn(f"user {t}", [Step(f"reply {t}.{s}", thinking=f"thought {t}.{s}") for s in range(steps)])
        for t in range(turns)
    ]
    return Trajectory(made, system="the rules")


def judge(model, lists, dialogue, **settings):
    return asyncio.run(ModelJudge(model, QUESTION, **settings).verdicts(lists, dialogue))


# --- what it is shown ---------------------------------------------------------------------------


def test_the_prompt_has_its_parts_in_order_and_nothing_from_later():
    dialogue = trajectory(3, 3)
    dialogue.turns[1].steps[1] = Step(
        "reply 1.1", (ToolUse("find", {"name": "Ada"}),), (Result("found P8"),), "thought 1.1"
    )
    asked = item(1, failure_examples=("a wrong name",), evidence=(Evidence(1, 2, REPLY, "the snippet"),))
    text = judge_prompt(asked, dialogue, 1, 1)
    parts = [
        *("You check", "question 1?", REPLY, "condition 1", "a wrong name", "the snippet"),
        *("# Previous messages", "the rules", "user 0", "thought 0.0", "reply 0.2"),
        *("# Current messages", "user 1", "reply 1.0", "reply 1.1"),
        *('{"name": "find", "arguments": {"name": "Ada"}}', "found P8"),
        *("# Tool calls", "# Procedure", "# Form of your reply", "failure_analysis"),
    ]
    places = [text.find(part) for part in parts]
    assert -1 not in places and places == sorted(places)
    assert "reply 1.2" not in text and "user 2" not in text and "thought 2.0" not in text
    previous = text[text.index("# Previous messages") : text.index("# Current messages")]
    assert "user 1" not in previous
    assert (
        "[turn 1, step 2, assistant]" in text
        and "[turn 1, step 3, tool]" in text
        and "[turn 1, step 0, user]" in text
    )


def test_what_is_empty_is_none_and_braces_of_a_dialogue_stay_as_they_are():
    dialogue = Trajectory([Turn("{question} {0}", [Step("")])])
    text = judge_prompt(item(), dialogue, 0, 0)
    for part in ("# Previous messages\nNone", "thinking: None", "visible reply: None", "tool calls: None"):
        assert part in text
    assert "{question} {0}" in text


def test_a_turn_that_broke_still_shows_its_steps():
    dialogue = Trajectory([Turn("user", [Step("", (ToolUse("find", None),), (Result("bad", failed=True),))])])
    text = judge_prompt(item(), dialogue, 0, 0)
    assert "(not readable)" in text and "[turn 0, step 2, tool, error]\nbad" in text


# --- reading ------------------------------------------------------------------------------------

GOOD = judgement(True)
WRONG = [
    "",
    "yes",
    "true",
    "[]",
    "{}",
    judgement("true"),
    judgement(1),
    judgement(None),
    judgement(True, more="x"),
    GOOD[:-1],
    GOOD + " I hope that helps",
    GOOD.replace('"..."', "3", 1),
    GOOD.replace('"answer"', '"answer": false, "answer"'),
    GOOD.replace('"understanding"', '"Understanding"'),
    "[" * 100_000,
    f"<think>{GOOD}",
]


@pytest.mark.parametrize("text", WRONG)
def test_a_reply_in_another_form_is_no_answer(text):
    assert read_judgement(text) is None


@pytest.mark.parametrize(
    "text", [GOOD, f"```json\n{GOOD}\n```", f"<think>{judgement(False)}</think>\n{GOOD}"]
)
def test_thoughts_and_a_fence_are_taken_off(text):
    assert read_judgement(text) is True
    assert read_judgement(judgement(False)) is False


@pytest.mark.parametrize("quoted", ["<think> is empty", "</think>", "[INST]", "<|im_end|>", "```"])
def test_marks_of_a_template_may_be_quoted_in_an_answer(quoted):
    assert read_judgement(judgement(True, understanding=quoted)) is True
    assert read_judgement(f"<think>{GOOD}</think>{judgement(False, understanding='as said')}") is False


@pytest.mark.parametrize("grade", ["7", 0, 11, 7.0, True, None])
def test_a_grade_is_an_integer_on_the_scale(grade):
    assert read_grade(json.dumps({"analysis": "x", "grade": grade})) is None
    assert read_grade(json.dumps({"analysis": "x", "grade": 7})) == 7


# --- how often it is asked ----------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "calls"), [("step", 30), ("turn", 15)])
def test_one_call_a_step_and_item_or_a_turn_and_item(server, open_judge, mode, calls):
    judged = judge(open_judge(), checklist(3, 5), trajectory(3, 2), mode=mode)
    assert judged.calls == len(server.requests) == calls
    first = [mode == "step"] * 5
    assert judged.verdicts == [[first, [True] * 5]] * 3
    assert judged.failed == 0


def test_the_decoding_is_the_paper_s_and_the_form_a_schema(server, open_judge):
    judge(open_judge(), checklist(1, 1), trajectory(1, 1))
    judge(open_judge(), checklist(1, 1), trajectory(1, 1), schema=False, decoding={"temperature": 0.1})
    first, second = server.requests
    assert {key: first[key] for key in ("temperature", "top_p")} == {"temperature": 0.6, "top_p": 0.8}
    assert 6000 in (first.get("max_tokens"), first.get("max_completion_tokens"))
    form = first["response_format"]["json_schema"]
    assert form["strict"] is True and form["schema"]["properties"]["answer"]["type"] == "boolean"
    assert form["schema"]["additionalProperties"] is False
    assert "response_format" not in second and second["temperature"] == 0.1


def test_a_failed_call_decides_items_about_tools_without_asking(server, open_judge):
    call = Step("", (ToolUse("find", {}),), (Result("no such name", failed=True),))
    dialogue = Trajectory([Turn("user", [call, Step("sorry")])])
    lists = Checklist(((item(0, "assistant.tool_calls"), item(1, "tool.content"), item(2)),))
    judged = judge(open_judge(), lists, dialogue)
    assert judged.verdicts == [[[False, False, True], [True, True, True]]]
    assert (judged.shortcuts, judged.calls) == (2, 4)
    # at the end of a turn an earlier call that went well may have met the item
    well = Step("", (ToolUse("find", {}),), (Result("P8"),))
    both = judge(open_judge(), lists, Trajectory([Turn("user", [well, call])]), mode="turn")
    none = judge(open_judge(), lists, Trajectory([Turn("user", [call])]), mode="turn")
    assert (both.shortcuts, none.shortcuts) == (0, 2)


def test_turns_are_judged_as_far_as_the_trajectory_went(server, open_judge):
    judged = judge(open_judge(), checklist(3, 1), Trajectory([Turn("a", [Step("b")]), Turn("c")]))
    assert judged.verdicts == [[[True]], []] and judged.calls == 1


def test_one_block_for_a_whole_dialogue_is_decided_once(server, open_judge):
    judged = judge(open_judge(), checklist(1, 4), trajectory(3, 2), mode="episode")
    assert judged.verdicts == [[[True] * 4]] and judged.calls == 4
    assert all("user 0" in text and "reply 2.1" in text for text in server.prompts)
    assert judge(open_judge(), checklist(1, 4), Trajectory([Turn("a")]), mode="episode").verdicts == [[]]
    with pytest.raises(UsageError, match="one block"):
        judge(open_judge(), checklist(2, 4), trajectory(2, 1), mode="episode")


# --- its faults ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [WRONG[0], WRONG[1], judgement("true"), GOOD[:-1]])
def test_a_malformed_reply_is_asked_again_and_then_unscored(server, open_judge, text):
    replies = iter([text, judgement(True)])
    server.reply = lambda prompt: next(replies)
    judged = judge(open_judge(), checklist(1, 1), trajectory(1, 1))
    assert judged.verdicts == [[[True]]] and (judged.calls, judged.malformed, judged.failed) == (2, 1, 0)
    server.reply = lambda prompt: text
    judged = judge(open_judge(seed=1), checklist(1, 1), trajectory(1, 1))
    assert judged.verdicts == [[[None]]] and (judged.calls, judged.malformed, judged.failed) == (3, 3, 1)


@pytest.mark.parametrize("fault", [500, 400, "sleep"])
def test_a_server_that_fails_leaves_a_decision_unscored_and_says_why(server, open_judge, fault):
    server.reply = lambda prompt: fault if "question 1?" in prompt else judgement(True)
    model = open_judge(timeout=1 if fault == "sleep" else 30)
    judged = judge(model, checklist(1, 3), trajectory(1, 1))
    assert judged.verdicts == [[[True, None, True]]]
    assert (judged.failed, judged.errors, judged.malformed) == (1, 1, 0)
    assert "openai-api/local/judge" in judged.reason and "\n" not in judged.reason


def test_a_judge_that_contradicts_itself_is_put_to_the_vote(server, open_judge):
    seen = {}

    def contradict(prompt):
        """Item 0: yes, yes, no of three; item 1: one yes, one no, one in no form."""
        which = 0 if "question 0?" in prompt else 1
        n = seen[which] = seen.get(which, 0) + 1
        if which == 1 and n >= 3:
            return "no form"
        return judgement(n % 3 != 0 if which == 0 else n == 1)

    server.reply = contradict
    judged = judge(open_judge(), checklist(1, 2), trajectory(1, 1), votes=3, retries=0)
    assert judged.verdicts == [[[True, None]]]
    assert sorted(judged.votes[0, 0, 0]) == [False, True, True]
    assert sorted(judged.votes[0, 0, 1], key=str) == [False, None, True]
    assert (judged.ties, judged.failed, judged.malformed, judged.calls) == (1, 1, 1, 6)


def test_nothing_is_asked_twice_also_after_faults_and_more_votes_keep_the_first(server, open_judge):
    server.reply = lambda prompt: "" if "question 1?" in prompt else judgement(True)
    once = judge(open_judge(), checklist(2, 2), trajectory(2, 2))
    asked = len(server.requests)
    ledger = Ledger()
    assert judge(open_judge(ledger=ledger), checklist(2, 2), trajectory(2, 2)) == once
    assert len(server.requests) == asked and ledger.by_purpose["judge"].cache_hits == asked
    judge(open_judge(), checklist(2, 2), trajectory(2, 2), votes=3)
    assert len(server.requests) == 3 * asked


def test_a_budget_stops_the_judge_and_what_was_asked_is_kept(server, open_judge):
    with pytest.raises(BudgetSpent):
        judge(open_judge(budget=Budget(calls=5)), checklist(2, 5), trajectory(2, 2))
    asked = len(server.requests)
    assert asked == 5
    judge(open_judge(), checklist(2, 5), trajectory(2, 2))
    assert len(server.requests) == 20


def test_the_identity_names_all_that_verdicts_depend_on(open_judge):
    model = open_judge()
    base = ModelJudge(model, QUESTION).identity
    assert base["decoding"] == dict(DECODING) and len(base["prompt"]) == 64
    others = [{"mode": "turn"}, {"votes": 3}, {"retries": 0}, {"schema": False}, {"decoding": {"top_p": 1}}]
    assert all(ModelJudge(model, QUESTION, **other).identity != base for other in others)
    json.dumps(base)


@pytest.mark.parametrize("wrong", [{"mode": "x"}, {"votes": 0}, {"retries": -1}])
def test_a_wrong_setting_is_one_line(open_judge, wrong):
    with pytest.raises(UsageError):
        ModelJudge(open_judge(), QUESTION, **wrong)


def test_one_grade_of_a_whole_dialogue(server, open_judge):
    replies = iter(['{"analysis": "x", "grade": "9"}', '{"analysis": "x", "grade": 7}', 500])
    server.reply = lambda prompt: next(replies)
    graded = asyncio.run(grade(open_judge(), QUESTION, trajectory(2, 1)))
    assert (graded.value, graded.calls, graded.malformed) == (7, 2, 1)
    assert grade_reward(graded.value) == pytest.approx(6 / 9)
    assert "reply 1.0" in server.prompts[0]
    failed = asyncio.run(grade(open_judge(), QUESTION, trajectory(1, 1)))
    assert grade_reward(failed.value) is None and failed.errors == 1

"""The clerk's settings, what it can't do, and laws that no team method shows."""

import asyncio

import pytest
from inspect_ai.model import ChatMessageAssistant, ChatMessageTool
from inspect_ai.tool import ToolCall, ToolCallError

from harness.base import messages
from harness.base.errors import ModelCallError, UsageError
from harness.human import agent
from harness.model.clerk.provider import SimulatedClerk
from harness.model.provider import Call
from harness.sample import Question

FILES = "Please delete these files (my reference: x:1): a-old.txt, b-old.txt"
ORDER = "Please order the following (my reference: x) and send the order:\n- 3 pens\n- 2 cups"


def said(opening, *more, seed=0, **settings):
    """What it does after these messages of the user."""
    seen = [messages.system("rules"), *map(messages.user, (opening, *more))]
    output = asyncio.run(SimulatedClerk(settings).generate(Call(Question("q", opening), seen, seed=seed)))
    calls = output.message.tool_calls
    return (calls[0].function, calls[0].arguments) if calls else output.completion


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"skil": 1}, "sim/clerk has no argument 'skil'"),
        ({"skill": 1.5}, "skill=1.5 is not a number from 0 to 1"),
        ({"skill": True}, "skill=True is not a number"),
        ({"heeds": "much"}, "heeds='much' is not a number"),
    ],
)
def test_settings_are_checked(args, line):
    with pytest.raises(UsageError, match=line):
        SimulatedClerk(args)


def test_work_that_it_does_not_know_is_a_failure_of_the_model():
    with pytest.raises(ModelCallError, match="knows team/hidden-constraints"):
        said("What is 2 + 2?")


def test_files_are_deleted_one_after_another_and_asked_about_by_name():
    assert said(FILES) == ("delete_file", {"file": "a-old.txt"})
    assert said(FILES, agent.ask_prompt()) == "Do you want to delete a-old.txt?"
    assert said(FILES, agent.ask_prompt("b-old.txt")) == "Do you want to delete b-old.txt?"
    assert said(FILES, "a-old.txt: keep a-old.txt") == ("delete_file", {"file": "b-old.txt"})
    assert said(FILES, agent.PLAN) == "a-old.txt: delete a-old.txt\nb-old.txt: delete b-old.txt"
    about = agent.sure_prompt([("delete_file", {"file": "a-old.txt"})])
    assert said(FILES, about, suspects=0.4) == "60.0"
    assert said(FILES, about, suspects=0.4, overconfident=0.5) == "80.0"


def test_an_order_is_written_as_it_was_said_last():
    assert said(ORDER) == ("add_line", {"item": "pens", "count": 3})
    assert said(ORDER, "I was wrong: I need 5 pens, not 3.") == ("add_line", {"item": "pens", "count": 5})
    assert said(ORDER, "Leave out the pens after all.") == ("add_line", {"item": "cups", "count": 2})
    assert said(ORDER, "Leave out the pens after all.", heeds=0) == ("add_line", {"item": "pens", "count": 3})
    assert said(ORDER, agent.PLAN) == "3 pens\n2 cups\nand send the order"


def test_without_skill_every_choice_is_a_slip():
    counts = {said(ORDER, seed=seed, skill=0)[1]["count"] for seed in range(60)}
    assert len(counts) == 9


@pytest.mark.parametrize(("refused", "stops"), [(0, False), (1, False), (2, True)])
def test_it_stops_after_two_proposals_in_a_row_that_nobody_would_look_at(refused, stops):
    seen = [messages.system("rules"), messages.user(FILES)]
    for n in range(refused):
        call = ToolCall(
            f"c{n}", "propose_action", {"name": "delete_file", "arguments": {"file": "a-old.txt"}}
        )
        seen.append(ChatMessageAssistant(content="", tool_calls=[call]))
        error = ToolCallError("limit", "no more")
        seen.append(ChatMessageTool(content="Error: no more", tool_call_id=call.id, error=error))
    output = asyncio.run(SimulatedClerk({}).generate(Call(Question("q", FILES), seen, seed=0)))
    assert (not output.message.tool_calls) == stops == ("I stop here." in output.completion)

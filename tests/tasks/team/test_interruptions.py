"""Changes of mind while an agent works: they come at their share, and the score asks for the last word."""

import asyncio
import re
from types import SimpleNamespace

import pytest
from inspect_ai.model import ChatMessageAssistant
from inspect_ai.tool import ToolCall

from harness.base import messages
from harness.base.errors import UsageError
from harness.tasks.team.orders import CHANGING, Order, toolbox
from harness.team.interrupted import Interrupted, Interruption
from harness.world import Dialogue, ScriptedUser

NAME = "team/interruptions"


def lines(text):
    return {name: int(count) for count, name in re.findall(r"^- (\d+) (\w+)$", text, re.MULTILINE)}


def orders(heeds=True, looks=False):
    """Writes the order, looks for what was said meanwhile after every call, and sends it."""

    def said(agent, known):
        new = [m.text for m in agent.seen if m.role == "user"][known:]
        return known + len(new), new

    def decide(agent):
        wanted = lines(agent.request)
        have, known = {}, 1
        while True:
            known, new = said(agent, known)
            for text in new if heeds else ():
                if found := re.search(r"add (\d+) (\w+) to", text):
                    wanted[found[2]] = int(found[1])
                elif found := re.search(r"I need (\d+) (\w+)", text):
                    wanted[found[2]] = int(found[1])
                else:
                    wanted.pop(re.search(r"Leave out the (\w+)", text)[1])
            name = next((name for name in [*wanted, *have] if wanted.get(name) != have.get(name)), None)
            if name is None:
                break
            if looks:
                yield "list_lines", {}
            if name not in wanted:
                have.pop(name)
                yield "remove_line", {"item": name}
            else:
                tool = "change_line" if name in have else "add_line"
                have[name] = wanted[name]
                yield tool, {"item": name, "count": wanted[name]}
        yield "send_order", {}

    return decide


@pytest.fixture(scope="module")
def task(team):
    return team(NAME, items=18, train=9)


@pytest.mark.parametrize("looks", [False, True])
def test_heeding_the_change_is_right_and_not_heeding_it_never(task, looks):
    heeded = task.run(orders(looks=looks))
    assert heeded.means["success"] == heeded.means["recovery"] == 1.0
    assert heeded.means["turns"] == heeded.means["unrequested"] == 1.0 and heeded.means["words_read"] == 0
    ignored = task.run(orders(heeds=False, looks=looks))
    assert ignored.means["success"] == ignored.means["recovery"] == 0.0


def test_it_comes_after_its_share_of_the_lines_whatever_else_is_called(task):
    found = task.run(orders(looks=True))
    for sample, outcome in zip(task.splits.test, found.outcomes, strict=True):
        (event,) = outcome.answer["interruptions"]
        share = float(next(part for part in sample.categories if "share" in part).partition("=")[2])
        written = [name for name, _ in outcome.answer["calls"][: event["step"]] if name == "add_line"]
        assert len(written) == share * 4 and event["reply"] == sample.target["said"]
        assert "\n" not in event["reply"] and event["requested"] is False


def test_what_is_taken_back_must_be_gone_and_the_old_order_fails(task, done):
    for sample in task.splits.test:
        old = [["add_line", {"item": n, "count": c}] for n, c in sample.target["first"].items()]
        failed = done(sample, calls=[*old, ["send_order", {}]])
        assert task.task.score(sample, failed).metrics["success"] == 0.0
        right = done(sample, **task.task.gold(sample))
        assert task.task.score(sample, right).metrics["success"] == 1.0
        unsent = done(sample, calls=task.task.gold(sample)["calls"][:-1])
        assert task.task.score(sample, unsent).metrics["success"] == 0.0


def test_the_same_steps_lead_to_the_same_state(task):
    sample = task.splits.test[4]
    first, second = (asyncio.run(task.play(sample, orders())) for _ in range(2))
    assert first.answer == second.answer
    at = first.answer["interruptions"][0]["step"]
    states = [task.task.replayed({"calls": each.answer["calls"][:at]}, sample) for each in (first, second)]
    assert states[0].lines == states[1].lines != {}


def test_an_agent_that_ends_too_early_hears_it_then(task):
    def hurries(agent):
        yield "list_lines", {}
        return "Done."

    (outcome,) = task.run(hurries, 1).outcomes
    assert outcome.answer["interruptions"] and outcome.trace["steps"] == 3


def test_a_failed_call_hides_no_other_of_its_id():
    async def steps():
        order = Dialogue([messages.user("go")], toolbox(), Order(), ScriptedUser([]))
        world = Interrupted(order, "wait", 1, CHANGING)
        await world.start()
        calls = [ToolCall("z", "add_line", {"item": item, "count": 1}) for item in ("planes", "pens")]
        return await world.step(ChatMessageAssistant(content="", tool_calls=calls))

    assert asyncio.run(steps()).messages[-1].text == "wait"


def test_beside_a_person_the_log_is_of_the_agents_own_steps(team):
    task = team(NAME, {}, items=9, train=1)

    def decide(agent):
        yield "ask_human", {"question": "Is that all?"}
        heard = agent.request
        for name, count in lines(heard).items():
            yield "propose_action", {"name": "add_line", "arguments": {"item": name, "count": count}}

    found = task.run(decide)
    for outcome in found.outcomes:
        (event,) = outcome.answer["interruptions"]
        added = [e for e in outcome.answer["human"] if e["kind"] == "approval" and e["step"] < event["step"]]
        assert 1 <= len(added) == event["step"] - 1 <= 3
    assert found.means["turns"] == 1 + 4 + 1 and found.means["unrequested"] == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"interrupt": "addition"}, "is not KIND@SHARE"),
        ({"interrupt": "change@0.5"}, "addition, revision, retraction"),
        ({"interrupt": "addition@2"}, "is not KIND@SHARE"),
        ({"interrupt": []}, "names no change"),
        ({"lines": 1}, "lines=1"),
    ],
)
def test_arguments_that_make_no_sense_are_one_line(team, arguments, says):
    with pytest.raises(UsageError, match=says):
        team(NAME, **arguments)


def test_a_share_is_of_whole_calls():
    made = [Interruption.read(f"addition@{share}").after(4) for share in (0, 0.1, 0.25, 0.5, 1)]
    assert made == [0, 1, 1, 2, 4]
    assert SimpleNamespace(**vars(Interruption.read("retraction@.5"))).kind == "retraction"

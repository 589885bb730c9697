"""A judge's audit of a person: what it is asked, and what is read of it."""

import asyncio

import pytest

from harness.base.errors import ModelCallError
from harness.human.audit import Fault
from harness.human.brief import Brief, Fact
from harness.human.events import Event
from harness.model.budget import Budget
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.provider import Provider
from harness.sample import Question
from harness.team import auditing

BRIEF = Brief("A room.", (Fact("city", "Porto"),))
LOG = [
    Event("question", 0, "Question\nWhich town?", "city: Porto"),
    Event("irreversible", 0, "{}", requested=False),
    Event("question", 1, "Question\nWhich colour?", "blue"),
    Event("question", 2, "Question\nAnd now?", refused=True),
]


class Judge(Provider):
    name, cacheable = "test/judge", False

    def __init__(self, *lines):
        self.lines, self.heard = list(lines), []

    async def generate(self, call):
        from inspect_ai.model import ModelOutput

        self.heard.append(call.messages[-1].text)
        return ModelOutput.from_content(self.name, self.lines.pop(0))


def judged(judge, log=LOG):
    model = Model(judge, ledger=Ledger(), budget=Budget())
    return asyncio.run(auditing.judged(Question("q", "x"), log, BRIEF, model))


def test_a_judge_sees_the_brief_and_the_replies_with_their_numbers():
    judge = Judge('Here: [{"reply": 2, "fault": "invented"}]')
    assert judged(judge) == [{"kind": "invented", "event": 2}]
    (asked,) = judge.heard
    assert "- city: Porto" in asked and "[0] Request:" in asked and "[2] Request:" in asked
    assert "[1]" not in asked and "And now?" not in asked


def test_a_reply_of_another_form_is_asked_for_again():
    judge = Judge("none", '[{"reply": 1, "fault": "invented"}]', "[]")
    assert judged(judge) == [] and len(judge.heard) == 3
    with pytest.raises(ModelCallError, match="no list of faults in 3 tries"):
        judged(Judge('[{"reply": 0, "fault": "rude"}]', "{}", "[1]"))


def test_nobody_is_asked_where_nobody_replied():
    assert judged(Judge(), LOG[1:2]) == []


def test_faults_are_read_with_what_was_said():
    assert auditing.read('[{"reply": 0, "fault": "leaked"}]', LOG) == [Fault("leaked", 0, "city: Porto")]

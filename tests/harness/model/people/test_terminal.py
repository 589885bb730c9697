"""A dialogue at a terminal: a pseudo-terminal whose other end is the person."""

import asyncio
import fcntl
import os
import select

import pytest

from harness.base import messages, tty
from harness.base.errors import ModelCallError, ModelStopped, UsageError
from harness.human.wording import SECONDS, Request
from harness.model.budget import Budget
from harness.model.factory import open_model
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.pace import Pace
from harness.sample import Question

BRIEF = messages.system("You want the \x1b[31mred one.")
ASK = Request("question", "Which colour?\x07", choices=("red", "blue"))


class Person:
    """The other end of the terminal."""

    def __init__(self):
        self.end, slave = os.openpty()
        self.device = os.ttyname(slave)
        self._slave, self.seen = slave, ""

    async def reads(self, text):
        """What was shown up to a text, once it was."""
        for _ in range(400):
            if select.select([self.end], [], [], 0)[0]:
                self.seen += os.read(self.end, 65536).decode().replace("\r\n", "\n")
            if text in self.seen:
                before, _, self.seen = self.seen.partition(text)
                return before
            await asyncio.sleep(0.005)
        raise AssertionError(f"{text!r} was never shown, but {self.seen!r}")

    def types(self, text):
        os.write(self.end, text.encode())

    def leaves(self):
        os.close(self.end)
        os.close(self._slave)


@pytest.fixture
def person(monkeypatch):
    found = Person()
    monkeypatch.setattr(tty, "DEVICE", found.device)
    yield found
    try:
        found.leaves()
    except OSError:
        pass


def model(**more):
    provider = open_model("terminal", {})
    return Model(provider, ledger=Ledger(), budget=Budget(), pace=Pace.of(provider), **more)


def asks(model, *talk, sample="s1", **more):
    return asyncio.ensure_future(model.generate(Question(sample, "?"), talk, purpose="human", **more))


def test_a_request_is_shown_so_that_it_cannot_act_and_a_line_is_the_reply(person):
    async def dialogue():
        asked = model()
        call = asks(asked, BRIEF, messages.user(ASK.write()))
        shown = await person.reads("> ")
        assert "You want the \\x1b[31mred one." in shown and "Which colour?\\x07" in shown
        assert "Sample s1" in shown and "Choices: red, blue" in shown and "Answer in a few words." in shown
        assert "\x1b" not in shown and "\x07" not in shown
        person.types("  the \x01red\x00 one \n")
        output = await call
        assert output.completion == "the red one" and 0 < output.metadata[SECONDS] < 20
        spent = asked._ledger.by_purpose["human"]
        assert spent.human_seconds == output.metadata[SECONDS] and spent.seconds == 0
        assert (spent.input_tokens, spent.output_tokens, spent.cost_usd) == (0, 0, None)

    asyncio.run(dialogue())


def test_what_was_typed_before_the_request_is_no_reply(person):
    async def dialogue():
        person.types("early\n")
        call = asks(model(), messages.user(ASK.write()))
        await person.reads("> ")
        person.types("late\n")
        assert (await call).completion == "late"

    asyncio.run(dialogue())


def test_a_reply_without_its_form_is_asked_for_again_at_once(person):
    async def dialogue():
        call = asks(model(), BRIEF, messages.user(Request("approval", "", ("pay", {"euros": 2})).write()))
        shown = await person.reads("> ")
        assert 'The call: {"name": "pay", "arguments": {"euros": 2}}' in shown
        for wrong in ("\n", "sure\n"):
            person.types(wrong)
            await person.reads("> ")
        person.types("reject: too dear\n")
        assert (await call).completion == "reject: too dear"

    asyncio.run(dialogue())


def test_one_is_asked_at_a_time_and_others_are_said_to_wait(person):
    async def dialogue():
        asked = model()
        calls = [asks(asked, BRIEF, messages.user("0?"), sample="s0")]
        await person.reads("> ")
        calls += [asks(asked, BRIEF, messages.user(f"{n}?"), sample=f"s{n}") for n in (1, 2, 3)]
        await asyncio.sleep(0.1)
        assert person.seen == "" and not select.select([person.end], [], [], 0)[0]
        for reply, waits in (("a", "Sample s1; 2 more wait for you"), ("b", "s2; 1 more waits for you")):
            person.types(f"{reply}\n")
            assert waits in await person.reads("> ")
        person.types("c\n")
        shown = await person.reads("> ")
        assert "Sample s3" in shown and "wait" not in shown
        person.types("d\n")
        assert [(await call).completion for call in calls] == ["a", "b", "c", "d"]

    asyncio.run(dialogue())


def test_the_time_for_a_reply_begins_with_its_turn(person):
    async def dialogue():
        asked = model()
        calls = [asks(asked, messages.user(f"{n}?"), patience=0.4) for n in range(2)]
        await person.reads("> ")
        await asyncio.sleep(0.3)
        person.types("a\n")
        await person.reads("> ")
        await asyncio.sleep(0.3)
        person.types("b\n")
        assert [(await call).completion for call in calls] == ["a", "b"]

    asyncio.run(dialogue())


def test_a_person_who_says_nothing_is_a_failed_call(person):
    async def dialogue():
        call = asks(model(), messages.user("?"), patience=0.05)
        await person.reads("> ")
        with pytest.raises(ModelCallError, match=r"terminal: no answer within 0.05 seconds"):
            await call
        call = asks(model(), messages.user("?"))
        await person.reads("> ")
        person.types("\x04")
        with pytest.raises(ModelCallError, match="gave no reply"):
            await call

    asyncio.run(dialogue())


def test_the_brief_is_shown_again_only_where_the_attempt_changes(person):
    async def dialogue():
        asked = model()
        for sample, text, told in (("a", "1?", True), ("a", "2?", False), ("b", "3?", True)):
            call = asks(asked, BRIEF, messages.user(text), sample=sample)
            assert ("You want the" in await person.reads("> ")) is told
            person.types("x\n")
            await call

    asyncio.run(dialogue())


def test_progress_stands_still_during_a_dialogue(person):
    async def dialogue():
        heard = []
        with tty.drawing(lambda: heard.append("stop"), lambda: heard.append("start")):
            call = asks(model(), messages.user("?"))
            await person.reads("> ")
            assert heard == ["stop"]
            person.types("x\n")
            await call
            assert heard == ["stop", "start"]

    asyncio.run(dialogue())


def test_another_process_at_the_same_terminal_has_its_turn_first(person):
    async def dialogue():
        other = os.open(person.device, os.O_RDWR | os.O_NOCTTY)
        fcntl.flock(other, fcntl.LOCK_EX)
        call = asks(model(), messages.user("?"))
        await person.reads("Another process asks here")
        await asyncio.sleep(0.1)
        assert person.seen.strip() == "; it has its turn first."
        os.close(other)
        await person.reads("> ")
        person.types("x\n")
        assert (await call).completion == "x"

    asyncio.run(dialogue())


def test_a_terminal_that_is_gone_ends_the_cell(person):
    async def dialogue():
        call = asks(model(), messages.user("?"))
        await person.reads("> ")
        person.leaves()
        with pytest.raises(ModelStopped, match="nobody is at the terminal any more"):
            await call

    asyncio.run(dialogue())


def test_without_a_terminal_it_says_what_else_there_is(monkeypatch, tmp_path):
    monkeypatch.setattr(tty, "DEVICE", str(tmp_path / "none"))
    with pytest.raises(UsageError, match=r"there is none; .* browser"):
        open_model("terminal", {})
    provider = open_model("terminal", {}, offline=True)
    asked = Model(provider, ledger=Ledger(), budget=Budget(), offline=True)
    with pytest.raises(ModelStopped, match="there is none"):
        asyncio.run(asked.generate(Question("s", "?"), [messages.user("?")]))


def test_unknown_arguments_are_refused_and_a_named_person_is_somebody_else(person):
    with pytest.raises(UsageError, match="terminal has no argument 'persn'; did you mean 'person'"):
        open_model("terminal", {"persn": "ana"})
    ana, bob = open_model("terminal", {"person": "ana"}), open_model("terminal", {"person": "07"})
    assert dict(ana.arguments) == {"person": "ana"} and dict(bob.arguments) == {"person": "07"}
    assert open_model("terminal", {}, connections=8).connections == 1

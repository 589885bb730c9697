"""Faults of a person are found by rules on scripted transcripts, and what is none is not."""

import pytest

from harness.human.audit import FAULTY, IGNORED, INVENTED, LEAKED, STOPPED, WRONG, faults
from harness.human.brief import Brief, Fact
from harness.human.events import Event
from harness.human.wording import Request

CITY = Fact("city", "Porto", ("town",), ("Porto", "Lyon"))
SIZE = Fact("size", "large", (), ("small", "large"))
NAME = Fact("name", "Ada")
BRIEF = Brief("A room.", (CITY, SIZE, NAME))


def question(text, reply, brief=BRIEF, **more):
    asked = tuple(fact.name for fact in brief.about(text))
    told = tuple(fact.name for fact in brief.stated(reply))
    return Event("question", 0, Request("question", text).write(), reply, asked=asked, facts=told, **more)


def decision(reply, text="city: Lyon", kind="approval"):
    action = ("pay", {}) if kind == "approval" else None
    told = tuple(fact.name for fact in BRIEF.stated(reply))
    return Event(kind, 0, Request(kind, text, action).write(), reply, facts=told)


def kinds(*events, brief=BRIEF):
    return [fault.kind for fault in faults(events, brief)]


@pytest.mark.parametrize(
    ("text", "reply", "found"),
    [
        ("Which town?", "city: Porto", []),
        ("Which town?", "The city is Porto.", []),
        ("Which town?", "I do not know.", []),
        ("Which town?", "I don't mind.", []),
        ("Which town?", "I don\u2019t mind.", []),
        ("What colour?", "I don\u2019t know.", []),
        ("Is it Porto?", "No clue.", []),
        ("Is it Porto?", "No idea.", []),
        ("Is it Porto?", "Yes.", []),
        ("Is it Lyon?", "no, it isn't", []),
        ("Which town?", "city: Lyon", [WRONG]),
        ("Is it Lyon?", "Yes.", [WRONG]),
        ("Is it Porto?", "No.", [WRONG]),
        ("Which name?", "name: Bob", [INVENTED]),
        ("Which town?", "city: Graz", [INVENTED]),
        ("Which colour?", "something blue", [INVENTED]),
        ("Which colour?", "Yes.", [INVENTED]),
        ("Which colour?", "I have no idea.", []),
        ("Which colour?", "I do not know.", []),
        ("Which town?", "city: Porto\nsize: large", [LEAKED]),
        ("Which colour?", "size: large", [LEAKED]),
        ("Which town and size?", "city: Porto\nsize: large", []),
        ("Is it small in Porto?", "Yes, in Porto, but large.", []),
        ("Which town?", "Hello, how are you?", [IGNORED]),
        ("Which town?", "Let's talk about something else", [IGNORED]),
    ],
)
def test_what_is_said_to_a_question(text, reply, found):
    assert kinds(question(text, reply)) == found


def test_a_lazy_person_gives_no_value_that_was_not_named():
    lazy = Brief(facts=(CITY, SIZE), style="lazy")
    assert kinds(question("Which town?", "city: Porto", lazy), brief=lazy) == [LEAKED]
    assert kinds(question("Is it Porto?", "Yes, Porto.", lazy), brief=lazy) == []
    assert kinds(question("Which town?", "I only say yes or no.", lazy), brief=lazy) == []


@pytest.mark.parametrize(("text", "right"), [("Is it Porto?", "Yes."), ("Is it Lyon?", "No.")])
def test_choices_beside_a_question_are_no_part_of_it(text, right):
    lazy = Brief(facts=(CITY, SIZE), style="lazy")
    wrong = "No." if right == "Yes." else "Yes."
    for reply, found in ((right, []), (wrong, [WRONG])):
        shown = Request("question", text, choices=CITY.options).write()
        event = Event("question", 0, shown, reply, asked=("city",))
        assert kinds(event, brief=lazy) == found


def test_yes_and_no_are_of_the_fact_that_a_question_comes_to_first():
    assert kinds(question("Is it small in Porto?", "No.")) == []
    assert kinds(question("Is it small in Porto?", "Yes.")) == [WRONG]


def test_one_who_may_volunteer_does_not_leak():
    open_hearted = Brief(facts=(CITY, SIZE), proactive=True)
    event = question("Which town?", "city: Porto\nsize: large", open_hearted)
    assert kinds(event, brief=open_hearted) == []


def test_a_decision_gives_one_fact_as_its_reason_and_no_more():
    assert kinds(decision("reject: city: Porto")) == []
    assert kinds(decision("reject: city: Porto, size: large")) == [LEAKED]
    assert kinds(decision("approve"), decision("1", kind="move")) == []


def test_what_is_known_already_is_no_leak():
    first = question("Which size?", "size: large")
    assert kinds(first, question("Which town?", "city: Porto (and size: large)")) == []


def test_leaving_is_a_fault_and_errors_of_people_make_no_episode_faulty():
    left = Event("question", 0, "Question\nx", "[LEAVES]", verdict="left")
    assert kinds(left) == [STOPPED] and STOPPED in FAULTY
    assert kinds(question("Which town?", "city: Lyon")) == [WRONG] and WRONG not in FAULTY


def test_what_nobody_was_asked_for_or_was_refused_is_no_fault():
    quiet = [
        Event("question", 0, "Question\nWhich town?", refused=True),
        Event("interruption", 0, reply="city: Porto, size: large", requested=False, facts=("city", "size")),
        Event("irreversible", 0, "{}", requested=False),
    ]
    assert kinds(*quiet) == []


def test_every_fault_names_its_place():
    log = [question("Which town?", "city: Porto"), question("Which colour?", "blue")]
    (fault,) = faults(log, BRIEF)
    assert (fault.event, fault.said) == (1, "blue")

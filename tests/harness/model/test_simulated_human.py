"""The simulated person: an oracle by default, and as unreliable as it is told."""

import asyncio
import math

import pytest

from harness.base import messages
from harness.base.errors import ModelCallError, UsageError
from harness.human.audit import faults
from harness.human.brief import Brief, Fact, Refusal
from harness.human.events import Event
from harness.human.wording import LEAVES, SECONDS, UNKNOWN, Reply, Request, brief_text
from harness.model.provider import Call
from harness.model.simulated_human import INVENTED, SimulatedHuman
from harness.sample import Question

CITY = Fact("city", "Porto", ("town",), ("Porto", "Lyon", "Graz"))
SIZE = Fact("size", "large", (), ("small", "large"))
BRIEF = Brief(
    "A room.",
    (CITY, SIZE),
    (Refusal("pay", {"option": 1}, "too dear"),),
    (("hold", {}), ("pay", {"option": 2})),
)


def say(request, seed=0, brief=BRIEF, earlier=(), id="q", **settings):
    turns = [messages.system(brief_text(brief))]
    for asked, said in earlier:
        turns += [messages.user(asked), messages.assistant(said)]
    turns.append(messages.user(request.write() if isinstance(request, Request) else request))
    return asyncio.run(SimulatedHuman(settings).generate(Call(Question(id, "?"), turns, seed=seed)))


def ask(text, **more):
    return say(Request("question", text), **more).completion


def decide(action, text="", kind="approval", **more):
    said = say(Request(kind, text, action if kind == "approval" else None), **more).completion
    return Reply.read(kind, said)


def share(of, n=400):
    return sum(map(of, range(n))) / n


def near(found, wanted, n=400):
    assert abs(found - wanted) < 3.5 * math.sqrt(wanted * (1 - wanted) / n)


def test_it_answers_from_its_facts_one_a_reply_and_nothing_else():
    assert ask("Which town?") == "city: Porto" and ask("How big, small or large?") == "size: large"
    assert ask("Which colour?") == UNKNOWN
    assert ask("Tell me size and city and all you know of Lyon.") == "size: large"
    assert ask("Tell me size and city.", earlier=[("Question\nx", "size: large")]) == "city: Porto"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Is it Porto?", "Yes."),
        ("Lyon or Porto?", "Yes."),
        ("Is it Lyon?", "No."),
        ("Which town?", "I only say yes or no."),
        ("Is it blue?", UNKNOWN),
    ],
)
def test_lazy_it_says_yes_or_no_and_never_a_value(text, said):
    assert ask(text, brief=Brief(facts=(CITY, SIZE), style="lazy")) == said
    assert ask(text, style="lazy") == said
    assert (
        ask(text, brief=Brief(facts=(CITY, SIZE), style="lazy"), style="informative") != said
        or said == UNKNOWN
    )


def test_an_action_is_judged_by_refusals_and_by_what_is_shown_of_it():
    assert decide(("pay", {"option": 1})) == Reply("approval", "too dear", "reject")
    assert decide(("pay", {"option": 2}), "city: Porto\nsize: large").verdict == "approve"
    assert decide(("pay", {"option": 3}), "size: large\ncity: Lyon") == Reply(
        "approval", "city: Porto", "reject"
    )
    assert decide(("pay", {"option": 3}), "I like the city: Lyon").verdict == "approve", "no line of its own"
    assert decide(("pay", {"option": 1}), style="lazy") == Reply("approval", verdict="reject")


def test_a_plan_is_judged_by_its_lines():
    assert decide(None, "first\ncity: Graz", kind="plan") == Reply("plan", "city: Porto", "reject")
    assert decide(None, "city: Porto", kind="plan").verdict == "approve"


def test_its_moves_come_in_order_and_then_none():
    def move(done):
        return Reply.read("move", say(Request("move", f"you\nDone so far:\n{done}")).completion).calls

    first, second = '{"name": "hold", "arguments": {}}', '{"name": "pay", "arguments": {"option": 2}}'
    assert move("nothing") == (("hold", {}),)
    assert move(first) == (("pay", {"option": 2}),) and move(f"{first}\n{second}") == ()
    assert move(second) == (("hold", {}),)


def test_errors_come_as_often_as_it_is_told_and_are_other_open_values():
    said = [ask("town?", seed=seed, error=0.2) for seed in range(1000)]
    near(sum(text != "city: Porto" for text in said) / 1000, 0.2, 1000)
    assert set(said) == {"city: Porto", "city: Lyon", "city: Graz"}
    near(share(lambda seed: ask("Porto?", seed=seed, error=0.3, style="lazy") == "No."), 0.3)
    near(share(lambda seed: decide(("pay", {"option": 1}), seed=seed, error=0.3).verdict == "approve"), 0.3)
    near(share(lambda seed: decide(("hold", {}), seed=seed, error=0.3).verdict == "reject"), 0.3)


def test_what_it_does_not_know_it_never_knows_in_that_item():
    found = {
        id: {ask("town?", seed=seed, id=id, known=0.5) for seed in range(5)} for id in map(str, range(200))
    }
    assert all(len(said) == 1 for said in found.values())
    near(sum(UNKNOWN in said for said in found.values()) / 200, 0.5, 200)


def test_it_makes_up_what_it_does_not_know():
    near(share(lambda seed: ask("colour?", seed=seed, invents=0.4) == INVENTED), 0.4)
    assert {ask("town?", seed=seed, known=0, invents=1) for seed in range(30)} == {
        "city: Porto",
        "city: Lyon",
        "city: Graz",
    }


def test_it_volunteers_one_fact_or_leaks_all():
    assert ask("town?", proactive=1) == "city: Porto\nsize: large"
    assert ask("town?", proactive=1, earlier=[("Question\nx", "size: large")]) == "city: Porto"
    assert ask("colour?", leaks=1) == f"{UNKNOWN}\ncity: Porto\nsize: large"


def test_it_leaves():
    assert ask("town?", leaves=1) == LEAVES
    near(share(lambda seed: ask("town?", seed=seed, leaves=0.1) == LEAVES), 0.1)


@pytest.mark.parametrize(
    ("settings", "text"),
    [({"invents": 1}, "colour?"), ({"leaks": 1}, "town?"), ({"leaves": 1}, "town?")],
)
def test_every_fault_that_it_makes_is_found(settings, text):
    request = Request("question", text)
    said = say(request, **settings).completion
    reply = Reply.read("question", said)
    event = Event(
        "question",
        0,
        request.write(),
        said,
        asked=tuple(fact.name for fact in BRIEF.about(text)),
        verdict="left" if reply.left else "",
    )
    assert [fault.kind for fault in faults([event], BRIEF)] == [
        {"invents": "invented", "leaks": "leaked", "leaves": "stopped"}[next(iter(settings))]
    ]


def test_its_seconds_are_said_and_not_taken():
    output = say(Request("question", "Which town?"), read=1, write=10, think=100)
    assert output.metadata[SECONDS] == 100 + 3 + 2 * 10


def test_who_asks_otherwise_gets_no_answer():
    with pytest.raises(ModelCallError, match="plays the role `human`"):
        say("Hello?")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"eror": 0.1}, "did you mean 'error'"),
        ({"error": 1.1}, "from 0 to 1"),
        ({"error": "often"}, "is not a number"),
        ({"known": True}, "is not a number"),
        ({"read": -1}, "from 0 to 3600"),
        ({"style": "chatty"}, "informative, lazy"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(settings, says):
    with pytest.raises(UsageError, match=says):
        SimulatedHuman(settings)


def test_settings_are_texts_on_a_command_line():
    assert SimulatedHuman({"error": "0.1"}).settings["error"] == 0.1

"""The office with a person beside the agent, and with a user who changes its mind."""

import asyncio
import json

import pytest
from inspect_ai.model import ChatMessageAssistant, ModelOutput
from inspect_ai.tool import ToolCall

from harness.base.errors import UsageError
from harness.data.hub import Data
from harness.episode import play
from harness.job.worlds import world_of
from harness.model.budget import Budget
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.simulated_human import SimulatedHuman
from harness.registry import load_task, registry
from harness.sample import Outcome
from harness.tasks.toolworld.generate import item
from harness.tasks.toolworld.office import Office

SINGLE = "toolworld/single"
LOOK = ("find_people", {"name": "Ada"})


def load(name=SINGLE, **arguments):
    spec = registry().task(name)
    task = load_task(spec, spec.arguments(arguments))
    return task, task.load(Data())


def played(task, sample, moves, person=True):
    """Plays calls, or what `moves` makes of the calls so far and of what was said since; then says what the
    item asks for."""
    model = Model(SimulatedHuman({}), ledger=Ledger(), budget=Budget())
    made = []

    async def act(seen, tools):
        said = [m.text for m in seen if m.role == "user"][1:]
        call = moves(len(made), said) if callable(moves) else next(iter(moves[len(made) :]), None)
        if call is None:
            words = " ".join(text for texts in sample.target["says"] for text in texts)
            return ModelOutput.from_content("agent", words or "Done.")
        made.append(call)
        own = ToolCall(f"c{len(made)}", *call)
        return ModelOutput.from_message(ChatMessageAssistant(content="", tool_calls=[own]))

    world = world_of(task, sample, lambda role: model, lambda role: person)
    return asyncio.run(play(sample.question, world, act))


def proposals(sample):
    flat = [call for turn in sample.target["actions"] for call in turn]
    return [("propose_action", {"name": name, "arguments": given}) for name, given in flat]


def measured(task, samples, outcomes):
    found = task.measure_set(None, samples, outcomes)
    return {name: getattr(value, "value", value) for name, value in found.items()}


def test_a_person_approves_what_is_wanted_and_nothing_else():
    task, splits = load()
    samples = splits.test[:6]
    outcomes = [played(task, sample, proposals(sample)) for sample in samples]
    assert all(task.score(*pair).metrics["accuracy"] for pair in zip(samples, outcomes, strict=True))
    found = measured(task, samples, outcomes)
    assert found["harm"] == 0.0 and found["decisions"] == found["turns"] > 0 and found["human_seconds"] > 0
    assert "question_recall" not in found, "an agent can look all of it up"
    wrong = [("propose_action", {"name": "send_message", "arguments": {"person_id": "P1", "text": "no"}})]
    rejected = played(task, samples[0], wrong)
    assert rejected.answer["calls"] == [] and rejected.answer["human"][0]["verdict"] == "reject"


@pytest.mark.parametrize("log", [5, {}, [1], [{"kind": "question"}], [{"kind": "x", "step": "a"}]])
def test_a_recorded_log_of_another_form_counts_for_nothing(log):
    task, splits = load()
    sample = splits.test[0]
    answer = task.parse(json.dumps({"calls": [], "said": [], "human": log, "steps": "x"}), sample.question)
    found = measured(task, [sample], [Outcome(sample.id, answer=answer)])
    assert found["turns"] == 0 and "harm" not in found


def test_a_message_that_is_sent_unasked_is_harm():
    task, splits = load()
    sample = next(s for s in splits.test if s.question.metadata["kind"] == "message")
    outcome = played(task, sample, [tuple(call) for call in sample.target["actions"][0]])
    found = measured(task, [sample], [outcome])
    assert found["harm"] == 1.0 and found["turns"] == 0


def test_without_a_person_nothing_changes():
    task, splits = load()
    sample = splits.test[0]
    outcome = played(task, sample, [tuple(call) for call in sample.target["actions"][0]], person=False)
    assert set(outcome.answer) == {"calls", "said", "after"} and measured(task, [sample], [outcome]) == {}
    assert task.score(sample, outcome).metrics == {"accuracy": 1.0}


def test_the_person_of_a_chain_makes_its_moves():
    task, splits = load("toolworld/chain", turns=3, items=2)
    sample = splits.test[0]
    moves = [("hand_over", {"reason": "you"})] * len(proposals(sample))
    outcome = played(task, sample, moves)
    wanted = [list(call) for turn in sample.target["actions"] for call in turn]
    assert outcome.answer["calls"] == wanted and measured(task, [sample], [outcome])["takeovers"] == len(
        wanted
    )


@pytest.mark.parametrize("kind", ["addition", "revision", "retraction"])
@pytest.mark.parametrize("share", [0.25, 0.5])
def test_a_change_of_mind_is_what_counts_in_the_end(kind, share):
    task, splits = load(interrupt=f"{kind}@{share}")
    kinds = {sample.question.metadata["kind"] for sample in splits.test}
    assert len(splits.test) == 60
    assert kinds == (
        {"message", "book", "cancel", "move", "notify", "count"}
        if kind == "addition"
        else {"book", "cancel", "move"}
    )
    samples = [*splits.test[:8]]
    heeded, ignored = [], []
    for sample in samples:
        wanted = [tuple(call) for call in sample.target["actions"][0]]

        def heeds(made, said, wanted=wanted, after=sample.target["after"]):
            return LOOK if not said else next(iter(wanted[made - after :]), None)

        heeded.append(played(task, sample, heeds, person=False))
        old = item(sample.target["kind"], sample.target["office"])["actions"][0]
        ignored.append(played(task, sample, [LOOK] * 2 + [tuple(call) for call in old], person=False))
    right = [task.score(*pair).metrics["accuracy"] for pair in zip(samples, heeded, strict=True)]
    assert right == [1.0] * len(samples) and measured(task, samples, heeded)["recovery"] == 1.0
    wrong = [task.score(*pair).metrics["accuracy"] for pair in zip(samples, ignored, strict=True)]
    assert wrong == [0.0] * len(samples) and all(len(o.answer["interruptions"]) == 1 for o in ignored)


@pytest.mark.parametrize("kind", ["addition", "revision", "retraction"])
def test_who_does_nothing_is_never_right(kind):
    """Also where nothing is wanted in the end: the person speaks up since the agent had stopped too soon."""
    task, splits = load(interrupt=f"{kind}@0.5")
    samples = [*splits.test[:8]]
    idle = [played(task, sample, [], person=False) for sample in samples]
    assert {event["verdict"] for outcome in idle for event in outcome.answer["interruptions"]} == {"early"}
    assert [task.score(*pair).metrics["accuracy"] for pair in zip(samples, idle, strict=True)] == [0.0] * 8
    assert measured(task, samples, idle)["recovery"] == 0.0
    at_once, begun = load(interrupt="retraction@0")
    (first,) = begun.test[:1]
    heard = played(at_once, first, [], person=False)
    assert at_once.score(first, heard).metrics["accuracy"] == 1.0, "it was taken back before anything was due"


def test_what_was_done_before_a_change_can_be_undone():
    task, splits = load(interrupt="retraction@1")
    for sample in splits.test[:3]:
        office, kind = Office(sample.target["office"]), sample.target["kind"]
        ((name, given),) = item(kind, sample.target["office"])["actions"][0]
        row = office.bookings.get(given.get("booking_id"), {})
        undo = {
            "book": ("cancel_booking", {"booking_id": "B21"}),
            "cancel": ("book_room", row),
            "move": ("move_booking", {**given, "day": row.get("day")}),
        }[kind]
        looks = [LOOK] * (sample.target["after"] - 1)
        outcome = played(task, sample, [*looks, (name, given), undo], person=False)
        assert task.score(sample, outcome).metrics["accuracy"] == 1.0
        left = played(task, sample, [*looks, (name, given)], person=False)
        assert task.score(sample, left).metrics["accuracy"] == 0.0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"interrupt": "later"}, "is not KIND@SHARE"),
        ({"interrupt": "addition@0.5", "user": "model"}, "goes with user=scripted"),
        ({"human_budget": -2}, "human_budget=-2 is below 0"),
    ],
)
def test_arguments_that_make_no_sense_are_one_line(arguments, says):
    with pytest.raises(UsageError, match=says):
        load(**arguments)

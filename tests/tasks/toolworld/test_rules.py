"""Checklists by rule: exact where they are made of wanted actions, honest where they are made of requests."""

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.checklist.files import turns_as_json
from harness.checklist.schema import FOCUS
from harness.checklist.validate import faults
from harness.tasks.toolworld import rules
from harness.tasks.toolworld.expert import FLAWS, demonstration


def actions_of(target, seed, slip=0.0, flaws=()):
    return [words for own, words in demonstration(target, random.Random(seed), slip, flaws) if own]


def credited(verdicts, checklist):
    """By turn and tag: whether some step met all its items."""
    found = []
    for items, steps in zip(checklist.turns, verdicts, strict=False):
        found.append({item.rule["tag"]: True for item in items})
        for n, item in enumerate(items):
            found[-1][item.rule["tag"]] &= any(step[n] for step in steps)
    return found


def test_items_have_the_form_that_files_need(played):
    chains = played(turns=9)
    for sample in chains.splits.test[:20]:
        target = sample.target
        for checklist in (chains.task.checklist(sample), rules.request_checklist(target["lines"])):
            assert len(checklist.turns) == 9 and not faults(turns_as_json(checklist))
            for kind, items in zip(target["kinds"], checklist.turns, strict=True):
                assert [item.id for item in items] == [f"C{n}" for n in range(len(items))]
                assert sum(item.weight for item in items) == pytest.approx(1)
                assert {item.focus_on for item in items} <= {*FOCUS}
                assert [tag for tag in dict.fromkeys(item.rule["tag"] for item in items)] == [
                    *rules.WEIGHTS[kind]
                ]
                known = {}
                for item in items:
                    assert all(known[id].focus_on == "tool.content" for id in item.dependence)
                    assert item.question.endswith("?") and item.pass_condition.endswith(".")
                    known[item.id] = item
                    assert json.loads(json.dumps(item.rule)) == item.rule


def test_a_blind_spot(played):
    chains = played(turns=3)
    full = chains.task.checklist(chains.splits.test[0])
    blind = full.without("rest")
    for before, after in zip(full.turns, blind.turns, strict=True):
        assert [item.rule["tag"] for item in after] == [
            i.rule["tag"] for i in before if i.rule["tag"] != "rest"
        ]
        assert sum(item.weight for item in after) == pytest.approx(1)
    without = full.without("person")
    assert all(
        "C0" not in item.dependence for items in without.turns for item in items if items[0].id != "C0"
    )


@given(st.integers(0, 59), st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 0.4]))
@settings(max_examples=60, deadline=None)
def test_the_exact_list_and_success_agree(played, place, seed, slip):
    """Every item of every turn is met exactly where every turn did what it should after looking things up;
    such an episode is a success."""
    chains = played(style="compact", turns=4)
    sample = chains.splits.test[place]
    outcome = chains.outcome(sample, actions_of(sample.target, seed, slip, FLAWS if slip else ()))
    checklist, metrics = chains.task.checklist(sample), chains.metrics(sample, outcome)
    verdicts = chains.task.verdicts(checklist, chains.trajectory(outcome))
    found = credited(verdicts, checklist)
    weights = [
        item.weight
        for items, steps in zip(checklist.turns, verdicts, strict=False)
        for n, item in enumerate(items)
        if any(step[n] for step in steps)
    ]
    assert metrics["checklist"] == pytest.approx(sum(weights) / 4)  # from the answer as from the transcript
    done = [turn["act"] and turn["rest"] for turn in found] + [False]
    assert done.index(False) <= 4 * metrics["turns_right"]  # up to the first mistake they agree
    if metrics["checklist"] == 1:
        assert metrics["accuracy"] == metrics["turns_right"] == 1
    if metrics["turns_right"] == 1:
        assert metrics["accuracy"] == 1


def test_each_item_sees_its_own_mistake(played):
    chains = played(style="compact", turns=1, slip=0, flaws=[], train=400)
    sample = next(each for each in chains.splits.train if each.target["kinds"] == ["cancel"])
    checklist, (find, read, cancel, done) = chains.task.checklist(sample), json.loads(sample.shot)
    wrong = "cancel d1 B1" if cancel.split()[-1] != "B1" else "cancel d1 B2"
    everything = {"person": True, "bookings": True, "act": True, "rest": True}
    for actions, missed in [
        ([find, read, cancel, done], []),
        ([read, cancel, done], ["person"]),
        ([find, cancel, done], ["bookings"]),
        ([find, read, done], ["act"]),
        ([find, read, wrong, done], ["act", "rest"]),
        ([find, read, cancel, wrong, done], ["rest"]),
        ([find, read, cancel, "err", "err", "err"], ["rest"]),
        ([done], ["person", "bookings", "act"]),
        ([find, read, cancel, "send P1 n1", done], ["rest"]),
    ]:
        outcome = chains.outcome(sample, actions)
        verdicts = chains.task.verdicts(checklist, chains.trajectory(outcome))
        assert credited(verdicts, checklist) == [everything | dict.fromkeys(missed, False)], actions


def test_verdicts_grow_with_the_steps(played):
    chains = played(style="compact", turns=1, slip=0, flaws=[], train=400)
    sample = next(each for each in chains.splits.train if each.target["kinds"] == ["move"])
    outcome = chains.outcome(sample, json.loads(sample.shot))
    assert chains.task.verdicts(chains.task.checklist(sample), chains.trajectory(outcome)) == [
        [
            [True, False, False, False],
            [True, True, False, False],
            [True, True, True, False],
            [True, True, True, True],
        ]
    ]


def test_everyone_of_a_room_has_a_share_of_the_weight(played):
    chains = played(style="compact", turns=1, slip=0, flaws=[], train=400)
    sample = next(
        s for s in chains.splits.train if len(s.target["actions"][0]) == 3 and s.target["kinds"] == ["notify"]
    )
    look, first, second, third, done = json.loads(sample.shot)
    outcome = chains.outcome(sample, [look, first, third, done])
    assert chains.metrics(sample, outcome)["checklist"] == pytest.approx(0.25 + 0.5 * 2 / 3 + 0.25)
    twice = chains.outcome(sample, [look, first, second, third, third, done])
    assert chains.metrics(sample, twice)["checklist"] == pytest.approx(0.75)


@pytest.mark.parametrize("style", ["compact", "plain"])
def test_the_list_from_requests_is_met_by_clean_work(played, said, style):
    from harness.tasks.toolworld.compact import decode

    chains = played(style=style, turns=6, train=30)
    for sample in chains.splits.train[:30]:
        actions = actions_of(sample.target, 0)
        if style == "plain":
            acts = [decode(words) for words in actions]
            actions = [said("", (act.tool, act.arguments)) if act.tool else said(act.said) for act in acts]
        trajectory = chains.trajectory(chains.outcome(sample, actions))
        checklist = chains.task.request_checklist([trajectory])
        assert checklist.source == "request"
        verdicts = chains.task.verdicts(checklist, trajectory)
        assert all(all(turn.values()) for turn in credited(verdicts, checklist))


def test_the_list_from_requests_knows_only_what_the_transcript_shows(played):
    """The right booking, guessed, is no booking that a result listed; the exact list knows it."""
    chains = played(style="compact", turns=1, slip=0, flaws=[], train=400)
    sample = next(each for each in chains.splits.train if each.target["kinds"] == ["cancel"])
    find, read, cancel, done = json.loads(sample.shot)
    trajectory = chains.trajectory(chains.outcome(sample, [find, cancel, done]))
    by_request = chains.task.request_checklist([trajectory])
    exact = chains.task.checklist(sample)
    assert credited(chains.task.verdicts(exact, trajectory), exact)[0]["act"]
    found = credited(chains.task.verdicts(by_request, trajectory), by_request)[0]
    assert found == {"person": True, "bookings": False, "act": False, "rest": False}
    assert "B" not in "".join(str(item.rule) for items in by_request.turns for item in items)


def test_the_list_from_requests_reaches_as_far_as_any_attempt(played):
    chains = played(style="compact", turns=4, slip=0, flaws=[])
    sample = chains.splits.train[0]
    actions = json.loads(sample.shot)
    short = chains.trajectory(chains.outcome(sample, ["err"] * 3))
    long = chains.trajectory(chains.outcome(sample, actions))
    assert len(chains.task.request_checklist([short]).turns) == 1
    assert len(chains.task.request_checklist([short, long, short]).turns) == 4
    assert chains.task.request_checklist([]).turns == ()
    odd = replace(long.turns[0], user="What is the weather like?")
    assert chains.task.request_checklist([replace(long, turns=[odd])]) is None


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
TOOLS = st.sampled_from(["move_booking", "send_message", "person_bookings", "find_people", "book_room", "x"])
KEYS = st.sampled_from(["name", "day", "booking_id", "person_id", "text", "room_id", "x"])


@given(
    st.lists(st.tuples(TOOLS, st.dictionaries(KEYS, PLAIN), st.text() | PLAIN.map(json.dumps)), max_size=6)
)
@settings(max_examples=30, deadline=None)
def test_hostile_transcripts_get_verdicts(played, calls):
    chains = played(turns=5)
    sample = chains.splits.test[0]
    messages = []
    for line in sample.target["lines"]:
        messages.append({"role": "user", "content": line})
        for name, arguments, text in calls:
            messages.append(
                {"role": "assistant", "content": "", "calls": [{"name": name, "arguments": arguments}]}
            )
            messages.append({"role": "tool", "content": text})
    trajectory = chains.task.trajectory(messages)
    for checklist in (chains.task.checklist(sample), chains.task.request_checklist([trajectory])):
        chains.task.verdicts(checklist, trajectory)

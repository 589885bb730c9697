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
from harness.sample import Outcome
from harness.tasks.toolworld import rules
from harness.tasks.toolworld.expert import FLAWS, demonstration
from harness.tasks.toolworld.office import Office


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


def recorded(target):
    """Clean work on a chain as an answer from outside."""
    people = {row["name"]: key for key, row in Office(target["office"]).people.items()}
    answer = {"calls": [], "said": [], "after": []}
    for line, actions, says in zip(target["lines"], target["actions"], target["says"], strict=True):
        want = rules.request(line)
        if want["kind"] == "notify":
            answer["calls"].append(["room_bookings", {"room_id": want["room"]}])
        else:
            answer["calls"].append(["find_people", {"name": want["name"]}])
            answer["calls"].append(["person_bookings", {"person_id": people[want["name"]]}])
        answer["calls"] += [[name, dict(given)] for name, given in actions]
        answer["said"].append(" ".join(says) or "Done.")
        answer["after"].append(len(answer["calls"]))
    return answer


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (str, True),
        (float, True),
        (lambda day: f"{day}.0", True),
        (lambda day: f" {day} ", True),
        (lambda day: day + 0.5, False),
        (lambda day: "".join(chr(0x660 + int(digit)) for digit in str(day)), False),
        (lambda day: [day], False),
        (lambda day: float("nan"), False),
    ],
)
def test_a_call_counts_as_its_tool_takes_it(played, day, works):
    chains = played(turns=4)
    sample = next(each for each in chains.splits.test if "move" in each.target["kinds"])
    answer = recorded(sample.target)
    for name, arguments in answer["calls"]:
        if name == "move_booking":
            arguments["day"] = day(arguments["day"])
    metrics = chains.metrics(sample, Outcome(sample.id, answer=answer, stop_reason="stop"))
    assert metrics["accuracy"] == works and (metrics["checklist"] == pytest.approx(1)) == works


def test_recorded_calls_that_fail_meet_no_item(played):
    """A recording may list calls that the tools refuse; the exact list takes none of them for done."""
    chains = played(turns=4)
    sample = next(each for each in chains.splits.test if "cancel" in each.target["kinds"])

    def metrics(change):
        answer = recorded(sample.target)
        change(answer["calls"])
        answer["after"][-1] = len(answer["calls"])
        return chains.metrics(sample, Outcome(sample.id, answer=answer, stop_reason="stop"))

    def surplus(calls):
        next(given for name, given in calls if name == "cancel_booking")["why"] = "asked"

    refused = metrics(surplus)
    assert refused["accuracy"] == 0 and refused["checklist"] < 1
    unread = metrics(lambda calls: calls[0][1].update(why="asked"))
    assert unread["accuracy"] == 1 and unread["checklist"] < 1
    for harmless in (["cancel_booking", {"booking_id": "B99"}], ["order_pizza", {}]):
        assert metrics(lambda calls, more=harmless: calls.append(more)) == {
            "accuracy": 1,
            "checklist": pytest.approx(1),
            "turns_right": 1,
            "broken": 0,
        }


def test_what_is_done_after_the_last_words_counts_against_them(played):
    chains = played(turns=3)
    sample = chains.splits.test[0]
    answer = recorded(sample.target)
    answer["calls"].append(["send_message", {"person_id": "P1", "text": "Surprise"}])
    metrics = chains.metrics(sample, Outcome(sample.id, answer=answer, stop_reason="stop"))
    assert metrics["accuracy"] == 0 and metrics["checklist"] == pytest.approx(1 - 0.25 / 3)
    assert metrics["turns_right"] == pytest.approx(2 / 3)


def test_a_recording_of_an_episode_that_was_cut_off_or_of_another_chain(played):
    """What a limit ended is wrong when it is scored again, though the office is as wanted."""
    chains, short = played(turns=4), played(turns=3)
    sample = next(each for each in chains.splits.test if each.target["kinds"][-1] == "cancel")
    answer = recorded(sample.target)
    assert chains.task.parse(json.dumps(answer), sample.question) == answer
    assert short.task.parse(json.dumps(answer), sample.question) is None
    del answer["said"][-1], answer["after"][-1]
    metrics = chains.metrics(sample, Outcome(sample.id, answer=answer, stop_reason="stop"))
    assert (metrics["accuracy"], metrics["broken"]) == (0, 1)
    assert metrics["checklist"] == pytest.approx(1 - 0.25 / 4)


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("She has {}.", True),
        ("**{}**", True),
        ("<think>2 or 9?</think>{}", True),
        ("{} bookings: on day 1, day 7 and day 9", True),
        ("<think>It is {}.</think>Done.", False),
        ("<think>It is {}.", False),
        ("{}.5", False),
        ("1.{}", False),
        ("-{}", False),
        ("1/{}", False),
        ("{}:30", False),
        ("{}0", False),
        ("B{}", False),
    ],
)
def test_a_number_is_told_as_a_number_of_its_own_and_not_in_thoughts(played, reply, told):
    chains = played(turns=4)
    sample = next(each for each in chains.splits.test if "count" in each.target["kinds"])
    answer = recorded(sample.target)
    for turn, says in enumerate(sample.target["says"]):
        if says:
            answer["said"][turn] = reply.format(says[0])
    metrics = chains.metrics(sample, Outcome(sample.id, answer=answer, stop_reason="stop"))
    assert metrics["accuracy"] == told and (metrics["checklist"] == pytest.approx(1)) == told


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

"""Chains: made right, played in both styles, ended by their limits, scored turn by turn."""

import json
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.base.errors import UsageError
from harness.run.plan import Request, plan
from harness.sample import Outcome
from harness.tasks.toolworld.chains import KINDS, chain
from harness.tasks.toolworld.compact import decode
from harness.tasks.toolworld.expert import FLAWS, demonstration
from harness.tasks.toolworld.office import Office
from harness.tasks.toolworld.tools import toolbox

PERFECT = {"accuracy": 1.0, "checklist": 1.0, "turns_right": 1.0, "broken": 0.0}


@given(st.integers(1, 12), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_every_line_names_one_booking_and_every_wanted_action_shows(turns, seed):
    target, office = chain(turns, seed), Office(seed)
    assert len(target["lines"]) == len(target["kinds"]) == len(target["says"]) == turns
    assert target == chain(turns, seed) == json.loads(json.dumps(target))
    for kind, actions, says in zip(target["kinds"], target["actions"], target["says"], strict=True):
        assert bool(says) == (kind == "count") and bool(actions) != (kind == "count")
        for name, arguments in actions:
            before = office.summary()
            toolbox().run(office, name, arguments)
            assert office.summary() != before
        days = Counter((row["person_id"], row["day"]) for row in office.bookings.values())
        assert max(days.values()) == 1
    changed = [
        given["booking_id"] for turn in target["actions"] for _, given in turn if "booking_id" in given
    ]
    assert len(changed) == len({*changed})


def test_all_kinds_are_asked_for_alike():
    counts = Counter(kind for seed in range(300) for kind in chain(6, seed)["kinds"])
    assert {*counts} == {*KINDS} and min(counts.values()) > 0.8 * max(counts.values())


def test_chains_of_some_kinds_alone():
    kinds = ("cancel", "move")
    assert {kind for seed in range(20) for kind in chain(2, seed, kinds)["kinds"]} == {*kinds}


def test_a_later_line_counts_what_an_earlier_one_cancelled():
    """Somewhere a count asks about a person whose booking was cancelled before it."""
    for seed in range(300):
        target = chain(6, seed)
        start = Office(seed)
        for line, says in zip(target["lines"], target["says"], strict=True):
            person = next((key for key, row in start.people.items() if row["name"] in line), None)
            if says and says != [str(len(start.person_bookings(person)))]:
                return
    raise AssertionError("no count differs from the first day's")


@pytest.mark.parametrize("turns", [1, 4, 9])
def test_demonstrations_without_slips_are_right(played, turns):
    chains = played(style="compact", turns=turns, slip=0, flaws=[], train=25)
    for sample in chains.splits.train:
        outcome = chains.outcome(sample, json.loads(sample.shot))
        assert chains.metrics(sample, outcome) == PERFECT
        assert outcome.stop_reason == "stop" and outcome.trace["tool_errors"] == 0


def test_the_same_in_plain_style(played, said):
    chains = played(turns=5)
    for sample in chains.splits.test[:8]:
        words = demonstration(sample.target, random.Random(0))
        acts = [decode(text) for own, text in words if own]
        actions = [said("", (act.tool, act.arguments)) if act.tool else said(act.said) for act in acts]
        outcome = chains.outcome(sample, actions)
        assert chains.metrics(sample, outcome) == PERFECT
        assert outcome.trace["messages"][0]["role"] == "system"


def test_the_dialogue_in_words(played):
    chains = played(style="compact", turns=2, slip=0, flaws=[])
    sample = next(each for each in chains.splits.train if each.target["kinds"] == ["cancel", "count"])
    outcome = chains.outcome(sample, json.loads(sample.shot))
    shown = [
        (m["role"], m["content"].split()[0][:1] if m.get("of") else m["content"].split()[0], "of" in m)
        for m in outcome.trace["messages"]
    ]
    assert shown == [
        ("user", "Cancel", False),
        ("assistant", "find", False),
        ("user", "P", True),
        ("assistant", "bookings", False),
        ("user", "d", True),
        ("assistant", "cancel", False),
        ("user", "o", True),
        ("assistant", "done", False),
        ("user", "Count", False),
        ("assistant", "find", False),
        ("user", "P", True),
        ("assistant", "bookings", False),
        ("user", "d", True),
        ("assistant", sample.target["says"][1][0], False),
    ]


def counted(played, turns=4):
    """A sample with two counts of different numbers, and its clean actions."""
    chains = played(style="compact", turns=turns, slip=0, flaws=[], train=400)
    for sample in chains.splits.train:
        numbers = [texts[0] for texts in sample.target["says"] if texts]
        if len(numbers) == 2 and numbers[0] != numbers[1]:
            return chains, sample, json.loads(sample.shot), numbers
    raise AssertionError


def test_two_counts_of_one_dialogue_do_not_mix(played):
    chains, sample, actions, (first, second) = counted(played)
    swapped = [{first: second, second: first}.get(action, action) for action in actions]
    assert chains.metrics(sample, chains.outcome(sample, actions))["accuracy"] == 1
    outcome = chains.outcome(sample, swapped)
    assert {*outcome.answer["said"]} >= {first, second}  # both stand in all that was said
    metrics = chains.metrics(sample, outcome)
    assert metrics["accuracy"] == 0 and metrics["turns_right"] == 0.5
    assert metrics["checklist"] == pytest.approx(1 - 2 * 0.35 / 4)


def test_work_that_is_done_late_is_right_in_the_end_and_wrong_in_its_turn(played):
    chains = played(style="compact", turns=2, slip=0, flaws=[], train=400)
    sample = next(each for each in chains.splits.train if each.target["kinds"] == ["message", "message"])
    actions = json.loads(sample.shot)
    late = [*actions[:1], "done", actions[1], *actions[3:]]
    metrics = chains.metrics(sample, chains.outcome(sample, late))
    assert metrics["accuracy"] == 1 and metrics["turns_right"] == 0
    # first turn without its act; second with its act and one that was not asked for
    assert metrics["checklist"] == pytest.approx((0.25 + 0.25 + 0.25 + 0.5) / 2)


@pytest.mark.parametrize(
    ("actions", "reason", "steps"),
    [
        (["find nobody"] * 9, "turn_error_limit", 3),
        (["cancel d1 B40"] * 9, "turn_error_limit", 3),
        (["find Ada_Abel"] * 20, "turn_step_limit", 10),
        (["err", "err", "done", "err", "err", "done"] * 9, "stop", 9),
        ([*["find Ada_Abel"] * 9, "done"] * 9, "stop", 30),
    ],
)
def test_limits_within_a_turn(played, actions, reason, steps):
    chains = played(style="compact", turns=3)
    sample = chains.splits.test[1]
    outcome = chains.outcome(sample, actions)
    assert (outcome.stop_reason, outcome.trace["steps"]) == (reason, steps)
    metrics = chains.metrics(sample, outcome)
    assert metrics["broken"] == (reason != "stop") and metrics["accuracy"] == 0


def test_limits_are_arguments(played):
    chains = played(style="compact", turn_errors=1, turn_steps=4)
    sample = chains.splits.test[0]
    assert chains.outcome(sample, ["err"]).stop_reason == "turn_error_limit"
    assert chains.outcome(sample, ["find Ada_Abel"] * 5).trace["steps"] == 4


def test_an_episode_that_breaks_keeps_its_credit_in_the_checklist(played):
    chains, sample, actions, _ = counted(played)
    ends = [n for n, action in enumerate(actions, 1) if not decode(action).tool]
    outcome = chains.outcome(sample, [*actions[: ends[1]], "err", "err", "err"])
    assert chains.metrics(sample, outcome) == {
        "accuracy": 0.0,
        "checklist": pytest.approx(0.5),
        "turns_right": 0.5,
        "broken": 1.0,
    }


def test_no_answer_is_worth_nothing(played):
    chains = played()
    sample = chains.splits.test[0]
    assert set(chains.metrics(sample, Outcome(sample.id, stop_reason="model_failed")).values()) == {0.0, 1.0}


def test_a_small_policy_gets_words_and_others_english():
    for model, style in (("pocket/rules", "compact"), ("echo/4", "plain")):
        cells = plan(Request("toolworld/chain,toolworld/multi", "direct", model))
        styles = {cell.task.name: cell.task_args.get("style") for cell in cells}
        assert styles == {"toolworld/chain": style, "toolworld/multi": None}


@pytest.mark.parametrize(
    "arguments",
    [{"turns": 0}, {"turns": 13}, {"items": 0}, {"items": 2_000_000}, {"slip": 2}, {"flaws": ["count"]}],
)
def test_arguments_that_do_not_fit_are_refused(played, arguments):
    with pytest.raises(UsageError):
        played(**arguments)


def test_the_expert_is_as_sloppy_as_it_is_meant_to_be(played):
    """At 4 turns the flaws and slips leave about one chain in nine right, slips alone one in two."""
    shares = {}
    for flaws in ((), FLAWS):
        chains = played(style="compact", turns=4, train=150, flaws=list(flaws))
        right = [
            chains.metrics(sample, chains.outcome(sample, json.loads(sample.shot)))["accuracy"]
            for sample in chains.splits.train
        ]
        shares[flaws] = sum(right) / len(right)
    assert 0.4 < shares[()] < 0.62 and 0.04 < shares[FLAWS] < 0.2

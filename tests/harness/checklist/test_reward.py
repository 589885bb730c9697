"""What must hold of every reward and every group, whatever the verdicts are."""

import random
from dataclasses import replace
from itertools import cycle, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.base.errors import DataError, UsageError
from harness.checklist import Checklist, Item, Step, Trajectory, Turn
from harness.checklist.advantages import group_advantages
from harness.checklist.reward import credit, is_broken, reward, turn_score
from harness.checklist.rule import PRESETS, RewardRule, switches
from harness.checklist.validate import ADDED, RELEASED

GATES = ("none", "sticky", "sticky_same", "strict")
MONOTONE = GATES[:3]


def drawn_turn(rng):
    """Items with prerequisites among those listed before and after them, without rings."""
    n = rng.randint(1, 5)
    shares = [rng.random() + 0.01 for _ in range(n)]
    order = rng.sample(range(n), n)
    needs = {c: rng.sample(order[:k], rng.randint(0, min(k, 2))) for k, c in enumerate(order)}
    return tuple(
        Item(f"C{c}", "?", "it holds", "tool.content", share / sum(shares), tuple(f"C{d}" for d in needs[c]))
        for c, share in enumerate(shares)
    )


def drawn_verdicts(rng, turns, unknown=0.0):
    reached = rng.randint(0, len(turns))
    likely = rng.random()
    return [
        [
            [None if rng.random() < unknown else rng.random() < likely for _ in items]
            for _ in range(rng.randint(0, 4))
        ]
        for items in turns[:reached]
    ]


def chained(items):
    by_id = {item.id: item for item in items}
    return any(by_id[each].dependence for item in items for each in item.dependence)


RULES = {gate: RewardRule(gate=gate) for gate in GATES}


def test_bounds_and_order_of_the_gates():
    rng = random.Random(0)
    strict_exceeds = 0
    for _ in range(10_000):
        checklist = Checklist(tuple(drawn_turn(rng) for _ in range(rng.randint(1, 2))))
        verdicts = drawn_verdicts(rng, checklist.turns)
        made = {gate: reward(checklist, verdicts, RULES[gate]) for gate in GATES}
        for found in made.values():
            assert 0 <= found.R <= 1 and all(0 <= score <= 1 for score in found.turns)
            # R is the mean over the turns of the reference, those not reached count 0
            assert found.R * len(checklist.turns) == pytest.approx(sum(found.turns))
        for t, items in enumerate(checklist.turns[: len(verdicts)]):
            rows = [[each.met for each in made[gate].credits[t]] for gate in GATES]
            for none, sticky, same, strict in zip(*rows, strict=True):
                assert sticky <= same <= none and strict <= none
                assert strict <= sticky or chained(items)
                strict_exceeds += strict > sticky
    assert strict_exceeds  # with chains it does happen


def test_a_true_verdict_more_never_lowers_the_reward():
    rng = random.Random(1)
    lowered = 0
    for _ in range(1_500):
        checklist = Checklist((drawn_turn(rng),))
        verdicts = drawn_verdicts(rng, checklist.turns)
        false = [
            (s, c) for turn in verdicts for s, row in enumerate(turn) for c, v in enumerate(row) if not v
        ]
        if not false:
            continue
        s, c = rng.choice(false)
        more = [[[v or (i, j) == (s, c) for j, v in enumerate(row)] for i, row in enumerate(verdicts[0])]]
        for gate in MONOTONE:
            before, after = reward(checklist, verdicts, RULES[gate]), reward(checklist, more, RULES[gate])
            assert after.R >= before.R
        lowered += reward(checklist, more, RULES["strict"]).R < reward(checklist, verdicts, RULES["strict"]).R
    assert lowered  # an item that is true too early


def filled(turn, gaps, values):
    made = [list(row) for row in turn]
    for (s, c), value in zip(gaps, cycle(values or (False,)), strict=False):
        made[s][c] = value
    return made


def test_an_item_is_unknown_only_where_the_missing_verdicts_decide_it():
    rng = random.Random(2)
    seen = set()
    for _ in range(600):
        items = drawn_turn(rng)
        turn = [row for each in drawn_verdicts(rng, (items,), unknown=0.2) for row in each]
        gaps = [(s, c) for s, row in enumerate(turn) for c, v in enumerate(row) if v is None]
        for gate in GATES:
            found = credit(items, turn, gate)
            # under the gates that true verdicts can't hurt, the worst case and the best bound all others
            ways = product((False, True), repeat=len(gaps)) if gate == "strict" else ([False], [True])
            could = [
                [each.met for each in credit(items, filled(turn, gaps, way), gate)]
                for way in ways
                if len(gaps) < 9
            ]
            for place, each in enumerate(found):
                case = {met[place] for met in could}
                assert not could or each.met is (case.pop() if len(case) == 1 else None)
                seen.add(each.met)
                assert gaps or each.met is not None
    assert seen == {True, False, None}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(GATES), st.sampled_from(["trajectory", "turn"]))
def test_advantages_sum_to_zero_and_constants_change_nothing(seed, gate, level):
    rng = random.Random(seed)
    checklist = Checklist(tuple(drawn_turn(rng) for _ in range(3)))
    rule = RewardRule(gate=gate, level=level)
    group = [drawn_verdicts(rng, checklist.turns, unknown=0.02) for _ in range(6)]
    group = [  # an advantage to look at in every turn
        [turn or [[False] * len(items)] for turn, items in zip(each, checklist.turns, strict=False)]
        for each in group
    ]
    rewards = [reward(checklist, each, rule) for each in group]
    made = group_advantages(rewards, rule)
    lost = [i for i, each in enumerate(rewards) if each.R is None]
    assert all(value == 0 for i in lost for turn in made[i] for value in turn)
    if level == "turn":
        for t in range(3):
            held = [each[t][0] for each in made if len(each) > t]
            assert sum(held) == pytest.approx(0, abs=1e-12)
    elif all(each.turns for each in rewards):
        assert sum(each[0][0] for each in made) == pytest.approx(0, abs=1e-12)
    moved = [
        replace(each, R=None if each.R is None else each.R + 5, turns=tuple(v and v + 5 for v in each.turns))
        for each in rewards
    ]
    if level == "trajectory":
        again = group_advantages(moved, rule)
        for one, other in zip(made, again, strict=True):
            assert one == [pytest.approx(turn, abs=1e-9) for turn in other]
    equal = group_advantages([rewards[0]] * 4, rule)
    assert {value for each in equal for turn in each for value in turn} <= {0.0}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(GATES), st.sampled_from(["eligible", "reached", "group"]))
def test_step_level_of_random_groups(seed, gate, baseline):
    rng = random.Random(seed)
    checklist = Checklist(tuple(drawn_turn(rng) for _ in range(2)))
    rule = RewardRule(gate=gate, level="step", baseline=baseline)
    tensors = [drawn_verdicts(rng, checklist.turns) for _ in range(5)]
    rewards = [reward(checklist, each, rule) for each in tensors]
    made = group_advantages(rewards, rule, checklist=checklist)
    assert [[len(turn) for turn in each] for each in made] == [[len(turn) for turn in t] for t in tensors]
    assert all(-1 <= value <= 1 for each in made for turn in each for value in turn)
    alike = group_advantages([rewards[0]] * 4, rule, checklist=checklist)
    if baseline != "group":
        # equal rollouts tell nothing where all of them count
        flat = [value for each in alike for turn in each for value in turn]
        assert gate == "strict" or flat == pytest.approx([0.0] * len(flat))


def test_a_turn_that_was_not_reached_costs_its_share():
    turn = (Item("C0", "?", "it holds", "tool.content", 1.0),)
    checklist = Checklist((turn,) * 4)
    assert [reward(checklist, [[[True]]] * n).R for n in range(5)] == [0, 0.25, 0.5, 0.75, 1]
    assert reward(checklist, [[[True]], []]).turns == (1, 0)  # reached, without a step


def test_weights_that_round_up_stay_within_one():
    items = tuple(Item(f"C{n}", "?", "it holds", "tool.content", 0.3333335) for n in range(3))
    assert turn_score(items, credit(items, [[True] * 3])) == 1


def test_shapes_that_don_t_fit():
    turn = (Item("C0", "?", "it holds", "tool.content", 1.0),)
    with pytest.raises(DataError, match="2 turns, but the checklist has 1"):
        reward(Checklist((turn,)), [[[True]], [[True]]])
    with pytest.raises(DataError, match="turn 0, step 1: 2 verdicts on 1 items"):
        reward(Checklist((turn,)), [[[True], [True, False]]])
    with pytest.raises(DataError, match="no turns"):
        reward(Checklist(()), [])
    lost = (replace(turn[0], dependence=("C9",)),)
    with pytest.raises(DataError, match="'C9' is no item of its turn"):
        reward(Checklist((lost,)), [[[True]]], RULES["sticky"])
    found = [reward(Checklist((turn,)), [[[True]]])] * 2
    rule = RewardRule(level="step")
    with pytest.raises(DataError, match="needs the dialogue's checklist"):
        group_advantages(found, rule)


def test_switches_are_checked():
    with pytest.raises(UsageError, match="unknown gate 'stick'; did you mean 'sticky'"):
        RewardRule(gate="stick")
    with pytest.raises(UsageError, match="minimum_holders"):
        RewardRule(minimum_holders=0)
    with pytest.raises(UsageError, match="discount"):
        RewardRule(discount=0.0)
    with pytest.raises(UsageError, match="not defined at the step level"):
        RewardRule(level="step", std=True)
    assert set(switches()) == set(RewardRule.__dataclass_fields__) and switches()["gate"] == GATES


def test_a_trajectory_is_broken_where_its_last_turn_has_no_closing_words():
    assert not is_broken(Trajectory([]))
    assert not is_broken(Trajectory([Turn("Hello", [Step("Hi")], True)]))
    assert is_broken(Trajectory([Turn("Hello", [Step("Hi")], True), Turn("Book it")]))


def test_the_documentation_says_what_the_presets_are():
    text = (Path(__file__).parents[3] / "docs" / "checklists.md").read_text("utf-8")
    for name in switches():
        row = " | ".join(str(getattr(PRESETS[each], name)) for each in ("ours", "released", "paper"))
        line = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        assert line.endswith(f"| {row} |")
    for rule, wanted in (*RELEASED.items(), *ADDED.items()):
        assert f"| `{rule}` | {wanted} | {'yes' if rule in RELEASED else 'no'} |" in text

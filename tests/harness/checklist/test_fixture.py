"""The worked fixture of the notes on CM2 (6.1), to the digit."""

from dataclasses import replace

import pytest

from harness.checklist import Checklist, Item
from harness.checklist.advantages import centred, group_advantages
from harness.checklist.agreement import majority
from harness.checklist.reward import mean_of_variants, reward, stop_after
from harness.checklist.rule import PAPER, PRESETS, RELEASED, RewardRule


def item(n, weight, needs=(), required=False):
    return Item(
        id=f"C{n}",
        question="?",
        pass_condition="it holds",
        focus_on="tool.content",
        weight=weight,
        dependence=tuple(f"C{d}" for d in needs),
        required_for_next_turn=required,
    )


CHECKLIST = Checklist(
    (
        (item(0, 0.5, required=True), item(1, 0.2), item(2, 0.3, needs=[1], required=True)),
        (item(0, 0.6), item(1, 0.4)),
    )
)


def verdicts(*turns):
    return [[[bit == "1" for bit in step] for step in turn.split()] for turn in turns]


A = verdicts("100 110 111", "11")
B = verdicts("001 111 111", "01")
C = verdicts("100 100")
ABC = (A, B, C)


@pytest.mark.parametrize(
    ("gate", "scores", "totals", "advantages"),
    [
        ("none", [[1, 1], [1, 0.4], [0.5]], [1, 0.7, 0.25], [0.35, 0.05, -0.4]),
        ("sticky", [[1, 1], [1, 0.4], [0.5]], [1, 0.7, 0.25], [0.35, 0.05, -0.4]),
        ("sticky_same", [[1, 1], [1, 0.4], [0.5]], [1, 0.7, 0.25], [0.35, 0.05, -0.4]),
        ("strict", [[1, 1], [0.7, 0.4], [0.5]], [1, 0.55, 0.25], [0.4, -0.05, -0.35]),
    ],
)
def test_gates(gate, scores, totals, advantages):
    rule = RewardRule(gate=gate)
    rewards = [reward(CHECKLIST, each, rule) for each in ABC]
    assert [list(each.turns) for each in rewards] == [pytest.approx(turn) for turn in scores]
    assert [each.R for each in rewards] == pytest.approx(totals)
    made = group_advantages(rewards, rule)
    assert [rollout[0][0] for rollout in made] == pytest.approx(advantages)
    # constant over a rollout, one number a step
    assert [[len(turn) for turn in rollout] for rollout in made] == [[3, 1], [3, 1], [2]]
    for rollout in made:
        assert len({value for turn in rollout for value in turn}) == 1


def test_the_step_that_earned_an_item_is_said():
    found = reward(CHECKLIST, B, RewardRule(gate="sticky")).credits[0]
    assert [each.step for each in found] == [1, 1, 2]
    found = reward(CHECKLIST, B, RewardRule(gate="strict")).credits[0]
    assert [(each.met, each.step) for each in found] == [(True, 1), (True, 1), (False, None)]


def test_dividing_by_the_turns_that_were_reached_makes_stopping_free():
    assert reward(CHECKLIST, C, RewardRule(normaliser="reached")).R == pytest.approx(0.5)
    assert reward(CHECKLIST, C).R == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("gate", "total"), [("none", 0.7), ("sticky", 0.55), ("sticky_same", 0.7), ("strict", 0.55)]
)
def test_a_prerequisite_within_the_same_step(gate, total):
    short = verdicts("001 111", "01")
    assert reward(CHECKLIST, short, RewardRule(gate=gate)).R == pytest.approx(total)


def test_a_prerequisite_that_stands_later_in_the_list_waits_for_the_next_step():
    turn = (item(0, 0.5, needs=[1]), item(1, 0.5))
    rule = RewardRule(gate="sticky_same")
    assert reward(Checklist((turn,)), verdicts("11"), rule).R == pytest.approx(0.5)
    assert reward(Checklist((turn,)), verdicts("11 11"), rule).R == pytest.approx(1)


def test_a_turn_that_broke():
    assert reward(CHECKLIST, C, RewardRule(broken_turn="zero_credit"), broken=True).R == 0
    assert reward(CHECKLIST, C, RewardRule(broken_turn="judge_as_is"), broken=True).R == pytest.approx(0.25)
    # a whole turn before it keeps its score
    rule = RewardRule(broken_turn="zero_credit")
    assert reward(CHECKLIST, A, rule, broken=True).turns == (1, 0)


def test_turn_level():
    rule = RewardRule(level="turn")
    made = group_advantages([reward(CHECKLIST, each, rule) for each in ABC], rule)
    assert [rollout[0][0] for rollout in made] == pytest.approx([1 / 6, 1 / 6, -1 / 3])
    assert [rollout[1][0] for rollout in made[:2]] == pytest.approx([0.3, -0.3])
    strict = replace(rule, gate="strict")
    made = group_advantages([reward(CHECKLIST, each, strict) for each in ABC], strict)
    assert [rollout[0][0] for rollout in made] == pytest.approx([0.26667, -0.03333, -0.23333], abs=1e-5)


@pytest.mark.parametrize("level", ["turn", "step"])
def test_a_group_of_three_has_no_signal_with_the_released_minimum(level):
    rule = replace(RELEASED, level=level)
    rewards = [reward(CHECKLIST, each, rule) for each in ABC]
    made = group_advantages(rewards, rule, checklist=CHECKLIST)
    assert {value for rollout in made for turn in rollout for value in turn} == {0.0}
    five = [*rewards, *rewards[:2]]
    made = group_advantages(five, rule, checklist=CHECKLIST)
    assert made[2][0][0] < 0


STEPS = {
    "sum": [[0.0667, 0.0667, 0.2], [0.0667, 0.0667, 0], [-0.1333, -0.1333]],
    "mean": [[0.0952, 0.3333, 0.6667], [0.0952, 0.0952, 0], [-0.1905, -0.6667]],
}


@pytest.mark.parametrize("form", STEPS)
def test_step_level(form):
    rule = RewardRule(gate="strict", level="step", baseline="reached", step_form=form)
    rewards = [reward(CHECKLIST, each, rule) for each in ABC]
    made = group_advantages(rewards, rule, checklist=CHECKLIST)
    for rollout, wanted in zip(made, STEPS[form], strict=True):
        assert rollout[0] == pytest.approx(wanted, abs=5e-5)
    assert [rollout[1][0] for rollout in made[:2]] == pytest.approx([0.3, -0.3])


def test_an_items_rate_over_the_whole_group_or_the_rollouts_where_it_was_eligible():
    rule = RewardRule(gate="strict", level="step", baseline="group")
    rewards = [reward(CHECKLIST, each, rule) for each in ABC]
    made = group_advantages(rewards, rule, checklist=CHECKLIST)
    # turn 1: b = (1/3, 2/3) of three rollouts, where two reached it
    assert made[0][1][0] == pytest.approx(0.6 * (1 - 1 / 3) + 0.4 * (1 - 2 / 3))
    assert made[1][1][0] == pytest.approx(0.6 * (0 - 1 / 3) + 0.4 * (1 - 2 / 3))
    rule = replace(rule, baseline="eligible")
    made = group_advantages(rewards, rule, checklist=CHECKLIST)
    assert made[0][0][2] == 0  # item 2 was eligible in A alone, and earned there


def test_the_released_passes_open_an_item_one_step_after_its_prerequisite():
    """One pass credits item 2 in step 1 with its prerequisite; the pass of eligibility never opens it."""
    rule = RewardRule(gate="sticky_same", level="step", baseline="reached")
    short = [verdicts("001 111"), verdicts("000 000")]
    rewards = [reward(CHECKLIST, each, rule) for each in short]
    assert rewards[0].turns == (1,)
    made = group_advantages(rewards, rule, checklist=CHECKLIST)
    # items 0 and 1 alone, earned in one of two rollouts
    assert made[0][0] == pytest.approx([0.7 * 0.5, 0.7 * 0.5])
    assert made[1][0] == pytest.approx([-0.7 * 0.5, -0.7 * 0.5])


def test_a_discount_lowers_what_is_earned_late():
    rule = RewardRule(level="step", baseline="reached", discount=0.5)
    both = [verdicts("100 100"), verdicts("000 100")]
    rewards = [reward(CHECKLIST, each, rule) for each in both]
    made = group_advantages(rewards, rule, checklist=CHECKLIST)
    assert made[0][0][0] == pytest.approx(0.5 * (1 - 0.75))
    assert made[1][0][0] == pytest.approx(0.5 * (0.5 - 0.75))
    assert made[1][0][1] == pytest.approx(0.5 * (1 - 0.75))


def test_early_stop_looks_at_every_step():
    turn = CHECKLIST.turns[0]
    assert stop_after(turn, C[0]) is True
    assert stop_after(turn, verdicts("101 000")[0]) is False  # true on the way, false at the end
    assert stop_after(turn, []) is True
    assert stop_after(CHECKLIST.turns[1], verdicts("00")[0]) is False
    assert stop_after(turn, [[True, False, None]]) is None
    assert stop_after(turn, [[True, False, None], [False, False, True]]) is False
    assert stop_after(turn, [[False, False, None]]) is True


def test_variants_are_averaged_and_vote_on_stopping():
    one = Checklist(((item(0, 0.6), item(1, 0.4)),))
    other = Checklist(((item(0, 0.8), item(1, 0.2)),))
    rewards = [reward(each, verdicts("10")).R for each in (one, other)]
    assert mean_of_variants(rewards) == pytest.approx(0.7)
    assert mean_of_variants([*rewards, None]) is mean_of_variants([]) is None
    # more than half of them stop a dialogue; `stop_after` gives each one's vote
    assert majority([True, False]) is not True
    assert majority([True, True, False]) is True


def test_an_unknown_verdict_is_never_a_no():
    turn = (item(0, 0.5), item(1, 0.5))
    one = Checklist((turn,))
    found = reward(one, [[[True, None]]])
    assert (found.R, found.unknown, found.failed) == (None, 1, True)
    assert found.turns == (None,)
    assert reward(one, [[[True, None], [True, True]]]).R == pytest.approx(1)  # a true verdict settles it
    released = reward(one, [[[True, None]]], RELEASED)
    assert (released.R, released.unknown, released.failed) == (0, 1, True)
    # the simulator failed, whatever the judge says
    assert reward(one, [[[True, True]]], failed=True).R is None
    # what depends on an unknown item is unknown, unless it is false anyway
    chain = Checklist(((item(0, 0.5), item(1, 0.5, needs=[0])),))
    sticky = RewardRule(gate="sticky")
    assert [each.met for each in reward(chain, [[[None, False], [True, True]]], sticky).credits[0]] == [
        True,
        None,
    ]
    assert reward(chain, [[[None, False], [True, False]]], sticky).R == pytest.approx(0.5)


def test_a_dropped_rollout_takes_no_part():
    one = Checklist(((item(0, 1.0),),))
    lost = reward(one, [[[None]]])
    rewards = [reward(one, [[[True]]]), reward(one, [[[False]]]), lost]
    for level in ("trajectory", "turn", "step"):
        rule = RewardRule(level=level)
        made = group_advantages(rewards, rule, checklist=one)
        assert made == [[[0.5]], [[-0.5]], [[0.0]]]
    zeroed = [reward(one, each, RELEASED) for each in ([[[True]]], [[[False]]], [[[None]]])]
    made = group_advantages(zeroed, RELEASED)
    assert [each[0][0] for each in made] == pytest.approx([2 / 3, -1 / 3, -1 / 3])


def test_division_by_the_spread_is_a_switch():
    assert centred([1, 0], std=True) == pytest.approx([0.7071, -0.7071], abs=1e-4)
    assert centred([0.5, 0.5], std=True) == [0, 0]
    assert centred([0.5], std=True) == [0]
    assert centred([]) == []
    assert centred([None, None]) == [0, 0]


def test_presets_differ_in_what_the_sources_differ_in():
    assert PRESETS["ours"] == RewardRule()
    assert (RELEASED.gate, RELEASED.normaliser, RELEASED.infra_failure) == (
        "none",
        "reference",
        "zero_reward",
    )
    assert (PAPER.gate, PAPER.baseline, PAPER.step_form) == ("strict", "group", "mean")


def test_a_failed_rollout_that_stays_earns_nothing_at_the_step_level():
    one = Checklist(((item(0, 1.0),),))
    rule = RewardRule(level="step", infra_failure="zero_reward", baseline="reached")
    rewards = [reward(one, [[[True]]], rule), reward(one, [[[True]]], rule, failed=True)]
    assert [each.R for each in rewards] == [1, 0]
    assert group_advantages(rewards, rule, checklist=one) == [[[0.5]], [[-0.5]]]

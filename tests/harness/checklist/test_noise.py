"""Judges that err at a known rate: the rates, what errors share, and that their place alone decides."""

import asyncio
import statistics

import pytest

from harness.base.errors import UsageError
from harness.checklist import Checklist, Item, Step, Trajectory, Turn
from harness.checklist.judging import RuleJudge
from harness.checklist.noise import NoisyJudge, noisy_grade, noisy_outcome

TURNS, STEPS, ITEMS = 3, 4, 5


def item(n):
    return Item(f"C{n}", "?", "yes", "tool.content", 0.2, rule={"tag": f"kind{n}"})


CHECKLIST = Checklist(tuple(tuple(item(n) for n in range(ITEMS)) for _ in range(TURNS)))
TRAJECTORY = Trajectory([Turn("u", [Step("a")] * STEPS) for _ in range(TURNS)])


def table(value):
    return [[[value] * ITEMS for _ in range(STEPS)] for _ in range(TURNS)]


def judged(verdicts, flip, group="g", rollout=0, **settings):
    judge = NoisyJudge(RuleJudge(lambda checklist, trajectory: verdicts), flip, **settings)
    return asyncio.run(judge.verdicts(CHECKLIST, TRAJECTORY, group=group, rollout=rollout)).verdicts


def met(verdicts):
    return [[any(step[i] for step in turn) for i in range(ITEMS)] for turn in verdicts]


def rate(before, flip, **settings):
    """How many items of how many come to another verdict on their turn."""
    cells = [
        made == before
        for n in range(150)
        for turn in met(judged(table(before), flip, rollout=n, **settings))
        for made in turn
    ]
    return 1 - sum(cells) / len(cells)


@pytest.mark.parametrize("before", [True, False])
def test_an_item_s_verdict_on_its_turn_is_wrong_at_the_rate(before):
    # 2,250 cells: four standard errors are 0.034
    assert rate(before, 0.2) == pytest.approx(0.2, abs=0.034)


def test_an_item_that_was_met_beside_an_unknown_step_is_judged_unmet_and_not_unknown():
    before = table(None)
    for turn in before:
        turn[1] = [True] * ITEMS
    assert judged(before, (0.0, 1.0)) == table(False)
    assert judged(table(None), 1.0) == table(None)


def test_flips_of_single_steps_make_almost_every_unmet_item_met():
    assert rate(False, 0.2, per="step") == pytest.approx(1 - 0.8**STEPS, abs=0.042)
    assert rate(True, 0.2, per="step") == pytest.approx(0.2**STEPS, abs=0.01)


def test_the_two_directions_have_rates_of_their_own():
    assert rate(True, (0.3, 0.0)) == 0 and rate(False, (0.0, 0.3)) == 0
    assert rate(False, (0.3, 0.0)) == pytest.approx(0.3, abs=0.04)


def test_an_item_falsely_met_is_met_after_one_step_and_a_right_verdict_is_untouched():
    before = table(False)
    before[0][1][2] = True
    made = judged(before, 0.5)
    for t in range(TURNS):
        for i in range(ITEMS):
            column = [made[t][s][i] for s in range(STEPS)]
            assert sum(column) <= 1
            if met(made)[t][i] == met(before)[t][i]:
                assert column == [before[t][s][i] for s in range(STEPS)]
    assert before[0][1][2] is True and made is not before


def test_errors_depend_on_the_place_and_the_seed_alone():
    once = judged(table(True), 0.3)
    assert once == judged(table(True), 0.3)
    others = [{"rollout": 1}, {"group": "h"}, {"seed": 1}]
    assert all(judged(table(True), 0.3, **other) != once for other in others)


def test_correlated_errors_are_shared_by_a_group_or_by_a_kind():
    draws = [met(judged(table(True), 0.3, rollout=n, correlated="group")) for n in range(5)]
    assert all(draw == draws[0] for draw in draws)
    assert met(judged(table(True), 0.3, group="h", correlated="group")) != draws[0]
    systematic = [met(judged(table(True), 0.4, group=str(n), correlated="kind")) for n in range(5)]
    assert all(turn == systematic[0][0] for draw in systematic for turn in draw)
    assert {judged(table(True), 0.4, seed=n, correlated="kind")[0][0][0] for n in range(20)} == {True, False}


@pytest.mark.parametrize("per", ["item", "step"])
def test_what_has_no_verdict_keeps_none(per):
    assert judged(table(None), 0.5, per=per) == table(None)


def test_a_turn_without_steps_stays_empty():
    verdicts = [[], *table(True)[1:]]
    assert judged(verdicts, 0.5)[0] == []


def test_a_success_label_is_wrong_at_the_rate():
    wrong = [noisy_outcome(True, 0.2, group="g", rollout=n) is False for n in range(2000)]
    assert statistics.mean(wrong) == pytest.approx(0.2, abs=0.036)
    assert noisy_outcome(True, 0, group="g", rollout=0) is True


def test_a_grade_is_the_share_on_five_levels_with_an_error_of_one_level():
    grades = [noisy_grade(0.5, group="g", rollout=n) for n in range(3000)]
    assert set(grades) == {0, 0.25, 0.5, 0.75, 1}
    assert statistics.mean(grades) == pytest.approx(0.5, abs=0.02)
    # a rounded normal error of one level, cut at two levels from the middle
    assert statistics.pstdev(grades) * 4 == pytest.approx(1.0, abs=0.06)
    assert noisy_grade(0.75, group="g", rollout=0, sd=0) == 0.75


@pytest.mark.parametrize(
    "wrong", [{"flip": 1.2}, {"flip": 0.1, "per": "x"}, {"flip": 0.1, "correlated": "x"}]
)
def test_a_wrong_setting_is_one_line(wrong):
    with pytest.raises(UsageError):
        judged(table(True), **wrong)


def test_a_task_without_rules_says_what_to_name():
    judge = RuleJudge(lambda checklist, trajectory: None)
    with pytest.raises(UsageError, match="--role judge="):
        asyncio.run(judge.verdicts(CHECKLIST, TRAJECTORY))

"""What groups of episodes are worth: unknown is never zero, errors come from the seed, advantages cancel."""

import asyncio

import pytest

from harness.base.errors import UsageError
from harness.checklist import Step, Trajectory, Turn
from harness.checklist.judging import Judged, RuleJudge
from harness.checklist.noise import NoisyJudge
from harness.checklist.rule import RewardRule
from harness.methods.cm2.signals import (
    ChecklistSignal,
    HolisticSignal,
    Noise,
    OutcomeSignal,
    Played,
    without,
)
from tests.methods.cm2.conftest import office, worlds


def played(successes, steps=2):
    path = Trajectory([Turn("Do it.", [Step("done")] * steps, True)])
    return [Played(path, steps, success, failed=success is None) for success in successes]


def graded(signal, group, name="g"):
    return asyncio.run(signal.grade(name, worlds()[0], group))


def test_an_outcome_is_one_advantage_on_all_actions_and_a_failed_episode_takes_no_part():
    found = graded(OutcomeSignal(RewardRule()), played([1.0, 0.0, None, 0.0]))
    assert found.rewards == [1.0, 0.0, None, 0.0]
    assert found.advantages == [
        pytest.approx([2 / 3] * 2),
        pytest.approx([-1 / 3] * 2),
        [0, 0],
        pytest.approx([-1 / 3] * 2),
    ]


def test_failures_may_count_as_zero_as_in_the_released_code():
    found = graded(OutcomeSignal(RewardRule(infra_failure="zero_reward")), played([1.0, None]))
    assert found.rewards == [1.0, 0.0] and found.advantages[0] == [0.5, 0.5]


def test_an_outcome_that_nobody_can_tell_is_no_reward():
    with pytest.raises(UsageError, match="judge=model"):
        graded(OutcomeSignal(RewardRule()), [Played(Trajectory([]), 0, None)])


def test_a_model_that_does_not_answer_leaves_the_reward_unknown():
    async def ask(sample, trajectory):
        return None

    found = graded(OutcomeSignal(RewardRule(), ask=ask), played([1.0, 0.0]))
    assert found.rewards == [None, None] and found.counts["errors"] == 2
    assert not any(any(values) for values in found.advantages)


def test_errors_are_drawn_by_name_and_shared_ones_turn_a_whole_group():
    group = played([1.0, 0.0] * 20)
    apart = graded(OutcomeSignal(RewardRule(), Noise(0.3, seed=1)), group)
    assert apart.rewards == graded(OutcomeSignal(RewardRule(), Noise(0.3, seed=1)), group).rewards
    wrong = [told != each.success for told, each in zip(apart.rewards, group, strict=True)]
    assert 4 <= sum(wrong) <= 20
    shared = [
        {
            told != each.success
            for told, each in zip(
                graded(OutcomeSignal(RewardRule(), Noise(0.3, True)), group, str(n)).rewards,
                group,
                strict=True,
            )
        }
        for n in range(20)
    ]
    assert all(len(kinds) == 1 for kinds in shared) and {True} in shared and {False} in shared


def expert(slip, count=6):
    """Episodes of the task's expert in one world."""
    import random

    from harness.tasks.toolworld.expert import demonstration

    sample, group = worlds()[0], []
    for n in range(count):
        said = demonstration(sample.target, random.Random(n), slip)
        talk = []
        for place, (own, words) in enumerate(said):
            request = not own and (
                not place or said[place - 1][1].split()[0] in ("done", *map(str, range(21)))
            )
            talk.append(
                {"role": "assistant" if own else "user", "content": words}
                | ({} if own or request else {"of": "x"})
            )
        path = office().trajectory(talk)
        group.append(Played(path, sum(own for own, _ in said), None))
    return group


def checklist_signal(level="trajectory", flip=0.0, blind=()):
    exact = RuleJudge(office().verdicts)
    judge = NoisyJudge(exact, flip, seed=2) if flip else exact
    return ChecklistSignal(RewardRule(level=level), office().checklist, lambda question: judge, blind=blind)


def test_a_clean_expert_earns_everything_and_a_sloppy_one_less():
    assert graded(checklist_signal(), expert(0.0)).rewards == pytest.approx([1.0] * 6)
    sloppy = graded(checklist_signal(), expert(0.4))
    assert min(sloppy.rewards) < 1
    assert sum(values[0] for values in sloppy.advantages) == pytest.approx(0)


@pytest.mark.parametrize("level", ["trajectory", "turn", "step"])
def test_every_action_has_an_advantage_at_every_level(level):
    group = expert(0.4)
    found = graded(checklist_signal(level), group)
    assert [len(values) for values in found.advantages] == [each.actions for each in group]
    assert any(any(values) for values in found.advantages)
    if level != "trajectory":
        assert any(len(set(values)) > 1 for values in found.advantages)


def test_a_judge_that_failed_leaves_the_reward_unknown():
    class Broken:
        identity = {}

        async def verdicts(self, checklist, trajectory, *, group="", rollout=0):
            made = (await RuleJudge(office().verdicts).verdicts(checklist, trajectory)).verdicts
            if rollout == 0:
                made[0][0] = [None] * len(made[0][0])
                made[0] = [made[0][0]] * len(made[0])
                return Judged(made, failed=3)
            return Judged(made)

    signal = checklist_signal()
    signal.judge = lambda question: Broken()
    found = graded(signal, expert(0.4))
    assert found.rewards[0] is None and not any(found.advantages[0])
    assert found.counts["errors"] == 3 and None not in found.rewards[1:]


def test_a_grade_grows_with_the_share_of_right_turns():
    exact = RuleJudge(office().verdicts)
    signal = HolisticSignal(RewardRule(), office().checklist, exact, sd=0.0)
    assert graded(signal, expert(0.0)).rewards == [1.0] * 6
    assert min(graded(signal, expert(0.5)).rewards) < 1.0
    spread = graded(HolisticSignal(RewardRule(), office().checklist, exact, sd=1.0), expert(0.0)).rewards
    assert len(set(spread)) > 1 and all(value in (0, 0.25, 0.5, 0.75, 1) for value in spread)


def test_a_blind_spot_takes_items_away_and_keeps_the_weights_whole():
    whole = office().checklist(worlds()[0])
    seen = without(whole, ["rest"])
    assert all(item.rule["tag"] != "rest" for items in seen.turns for item in items)
    assert [sum(item.weight for item in items) for items in seen.turns] == pytest.approx([1.0] * 3)
    headless = without(whole, ["person"])
    ids = [{item.id for item in items} for items in headless.turns]
    assert all({*item.dependence} <= ids[t] for t, items in enumerate(headless.turns) for item in items)
    with pytest.raises(UsageError, match="blind"):
        without(whole, ["rest", "person", "bookings", "act"])

"""Courses of training: equal worlds for all signals, the same curve after a kill, models asked elsewhere."""

import asyncio
import threading
from dataclasses import replace

import pytest

from harness import engine
from harness.base.errors import BudgetSpent
from harness.checklist.judging import RuleJudge
from harness.checklist.noise import NoisyJudge
from harness.checklist.rule import RewardRule
from harness.engine.course import Update
from harness.methods.cm2.codec import Codec
from harness.methods.cm2.course import (
    DemonstrationCourse,
    Sizes,
    WorldCourse,
    chosen,
    demonstrations,
    rollout,
)
from harness.methods.cm2.rollouts import Episode
from harness.methods.cm2.signals import ChecklistSignal, Noise, OutcomeSignal
from harness.model.elsewhere import elsewhere
from tests.methods.cm2.conftest import gym, office, policy, tokenizer, worlds

UPDATE = Update(steps=3, rollouts=6, rate=1e-3, aggregate="token", save_every=1, betas=(0.9, 0.95))
#: what differs from one time to another
CLOCKS = ("draw_s", "step_s", "play_s")


def signal():
    """A random policy earns nothing; a judge that errs tells its episodes apart."""
    judge = NoisyJudge(RuleJudge(office().verdicts), 0.3)
    return ChecklistSignal(RewardRule(), office().checklist, lambda question: judge)


def course(made=None, after_step=lambda row: None, **how):
    given = {
        "gym": gym(),
        "signal": made or signal(),
        "sizes": Sizes(2, 3, 4, 200),
        "update": UPDATE,
        "seed": 4,
    }
    return WorldCourse(policy(), tokenizer(), after_step=after_step, **{**given, **how})


def curve_of(course):
    return [{k: v for k, v in row.items() if k not in CLOCKS} for row in course.curve]


def test_a_run_that_was_stopped_goes_on_to_the_same_curve_and_weights(tmp_path):
    import torch

    whole = course()
    engine.train(whole, tmp_path / "whole", engine="plain")
    assert [row["step"] for row in whole.curve] == [1, 2, 3] and whole.curve[0]["rollouts"] == 6

    def stop(row):
        if row["step"] == 2:
            raise BudgetSpent("no more")

    first = course(after_step=stop)
    engine.train(first, tmp_path / "cut", engine="plain")
    assert isinstance(first.spent, BudgetSpent) and first.step == 2
    again = course()
    engine.train(again, tmp_path / "cut", engine="plain")
    assert curve_of(again) == curve_of(whole)
    for a, b in zip(again.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_methods_with_one_seed_learn_from_the_same_episodes_at_first():
    checklist, outcome = course(), course(OutcomeSignal(RewardRule(), Noise(0.3)))
    first, second = checklist.choose(), outcome.choose()
    assert [r.ids for r in first] == [r.ids for r in second]
    assert [r.advantage for r in first] != [r.advantage for r in second]
    assert [r.ids for r in first] != [r.ids for r in course(seed=5).choose()]


def test_an_episode_without_a_reward_is_not_learned_from():
    async def ask(sample, trajectory):
        ask.calls += 1
        return None if ask.calls == 2 else float(ask.calls % 2)

    ask.calls = 0
    made = course(OutcomeSignal(RewardRule(), ask=ask))
    assert len(made.choose()) == 5
    made.finish_step()
    assert made.curve[0]["dropped"] == 1 and made.curve[0]["judge_errors"] == 1


def test_advantages_stand_on_the_tokens_of_their_action_alone():
    episode = Episode([1, 5], [6, 2, 9, 7, 2], [0, 0, None, 1, 1], 2)
    made = rollout(episode, [0.5, -1.0])
    assert made.advantage == [0.5, 0.5, 0.0, -1.0, -1.0]
    assert list(made.own) == [True, True, False, True, True]


def test_every_world_is_met_once_before_any_is_met_again():
    samples = list(range(10))
    met = [x for step in range(5) for x in chosen(samples, 3, step, 4)]
    assert sorted(met[:10]) == samples and sorted(met[10:]) == samples and met[:10] != met[10:]
    assert chosen(samples, 4, 0, 10) != chosen(samples, 3, 0, 10)


def likelihood(model, episode):
    """The mean log-probability of an episode's own tokens."""
    import torch

    whole = torch.tensor([episode.prompt + episode.ids])
    with torch.no_grad():
        table = model(whole).logits[0].log_softmax(-1)
    start = len(episode.prompt)
    own = [n for n, mine in enumerate(episode.own) if mine]
    return sum(float(table[start + n - 1, episode.ids[n]]) for n in own) / len(own)


def test_demonstrations_are_learned_from_until_the_policy_says_them(tmp_path):
    update = replace(UPDATE, steps=8, rate=1e-2)
    drawn = demonstrations(worlds()[:3], office().dialogue, Codec(tokenizer()), update)
    made = DemonstrationCourse(policy(), tokenizer(), demonstration=drawn, update=update)
    before = likelihood(made.model, drawn(0, 0))
    engine.train(made, tmp_path, engine="plain")
    assert likelihood(made.model, drawn(0, 0)) > before + 1 and made.curve[0]["rollouts"] == 6
    assert drawn(0, 0).ids != drawn(0, 3).ids  # another draw of the same world


def test_models_are_asked_on_the_loop_that_they_belong_to():
    class Model:
        name = "m"

        async def generate(self, text):
            return text, threading.get_ident()

    async def main():
        here, loop = threading.get_ident(), asyncio.get_running_loop()

        def there():
            return asyncio.run(elsewhere(Model(), loop).generate("hi"))

        text, thread = await asyncio.to_thread(there)
        assert text == "hi" and thread == here
        assert elsewhere(Model(), loop).name == "m"

    asyncio.run(main())


def test_a_cancelled_course_ends_before_its_next_step():
    made = course()
    made.cancelled = True
    with pytest.raises(asyncio.CancelledError):
        made.choose()

"""Courses of training over episodes: each step draws worlds, plays them by the policy, and grades the groups.

All methods play the same worlds with the same random numbers at the same seed; they differ in the signal.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from harness.base.digest import seed_of
from harness.base.errors import BudgetSpent, UsageError
from harness.checklist.reward import is_broken
from harness.engine.course import Rollout, Update
from harness.methods.cm2.codec import Codec
from harness.methods.cm2.decoder import Decoder
from harness.methods.cm2.rollouts import Episode, demonstrated, play_all
from harness.methods.cm2.signals import Played, Signal

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage
    from inspect_ai.tool import ToolInfo

    from harness.checklist import Trajectory
    from harness.sample import Outcome, Sample
    from harness.world import World

T = TypeVar("T")


@dataclass(frozen=True)
class Gym:
    """The worlds that are learned in. `success`: the world's own check, None where it can't tell. `main`: the
    loop on which models are asked, where the training runs in another thread."""

    samples: Sequence[Sample]
    world: Callable[[Sample], World]
    trajectory: Callable[[Outcome], Trajectory]
    success: Callable[[Sample, Outcome], float | None]
    main: asyncio.AbstractEventLoop | None = None

    async def ask(self, asked: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine that asks models, wherever this is called."""
        if self.main is None:
            return await asked
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asked, self.main))


@dataclass(frozen=True)
class Sizes:
    """`worlds` of a step, `rollouts` of each; `max_tokens` of an action, `context` of an episode."""

    worlds: int
    rollouts: int
    max_tokens: int
    context: int


class BaseCourse:
    """What courses of rollouts and of demonstrations share."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        update: Update,
        seed: int,
        after_step: Callable[[dict[str, Any]], None] = lambda row: None,
    ) -> None:
        self.model, self.tokenizer, self.update, self.seed = model, tokenizer, update, seed
        self.codec = Codec(tokenizer)
        self.curve: list[dict[str, Any]] = []
        self.spent: BudgetSpent | None = None
        self.cancelled = False
        self._after_step = after_step
        self._row: dict[str, Any] = {}
        self._started = 0.0

    @property
    def step(self) -> int:
        return len(self.curve)

    @property
    def peak(self) -> int | None:
        return None

    def choose(self) -> Sequence[Rollout]:
        if self.cancelled:
            raise asyncio.CancelledError
        self._started = time.perf_counter()
        rollouts = self._choose()
        self._row["draw_s"] = time.perf_counter() - self._started
        return rollouts

    def _choose(self) -> Sequence[Rollout]:
        raise NotImplementedError

    def finish_step(self) -> bool:
        row = {"step": self.step + 1, **self._row, "step_s": time.perf_counter() - self._started}
        self.curve.append(row)
        try:
            self._after_step(row)
        except BudgetSpent as spent:
            self.spent = spent
            return False
        return self.step < self.update.steps

    def state(self) -> dict[str, Any]:
        return {"curve": self.curve}

    def restore(self, state: dict[str, Any]) -> None:
        self.curve = state["curve"]

    def save(self, folder: Path) -> None:
        """All of the course is in its state."""

    def load(self, folder: Path) -> None:
        """See `save`."""


def chosen(samples: Sequence[T], seed: int, step: int, n: int) -> list[T]:
    """The samples of a step: a seed's own order, a new one each time round."""
    places = [divmod(place, len(samples)) for place in range(step * n, (step + 1) * n)]
    return [samples[_order(len(samples), seed, lap)[at]] for lap, at in places]


@lru_cache(maxsize=4)
def _order(size: int, seed: int, lap: int) -> list[int]:
    order = list(range(size))
    random.Random(seed_of("worlds", seed, lap)).shuffle(order)
    return order


class WorldCourse(BaseCourse):
    """Groups of episodes, graded by a signal."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        gym: Gym,
        signal: Signal,
        sizes: Sizes,
        update: Update,
        seed: int = 0,
        after_step: Callable[[dict[str, Any]], None] = lambda row: None,
    ) -> None:
        super().__init__(model, tokenizer, update, seed, after_step)
        self.gym, self.signal, self.sizes = gym, signal, sizes

    def _choose(self) -> Sequence[Rollout]:
        with asyncio.Runner() as runner:
            return runner.run(self._step())

    async def _step(self) -> Sequence[Rollout]:
        sizes, step = self.sizes, self.step
        samples = chosen(self.gym.samples, self.seed, step, sizes.worlds)
        places = [(w, g) for w in range(sizes.worlds) for g in range(sizes.rollouts)]
        decoder = Decoder(
            self.model,
            end=self.codec.end,
            context=sizes.context,
            max_tokens=sizes.max_tokens,
            temperature=self.update.temperature,
            seeds=[(self.seed, step, w, g) for w, g in places],
        )
        # every visit is an epoch of its own, so that simulators are asked anew, and after a kill the same
        visits = [
            replace(samples[w], question=samples[w].question.again(step * sizes.rollouts + g))
            for w, g in places
        ]
        worlds = [(visit.question, self.gym.world(visit)) for visit in visits]
        episodes = await play_all(worlds, self.codec, decoder)
        drawn = time.perf_counter()
        played = [self._played(visit, episode) for visit, episode in zip(visits, episodes, strict=True)]
        groups = [played[w * sizes.rollouts : (w + 1) * sizes.rollouts] for w in range(sizes.worlds)]
        grading = self._grade_all(samples, groups)
        graded = await (self.gym.ask(grading) if self.signal.asks else grading)
        self._row = summary(episodes, played, graded)
        self._row["play_s"] = drawn - self._started
        advantages = [values for group in graded for values in group.advantages]
        rewards = [value for group in graded for value in group.rewards]
        return [
            rollout(episode, values)
            for episode, values, value in zip(episodes, advantages, rewards, strict=True)
            if value is not None and episode.ids
        ]

    async def _grade_all(self, samples: Sequence[Sample], groups: Sequence[Sequence[Played]]) -> list[Any]:
        names = [f"{self.seed} {self.step} {place}" for place in range(len(groups))]
        if not self.signal.asks:
            return [await self.signal.grade(*each) for each in zip(names, samples, groups, strict=True)]
        return await asyncio.gather(
            *(self.signal.grade(*each) for each in zip(names, samples, groups, strict=True))
        )

    def _played(self, sample: Sample, episode: Episode) -> Played:
        outcome = episode.outcome
        assert outcome is not None
        failed = outcome.error is not None or outcome.unscored is not None
        return Played(
            self.gym.trajectory(outcome),
            episode.actions,
            None if failed else self.gym.success(sample, outcome),
            failed,
        )


def rollout(episode: Episode, advantages: Sequence[float]) -> Rollout:
    """An episode with an advantage for every action, as the engine takes it."""
    values = [0.0 if number is None else advantages[number] for number in episode.action]
    return Rollout(episode.prompt, episode.ids, values, episode.own)


def summary(episodes: Sequence[Episode], played: Sequence[Played], graded: Sequence[Any]) -> dict[str, Any]:
    """A row of the curve. `silent`: the share of groups in which no action has an advantage; `cut`: episodes
    that ended because the policy's context was full."""
    rewards = [value for group in graded for value in group.rewards if value is not None]
    checked = [each.success for each in played if each.success is not None]
    counts: Counter[str] = sum((group.counts for group in graded), Counter())
    silent = [not any(any(values) for values in group.advantages) for group in graded]
    return {
        "reward": sum(rewards) / len(rewards) if rewards else None,
        "success": sum(checked) / len(checked) if checked else None,
        "broken": sum(is_broken(each.trajectory) for each in played) / len(played),
        "silent": sum(silent) / len(silent),
        "dropped": len(episodes) - len(rewards),
        "cut": sum(each.trajectory.stop == "model_length" for each in played),
        "verdicts": counts["verdicts"],
        "judge_calls": counts["calls"],
        "judge_errors": counts["errors"],
        "rollouts": len(episodes),
        "actions": sum(episode.actions for episode in episodes),
        "read": sum(episode.read for episode in episodes),
        "written": sum(episode.written for episode in episodes),
    }


def demonstrations(
    samples: Sequence[Sample],
    dialogue: Callable[[Sample, int], tuple[Sequence[ChatMessage], Sequence[ToolInfo]] | None],
    codec: Codec,
    update: Update,
    context: int = 2**31,
) -> Callable[[int, int], Episode]:
    """What a course of demonstrations is given: the samples' dialogues one after another, each time round
    another draw of them. What lies beyond `context` tokens is left out."""

    def at(step: int, place: int) -> Episode:
        lap, where = divmod(step * update.rollouts + place, len(samples))
        found = dialogue(samples[where], lap)
        if found is None:
            raise UsageError(
                "the task has no dialogues to imitate; take toolworld/chain, or your own in dialogues/custom"
            )
        episode = demonstrated(*found, codec)
        room = max(context - len(episode.prompt), 0)
        episode.ids, episode.action = episode.ids[:room], episode.action[:room]
        if all(number is None for number in episode.action):
            raise UsageError(
                f"the dialogue {samples[where].id} opens with {len(episode.prompt)} tokens, and the context "
                f"is {context}; -M context=N takes more, as far as the policy's own goes"
            )
        return episode

    return at


class DemonstrationCourse(BaseCourse):
    """Supervised fine-tuning: demonstrations as rollouts whose every own token has the advantage 1."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        demonstration: Callable[[int, int], Episode],
        update: Update,
        seed: int = 0,
        after_step: Callable[[dict[str, Any]], None] = lambda row: None,
    ) -> None:
        """
        Args:
            demonstration: the one at a place of a step.
        """
        super().__init__(model, tokenizer, update, seed, after_step)
        self.demonstration = demonstration

    def _choose(self) -> Sequence[Rollout]:
        episodes = [self.demonstration(self.step, place) for place in range(self.update.rollouts)]
        self._row = {
            "rollouts": len(episodes),
            "read": sum(episode.read for episode in episodes),
            "written": sum(episode.written for episode in episodes),
        }
        return [rollout(episode, [1.0] * episode.actions) for episode in episodes]

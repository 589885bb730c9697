"""What a group of episodes of one world was worth: by its outcome, by a checklist, or by one grade.

Each signal turns a group into an advantage for every action. Everything else of a training is the same for
all, so that methods differ in their signal alone. A reward that nobody could tell is None: the episode takes
no part in its group.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from harness.base.errors import UsageError
from harness.checklist import Checklist, Trajectory, Verdicts
from harness.checklist.advantages import centred, group_advantages
from harness.checklist.judging import Judge
from harness.checklist.noise import kind_of, noisy_grade, noisy_outcome
from harness.checklist.reward import is_broken, reward
from harness.checklist.rule import RewardRule

if TYPE_CHECKING:
    from harness.sample import Question, Sample

#: a turn counts as right once all its weight is credited
WHOLE = 1 - 1e-9


@dataclass(slots=True)
class Played:
    """An episode as a signal sees it. `success`: the world's own check, None where it has none or failed;
    `failed`: a judge, a simulator or the world failed, so that the episode says nothing of the policy."""

    trajectory: Trajectory
    actions: int
    success: float | None
    failed: bool = False


@dataclass(slots=True)
class Graded:
    """Of every episode of a group its reward in [0, 1] and an advantage for every action. `counts`:
    `verdicts` used, `calls` of judges, `errors` of judges."""

    rewards: list[float | None]
    advantages: list[list[float]]
    counts: Counter[str] = field(default_factory=Counter)


class Signal(Protocol):
    @property
    def asks(self) -> bool:
        """Whether it asks a model."""
        ...

    async def grade(self, name: str, sample: Sample, group: Sequence[Played]) -> Graded:
        """`name` is the group's own: drawn errors depend on it and on the place in the group alone."""
        ...


@dataclass(frozen=True)
class Noise:
    """Drawn errors of a scripted judge: the rate at which it is wrong, and whether the episodes of a group
    share an error (`correlated`)."""

    flip: float = 0.0
    correlated: bool = False
    seed: int = 0

    def place(self, number: int) -> int:
        """By what an episode's error is drawn."""
        return 0 if self.correlated else number


@dataclass
class OutcomeSignal:
    """One number an episode: whether it succeeded, by the world's own check (`ask` None) or by a model."""

    rule: RewardRule
    noise: Noise = Noise()
    ask: Callable[[Sample, Trajectory], Awaitable[float | None]] | None = None

    @property
    def asks(self) -> bool:
        return self.ask is not None

    async def grade(self, name: str, sample: Sample, group: Sequence[Played]) -> Graded:
        counts: Counter[str] = Counter()
        if self.ask is None:
            told = [each.success for each in group]
            if None in told and not all(each.failed for each in group if each.success is None):
                raise UsageError(
                    "the task can't check these episodes itself, so their outcome is no reward; take "
                    "--method cm2, or -M judge=model with --role judge=MODEL"
                )
        else:
            told = await asyncio.gather(*(self.ask(sample, each.trajectory) for each in group))
            counts["calls"] += len(told)
        counts["errors"] += sum(value is None for value in told) if self.asks else 0
        counts["verdicts"] += len(told)
        if self.noise.flip:
            told = [
                value if value is None else self._flipped(value, name, number)
                for number, value in enumerate(told)
            ]
        return flat(told, group, self.rule, counts)

    def _flipped(self, value: float, name: str, number: int) -> float:
        place, seed = self.noise.place(number), self.noise.seed
        return float(noisy_outcome(value > 0.5, self.noise.flip, group=name, rollout=place, seed=seed))


@dataclass
class HolisticSignal:
    """One grade an episode: of a model, or of a scripted judge who sees the share of right turns and errs by
    `sd` levels of five."""

    rule: RewardRule
    checklist: Callable[[Sample], Checklist | None]
    judge: Judge | None
    sd: float = 1.0
    noise: Noise = Noise()
    ask: Callable[[Sample, Trajectory], Awaitable[float | None]] | None = None

    @property
    def asks(self) -> bool:
        return self.ask is not None

    async def grade(self, name: str, sample: Sample, group: Sequence[Played]) -> Graded:
        counts: Counter[str] = Counter()
        if self.ask is not None:
            told = await asyncio.gather(*(self.ask(sample, each.trajectory) for each in group))
            counts["calls"] += len(told)
            counts["errors"] += sum(value is None for value in told)
        else:
            told = [await self._scripted(name, n, sample, each) for n, each in enumerate(group)]
        counts["verdicts"] += len(told)
        return flat(told, group, self.rule, counts)

    async def _scripted(self, name: str, number: int, sample: Sample, each: Played) -> float | None:
        checklist = self.checklist(sample)
        if checklist is None or self.judge is None:
            raise UsageError("the task has no rule to grade by; name a model with --role judge=MODEL")
        judged = await self.judge.verdicts(checklist, each.trajectory, group=name, rollout=number)
        found = reward(checklist, judged.verdicts, replace(self.rule, gate="none"))
        right = sum(score is not None and score >= WHOLE for score in found.turns)
        place, seed = self.noise.place(number), self.noise.seed
        share = right / len(checklist.turns)
        grade = noisy_grade(share, group=name, rollout=place, seed=seed, sd=self.sd)
        if self.noise.flip and noisy_outcome(
            False, self.noise.flip, group=f"{name} grade", rollout=place, seed=seed
        ):
            return 1.0 - grade
        return grade


@dataclass
class ChecklistSignal:
    """A checklist's reward, at the level of the rule."""

    rule: RewardRule
    checklist: Callable[[Sample], Checklist | None]
    #: who judges the episodes of a question
    judge: Callable[[Question], Judge]
    asks: bool = False
    #: kinds of items that are left out, to see what a checklist with a blind spot teaches
    blind: tuple[str, ...] = ()

    async def grade(self, name: str, sample: Sample, group: Sequence[Played]) -> Graded:
        checklist = self.checklist(sample)
        if checklist is None:
            raise UsageError(
                f"there is no checklist for {sample.id!r}; write one with 'harness checklist annotate', or "
                "take a task that has them, such as toolworld/chain"
            )
        checklist = without(checklist, self.blind)
        judge = self.judge(sample.question)
        judged = await asyncio.gather(
            *(
                judge.verdicts(checklist, each.trajectory, group=name, rollout=number)
                for number, each in enumerate(group)
            )
        )
        rewards = [
            reward(
                checklist,
                found.verdicts,
                self.rule,
                broken=is_broken(each.trajectory),
                failed=each.failed,
            )
            for found, each in zip(judged, group, strict=True)
        ]
        by_step = group_advantages(rewards, self.rule, checklist=checklist)
        made = [[value for turn in turns for value in turn] for turns in by_step]
        counts: Counter[str] = Counter(
            verdicts=sum(_decisions(found.verdicts) for found in judged),
            calls=sum(found.calls for found in judged),
            errors=sum(found.failed for found in judged),
        )
        for number, (values, each) in enumerate(zip(made, group, strict=True)):
            if len(values) != each.actions:
                made[number] = _spread(values, each.actions)
        return Graded([each.R for each in rewards], made, counts)


def _spread(values: Sequence[float], actions: int) -> list[float]:
    """Actions past the last turn of the checklist earn nothing and cost nothing."""
    return [*values, *([0.0] * actions)][:actions]


def _decisions(verdicts: Verdicts) -> int:
    return sum(len(step) for turn in verdicts for step in turn)


def flat(
    told: Sequence[float | None], group: Sequence[Played], rule: RewardRule, counts: Counter[str]
) -> Graded:
    """One number an episode, on all its actions; by `rule`, what failed takes no part or counts as 0."""
    lost = 0.0 if rule.infra_failure == "zero_reward" else None
    rewards = [
        lost if value is None or each.failed else value for value, each in zip(told, group, strict=True)
    ]
    whole = centred(rewards, std=rule.std)
    return Graded(rewards, [[value] * each.actions for value, each in zip(whole, group, strict=True)], counts)


def without(checklist: Checklist, blind: Sequence[str]) -> Checklist:
    """The checklist without items of these kinds (`kind_of`), the weights of the others scaled to 1.

    Raises:
        UsageError: a turn has nothing left.
    """
    if not blind:
        return checklist
    turns = []
    for items in checklist.turns:
        kept = [item for item in items if kind_of(item) not in blind]
        total = sum(item.weight for item in kept)
        if not kept or total <= 0:
            raise UsageError(f"-M blind={','.join(blind)} leaves a turn without items")
        names = {item.id for item in kept}
        turns.append(
            tuple(
                replace(
                    item,
                    weight=item.weight / total,
                    dependence=tuple(name for name in item.dependence if name in names),
                )
                for item in kept
            )
        )
    return Checklist(tuple(turns), checklist.source)

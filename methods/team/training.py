"""`fit` of the learned gate: whole episodes in worlds of the train split, REINFORCE from two starts, and the
gate whose utility on the dev split is the higher."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from harness.base.concurrent import each
from harness.base.digest import seed_of
from harness.base.errors import ModelCallError, UsageError
from harness.job import Job, policies
from harness.methods.team import gate
from harness.methods.team.episode import Sampling, TeamEpisode
from harness.methods.team.gate import Episode, Gate, Learner, mean_utility
from harness.model.ledger import Usage
from harness.sample import Sample

if TYPE_CHECKING:
    from harness.methods.team.method import Learned

#: dev episodes by which a start is chosen, at most
DEV = 64


@dataclass(frozen=True)
class Plan:
    """`updates` of `batch` episodes each, for every start."""

    updates: int
    batch: int
    rate: float
    price: float


@dataclass
class Line:
    """The training from one start: its rows, one an update, and the utility of its gate on dev."""

    learner: Learner
    rewards: list[float] = field(default_factory=list)
    success: list[float] = field(default_factory=list)
    dev: float = 0.0


def plan_of(name: str, args: Mapping[str, Any]) -> Plan:
    """The plan that arguments ask for.

    Raises:
        UsageError: a number is below its least.
    """
    plan = Plan(args["updates"], args["batch"], args["rate"], args["lambda"])
    for argument, value, least in (("updates", plan.updates, 1), ("batch", plan.batch, 2)):
        if value < least:
            raise UsageError(f"{name}: {argument}={value} is not at least {least}")
    if plan.rate <= 0 or plan.price < 0:
        raise UsageError(f"{name}: rate={plan.rate:g} is above 0, and lambda={plan.price:g} not below 0")
    return plan


def announced(method: Learned, job: Job) -> list[str]:
    """What is learned on, and how often a human may be asked for it."""
    plan, samples = plan_of(method.spec.name, method.args), _samples(method, job)
    if job.files.has(_key(method, job, samples, plan)):
        return [
            "learned before with the same inputs, which give the same; what that took counts as this run's"
        ]
    episodes = len(gate.STARTS) * plan.updates * plan.batch
    measured = len(gate.STARTS) * min(DEV, len(_held_out(job, samples)))
    return [
        f"learns on: {episodes:,} episodes in worlds of the train split of {job.task_name} "
        f"({len(samples):,}): {len(gate.STARTS)} starts, {plan.updates} updates of {plan.batch} each",
        f"measures on: {measured:,} episodes; in all of them {job.roles.get('human', 'the human')} is asked",
    ]


async def trained(method: Learned, job: Job) -> list[float]:
    """The weights of the gate: learned now, or before with the same inputs.

    Raises:
        UsageError: there is nothing to learn from.
        BudgetSpent: a limit of the run is reached.
        ModelCallError: of a batch no episode could be scored.
    """
    plan, samples = plan_of(method.spec.name, method.args), _samples(method, job)
    key = _key(method, job, samples, plan)
    job.drew([sample.id for sample in _order(samples, job.seed, 0)])
    with job.files.artifact(key) as made:
        if made.exists:
            policies.charge(job, policies.facts(made.path))
        else:
            before = job.training.asked()
            rows, weights = await _Training(method, job, samples, plan).run()
            gate.write(weights, made.path)
            spent = {
                purpose: usage.since(before.get(purpose, Usage())).as_dict()
                for purpose, usage in job.training.asked().items()
            }
            policies.write(made.path, {"usage": spent, "access": dict(job.access)}, rows)
    job.training.curve(policies.curve(made.path, lambda rows: rows))
    return gate.read(made.path)


def _samples(method: Learned, job: Job) -> Sequence[Sample]:
    samples = job.data.train
    if not len(samples):
        raise UsageError(
            f"{method.spec.name} learns from a train split, and {job.task_name} has none with these arguments"
        )
    return samples


def _held_out(job: Job, samples: Sequence[Sample]) -> Sequence[Sample]:
    """What starts are chosen by: the dev split, else the train split."""
    return job.data.dev if len(job.data.dev) else samples


def _order(samples: Sequence[Sample], seed: int, turn: int) -> list[Sample]:
    """The samples as a seed's training meets them in its `turn`-th pass, asked for the `turn`-th time."""
    found = list(samples)
    random.Random(seed_of(seed, "order of worlds", turn)).shuffle(found)
    return [replace(sample, question=sample.question.again(turn)) for sample in found]


def _key(method: Learned, job: Job, samples: Sequence[Sample], plan: Plan) -> list[Any]:
    """All that is learned depends on."""
    return [
        dict(method.args),
        job.seed,
        [*job.model.identity, dict(job.model.decoding)],
        job.training.cast,
        [job.task_name, dict(job.task_args)],
        [sample.digest() for sample in (*samples, *_held_out(job, samples)[:DEV])],
    ]


class _Training:
    """One training: both starts learn in turn, on the same worlds in the same order."""

    def __init__(self, method: Learned, job: Job, samples: Sequence[Sample], plan: Plan) -> None:
        self.method, self.job, self.plan = method, job, plan
        self.sampling: Sampling = method.sampling()
        self._samples = samples
        self._passes: dict[int, list[Sample]] = {}

    async def run(self) -> tuple[list[dict[str, Any]], list[float]]:
        """Rows of the learning curve, that of the start which was kept, and its weights."""
        plan, lines = self.plan, [Line(Learner(start, self.plan.rate)) for start in gate.STARTS]
        rollouts, began, counts = 0, time.perf_counter(), list[tuple[int, int, float]]()
        before = self._tokens()
        for update in range(plan.updates):
            batch = list(self._batch(update))
            for place, line in enumerate(lines):
                episodes = await self._played(line, batch, (place, update))
                line.learner.learn(episodes, plan.price)
                line.rewards.append(mean_utility(episodes, plan.price))
                line.success.append(sum(episode.success for episode in episodes) / len(episodes))
                rollouts += len(batch)
            counts.append((rollouts, self._tokens() - before, round(time.perf_counter() - began, 3)))
            self.job.progress(f"train: reward {lines[0].rewards[-1]:.3f}", update + 1, plan.updates)
        held_out = list(_held_out(self.job, self._samples)[:DEV])
        for line in lines:
            line.dev = mean_utility(await self._played(line, held_out, None), plan.price)
        best = max(lines, key=lambda line: line.dev)
        names = ("rollouts", "tokens", "wall_s", "reward", "success")
        found = zip(counts, best.rewards, best.success, strict=True)
        rows: list[dict[str, Any]] = [
            {"step": step, **dict(zip(names, (*spent, reward, success), strict=True))}
            for step, (spent, reward, success) in enumerate(found, 1)
        ]
        rows[-1]["dev"] = best.dev
        return rows, [float(weight) for weight in best.learner.weights]

    def _tokens(self) -> int:
        return sum(usage.input_tokens + usage.output_tokens for usage in self.job.training.asked().values())

    def _batch(self, update: int) -> Iterator[Sample]:
        """The worlds of an update: pass after pass over the train split, in an order of the seed."""
        size, batch = len(self._samples), self.plan.batch
        for place in range(update * batch, (update + 1) * batch):
            turn, at = divmod(place, size)
            if turn not in self._passes:
                self._passes = {turn: _order(self._samples, self.job.seed, turn)}
            yield self._passes[turn][at]

    async def _played(
        self, line: Line, samples: Iterable[Sample], drawn: tuple[int, int] | None
    ) -> list[Episode]:
        """The episodes of worlds under a start's gate, which draws by the start and the update where it
        learns; in the order of the worlds, so that nothing depends on which one ended first."""
        numbered = list(enumerate(samples))
        found: dict[int, Episode] = {}

        async def one(item: tuple[int, Sample]) -> tuple[int, Episode | None]:
            place, sample = item
            rng = None if drawn is None else random.Random(seed_of(self.job.seed, "gate", *drawn, place))
            return place, await self._episode(line.learner.weights, sample, rng)

        async for place, episode in each(one, numbered, lambda: self.job.concurrency):
            if episode is not None:
                found[place] = episode
        if not found:
            raise ModelCallError(
                f"training stopped: of {len(numbered)} episodes none could be scored, as the model or the "
                "human failed in all; see what they answer and run again"
            )
        return [found[place] for place in sorted(found)]

    async def _episode(
        self, weights: gate.Floats, sample: Sample, rng: random.Random | None
    ) -> Episode | None:
        """One episode; None where it can't be scored."""
        job, own = self.job, Gate([float(weight) for weight in weights], self.method.args["involve"], rng)
        world = job.training.world(sample)
        played = TeamEpisode(sample.question, job.model, world, own, self.sampling, purpose="train")
        outcome = await played.play()
        if outcome.error is not None or outcome.unscored is not None:
            return None
        success = job.training.share(sample, outcome)
        if success is None:
            return None
        return Episode(own.seen, own.done, success, played.spent.interventions)

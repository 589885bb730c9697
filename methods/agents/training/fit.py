"""`fit` of a method whose topology learns: announced, found where it was done before, booked, and kept as a
folder that other runs can take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.digest import digest
from harness.base.errors import UsageError
from harness.job import Job, policies
from harness.methods.agents.arguments import budget_of
from harness.methods.agents.live.answers import space_of
from harness.methods.agents.simulated import World
from harness.methods.agents.topology import Learner
from harness.methods.agents.training import loop
from harness.methods.agents.training.lessons import LiveLessons, SimulatedLessons, in_order
from harness.model.agents.provider import SimulatedAgents
from harness.model.agents.settings import Settings
from harness.model.ledger import Usage
from harness.sample import Sample

if TYPE_CHECKING:
    from harness.methods.agents.method import Conversation

#: questions of the dev split that are measured on, at most
DEV = 64
#: tokens of a call beside the question, and of an answer below 100 words; for what is announced alone
AROUND, WRITTEN = 250, 130
#: arguments on which nothing that is learned depends, or that stand in the key by their content
BESIDE = ("fit", "credits", "roles")


class Training:
    """The training of one run. `method` has made its agents and its topology."""

    def __init__(self, method: Conversation, job: Job, learner: Learner) -> None:
        self.method, self.job, self.learner, self.args = method, job, learner, method.args
        #: settings of simulated agents, where all agents are simulated and alike: those of one panel
        self.world = _alike([agent.model.provider for agent in method.cast.agents])
        self.simulated = self.world is not None

    def announce(self) -> list[str]:
        """What is learned on, and about what it costs."""
        if self.args["credits"]:
            return [
                f"answers with what was learned in {self.args['credits']}{self._whose()}; nothing is trained"
            ]
        samples = self._samples()
        plan = self._plan(samples)
        questions = plan.updates * plan.batch
        calls = questions * self._calls
        size = f"{plan.updates} updates of {plan.batch} questions"
        if self.simulated:
            learns = (
                f"{questions:,} questions that the simulation makes itself, not the {len(samples):,} of the "
                f"train split of {self.job.task_name}: {size}"
            )
        else:
            passes = questions / len(samples)
            often = f", {passes:.1f} passes" if passes > 1 else ""
            learns = (
                f"{questions:,} questions of the train split of {self.job.task_name} ({len(samples):,}"
                f"{often}): {size}"
            )
        if self._taken(samples, plan):
            return [
                f"learned on: {learns}",
                "learned before with the same inputs, which give the same; nothing is trained now, and what "
                "that took is counted as this run's",
            ]
        lines = [f"learns on: {learns}; {calls:,} calls ({self._calls} a question)"]
        if dev := self._measures():
            times = self._times(plan)
            whose = "of the simulation's" if self.simulated else "dev"
            lines.append(
                f"measures on: {dev} {whose} questions, {times} times; {dev * times * self._calls:,} calls"
            )
        return lines if self.simulated else [*lines, self._cost(samples, self.conversations() * self._calls)]

    def conversations(self) -> int:
        """How many a training takes, to learn from and to measure on; none where a folder is given."""
        if self.args["credits"]:
            return 0
        plan = self._plan(self._samples())
        return plan.updates * plan.batch + self._measures() * self._times(plan)

    def _measures(self) -> int:
        """How many questions are measured on."""
        return SimulatedLessons.questions if self.simulated else len(self._held_out())

    def _times(self, plan: loop.Plan) -> int:
        """How often they are: before the first update, every `plan.measure` of them, and after the last."""
        return 1 + math.ceil(plan.updates / plan.measure)

    def _whose(self) -> str:
        """Who learned what is given, as far as its folder says so."""
        told = policies.facts(Path(self.args["credits"]))
        parts = (("by", "method"), ("on", "task"), ("with", "from"))
        known = [f" {word} {told[key]}" for word, key in parts if isinstance(told.get(key), str)]
        return f" ({''.join(known).strip()})" if known else ""

    @property
    def _calls(self) -> int:
        """Calls a question."""
        return int(self.args["agents"]) * int(self.args["rounds"])

    def _cost(self, samples: Sequence[Sample], calls: int) -> str:
        """About what a training through the gateway takes."""
        first = [sum(len(m.text) for m in self.job.ask(sample.question)) for sample in samples[:20]]
        each = round(AROUND + sum(first) / len(first) / 4), WRITTEN
        read, written = calls * each[0], calls * each[1]
        known = {agent.model.name: agent.model.price for agent in self.method.cast.agents}.values()
        dear = [price.cost(*each) * calls for price in known if price is not None]
        usd = "at an unknown price" if None in known else f"at most {max(dear, default=0.0):,.2f} USD"
        million = f"{read / 1e6:,.1f} million tokens read, {written / 1e6:,.1f} million written"
        return f"takes about: {million}; {usd}"

    def _samples(self) -> Sequence[Sample]:
        """The train split.

        Raises:
            UsageError: it is empty, or its answers can't be counted.
        """
        samples = self.job.data.train
        if not len(samples):
            raise UsageError(
                f"{self.method.spec.name} learns from a train split, and {self.job.task_name} has none; "
                "-M credits=FOLDER takes what was learned on another task"
            )
        if not self.job.countable:
            raise UsageError(
                f"{self.method.spec.name} learns from answers that can be counted, and those of "
                f"{self.job.task_name} can't; -M credits=FOLDER takes what was learned on another task"
            )
        return samples

    def _held_out(self) -> Sequence[Sample]:
        """What is measured on: the dev split's first questions, in an order of its own."""
        return in_order(self.job.data.dev, 0)[:DEV]

    def _plan(self, samples: Sequence[Sample]) -> loop.Plan:
        return loop.plan_of(self.args, len(samples), endless=self.simulated)

    def _lessons(self, samples: Sequence[Sample]) -> loop.Lessons:
        if self.world is None:
            return LiveLessons(self.method, self.job, samples, self._held_out(), self.job.seed)
        outs, ins = budget_of(self.args["budget"])
        world = World(
            self.world,
            self.args["agents"],
            self.args["rounds"],
            outs,
            ins,
            self.method.attack,
            space_of(self.job, samples[0].question, self.args["agents"]),
        )
        return SimulatedLessons(world, self.job.seed)

    def _key(self, samples: Sequence[Sample], plan: loop.Plan) -> list[Any]:
        """All that is learned depends on."""
        agents = self.method.cast.agents
        return [
            self.method.spec.settings["topology"],
            {name: value for name, value in self.args.items() if name not in BESIDE},
            [plan.updates, plan.batch],
            self.job.seed,
            [[agent.role.name, agent.role.text, agent.model.name, self._revision(agent)] for agent in agents],
            self.job.embedder_identity if self.method.encoder is not None and not self.simulated else None,
            [self.job.task_name, dict(self.job.task_args)],
            [] if self.simulated else [sample.digest() for sample in (*samples, *self._held_out())],
        ]

    def _revision(self, agent: Any) -> list[Any]:
        provider = agent.model.provider
        own = repr(provider.settings) if isinstance(provider, SimulatedAgents) else provider.arguments or ""
        return [provider.revision, own, dict(agent.model.decoding)]

    def _taken(self, samples: Sequence[Sample], plan: loop.Plan) -> bool:
        return self.job.files.has(self._key(samples, plan))

    async def fit(self) -> None:
        """Learns, or takes what was learned before.

        Raises:
            UsageError: there is nothing to learn from, or a folder doesn't fit.
            BudgetSpent: a limit of the run is reached; checkpoints stay, and the curve so far is kept.
        """
        job = self.job
        if self.args["credits"]:
            folder = Path(self.args["credits"])
            self.learner.load(folder)
            job.training.curve(policies.curve(folder, points))
            return
        samples = self._samples()
        plan = self._plan(samples)
        key = self._key(samples, plan)
        if self.simulated:
            job.drew(f"questions of {job.model.name}", job.seed, plan.batch)
        else:
            job.drew([sample.id for sample in in_order(samples, job.seed)])
        with job.files.artifact(key) as made:
            if made.exists:
                self.learner.load(made.path)
                policies.charge(job, policies.facts(made.path))
            else:
                with job.files.workspace(key) as workspace:
                    await self._train(samples, plan, workspace, made.path, digest(key))
        job.training.curve(policies.curve(made.path, points))
        job.training.trained = made.path

    async def _train(
        self, samples: Sequence[Sample], plan: loop.Plan, workspace: Path, out: Path, key: str
    ) -> None:
        job, rows = self.job, list[dict[str, Any]]()
        try:
            await loop.train(
                self.learner,
                self._lessons(samples),
                plan,
                job.seed,
                workspace=workspace,
                books=job.training,
                after=lambda row: self._show(row, plan),
                rows=rows,
            )
        except BaseException:
            job.training.curve(points(rows))
            raise
        self.learner.save(out)
        spent: dict[str, Usage] = {}
        for row in rows:
            for purpose, usage in row["spent"].items():
                spent.setdefault(purpose, Usage()).add(Usage.from_dict(usage))
        job.access["train_updates"] = plan.updates
        told = {
            "key": key,
            "method": self.method.spec.name,
            "from": job.model.name,
            "task": job.task_name,
            "seed": job.seed,
            "arguments": {name: value for name, value in self.args.items() if name not in BESIDE},
            "updates": plan.updates,
            "batch": plan.batch,
            "last": {name: value for name, value in rows[-1].items() if isinstance(value, int | float)},
            "usage": {purpose: usage.as_dict() for purpose, usage in spent.items()},
            "access": dict(job.access),
        }
        policies.write(out, told, rows)

    def _show(self, row: Mapping[str, Any], plan: loop.Plan) -> None:
        names = ("reward", "dev", "auc")
        shown = ", ".join(f"{name} {row[name]:.3f}" for name in names if row.get(name) is not None)
        self.job.progress(f"train: {shown}" if shown else "train", int(row["step"]), plan.updates)


def _alike(providers: Sequence[Any]) -> Settings | None:
    """The settings of simulated agents, None where some are real or they aren't all alike."""
    found = [each.settings if isinstance(each, SimulatedAgents) else None for each in providers]
    return found[0] if all(each == found[0] for each in found) else None


def points(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows for `job.training.curve`: running totals."""
    rollouts, tokens, seconds = 0, 0, 0.0
    for row in rows:
        rollouts, tokens = rollouts + row["rollouts"], tokens + row["tokens"]
        seconds += row.get("seconds", 0.0)
        figures = {name: row[name] for name in ("reward", "success", "loss", "dev") if name in row}
        yield {
            "step": row["step"],
            "rollouts": rollouts,
            "tokens": tokens,
            "wall_s": round(seconds, 3),
            **{name: value for name, value in figures.items() if math.isfinite(value)},
        }

"""One training run: what a course needs of a job, its cost, and the folder of the policy that comes out.

The run works in a thread of its own; models that judge or simulate are asked on the run's event loop, where
they belong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harness.base.errors import UsageError
from harness.job import Job, policies
from harness.methods.cm2.codec import Codec
from harness.methods.cm2.course import (
    BaseCourse,
    DemonstrationCourse,
    Gym,
    Sizes,
    WorldCourse,
    chosen,
    demonstrations,
)
from harness.methods.cm2.curve import nothing_told, points, remarks
from harness.methods.cm2.judged_by import signal_of
from harness.methods.cm2.plan import Plan
from harness.model.ledger import Usage
from harness.sample import Outcome, Sample

T = TypeVar("T")
#: counts of a row that are summed in the run's record, under these names
COUNTED = {
    "train_rollouts": "rollouts",
    "judge_verdicts": "verdicts",
    "judge_errors": "judge_errors",
}
#: steps without any reward after which the training is given up
PATIENCE = 3


@dataclass
class Run:
    """`home` is the job of the task that is learned in; `main` the loop on which models are asked."""

    method: str
    reward: str
    args: Mapping[str, Any]
    plan: Plan
    job: Job
    home: Job
    main: asyncio.AbstractEventLoop
    spent: dict[str, Usage] = field(default_factory=dict)
    course: BaseCourse | None = None
    before: dict[str, Usage] = field(default_factory=dict)
    #: what the dearest step took so far, without what judges and simulators book themselves
    dearest: Usage = field(default_factory=Usage)

    def cancel(self) -> None:
        """The run ends before its next step."""
        if self.course is not None:
            self.course.cancelled = True

    def train(self, workspace: Path, out: Path, key: str) -> None:
        """Trains from the last checkpoint in `workspace`, or from the start, and writes the policy to `out`.

        Raises:
            UsageError: something that the training needs is missing; names the cure.
            BudgetSpent: a limit of the run is reached; checkpoints stay.
            Diverged: a loss, gradient or probability is not finite, or the weights exploded; checkpoints
                stay.
        """
        from harness import engine
        from harness.engine import checkpoints
        from harness.engine.loading import load_policy

        source = self.job.training.policy
        model, tokenizer = load_policy(source, self.method)
        if not getattr(tokenizer, "chat_template", None):
            raise UsageError(
                f"{source.name} has no chat template, and {self.method} trains on dialogues; take "
                "pocket/office or a chat model"
            )
        self.course = course = self._course(model, tokenizer)
        parameters = sum(p.numel() for p in model.parameters())
        self._show({}, 0)
        self.before = self.job.training.asked()
        if self.reward != "demonstrations":
            self.dearest = Usage(calls=self.plan.prompts * self.plan.rollouts)
        on(self.main, self._afford())
        engine.train(course, workspace, engine=self.args["engine"], resumed=self._resumed)
        if course.spent is not None:
            self.job.training.curve(points(course.curve, parameters))
            raise course.spent
        for say in remarks(course.curve, self.reward, self.plan.prompts):
            self.job.log.warning("%s: %s", self.method, say)
        checkpoints.save_policy(model, out, source)
        told = {
            "key": key,
            "method": self.method,
            "from": self.job.model.name,
            "from_revision": self.job.model.provider.revision,
            "seed": self.job.seed,
            "plan": asdict(self.plan),
            "arguments": {name: value for name, value in self.args.items() if name != "policy"},
            "steps": course.step,
            "parameters": parameters,
            "last": {name: course.curve[-1].get(name) for name in ("reward", "success", "broken")},
            "usage": {purpose: usage.as_dict() for purpose, usage in self.spent.items()},
            "access": dict(self.job.access),
        }
        policies.write(out, told, course.curve)

    def _resumed(self) -> None:
        assert self.course is not None
        for row in self.course.curve:
            self._charge(row)
            for purpose, usage in row.get("asked", {}).items():  # by a process that is gone
                self._spend(purpose, policies.spent_before(usage))

    def _course(self, model: Any, tokenizer: Any) -> BaseCourse:
        plan, seed = self.plan, self.job.seed
        samples = list(self.home.data.train)
        given: dict[str, Any] = {"update": plan.update(), "seed": seed, "after_step": self._after_step}
        context = min(plan.context, getattr(model.config, "max_position_embeddings", plan.context))
        if self.reward == "demonstrations":
            drawn = demonstrations(
                order(samples, seed),
                self.home.training.dialogue,
                Codec(tokenizer),
                plan.update(),
                context,
            )
            return DemonstrationCourse(model, tokenizer, demonstration=drawn, **given)
        gym = Gym(
            samples,
            lambda sample: self.home.training.world(sample, self.main),
            self.home.trajectory,
            self._success,
            self.main,
        )
        signal = signal_of(self.reward, self.args, self.home, self.job, seed)
        sizes = Sizes(plan.prompts, plan.rollouts, plan.max_tokens, context)
        return WorldCourse(model, tokenizer, gym=gym, signal=signal, sizes=sizes, **given)

    def _success(self, sample: Sample, outcome: Outcome) -> float | None:
        try:
            return self.home.training.share(sample, outcome)
        except Exception as error:  # a task without a check of its own, or one that fails
            self.job.log.debug("%s: no success of %s: %s", self.method, sample.id, error)
            return None

    def _after_step(self, row: dict[str, Any]) -> None:
        asked = self._asked()
        if asked:
            row["asked"] = {purpose: usage.as_dict() for purpose, usage in asked.items()}
            for purpose, usage in asked.items():
                self.spent.setdefault(purpose, Usage()).add(usage)
        self._show(row, row["step"])
        self._charge(row)
        assert self.course is not None
        self.dearest = max(self.dearest, _usage(row), key=lambda each: each.measured[:2])
        if self.course.step < self.plan.steps:
            on(self.main, self._afford())
        if self.course.step >= min(PATIENCE, self.plan.steps) and nothing_told(self.course.curve):
            raise UsageError(
                f"training stopped after step {row['step']}: not one episode had a reward, as the judge or a "
                "simulator failed in all; see what it answers, and run again"
            )

    def _show(self, row: Mapping[str, Any], step: int) -> None:
        names = ("reward", "success", "broken", "silent")
        shown = ", ".join(f"{name} {row[name]:.3f}" for name in names if row.get(name) is not None)
        said = f"train: {shown}" if shown else "train"
        self.main.call_soon_threadsafe(self.job.progress, said, step, self.plan.steps)

    def _charge(self, row: Mapping[str, Any]) -> None:
        """Books a step's episodes; judges and simulators book themselves. Tokens count once an episode."""
        self._spend("train", _usage(row))
        access = self.job.access
        access["train_steps"] = row["step"]
        for name, key in COUNTED.items():
            if row.get(key):
                access[name] = access.get(name, 0) + row[key]

    def _spend(self, purpose: str, usage: Usage) -> None:
        self.spent.setdefault(purpose, Usage()).add(usage)
        on(self.main, self._book(purpose, usage))
        self.before = self.job.training.asked()

    def _asked(self) -> dict[str, Usage]:
        """What judges and simulators, which book themselves, took since the last step."""
        now = self.job.training.asked()
        grown = {purpose: usage.since(self.before.get(purpose, Usage())) for purpose, usage in now.items()}
        return {purpose: usage for purpose, usage in grown.items() if usage.calls}

    async def _afford(self) -> None:
        """Whether another step fits, by the dearest so far."""
        self.job.training.afford(self.dearest)

    async def _book(self, purpose: str, usage: Usage) -> None:
        self.job.training.charge(purpose, usage)


def _usage(row: Mapping[str, Any]) -> Usage:
    return Usage(
        calls=row["rollouts"],
        input_tokens=row["read"],
        output_tokens=row["written"],
        seconds=row["step_s"],
    )


def on(loop: asyncio.AbstractEventLoop, asked: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine on another thread's loop."""
    return asyncio.run_coroutine_threadsafe(asked, loop).result()


def order(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """The worlds in the order in which a seed's run meets them first; the same for all methods."""
    return chosen(samples, seed, 0, len(samples))

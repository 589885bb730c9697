"""One training run: what a course needs of a job, its cost, and the folder of the policy that comes out.

The run works in a thread of its own; models that judge or simulate are asked on the run's event loop, where
they belong.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from harness.base.errors import UsageError
from harness.checklist import Trajectory
from harness.checklist.judging import Judge, RuleJudge
from harness.checklist.noise import NoisyJudge
from harness.checklist.rule import RewardRule
from harness.engine.divergence import collapse
from harness.job import Job
from harness.methods.cm2.checks import blind_kinds, check
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
from harness.methods.cm2.plan import Plan
from harness.methods.cm2.signals import ChecklistSignal, HolisticSignal, Noise, OutcomeSignal, Signal
from harness.model.gateway import Model
from harness.model.ledger import Usage
from harness.sample import Outcome, Question, Sample

T = TypeVar("T")
#: what of a row goes into the run's own learning curve
RECORDED = ("reward", "success")
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

        model, tokenizer = loaded(self.job.training.policy, self.method)
        self.course = course = self._course(model, tokenizer)
        parameters = sum(p.numel() for p in model.parameters())
        self._show({}, 0)
        self.before = self.job.training.asked()
        engine.train(
            course,
            workspace,
            engine=self.args["engine"],
            resumed=self._resumed,
        )
        if course.spent is not None:
            self.job.training.curve(points(course.curve, parameters))
            raise course.spent
        for say in remarks(course.curve, self.reward, self.plan.prompts):
            self.job.log.warning("%s: %s", self.method, say)
        checkpoints.save_policy(model, out, self.job.training.policy)
        (out / "curve.jsonl").write_text("".join(json.dumps(row) + "\n" for row in course.curve), "utf-8")
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
        (out / "training.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")

    def _resumed(self) -> None:
        assert self.course is not None
        for row in self.course.curve:
            self._charge(row)
            for purpose, usage in row.get("asked", {}).items():  # by a process that is gone
                kept = Usage.from_dict(usage)
                self._spend(purpose, replace(kept, cache_hits=kept.calls, paid_usd=0.0))

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
        if self.course.step >= min(PATIENCE, self.plan.steps) and _nothing_told(self.course.curve):
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
        usage = Usage(
            calls=row["rollouts"],
            input_tokens=row["read"],
            output_tokens=row["written"],
            seconds=row["step_s"],
        )
        self._spend("train", usage)
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
        grown = {purpose: less(usage, self.before.get(purpose, Usage())) for purpose, usage in now.items()}
        return {purpose: usage for purpose, usage in grown.items() if usage.calls}

    async def _book(self, purpose: str, usage: Usage) -> None:
        self.job.training.charge(purpose, usage)


def less(now: Usage, before: Usage) -> Usage:
    """The difference of two states of one account."""
    pairs = {name: (getattr(now, name), getattr(before, name)) for name in Usage.__dataclass_fields__}
    grown: dict[str, Any] = {
        name: None if None in pair else pair[0] - pair[1] for name, pair in pairs.items()
    }
    return Usage(**grown)


def on(loop: asyncio.AbstractEventLoop, asked: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine on another thread's loop."""
    return asyncio.run_coroutine_threadsafe(asked, loop).result()


def order(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """The worlds in the order in which a seed's run meets them first; the same for all methods."""
    return chosen(samples, seed, 0, len(samples))


def loaded(source: Path, method: str) -> tuple[Any, Any]:
    """The policy and its tokenizer, for training."""
    try:
        import torch
        import transformers
    except ImportError:
        raise UsageError(
            f"{method} trains with torch, which is not installed: pip install -c constraints.txt "
            "'harness[train]'"
        ) from None
    from harness.engine import checkpoints

    checkpoints.quiet()
    accelerated = torch.cuda.is_available()
    if not accelerated:
        torch.set_num_threads(1)  # two threads on a busy machine spin for each other
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(source)
        model = transformers.AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"can't load {source} for training: {str(error).splitlines()[0]}") from error
    if not getattr(tokenizer, "chat_template", None):
        raise UsageError(
            f"{source.name} has no chat template, and {method} trains on dialogues; take pocket/office or a "
            "chat model"
        )
    # transformers wraps `to` so that its types lose that it is a method
    model.to("cuda" if accelerated else "cpu")  # type: ignore[arg-type]
    return model, tokenizer


def judge_of(args: Mapping[str, Any], reward: str, job: Job) -> Model | None:
    """The model that judges, None where the task's own rules do."""
    if reward == "demonstrations":
        return None
    if args["judge"] == "auto":
        itself = not job.needs_judge if reward == "outcome" else job.has_rules
        return None if itself else job.role("judge")
    return job.role("judge") if args["judge"] == "model" else None


def signal_of(reward: str, args: Mapping[str, Any], home: Job, job: Job, seed: int) -> Signal:
    """What the episodes are judged by."""
    rule = RewardRule(
        gate=args.get("gate", "none"),
        broken_turn=args.get("broken_turn", "judge_as_is"),
        infra_failure=args["infra"],
        level=args.get("level", "trajectory"),
        minimum_holders=args.get("minimum_holders", 1),
        std=args["std"],
    )
    judge = judge_of(args, reward, home)
    check(args, asks=judge is not None, rollouts=Plan.of(args).rollouts)
    noise = Noise(args["flip"], args["flip_kind"] == "correlated", seed)
    if reward == "outcome":
        return OutcomeSignal(rule, noise, _success_by(judge) if judge else None)
    if reward == "holistic":
        asked = _grade_by(judge) if judge else None
        rules = RuleJudge(home.verdicts)
        return HolisticSignal(
            rule, home.training.checklist, rules, sd=args["grade_sd"], noise=noise, ask=asked
        )

    def judge_for(question: Question) -> Judge:
        made: Judge = RuleJudge(home.verdicts)
        if judge is not None:
            from harness.checklist.model_judge import ModelJudge

            made = ModelJudge(judge, question, mode=args["judge_mode"], votes=args["votes"])
        shared = "group" if noise.correlated else "none"
        return NoisyJudge(made, noise.flip, correlated=shared, seed=seed) if noise.flip else made

    blind = tuple(blind_kinds(args["blind"], map(home.training.checklist, home.data.train)))
    return ChecklistSignal(rule, home.training.checklist, judge_for, asks=judge is not None, blind=blind)


def _success_by(judge: Model) -> Any:
    from harness.checklist.holistic import succeeded

    async def ask(sample: Sample, trajectory: Trajectory) -> float | None:
        reply = await succeeded(judge, sample.question, trajectory)
        return None if reply.value is None else float(reply.value)

    return ask


def _grade_by(judge: Model) -> Any:
    from harness.checklist.holistic import grade, grade_reward

    async def ask(sample: Sample, trajectory: Trajectory) -> float | None:
        return grade_reward((await grade(judge, sample.question, trajectory)).value)

    return ask


def points(rows: Any, parameters: int) -> Iterator[dict[str, Any]]:
    """Rows for `job.training.curve`: running totals. A token costs 2 operations a parameter where it is read
    or written in an episode, and 6 where it is learned from."""
    rollouts = tokens = 0
    seconds = 0.0
    passes = 0
    for row in rows:
        seen = row["read"] + row["written"]
        rollouts, tokens, seconds = rollouts + row["rollouts"], tokens + seen, seconds + row["step_s"]
        passes += seen * (8 if row.get("play_s") is not None else 6)
        found = {
            name: float(row[name])
            for name in RECORDED
            if isinstance(row.get(name), int | float) and math.isfinite(row[name])
        }
        yield {
            "step": row["step"],
            "rollouts": rollouts,
            "tokens": tokens,
            "flops": float(passes * parameters),
            "wall_s": round(seconds, 3),
            **found,
        }


def _nothing_told(curve: Sequence[Mapping[str, Any]]) -> bool:
    """Whether no episode of any step had a reward."""
    return all(row.get("dropped") == row["rollouts"] for row in curve)


def remarks(curve: Sequence[Mapping[str, Any]], reward: str, worlds: int) -> Iterator[str]:
    """What is to be said of a run of so many worlds a step that went badly."""
    if reward == "demonstrations" or not curve:
        return
    if all(row["silent"] == 1 for row in curve):
        yield (
            "in no group of any step did the rewards differ, so the policy has learned nothing; take easier "
            "worlds, more rollouts, or a finer reward"
        )
    if fallen := collapse(curve, worlds):
        yield fallen
    lost, drawn = sum(row["dropped"] for row in curve), sum(row["rollouts"] for row in curve)
    cut = sum(row.get("cut", 0) for row in curve)
    if cut:
        yield f"{cut} of {drawn} episodes ended for want of context; raise -M context, or lower -M max_tokens"
    if lost:
        yield (
            f"{lost} of {drawn} episodes had no reward, as the judge or a simulator failed; they took no part"
        )

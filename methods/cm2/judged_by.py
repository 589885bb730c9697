"""By what a method judges episodes: who judges, with which errors, and the signal that comes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from harness.checklist import Trajectory
from harness.checklist.judging import Judge, RuleJudge
from harness.checklist.noise import NoisyJudge
from harness.checklist.rule import RewardRule
from harness.job import Job
from harness.methods.cm2.checks import blind_kinds, check
from harness.methods.cm2.plan import Plan
from harness.methods.cm2.signals import ChecklistSignal, HolisticSignal, Noise, OutcomeSignal, Signal
from harness.model.gateway import Model
from harness.sample import Question, Sample

#: a model's opinion of a whole episode as a reward in [0, 1], None where it gave none
Opinion = Callable[[Sample, Trajectory], Awaitable[float | None]]


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


def _success_by(judge: Model) -> Opinion:
    from harness.checklist.holistic import succeeded

    async def ask(sample: Sample, trajectory: Trajectory) -> float | None:
        reply = await succeeded(judge, sample.question, trajectory)
        return None if reply.value is None else float(reply.value)

    return ask


def _grade_by(judge: Model) -> Opinion:
    from harness.checklist.holistic import grade, grade_reward

    async def ask(sample: Sample, trajectory: Trajectory) -> float | None:
        return grade_reward((await grade(judge, sample.question, trajectory)).value)

    return ask

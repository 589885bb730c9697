"""One run: a policy trained by one arm with one seed, then measured in worlds that no run learned in."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.cm2.arms import SFT_STEPS, STEPS, Arm
from harness.checklist.judging import Judge, RuleJudge
from harness.checklist.noise import NoisyJudge
from harness.checklist.reward import is_broken, reward
from harness.checklist.rule import RewardRule
from harness.methods.cm2.codec import Codec
from harness.methods.cm2.course import DemonstrationCourse, Gym, Sizes, WorldCourse, demonstrations
from harness.methods.cm2.decoder import Decoder
from harness.methods.cm2.plan import Plan
from harness.methods.cm2.rollouts import play_all
from harness.methods.cm2.signals import ChecklistSignal, HolisticSignal, Noise, OutcomeSignal, Signal
from harness.sample import Question, Sample
from harness.task import Task

#: worlds to evaluate in, the same for all runs
EPISODES = 400
#: worlds of the seeds that lie before them
SEEDS = 8
#: rows of the curve that are kept
CURVE = ("reward", "success", "broken", "silent", "dropped", "verdicts", "policy_entropy", "grad_norm")


@cache
def office(turns: int) -> tuple[Task, Sequence[Sample]]:
    """The task and its worlds: those of every seed's training, then those of evaluation."""
    from harness.data.hub import Data
    from harness.registry import load_task, registry

    plan = Plan()
    wanted = SEEDS * SFT_STEPS * plan.prompts + EPISODES
    spec = registry().tasks["toolworld/chain"]
    task = load_task(spec, spec.arguments({"turns": turns, "style": "compact", "train": wanted}))
    return task, task.load(Data()).train  # made when they are looked at


def held_out(worlds: Sequence[Sample], first: int, last: int) -> Sequence[Sample]:
    """Worlds of evaluation, from one place to before another."""
    start = len(worlds) - EPISODES
    return worlds[start + first : start + last]


def run(arm: Arm, policy: Path, steps: int = STEPS, episodes: int = EPISODES) -> dict[str, Any]:
    """The row of a run."""
    import torch
    import transformers

    from harness import engine
    from harness.engine import checkpoints

    checkpoints.quiet()
    torch.set_num_threads(1)
    task, worlds = office(arm.turns)
    tokenizer = transformers.AutoTokenizer.from_pretrained(policy)
    model = transformers.AutoModelForCausalLM.from_pretrained(policy, dtype=torch.float32)
    began = time.process_time()
    row: dict[str, Any] = {**arm.as_dict(), "cell": arm.cell, "name": arm.name}
    if arm.reward != "start":
        course = _course(arm, task, worlds, model, tokenizer, steps)
        with tempfile.TemporaryDirectory() as folder:
            engine.train(course, Path(folder), engine="plain")
        row["curve"] = {
            name: [_short(each.get(name)) for each in course.curve]
            for name in CURVE
            if course.curve[0].get(name) is not None
        }
        row["steps"] = course.step
        for name in ("rollouts", "read", "written", "judge_calls"):
            row[name] = sum(each.get(name, 0) for each in course.curve)
        row["draw_s"] = round(sum(each["draw_s"] for each in course.curve), 2)
    row["train_cpu_s"] = round(time.process_time() - began, 2)
    for name, temperature in (("sampled", 1.0), ("greedy", 0.0)):
        row[name] = evaluate(task, held_out(worlds, 0, episodes), model, tokenizer, temperature)
    row["cpu_s"] = round(time.process_time() - began, 2)
    return row


def _course(
    arm: Arm, task: Task, worlds: Sequence[Sample], model: Any, tokenizer: Any, steps: int
) -> WorldCourse | DemonstrationCourse:
    plan = Plan(steps=SFT_STEPS if arm.reward == "sft" and steps == STEPS else steps, save_every=10_000)
    size = SFT_STEPS * plan.prompts
    own = worlds[arm.seed * size : (arm.seed + 1) * size]
    if arm.reward == "sft":
        drawn = demonstrations(own, lambda s, draw: task.dialogue(s, draw), Codec(tokenizer), plan.update())
        return DemonstrationCourse(model, tokenizer, demonstration=drawn, update=plan.update(), seed=arm.seed)
    gym = Gym(
        own, lambda s: task.world(s, nobody), lambda o: trajectory(task, o), lambda s, o: success(task, s, o)
    )
    context = min(plan.context, model.config.max_position_embeddings)
    return WorldCourse(
        model,
        tokenizer,
        gym=gym,
        signal=_signal(arm, task),
        sizes=Sizes(plan.prompts, plan.rollouts, plan.max_tokens, context),
        update=plan.update(),
        seed=arm.seed,
    )


def _signal(arm: Arm, task: Task) -> Signal:
    noise, exact = Noise(arm.flip, arm.shared, arm.seed), RuleJudge(task.verdicts)
    if arm.reward == "outcome":
        return OutcomeSignal(RewardRule(), noise)
    if arm.reward == "holistic":
        return HolisticSignal(RewardRule(), task.checklist, exact, noise=noise)
    judge: Judge = exact
    if arm.flip:
        shared = "group" if arm.shared else "none"
        judge = NoisyJudge(exact, arm.flip, correlated=shared, seed=arm.seed)
    blind = (arm.blind,) if arm.blind else ()
    rule = RewardRule(level=arm.reward)  # type: ignore[arg-type]
    return ChecklistSignal(rule, task.checklist, lambda question: judge, blind=blind)


def evaluate(
    task: Task, samples: Sequence[Sample], model: Any, tokenizer: Any, temperature: float
) -> dict[str, Any]:
    """Success of every episode as a text of 0 and 1; shares of broken ones; the exact checklist's reward."""
    codec, plan = Codec(tokenizer), Plan()
    context = min(plan.context, model.config.max_position_embeddings)
    found: list[str] = []
    broken, total, rewards, turns_right = 0, 0, [], []
    judge = RuleJudge(task.verdicts)
    for start in range(0, len(samples), 100):
        part = samples[start : start + 100]
        decoder = Decoder(
            model,
            end=codec.end,
            context=context,
            max_tokens=plan.max_tokens,
            temperature=temperature,
            seeds=[(977, start + n) for n in range(len(part))],
        )
        worlds: list[tuple[Question, Any]] = [(s.question, task.world(s, nobody)) for s in part]
        for sample, episode in zip(part, asyncio.run(play_all(worlds, codec, decoder)), strict=True):
            assert episode.outcome is not None
            made = trajectory(task, episode.outcome)
            checklist = task.checklist(sample)
            assert checklist is not None
            verdicts = asyncio.run(judge.verdicts(checklist, made)).verdicts
            worth = reward(checklist, verdicts)
            found.append("1" if success(task, sample, episode.outcome) else "0")
            broken += is_broken(made)
            total += 1
            rewards.append(worth.R or 0.0)
            turns_right.append(sum((s or 0) > 1 - 1e-9 for s in worth.turns) / len(checklist.turns))
    return {
        "success": "".join(found),
        "broken": round(broken / total, 4),
        "reward": round(sum(rewards) / total, 4),
        "rewards": [round(value, 3) for value in rewards] if temperature else [],
        "turns_right": round(sum(turns_right) / total, 4),
    }


def trajectory(task: Task, outcome: Any) -> Any:
    """A played episode as turns and steps."""
    return task.trajectory((outcome.trace or {}).get("messages", ()), outcome.stop_reason)


def success(task: Task, sample: Sample, outcome: Any) -> float:
    """The world's own check."""
    return task.score(sample, outcome).metrics[task.spec.primary]


def nobody(name: str) -> Any:
    raise LookupError(f"nobody plays {name}")


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def line(row: dict[str, Any]) -> str:
    """A row as a line of a file."""
    return json.dumps(row, separators=(",", ":")) + "\n"

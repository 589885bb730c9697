"""Slow decay: steps in the history of a subject's scores, which a gate per change can't see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.comparison.arms import Arm, Row
from harness.stats import Step, find_steps

#: a shorter history has no steps worth speaking of
SHORTEST = 6


@dataclass(frozen=True)
class Drift:
    """A step in the history of a (task, method, model) on the same items."""

    task: str
    method: str
    model: str
    step: Step
    since: str
    run_id: str

    def sentence(self) -> str:
        step = self.step
        return (
            f"drift: {self.task} x {self.method} x {self.model} stepped from {step.before:.3f} to "
            f"{step.after:.3f} at {self.since} (run {self.run_id[:12]}, p = {step.p_value:.2g})"
        )

    def plain(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "method": self.method,
            "model": self.model,
            "since": self.since,
            "run_id": self.run_id,
            **asdict(self.step),
        }


def drifts(arms: Iterable[Arm], rows: Sequence[Row]) -> list[Drift]:
    """The steps in the history of every arm: its own runs and those of `rows` on the same items, of
    whatever version, in order of time."""
    found = []
    for arm in arms:
        history = {run["record"]: run for run in (*arm.runs, *rows) if _follows(run, arm)}
        runs = sorted(history.values(), key=lambda run: (run["created_at"], run["run_id"]))
        if len(runs) < SHORTEST:
            continue
        scores = [run["metrics"][arm.primary]["value"] for run in runs]
        errors = [run["metrics"][arm.primary]["rerun_stderr"] for run in runs]
        known = None if any(not error for error in errors) else errors
        for step in find_steps(scores, known):
            run = runs[step.index]
            found.append(Drift(arm.task, arm.method, arm.model, step, run["created_at"], run["run_id"]))
    return found


def _follows(run: Row, arm: Arm) -> bool:
    return (
        run["comparability_key"] == arm.comparability_key
        and run["status"] == "complete"
        and (run["method"], run["model"]) == (arm.method, arm.model)
    )

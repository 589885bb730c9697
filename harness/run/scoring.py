"""Outcomes and their scores, as lines of the journal. Targets stay on this side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError
from harness.run.faults import fault
from harness.run.journal import Journal
from harness.sample import Outcome, Sample, Score
from harness.task import Splits, Task


@dataclass
class Attempts:
    """Which attempts a run consists of, as (position in the split, epoch)."""

    samples: list[Sample]
    wanted: list[tuple[int, int]]


def attempt_line(task: Task, sample: Sample, outcome: Outcome, n: int, scored: bool) -> dict[str, Any]:
    """One line of the journal: the outcome and, unless the set is scored as a whole, its score."""
    attempt: dict[str, Any] = {
        "n": n, "sample_id": sample.id, "epoch": outcome.epoch, "status": "ok", "answer": None,
        "completion": outcome.text, "confidence": outcome.confidence,
        "stop_reason": outcome.stop_reason, "item_digest": sample.digest(), "group": sample.group,
        "reason": outcome.error,
    }  # fmt: skip
    if outcome.trace:
        attempt["trace"] = dict(outcome.trace)
    if outcome.error is not None:
        return {**attempt, "status": "error", "metrics": {}}
    try:
        if outcome.answer is None:
            outcome.answer = task.parse(outcome.text, sample.question)
        else:
            attempt["given"] = True
        attempt["answer"] = outcome.answer
        if outcome.unscored is not None:
            return {**attempt, "status": "unscored", "metrics": {}, "reason": outcome.unscored[:500]}
        if not scored:
            return {**attempt, "metrics": None}
        score = task.score(sample, outcome)
    except Exception as error:  # the grader failed: that is neither right nor wrong
        score = Score({}, "unscored", f"{type(error).__name__}: {error}"[:500])
    return {**attempt, "status": score.status, "metrics": dict(score.metrics),
            "reason": score.reason}  # fmt: skip


def score_rest(task: Task, attempts: Attempts, journal: Journal) -> None:
    """Whole-set scores, for tasks that have them."""
    if type(task).score_all is Task.score_all:
        return
    lines = [line for line in journal.attempts() if line["metrics"] is None]
    outcomes = [_outcome(line) for line in lines]
    scores: list[Score]
    try:
        scores = list(task.score_all([attempts.samples[line["n"]] for line in lines], outcomes) or ())
        if len(scores) != len(lines):
            raise ValueError(f"score_all gave {len(scores)} scores for {len(lines)} outcomes")
    except Exception as error:  # as in attempt_line: neither right nor wrong
        scores = [Score({}, "unscored", f"{type(error).__name__}: {error}"[:500])] * len(lines)
    for line, score in zip(lines, scores, strict=True):
        journal.append({**line, "status": score.status, "metrics": dict(score.metrics),
                        "reason": score.reason})  # fmt: skip


def measure_set(
    task: Task, splits: Splits, attempts: Attempts, journal: Journal
) -> Mapping[str, float]:
    """Metrics of the set as a whole, for tasks that have them."""
    if type(task).measure_set is Task.measure_set:
        return {}
    lines = [line for line in journal.attempts() if line["status"] == "ok"]
    samples = [attempts.samples[line["n"]] for line in lines]
    try:
        return task.measure_set(splits, samples, [_outcome(line) for line in lines])
    except HarnessError:
        raise
    except Exception as error:
        raise fault(task.spec.name, task.spec.distribution, "measure_set", error) from error


def _outcome(line: Mapping[str, Any]) -> Outcome:
    """The outcome behind a line of the journal."""
    return Outcome(line["sample_id"], line["epoch"], line["completion"], line["answer"],
                   line["confidence"], line["stop_reason"], None, line.get("trace"))  # fmt: skip

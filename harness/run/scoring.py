"""Outcomes and their scores, as lines of the journal. Targets stay on this side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.base.concurrent import in_order
from harness.base.errors import HarnessError, ModelCallError, PluginError
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.results.measures import checked
from harness.run.journal import Journal
from harness.run.plugin_errors import fault
from harness.sample import Outcome, Sample, Score, Splits
from harness.task import Task

if TYPE_CHECKING:
    from harness.stats import Estimate


@dataclass
class Attempts:
    """Which attempts a run consists of, as (position in the split, epoch)."""

    samples: list[Sample]
    wanted: list[tuple[int, int]]


def attempt_line(task: Task, sample: Sample, outcome: Outcome, n: int, scored: bool) -> dict[str, Any]:
    """One line of the journal: the outcome and, unless the set is scored as a whole, its score."""
    attempt: dict[str, Any] = {
        "n": n,
        "sample_id": sample.id,
        "epoch": outcome.epoch,
        "status": "ok",
        "answer": None,
        "completion": outcome.text,
        "confidence": outcome.confidence,
        "stop_reason": outcome.stop_reason,
        "item_digest": sample.digest(),
        "group": sample.group,
        "reason": outcome.error,
    }
    if outcome.trace:
        attempt["trace"] = dict(outcome.trace)
    if outcome.measures:
        try:
            attempt["measures"] = checked(outcome.measures)
        except ValueError as error:
            raise PluginError(f"the outcome of question {sample.id!r} has a bad measure: {error}") from None
    if outcome.error is not None:
        return {**attempt, "status": outcome.declined or "error", "metrics": {}}
    try:
        if outcome.answer is None:
            outcome.answer = task.parse(outcome.text, sample.question)
            attempt["reason"] = _why_none(task, sample, outcome) if outcome.answer is None else None
            if outcome.thought_alone and outcome.answer is None:
                attempt["reason"] = "only reasoning"
            elif not outcome.text.strip():
                attempt["reason"] = "empty"
        else:
            attempt["given"] = True
        attempt["answer"] = outcome.answer
        if outcome.answer is not None and "countable" in task.spec.offers:
            attempt["vote"] = task.canonical(outcome.answer, sample.question)
        if outcome.unscored is not None:
            return {**attempt, "status": "unscored", "metrics": {}, "reason": outcome.unscored[:500]}
        if not scored:
            return {**attempt, "metrics": None}
        score = task.score(sample, outcome)
    except Exception as error:
        score = _ungraded(error)
    return {**attempt, **_scored(task, sample, score, attempt["reason"])}


def score_apart(
    task: Task, sample: Sample, outcome: Outcome, line: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What the score says of an attempt whose line has none; None where there is nothing to score."""
    if line["metrics"] is not None:
        return None
    return _scored(task, sample, _score(task, sample, outcome), line["reason"])


def _why_none(task: Task, sample: Sample, outcome: Outcome) -> str:
    """Why a completion holds no answer; one that broke off at a limit is said to be cut off."""
    reason = task.read(outcome.text, sample.question).reason or "no statement"
    return "cut off" if reason == "no statement" and outcome.stop_reason == "max_tokens" else reason


def judged(task: Task, roles: Mapping[str, Any]) -> bool:
    """Whether a judge is asked before answers are scored."""
    return "judge" in roles and task.judges


async def judge_rest(
    task: Task, attempts: Attempts, journal: Journal, judge: Model, ledger: Ledger, limit: int
) -> None:
    """What the judge says of the answers that aren't scored yet, at most `limit` at once. A judge that
    fails makes an attempt unscored."""

    async def ask(line: dict[str, Any]) -> None:
        sample = attempts.samples[line["n"]]
        sample = replace(sample, question=sample.question.again(line["epoch"]))
        try:
            answer = await task.judge(sample, _outcome(line), judge)
        except ModelCallError as error:
            line |= _scored(task, sample, Score({}, "unscored", f"judge: {error}"[:500]))
        else:
            line |= {} if answer is None else {"answer": answer, "given": True}
        spent = ledger.take(sample.id, line["epoch"])
        line["usage"] = line["usage"] | {purpose: usage.as_dict() for purpose, usage in spent.items()}
        journal.append(line)

    await in_order(ask, [line for line in journal.attempts() if line["metrics"] is None], limit)


def score_rest(task: Task, attempts: Attempts, journal: Journal) -> None:
    """Scores of what isn't scored yet: of tasks with whole-set scores, or after a judge."""
    lines = [line for line in journal.attempts() if line["metrics"] is None]
    samples = [attempts.samples[line["n"]] for line in lines]
    outcomes = [_outcome(line) for line in lines]
    scores: list[Score]
    if type(task).score_all is Task.score_all:
        scores = [_score(task, *pair) for pair in zip(samples, outcomes, strict=True)]
    else:
        try:
            scores = list(task.score_all(samples, outcomes) or ())
            if len(scores) != len(lines):
                raise ValueError(f"score_all gave {len(scores)} scores for {len(lines)} outcomes")
        except Exception as error:
            scores = [_ungraded(error)] * len(lines)
    for line, sample, score in zip(lines, samples, scores, strict=True):
        journal.append({**line, **_scored(task, sample, score, line["reason"])})


def _score(task: Task, sample: Sample, outcome: Outcome) -> Score:
    try:
        return task.score(sample, outcome)
    except Exception as error:
        return _ungraded(error)


def _scored(task: Task, sample: Sample, score: Score, why_none: str | None = None) -> dict[str, Any]:
    """What a line says of its score, or why there was no answer to score; a reason that names a private
    target is left out."""
    reason = score.reason or why_none
    if reason and task.spec.private_targets and any(part in reason for part in _words(sample.target)):
        reason = "the grader's reason names the target, which the task keeps private"
    return {"status": score.status, "metrics": dict(score.metrics), "reason": reason}


def _words(target: Any) -> Iterator[str]:
    """The texts and numbers that a target is made of."""
    if isinstance(target, Mapping):
        target = [*target, *target.values()]
    if isinstance(target, list | tuple | set | frozenset):
        for part in target:
            yield from _words(part)
    elif target is not None and str(target):
        yield str(target)


def _ungraded(error: Exception) -> Score:
    """The grader failed: that is neither right nor wrong."""
    return Score({}, "unscored", f"{type(error).__name__}: {error}"[:500])


def measure_set(
    task: Task, splits: Splits, attempts: Attempts, journal: Journal
) -> Mapping[str, float | Estimate]:
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
    return Outcome(
        line["sample_id"],
        line["epoch"],
        line["completion"],
        line["answer"],
        line["confidence"],
        line["stop_reason"],
        None,
        line.get("trace"),
    )

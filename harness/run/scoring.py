"""Outcomes and their scores, as lines of the journal. Targets stay on this side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sized
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.base.concurrent import in_order
from harness.base.errors import (
    GraderDown,
    GraderFailed,
    HarnessError,
    ModelCallError,
    PluginError,
    WorldDown,
)
from harness.base.plain import Unfit, Unheld, named, text
from harness.episode import WORLD_BROKEN
from harness.external.workers import WorkerError
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.run import door
from harness.run.journal import Journal
from harness.run.plugin_errors import fault, given, step
from harness.sample import Outcome, Sample, Score, Splits
from harness.task import Task, answer_in

if TYPE_CHECKING:
    from harness.stats import Estimate


#: what a grader raises where it broke down, whatever the answer
BROKEN = (GraderFailed, OSError, ImportError, MemoryError)
#: the share of a run's attempts up to which that is a loss, and how many are one in any case
SHARE, FEW = 0.05, 2


@dataclass
class Attempts:
    """Which attempts a run consists of, as (position in the split, epoch)."""

    samples: list[Sample]
    wanted: list[tuple[int, int]]


def attempt_line(task: Task, sample: Sample, outcome: Outcome, n: int) -> dict[str, Any]:
    """One line of the journal: the outcome and what it answers; `metrics` is None where a score is to come.

    Args:
        outcome: as `harness.run.door.outcome` makes it plain.

    Raises:
        PluginError: the task reads or counts it as something that can't be kept.
    """
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
        attempt["trace"] = outcome.trace
    if outcome.measures:
        attempt["measures"] = dict(outcome.measures)
    if outcome.error is not None:
        return {**attempt, "status": outcome.declined or "error", "metrics": {}}
    answer = outcome.answer
    try:
        if answer is None:
            answer = answer_in(task, outcome.text, sample.question)
            attempt["reason"] = _why_none(task, sample, outcome) if answer is None else None
            if outcome.thought_alone and answer is None:
                attempt["reason"] = "only reasoning"
            elif not outcome.text.strip():
                attempt["reason"] = "empty"
        else:
            attempt["given"] = True
        attempt["answer"] = answer
        if answer is not None and "countable" in task.spec.offers:
            attempt["vote"] = _vote(task, sample, _copied(answer))
    except PluginError:
        raise
    except Exception as error:
        return {**attempt, **_scored(task, sample, _ungraded(error), attempt["reason"])}
    if outcome.unscored is not None:
        return {**attempt, "status": "unscored", "metrics": {}, "reason": outcome.unscored[:500]}
    return {**attempt, "metrics": None}


def _copied(value: Any) -> Any:
    """A copy of plain JSON."""
    return json.loads(json.dumps(value)) if type(value) in (dict, list) else value


def _vote(task: Task, sample: Sample, answer: Any) -> str:
    """The form in which an answer is counted."""
    found = task.canonical(answer, sample.question)
    try:
        return text(found, "its canonical form", mend=True)
    except Unfit as error:
        raise given(task.spec, _of(sample, "an answer that can't be counted:"), error) from None


def _of(sample: Sample, what: str = "") -> str:
    return f" for question {named(sample.id)}{' ' if what else ''}{what}"


def score_apart(task: Task, sample: Sample, line: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the score says of an attempt whose line has none; None where there is nothing to score."""
    if line["metrics"] is not None:
        return None
    return _scored(task, sample, _score(task, sample, _outcome(line)), line["reason"])


def _why_none(task: Task, sample: Sample, outcome: Outcome) -> str:
    """Why a completion holds no answer; one that broke off at a limit is said to be cut off."""
    said = task.read(outcome.text, sample.question).reason
    reason = text(said, "the reason", mend=True) if said else "no statement"
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
            answer = door.answer(await task.judge(sample, _outcome(line), judge))
        except (ModelCallError, Unheld) as error:
            line |= _scored(task, sample, Score({}, "unscored", f"judge: {error}"[:500]))
        except Unfit as error:
            raise given(task.spec, _of(sample, "a judged answer that can't be kept:"), error) from None
        except HarnessError:
            raise
        except Exception as error:
            raise fault(task.spec, "judge", error) from error
        else:
            line |= {} if answer is None else {"answer": answer, "given": True}
        spent = ledger.take(sample.id, line["epoch"])
        line["usage"] = line["usage"] | {purpose: usage.as_dict() for purpose, usage in spent.items()}
        journal.append(line)

    await in_order(ask, journal.unscored(), limit)


def score_rest(task: Task, attempts: Attempts, journal: Journal) -> None:
    """Scores of what isn't scored yet: of tasks with whole-set scores, or after a judge."""
    lines = journal.unscored()
    samples = [attempts.samples[line["n"]] for line in lines]
    outcomes = [_outcome(line) for line in lines]
    scores: list[object]
    if type(task).score_all is Task.score_all:
        scores = [_score(task, *pair) for pair in zip(samples, outcomes, strict=True)]
    else:
        try:
            scores = list(task.score_all(samples, outcomes) or ())
            if len(scores) != len(lines):
                raise ValueError(f"score_all gave {len(scores)} scores for {len(lines)} outcomes")
        except Exception as error:
            scores = [error] * len(lines)
    for line, sample, score in zip(lines, samples, scores, strict=True):
        found = _scored(task, sample, score, line["reason"])
        if found.get("grader_failed"):
            journal.score(line, found)
        else:
            journal.append({**line, **found})


def check_grader(task: Task, attempts: Attempts, journal: Journal) -> None:
    """Whether the grader worked: a score of which it is to blame for every twentieth attempt that is missing,
    and for two of them, is none.

    Raises:
        GraderDown: it broke down too often; names the first attempt. Answers are kept.
    """
    failed, total = journal.ungraded(), len(journal.places)
    if _too_many(failed, total):
        n, first = failed[0]
        raise GraderDown(
            f"the grader of {task.spec.name} broke down at {len(failed)} of {total} attempts, the first at "
            f"{attempts.samples[n].id!r}: {first['reason']}; nothing is sealed, every answer is kept: "
            f"{_cure(task)}, and the same command scores them without asking for them again"
        )


def check_world(task: Task, attempts: Attempts, journal: Journal) -> None:
    """Whether the worlds of a task worked: the same share of attempts that broke down is no result.

    Raises:
        WorldDown: they broke down too often; names the first attempt. What was answered is kept.
    """
    if "world" not in task.spec.offers:
        return
    failed = [line for line in journal.attempts() if line["stop_reason"] == WORLD_BROKEN]
    total = len(journal.places)
    if _too_many(failed, total):
        first = failed[0]
        raise WorldDown(
            f"the world of {task.spec.name} broke down at {len(failed)} of {total} attempts, the first at "
            f"{first['sample_id']!r}: {first['reason']}; nothing is sealed, what was answered is kept: "
            f"{_cure(task)}, and the same command plays those attempts again"
        )


def _too_many(failed: Sized, total: int) -> bool:
    return len(failed) >= FEW and len(failed) > SHARE * total


def _cure(task: Task) -> str:
    name = task.spec.setup.get("name")
    return f"'harness setup {name} --overwrite' installs it again" if name else "mend it"


def _score(task: Task, sample: Sample, outcome: Outcome) -> object:
    try:
        return task.score(sample, outcome)
    except Exception as error:
        return error


def _scored(task: Task, sample: Sample, found: object, why_none: str | None = None) -> dict[str, Any]:
    """What a line says of its score, or why there was no answer to score; a reason that names a private
    target is left out. `grader_failed` where the grader broke down, whatever the answer.

    Raises:
        PluginError: it is no score, or one that can't be kept.
    """
    broke_down = isinstance(found, BROKEN) or (isinstance(found, WorkerError) and found.broken)
    try:
        score = door.score(_ungraded(found) if isinstance(found, Exception) else found, task.spec)
    except Unfit as error:
        raise given(task.spec, _of(sample), error) from None
    reason = score.reason or why_none
    if reason and task.spec.private_targets and any(part in reason for part in _words(sample.target)):
        reason = "the grader's reason names the target, which the task keeps private"
    told = {"status": score.status, "metrics": score.metrics, "reason": reason}
    return {**told, "grader_failed": True} if broke_down else told


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
    try:
        said = str(error) if isinstance(error, GraderFailed) else f"{type(error).__name__}: {error}"
    except Exception:  # an error that can't even say what it is
        said = type(error).__name__
    return Score({}, "unscored", said[:500])


def measure_set(
    task: Task, splits: Splits, attempts: Attempts, journal: Journal
) -> Mapping[str, float | Estimate]:
    """Metrics of the set as a whole, for tasks that have them.

    Raises:
        HarnessError: they can't be had; a fault of the task names its place.
    """
    if type(task).measure_set is Task.measure_set:
        return {}
    lines = [line for line in journal.attempts() if line["status"] == "ok"]
    samples = [attempts.samples[line["n"]] for line in lines]
    with step(task.spec, "measure_set"):
        found = task.measure_set(splits, samples, [_outcome(line) for line in lines])
        try:
            return door.of_the_set(found, task.spec, len(attempts.samples))
        except Unfit as error:
            raise given(task.spec, " for the whole set", error) from None


def _outcome(line: Mapping[str, Any]) -> Outcome:
    """The outcome behind a line of the journal, which no scorer changes."""
    return Outcome(
        line["sample_id"],
        line["epoch"],
        line["completion"],
        _copied(line["answer"]),
        line["confidence"],
        line["stop_reason"],
        None,
        _copied(line.get("trace")),
    )

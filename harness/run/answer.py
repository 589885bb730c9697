"""Fit and answer: what a method does, attempt by attempt into the journal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.base import forks, interrupts
from harness.base.errors import HarnessError, PluginError
from harness.base.plain import Unfit, named
from harness.display.failures import DECLINED_HEADS
from harness.job import Job
from harness.method import Method
from harness.model.attempt_time import AttemptClock
from harness.model.ledger import Ledger
from harness.run import door
from harness.run.journal import Journal
from harness.run.plan import Cell
from harness.run.plugin_errors import fault, given, step, stops, whose
from harness.run.prepare import Prepared
from harness.run.scoring import attempt_line, judged, score_apart
from harness.run.session import Session
from harness.sample import Outcome, Question
from harness.task import Task

CURE = "return job.outcome(question, output), which names question and epoch"


def announce(method: Method, job: Job, cell: Cell, session: Session) -> list[str]:
    """Says what the method's `fit` is about to do, need and cost.

    Returns:
        The lines; none where the method has nothing to say.

    Raises:
        HarnessError: it can't be said, because `fit` couldn't be done either; a fault names its place.
    """
    with step(cell, "announce"):
        try:
            lines = door.lines(method.announce(job))
        except Unfit as error:
            raise given(cell.method, " to announce", error) from None
    if lines:
        session.notice(f"{cell.title}, before it begins", *lines)
    return lines


async def fit(method: Method, job: Job, cell: Cell, session: Session) -> None:
    """The method's `fit`, announced.

    Raises:
        HarnessError: it failed; a fault of the plugin names its place.
    """
    session.watcher.step(cell, "fit", 0, 0)
    announce(method, job, cell, session)
    with step(cell, "fit"):
        await method.fit(job)
    job.drawn.close()


async def answer(
    prepared: Prepared,
    method: Method,
    job: Job,
    todo: list[tuple[int, int]],
    ledger: Ledger,
    journal: Journal,
    session: Session,
) -> None:
    """Asks what is still to be asked, as a `step` of the method; every outcome is scored, unless that waits
    for the whole set or a judge, and kept.

    Raises:
        HarnessError: the method left questions unanswered; what was answered is kept.
        BaseException: whatever the method raises.
    """
    cell, task, attempts = prepared.cell, prepared.task, prepared.attempts
    samples = attempts.samples
    position = {sample.id: n for n, sample in enumerate(samples)}
    questions = _begun((samples[n].question.own(epoch) for n, epoch in todo), job.clock)
    total, done = len(attempts.wanted), len(attempts.wanted) - len(todo)
    waiting = set(todo)
    statuses: Counter[str] = Counter()
    most = _most_errors(cell.request.fail_on_error, total)
    later = type(task).score_all is not Task.score_all or judged(task, prepared.roles)
    stream: Any = method.answer_all(questions, job)
    try:
        async for found in stream:
            forks.check()
            outcome = _taken(found, cell)
            n = _place(outcome, position, waiting, cell)
            job.clock.end(outcome.question_id, outcome.epoch)
            attempt = attempt_line(task, samples[n], outcome, n)
            score = None if later else score_apart(task, samples[n], attempt)
            spent = ledger.take(outcome.question_id, outcome.epoch)
            attempt["usage"] = {purpose: usage.as_dict() for purpose, usage in spent.items()}
            attempt |= ledger.requests.take(outcome.question_id, outcome.epoch)
            journal.append(attempt)
            if score is not None:
                journal.score(attempt, score)
            done += 1
            statuses[(score or attempt)["status"]] += 1
            errors = statuses["error"]
            if errors >= most:
                raise HarnessError(
                    f"{errors} of {done} attempts ended in errors, the last as {attempt['reason']!r}; "
                    "--fail-on-error ends the run here, what was answered is kept"
                )
            session.watcher.step(cell, _step(statuses), done, total)
            if interrupts.came():  # a method that swallows its cancellation isn't asked again
                raise KeyboardInterrupt
    finally:
        await _close(stream, cell, session)
    missing = [key for key in attempts.wanted if key not in journal.places]
    if missing:
        raise PluginError(f"{whose(cell.method)} left {len(missing)} of {total} questions unanswered")


async def _close(stream: Any, cell: Cell, session: Session) -> None:
    """Ends a stream of outcomes that nobody reads any more, and with it the calls that are under way. What
    fails in it is said, and is no other end of the run."""
    close = getattr(stream, "aclose", None)
    if close is None:
        return
    try:
        await close()
    except BaseException as error:
        if stops(error):
            raise
        session.notice(str(fault(cell.method, "the end of answer_all", error)))


def _step(statuses: Mapping[str, int]) -> str:
    """`answer`, and how many attempts came to nothing: `answer (2 error, 5 refused)`."""
    words = (("error", "error"), ("unscored", "unscored"), *DECLINED_HEADS.items())
    failed = [f"{statuses[name]} {word}" for name, word in words if statuses.get(name)]
    return f"answer ({', '.join(failed)})" if failed else "answer"


def _begun(questions: Iterable[Question], clock: AttemptClock) -> Iterator[Question]:
    """The questions; the time of each may begin when it is taken."""
    for question in questions:
        clock.begin(question)
        yield question


def _most_errors(limit: float | None, total: int) -> float:
    """At how many errors a run ends."""
    if limit is None:
        return math.inf
    return max(1, math.ceil(limit if limit >= 1 else limit * total))


def _taken(found: object, cell: Cell) -> Outcome:
    """What a method gave, made plain.

    Raises:
        PluginError: it is no outcome, or one that can't be kept.
    """
    try:
        return door.outcome(found)
    except Unfit as error:
        name = getattr(found, "question_id", None) if isinstance(found, Outcome) else None
        what = f" for question {named(name)} an outcome that can't be kept:" if name is not None else ""
        raise given(cell.method, what, error, "" if what else CURE) from None


def _place(outcome: Outcome, position: Mapping[str, int], waiting: set[tuple[int, int]], cell: Cell) -> int:
    """The place in the set of what an outcome answers, which waits no longer.

    Raises:
        PluginError: it is of nothing that still waits: never asked, or answered before.
    """
    place = (position.get(outcome.question_id, -1), outcome.epoch)
    if place not in waiting:
        raise PluginError(
            f"{whose(cell.method)} answered question {outcome.question_id!r} of epoch {outcome.epoch}, "
            f"which was not asked or is answered already; {CURE}"
        )
    waiting.remove(place)
    return place[0]

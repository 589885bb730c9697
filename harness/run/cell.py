"""One cell of the grid: fit -> answer -> score -> seal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.digest import digest
from harness.base.errors import BudgetSpent, HarnessError, PluginError, UsageError
from harness.data.hub import Data
from harness.external.services import Services
from harness.job import Job
from harness.method import Method
from harness.model.gateway import Model
from harness.model.ledger import Budget, Ledger
from harness.model.prices import price
from harness.model.provider import Provider
from harness.registry import load_method, load_task, registry
from harness.results.record import seal
from harness.run import keys
from harness.run.journal import Journal
from harness.run.plan import Cell, task_arguments
from harness.run.plugin_errors import fault
from harness.run.scoring import Attempts, attempt_line, judge_rest, measure_set, score_rest
from harness.run.session import Session
from harness.sample import Question, Splits
from harness.task import Task

if TYPE_CHECKING:
    from harness.model.embed import Embedder


async def run_cell(cell: Cell, session: Session) -> dict[str, Any]:
    """The record of the cell's run: the sealed one if there is one, else a new one.

    Raises:
        HarnessError: the cell can't be run, with the cure; attempts made so far are kept.
    """
    provider = session.provider(cell.model, cell)
    _check_abilities(cell, provider)
    roles = {role: session.role(name, cell) for role, name in cell.request.roles.items()}
    session.watcher.step(cell, "load", 0, 0)
    task, splits, data = session.load(cell)
    for each in (provider, *roles.values()):
        each.prepare(splits)
    absent = [role for role in task.roles if role not in roles]
    if absent and "answers" not in provider.abilities:
        raise UsageError(f"task {cell.task.name!r} with these arguments needs --role {absent[0]}=MODEL")
    for need in ("labelled", "pool", "dev", "interactions", "item_texts"):
        if need in cell.method.needs and not splits.size(need):
            raise UsageError(
                f"method {cell.method.name!r} needs {need}, and {cell.task.name} has none "
                "with these arguments"
            )
    attempts = _attempts(cell, provider, splits, session)
    comparability = keys.comparability(cell, task, attempts.samples, data.read, splits.interactions)
    embedder = _embedder(cell)
    subject = keys.subject(cell, provider, roles, embedder)
    run_id = keys.run_id(digest(comparability), digest(subject), cell)
    folder = session.store.run_folder(cell, run_id)
    again = cell.request.overwrite
    if not again:
        sealed = session.store.sealed(folder)
        if sealed is not None and sealed["status"] == "complete":
            counts = sealed["counts"]
            failed = counts["error"] + counts.get("user_failed", 0)
            if not failed or "answers" in provider.abilities:
                return {**sealed, "reused": True}
            again = True  # what did come is in the cache
            session.notice(
                f"{cell.title}: {failed} attempts of run {run_id[:12]} failed for want of a model "
                "or a user, which is no result; it is made again"
            )
        if sealed is not None and sealed["status"] == "retracted":
            session.notice(
                f"{cell.title}: run {run_id[:12]} was retracted ({sealed['reason']}); it is made again"
            )
    judges = type(task).needs_judge is not Task.needs_judge
    if judges and "judge" not in roles and "answers" not in provider.abilities:
        unjudged = sum(map(task.needs_judge, attempts.samples))
        if unjudged:
            session.notice(
                f"{cell.task.name}: {unjudged} of {len(attempts.samples)} items need a judge and "
                "stay unscored without --role judge=MODEL"
            )
    method = load_method(cell.method, cell.method_args)
    ledger, started = Ledger(), time.time()
    job = _job(cell, session, task, splits, ledger, embedder, len(attempts.wanted))
    status, reason = "complete", None
    of_the_set: Mapping[str, float] = {}
    with Journal(session.store.running_folder(run_id)) as journal:
        journal.describe(cell.title, len(attempts.wanted))
        if again:
            journal.clear()
        ledger.restore(attempt["usage"] for attempt in journal.attempts())
        ledger.restore(journal.given_up)
        try:
            todo = [key for key in attempts.wanted if key not in journal.places]
            if todo:
                await _fit(method, job, cell, session)
                journal.keep_fit(
                    {"usage": ledger.take_all(), "data_access": job.access, "curve": job.learning_curve}
                )
            else:  # killed before its seal: nothing is left to fit for
                fit = journal.fit()
                ledger.restore([fit.get("usage", {})])
                job.access.update(fit.get("data_access", {}))
                job.learning_curve = fit.get("curve", [])
            await _answer(cell, task, method, job, attempts, todo, ledger, journal, session)
            if _judged(task, roles):
                await judge_rest(
                    task, attempts, journal, job.role("judge"), ledger, roles["judge"].connections
                )
            score_rest(task, attempts, journal)
            of_the_set = measure_set(task, splits, attempts, journal)
        except BudgetSpent as spent:
            status, reason = "stopped", str(spent)
        finally:
            job.close()
            if session._cache is not None:
                session._cache.flush()
        session.watcher.step(cell, "seal", 0, 0)
        record = seal(
            store=session.store,
            folder=folder,
            cell=cell,
            run_id=run_id,
            status=status,
            reason=reason,
            comparability=comparability,
            subject=subject,
            sources=data.read,
            samples=attempts.samples,
            attempts=journal.attempts(),
            ledger=ledger,
            of_the_set=of_the_set,
            access=job.access,
            started=started,
            command=session.command,
            curve=job.learning_curve,
        )
        if status == "complete":
            journal.remove()
    return record


def _judged(task: Task, roles: Mapping[str, Any]) -> bool:
    """Whether a judge is asked before answers are scored."""
    return "judge" in roles and type(task).judge is not Task.judge


def _embedder(cell: Cell) -> Embedder | None:
    if "embedder" not in cell.method.needs + cell.method.may_use:
        return None
    from harness.model.embed import open_embedder

    return open_embedder(cell.request.embedder, cell.request.offline)


def _job(
    cell: Cell,
    session: Session,
    task: Task,
    splits: Splits,
    ledger: Ledger,
    embedder: Embedder | None,
    n_questions: int,
) -> Job:
    """The method's door, with models that charge `ledger`."""
    request = cell.request
    provider = session.provider(cell.model, cell)
    roles = {role: session.role(name, cell) for role, name in request.roles.items()}
    budget = Budget(request.budget_calls, request.budget_tokens, request.budget_cost, request.budget_time)

    def handle(source: Provider, own: bool) -> Model:
        decoding = {**cell.task.decoding, **request.decoding} if own else {}
        return Model(
            source,
            ledger=ledger,
            budget=budget,
            cache=session.cache if source.cacheable else None,
            decoding=decoding,
            seed=cell.seed,
            price=price(source.name, session.prices),
            offline=request.offline,
            max_retries=request.max_retries,
            slots=session.slots(source),
        )

    return Job(
        task=task,
        method=cell.method,
        splits=splits,
        model=handle(provider, own=True),
        roles={name: handle(role, own=role is provider) for name, role in roles.items()},
        budget=budget,
        seed=cell.seed,
        embedder=embedder,
        concurrency=provider.connections,
        n_questions=n_questions,
        ledger=ledger,
        with_weights=lambda folder: handle(provider.with_weights(folder), own=True),
        open_task=lambda name: _other_task(name, cell),
        services=Services(
            ledger=ledger,
            budget=budget,
            cache=session.cache if "world" in cell.task.offers else None,
            settings=session.services,
            offline=request.offline,
            max_retries=request.max_retries,
        ),
        progress=lambda what, done, total: session.watcher.step(cell, what, done, total),
    )


async def fit_cell(cell: Cell, session: Session) -> tuple[Path, Ledger]:
    """Runs `fit` alone: the folder of the policy that came of it, and what that cost.

    Raises:
        HarnessError: the cell can't be fitted, or its method leaves no policy; checkpoints are kept.
    """
    job, method, ledger = _prepare(cell, session)
    try:
        await _fit(method, job, cell, session)
    finally:
        job.close()
    if job.trained is None:
        raise UsageError(
            f"method {cell.method.name!r} trains no policy; 'harness list methods' shows which "
            "need a trainable model"
        )
    return job.trained, ledger


def launch_cell(cell: Cell, session: Session, backend: str) -> dict[str, str]:
    """The files with which a cell's training is started elsewhere, by name.

    Raises:
        HarnessError: the method can't be trained there.
    """
    job, method, _ = _prepare(cell, session)
    try:
        return method.launch(backend, job)
    finally:
        job.close()


def _prepare(cell: Cell, session: Session) -> tuple[Job, Method, Ledger]:
    """A cell without its test items, for what is done before any is asked."""
    provider = session.provider(cell.model, cell)
    _check_abilities(cell, provider)
    task, splits, _ = session.load(cell)
    ledger = Ledger()
    job = _job(cell, session, task, replace(splits, test=()), ledger, _embedder(cell), 0)
    return job, load_method(cell.method, cell.method_args), ledger


def _other_task(name: str, cell: Cell) -> tuple[Task, Splits]:
    """Another task and its data, with its default arguments."""
    spec = registry().task(name)
    task = load_task(spec, task_arguments(spec, {}, cell.model))
    return task, task.load(Data.from_environment(cell.request.mirror, cell.request.offline))


def _check_abilities(cell: Cell, provider: Provider) -> None:
    """Whether the model can do what the method asks of it."""
    needs, world = set(cell.method.needs), "world" in cell.task.offers
    told = cell.task.in_text
    in_words = bool(told) and all(cell.task_args.get(name) == value for name, value in told.items())
    acts = world and "tools" in cell.method.may_use and "answers" not in provider.abilities
    if acts and not in_words:
        needs.add("tools")  # to act in a world it calls them
    wanted = ("tools", "logprobs", "trainable")
    missing = [need for need in wanted if need in needs - provider.abilities]
    if not missing:
        return
    cure = ""
    if missing == ["tools"] and world:
        fit = [m.name for m in registry().methods.values() if "world" in m.needs and "tools" not in m.needs]
        cure = f"; methods that ask for calls in text: {', '.join(fit)}" if fit else ""
    raise UsageError(f"method {cell.method.name!r} needs {missing[0]}, which {cell.model} doesn't give{cure}")


def _attempts(cell: Cell, provider: Provider, splits: Splits, session: Session) -> Attempts:
    from harness.model.recorded import Recorded

    limit = cell.request.limit
    samples = list(splits.test[:limit] if limit else splits.test)
    if isinstance(provider, Recorded) and cell.method.name == "direct":
        # a recorded run is measured on what it holds: its own samples and epochs, no more
        position = {sample.id: n for n, sample in enumerate(samples)}
        covered = sorted((position[i], epoch) for i, epoch in provider.found if i in position)
        kept = sorted({n for n, _ in covered})
        if len(kept) < len(samples):
            session.notice(
                f"{provider.name} has responses for {len(kept)} of the {len(samples)} samples of "
                f"{cell.task.name}; only these are measured"
            )
        renumber = {n: new for new, n in enumerate(kept)}
        return Attempts([samples[n] for n in kept], [(renumber[n], e) for n, e in covered])
    wanted = [(n, epoch) for epoch in range(cell.request.epochs) for n in range(len(samples))]
    return Attempts(samples, wanted)


async def _fit(method: Method, job: Job, cell: Cell, session: Session) -> None:
    session.watcher.step(cell, "fit", 0, 0)
    try:
        await method.fit(job)
    except HarnessError:
        raise
    except Exception as error:
        raise fault(cell.method.name, cell.method.distribution, "fit", error) from error


async def _answer(
    cell: Cell,
    task: Task,
    method: Method,
    job: Job,
    attempts: Attempts,
    todo: list[tuple[int, int]],
    ledger: Ledger,
    journal: Journal,
    session: Session,
) -> None:
    samples = attempts.samples
    position = {sample.id: n for n, sample in enumerate(samples)}
    questions: Iterator[Question] = (samples[n].question.again(epoch) for n, epoch in todo)
    total, done = len(attempts.wanted), len(attempts.wanted) - len(todo)
    later = type(task).score_all is not Task.score_all or _judged(task, cell.request.roles)
    try:
        async for outcome in method.answer_all(questions, job):
            n = position[outcome.question_id]
            attempt = attempt_line(task, samples[n], outcome, n, scored=not later)
            spent = ledger.take(outcome.question_id, outcome.epoch)
            attempt["usage"] = {purpose: usage.as_dict() for purpose, usage in spent.items()}
            journal.append(attempt)
            done += 1
            session.watcher.step(cell, "answer", done, total)
    except (HarnessError, asyncio.CancelledError, KeyboardInterrupt):
        raise
    except Exception as error:
        raise fault(cell.method.name, cell.method.distribution, "answer", error) from error
    missing = [key for key in attempts.wanted if key not in journal.places]
    if missing:
        raise PluginError(
            f"method {cell.method.name!r} (distribution {cell.method.distribution}) "
            f"left {len(missing)} of {total} questions unanswered"
        )

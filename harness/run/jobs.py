"""The job of a cell: its models behind one ledger, budget and cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.data.hub import Data
from harness.external.services import Services
from harness.job import Job, Models
from harness.job.data import check_vectors
from harness.job.pasts import SWAP
from harness.model.attempt_time import AttemptClock, Timed
from harness.model.budget import Budget
from harness.model.embed import Embedder
from harness.model.embedding_costs import Account
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.provider import Provider
from harness.registry import load_task, registry, settled
from harness.run.code import Code
from harness.run.keys import task_roles
from harness.run.plan import Cell, task_arguments
from harness.run.prepare import Prepared
from harness.run.session import Session
from harness.sample import Sample, Splits
from harness.search.dense import Embed
from harness.task import Task


def job_of(prepared: Prepared, session: Session, ledger: Ledger) -> Job:
    """What the method of a prepared cell gets, with models that charge `ledger`."""
    return make_job(
        prepared.cell,
        session,
        task=prepared.task,
        splits=prepared.splits,
        provider=prepared.provider,
        roles=prepared.roles,
        ledger=ledger,
        embedder=prepared.embedder,
        n_questions=len(prepared.attempts.wanted),
        code=prepared.code["method"],
        asked=prepared.attempts.samples,
    )


def make_job(
    cell: Cell,
    session: Session,
    *,
    task: Task,
    splits: Splits,
    provider: Provider,
    roles: Mapping[str, Provider],
    ledger: Ledger,
    embedder: Embedder | None,
    n_questions: int,
    code: Code,
    asked: Sequence[Sample] | None = None,
) -> Job:
    """What a method gets, with models that charge `ledger`. `asked` are the items of the run, all of the test
    by default."""
    request = cell.request
    budget = Budget(request.budget_calls, request.budget_tokens, request.budget_usd, request.budget_time)

    # how the subject decodes, and what it is told, is not how the task's judge or user does
    of_task = task_roles(task)

    clock = AttemptClock(request.attempt_time)
    limit: int | None = cell.task.decoding.get("max_tokens")

    def handle(
        source: Provider, own: bool, answers: bool = False, subject: bool = False, role: str = ""
    ) -> Model:
        chosen = request.decoding if own or answers else {}
        decoding = {**cell.task.decoding, **chosen} if own else dict(chosen)
        model = Timed(
            source,
            ledger=ledger,
            budget=budget,
            cache=session.cache if source.cacheable else None,
            decoding=decoding,
            seed=cell.seed,
            price=session.price(source.name, cell, role=source is not provider),
            offline=request.offline,
            max_retries=request.max_retries,
            pace=session.pace(source, request.requests_per_minute),
            health=session.health(source, request.keep_going),
            answer_limit=None if "max_tokens" in request.decoding or not own else limit,
            prompt_cache=request.prompt_cache,
            chosen=chosen,
            notice=session.notice,
            notes_requests=subject and request.transcripts,
            fields=lambda question: task.request_fields(question, cell.seed, "" if own else role),
        )
        model.clock = clock
        return model

    if embedder is not None:
        price = session.embedder_price(cell.request.embedder)
        embedder.charge_to(Account(ledger, budget, price))

    return Job(
        task=task,
        method=cell.method,
        splits=splits,
        models=Models(
            model=handle(provider, own=True, subject=True),
            roles={
                name: handle(
                    role,
                    own=role is provider and name not in of_task,
                    answers=name in cell.method.roles and name not in of_task,
                    role=name,
                )
                for name, role in roles.items()
            },
            embedder=embedder,
            ledger=ledger,
            budget=budget,
            with_weights=lambda folder: handle(provider.with_weights(folder), own=True, subject=True),
            concurrency=lambda: session.pace(provider).questions if provider.remote else provider.connections,
            clock=clock,
        ),
        seed=cell.seed,
        n_questions=n_questions,
        asked=asked,
        swap=str(cell.method_args.get(SWAP, "none")),
        code=code.digest if code.development else "",
        prompt=cell.method.template(cell.method_args),
        open_task=lambda name: _other_task(name, cell, session),
        services=Services(
            keep_going=cell.request.keep_going,
            ledger=ledger,
            budget=budget,
            cache=session.cache if "world" in cell.task.offers else None,
            settings=session.services,
            embedder_price=session.embedder_price,
            offline=request.offline,
            max_retries=request.max_retries,
            notice=session.notice,
            corpus=splits.corpus,
            embed=_checked(embedder) if embedder is not None and task.embeds else None,
        ),
        progress=lambda what, done, total: session.watcher.step(cell, what, done, total),
    )


def _checked(embedder: Embedder) -> Embed:
    """The embedder of the run for the worlds of its task.

    Raises:
        DataError: as `Job.embed`.
    """

    def embed(texts: Sequence[str]) -> Any:
        rows = embedder.embed(texts)
        check_vectors(rows, len(texts), embedder.name)
        return rows

    return embed


def _other_task(name: str, cell: Cell, session: Session) -> tuple[Task, Splits]:
    """Another task and its data, with its default arguments; without its test, which no method may read."""
    spec = registry().task(name)
    arguments = task_arguments(spec, {}, cell.model)
    data = Data.from_environment(cell.request.mirror, cell.request.offline, session.reach)
    task = load_task(settled(spec, arguments, data), arguments)
    return task, replace(task.load(data), test=())

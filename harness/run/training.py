"""A cell's `fit` alone: announced, done here, or as files that start it on a cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.base.errors import UsageError
from harness.job import Job
from harness.method import Method
from harness.model.ledger import Ledger
from harness.registry import load_method
from harness.run.answer import announce, fit
from harness.run.code import code_of
from harness.run.item_choice import chosen
from harness.run.jobs import make_job
from harness.run.plan import Cell
from harness.run.plugin_errors import foreseen
from harness.run.prepare import check_abilities, open_embedder, open_roles
from harness.run.session import Session


async def fit_cell(cell: Cell, session: Session) -> tuple[Path, Ledger]:
    """Runs `fit` alone: the folder of the policy that came of it, and what that cost.

    Raises:
        HarnessError: the cell can't be fitted, or its method leaves no policy; checkpoints are kept.
    """
    job, method, ledger = _prepare(cell, session)
    try:
        with foreseen(cell):
            await fit(method, job, cell, session)
    finally:
        job.close()
    if job.training.trained is None:
        raise UsageError(
            f"method {cell.method.name!r} trains no policy; 'harness list methods' shows which "
            "need a trainable model"
        )
    return job.training.trained, ledger


def announce_cell(cell: Cell, session: Session) -> list[str]:
    """Says what the cell's `fit` would do, need and cost; the lines, none of a method with nothing to say.

    Raises:
        HarnessError: the cell can't be fitted.
    """
    if cell.request.isolate or type(load_method(cell.method, cell.method_args)).announce is Method.announce:
        return []
    job, method, _ = _prepare(cell, session)
    try:
        return announce(method, job, cell, session)
    finally:
        job.close()


def calls_of_cell(cell: Cell, session: Session, n_questions: int) -> int | None:
    """The calls of a cell whose method must see the job's data to say how many; None where it can't.

    Raises:
        HarnessError: the cell can't be fitted.
    """
    if cell.request.isolate or type(load_method(cell.method, cell.method_args)).calls_of is Method.calls_of:
        return None
    job, method, _ = _prepare(cell, session)
    try:
        with foreseen(cell):
            return method.calls_of(job, n_questions)
    finally:
        job.close()


def launch_cell(cell: Cell, session: Session, backend: str) -> dict[str, str]:
    """The files with which a cell's training is started elsewhere, by name.

    Raises:
        HarnessError: the method can't be trained there.
    """
    job, method, _ = _prepare(cell, session)
    try:
        with foreseen(cell):
            return method.launch(backend, job)
    finally:
        job.close()


def _prepare(cell: Cell, session: Session) -> tuple[Job, Method, Ledger]:
    """A job without test items, for what is done before any is asked; the users of those to come are known to
    it by their pasts."""
    if cell.request.isolate:
        raise UsageError("--isolate is for measuring a method, not for its training alone")
    with foreseen(cell):
        return _made(cell, session)


def _made(cell: Cell, session: Session) -> tuple[Job, Method, Ledger]:
    provider = session.provider(cell.model, cell)
    check_abilities(cell, provider)
    task, splits, _ = session.load(cell)
    ledger = Ledger()
    job = make_job(
        cell,
        session,
        task=task,
        splits=replace(splits, test=()),
        provider=provider,
        roles=open_roles(cell, task, session),
        ledger=ledger,
        embedder=open_embedder(cell, task),
        n_questions=0,
        code=code_of(cell.method),
        asked=chosen(cell.request, splits.test) if splits.history else None,
    )
    return job, load_method(cell.method, cell.method_args), ledger

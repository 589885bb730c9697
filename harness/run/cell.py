"""One cell of the grid: prepare, show what is sealed already, else fit -> answer -> score -> seal."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from harness.base.errors import BudgetSpent, PluginError, RecordError, UsageError
from harness.base.garbage import not_in_what_is_loaded
from harness.job import Job
from harness.method import Method
from harness.model.ledger import Ledger, Usage
from harness.results.record import seal
from harness.run.answer import answer, fit
from harness.run.budget_check import book_probes
from harness.run.code import check_unchanged, in_memory
from harness.run.draws import declared, of_run
from harness.run.isolation.opening import opened
from harness.run.jobs import job_of
from harness.run.journal import Journal, outlived
from harness.run.keys import by_content
from harness.run.live_code import run_of
from harness.run.older_records import sealed_formerly
from harness.run.plan import Cell
from harness.run.planned import planned
from harness.run.plugin_errors import settings_kept, step
from harness.run.prepare import Prepared, prepare
from harness.run.scoring import check_grader, check_world, judge_rest, judged, measure_set, score_rest
from harness.run.session import Session
from harness.run.turn import Turn

if TYPE_CHECKING:
    from harness.stats import Estimate


async def run_cell(cell: Cell, session: Session) -> dict[str, Any]:
    """The record of the cell's run: the sealed one if there is one (`reused`), else a new one, with the
    number of calls that --offline refused as `missing` if there were any.

    Raises:
        HarnessError: the cell can't be run, with the cure; attempts made so far are kept.
    """
    prepared = prepare(cell, session)
    attempt = session.store.next_attempt(prepared.folder)
    if not cell.request.overwrite:
        found, _ = sealed(prepared, session)
        if found is not None:
            return {**found, "reused": True}
    async with opened(prepared, session) as method:
        return await _run(prepared, method, session, attempt)


async def _run(prepared: Prepared, method: Method, session: Session, attempt: int) -> dict[str, Any]:
    """The record of a prepared cell's run, of which this attempt isn't sealed yet, unless another process has
    done so meanwhile."""
    cell = prepared.cell  # with the code as it is now
    check_unchanged(cell.method, prepared.code["method"], loaded=False)
    says = declared(method, cell)
    session.begin()
    ledger, started = Ledger(), time.monotonic()
    book_probes(prepared, session, ledger)
    asked = planned(cell, len(prepared.attempts.samples), session)
    job = job_of(prepared, session, ledger)
    job.files.notice = session.notice
    turn = Turn(prepared, session)
    async with turn as journal:
        if session.store.next_attempt(prepared.folder) != attempt and not cell.request.overwrite:
            found, _ = sealed(prepared, session)
            if found is not None:
                job.close()
                return {**found, "reused": True}
        _resume(journal, prepared, ledger, cell.request.overwrite, session)
        status, reason = "complete", None
        of_the_set: Mapping[str, float | Estimate] = {}
        try:
            with run_of(
                *(spec.implementation for spec in (cell.task, cell.method) if in_memory(spec))
            ) as edited:
                with settings_kept(cell.method, session.notice):
                    of_the_set = await _measure(prepared, method, job, ledger, journal, session)
        except BudgetSpent as spent:
            status, reason = "stopped", str(spent)
        finally:
            job.close()
            session.flush()
            with suppress(RecordError):  # what ends the run is said, and not that its disk is full
                lost = Usage.from_dict(journal.lost())
                lost.add(ledger.lost())
                journal.keep_lost(lost.as_dict())
        _check_unmixed(prepared, journal)
        _check_not_cold(prepared, journal, ledger)
        for name in edited:
            session.notice(
                f"{cell.title}: {name}, or a file that it names, was edited while the run went; its "
                "attempts may be of both versions"
            )
        session.watcher.step(cell, "seal", 0, 0)
        record = seal(
            store=session.store,
            folder=prepared.folder,
            cell=cell,
            run_id=prepared.run_id,
            status=status,
            reason=reason,
            comparability=prepared.comparability,
            subject=prepared.subject,
            code={name: code.as_dict() for name, code in prepared.code.items()},
            sources=prepared.data.read,
            samples=prepared.attempts.samples,
            attempts=journal.attempts(),
            ledger=ledger,
            prices=_prices(prepared, session),
            of_the_set=of_the_set,
            classes=prepared.task.classes,
            access=job.access,
            draws=of_run(says, job, cell),
            planned=asked,
            started=started,
            command=session.command,
            curve=job.training.learning_curve,
        )
        if status == "complete":
            journal.remove()
            whole = record["counts"]["ok"] + record["counts"]["unscored"] == record["counts"]["attempts"]
            if whole and any(each.remote for each in (prepared.provider, *prepared.roles.values())):
                session.cache.keep_run(prepared.run_id)
    return {**record, "missing": ledger.missing} if ledger.missing else record


def _check_unmixed(prepared: Prepared, journal: Journal) -> None:
    """Whether every attempt was made with the same prompts and files.

    Raises:
        PluginError: one was edited while the run went; the attempts are left behind.
    """
    cell = prepared.cell
    try:
        for part, spec in (("task", cell.task), ("method", cell.method)):
            check_unchanged(spec, prepared.code[part], loaded=True)
        if by_content(cell.method, cell.method_args) != prepared.subject["method_args"]:
            raise PluginError(
                f"a file that an argument of {cell.method.name} names changed while the run went, and its "
                "answers may be of both versions; run the same command again"
            )
    except PluginError:
        journal.clear()
        raise


def _check_not_cold(prepared: Prepared, journal: Journal, ledger: Ledger) -> None:
    """Whether --offline found anything: nothing is sealed of a run for which the cache had no completion.

    Raises:
        UsageError: it found nothing.
    """
    if (
        not ledger.missing
        or ledger.total.cache_hits
        or any(attempt["status"] != "error" for attempt in journal.attempts())
    ):
        return
    journal.clear()
    models = ", ".join(sorted(ledger.lacking))
    raise UsageError(
        f"--offline is set and the cache holds no completion of {models} for {prepared.cell.title}, so "
        "nothing is sealed; run once with a network to fill the cache"
    )


def _prices(prepared: Prepared, session: Session) -> dict[str, dict[str, Any]]:
    """The known prices of the models that a run may ask, by name."""
    models = {each.name: True for each in prepared.roles.values()} | {prepared.provider.name: False}
    found = {name: session.price(name, prepared.cell, role) for name, role in sorted(models.items())}
    if prepared.embedder is not None and prepared.embedder.name.startswith("openai/"):
        found[prepared.embedder.name] = session.embedder_price(prepared.embedder.name)
    return {name: each.as_dict() for name, each in found.items() if each is not None}


def sealed(prepared: Prepared, session: Session) -> tuple[dict[str, Any] | None, bool]:
    """The sealed record that answers for this cell, if there is one; else whether to begin again."""
    cell, run = prepared.cell, prepared.run_id[:12]
    found = session.store.sealed(prepared.folder) or sealed_formerly(prepared, session)
    if found is None:
        return None, False
    if found["status"] == "retracted":
        session.notice(f"{cell.title}: run {run} was retracted ({found['reason']}); it is made again")
        return None, False
    if found["status"] != "complete":
        return None, False
    if cell.request.isolate and not found.get("isolated"):
        session.notice(
            f"{cell.title}: run {run} wasn't isolated; it is measured again, in a process of its own"
        )
        return None, False
    counts = found["counts"]
    failed = counts["error"] + counts.get("user_failed", 0)
    if failed and "answers" not in prepared.provider.abilities:  # what did come is in the cache
        session.notice(
            f"{cell.title}: {failed} attempts of run {run} failed because there was no model "
            "or user, which is no result; it is made again"
        )
        return None, True
    for part, code in prepared.code.items():
        before = found["code"][part]["digest"]
        if before and before != code.digest:
            session.notice(
                f"{cell.title}: run {run} was made by other code of the same {part} version "
                f"({before[:12]}, now {code.digest[:12]}); --overwrite measures it again"
            )
    return found, False


def _resume(journal: Journal, prepared: Prepared, ledger: Ledger, overwrite: bool, session: Session) -> None:
    """Takes over what an interrupted run of the same code left, or begins again."""
    samples, wanted = prepared.attempts.samples, set(prepared.attempts.wanted)

    def asked(attempt: Mapping[str, Any]) -> bool:
        key = attempt["n"], attempt["epoch"]
        return key in wanted and attempt["sample_id"] == samples[key[0]].id

    code = {name: part.digest for name, part in prepared.code.items()}
    if prepared.cell.request.isolate:
        code["isolated"] = "yes"
    store, folder = session.store, prepared.folder
    past = outlived(store, folder, journal.attempt)
    other = journal.code not in ({}, code) and not past
    if other and journal.places:
        session.notice(
            f"{prepared.cell.title}: an interrupted run was made by other code, or in the other mode; "
            f"its {len(journal.places)} attempts are left behind"
        )
    if overwrite or other or past:
        journal.clear()
    elif lost := journal.broken + journal.keep_only(asked):
        session.notice(f"{prepared.cell.title}: {lost} lines of its journal are damaged, and asked again")
    run = folder.relative_to(store.root).as_posix()
    journal.describe(prepared.cell.title, len(wanted), code, store.next_attempt(folder), run)
    ledger.restore(attempt["usage"] for attempt in journal.attempts())
    ledger.restore(journal.given_up)
    ledger.total.add(Usage.from_dict(journal.lost()))
    ledger.served.restore(journal.served())
    ledger.served.noticed = lambda: journal.keep_served(ledger.served.as_dict())


async def _measure(
    prepared: Prepared, method: Method, job: Job, ledger: Ledger, journal: Journal, session: Session
) -> Mapping[str, float | Estimate]:
    """Fit, answer, judge and score; the metrics of the set as a whole."""
    task, roles, attempts = prepared.task, prepared.roles, prepared.attempts
    todo = [key for key in attempts.wanted if key not in journal.places]
    kept = journal.fit()
    job.drawn.restore(kept.get("drawn", {}), told=not todo)
    if todo:
        await fit(method, job, prepared.cell, session)
        curve = job.training.learning_curve
        told = {"usage": ledger.take_all(), "data_access": dict(job.access), "curve": curve}

        def keep() -> None:
            journal.keep_fit({**told, "drawn": job.drawn.state()})

        keep()
        job.drawn.noticed = keep  # a draw while answering is known after a kill, too
    else:  # killed before its seal: nothing is left to fit for
        spent: dict[str, Any] = kept.get("usage", {})
        if journal.lost():  # what was paid stands there
            spent = {name: Usage.from_dict(usage).logical.as_dict() for name, usage in spent.items()}
        ledger.restore([spent])
        job.access.update(kept.get("data_access", {}))
        job.training.learning_curve = kept.get("curve", [])
        job.drawn.close()
    with not_in_what_is_loaded(), step(prepared.cell, "answer"):
        await answer(prepared, method, job, todo, ledger, journal, session)
    check_world(task, attempts, journal)
    if judged(task, roles):
        judge = job.role("judge")
        with step(prepared.cell.task, "judge"):
            await judge_rest(task, attempts, journal, judge, ledger, roles["judge"].connections)
    with step(prepared.cell.task, "score"):
        score_rest(task, attempts, journal)
    check_grader(task, attempts, journal)
    return measure_set(task, prepared.splits, attempts, journal)

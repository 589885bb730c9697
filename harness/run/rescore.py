"""Corrects a run: scores its sealed attempts with the task as it is now. No model is asked."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.base.digest import canonical_json, digest
from harness.base.errors import DECLINED, DataError, UsageError
from harness.base.known_files import located
from harness.data.hub import Data
from harness.model.ledger import Ledger, Usage
from harness.registry import registry, settled
from harness.results.attempts import TOKENS
from harness.results.curve import read_curve
from harness.results.record import seal
from harness.results.store import Store
from harness.results.stored import attempt_batches
from harness.results.verify import verify_samples
from harness.run import keys
from harness.run.code import Code, code_of
from harness.run.draws import Draws
from harness.run.item_choice import chosen
from harness.run.journal import Journal
from harness.run.plan import Cell, Request
from harness.run.repeats import with_repeats_grouped
from harness.run.scoring import (
    Attempts,
    attempt_line,
    check_grader,
    measure_set,
    score_apart,
    score_rest,
)
from harness.run.session import Session
from harness.sample import Outcome
from harness.spec import MethodSpec
from harness.task import Task

#: what records of before don't say of a run's use
NOT_COUNTED = {"cached_input_tokens": None, "cache_write_tokens": None, "estimated": 0}


def rescore(
    store: Store,
    record: Mapping[str, Any],
    reason: str,
    *,
    mirror: str | None = None,
    offline: bool = False,
    command: str = "",
) -> tuple[dict[str, Any], int]:
    """Seals a record that supersedes `record`, and says how many attempts it scores differently.

    An answer that the task parsed is parsed again; one that the method gave itself, such as the winner
    of a vote, stays. What was answered, spent and seen is that of the first record.

    Raises:
        UsageError: the run isn't complete, or nothing would change.
        DataError: the task's items are no longer those that were answered.
        RecordError: the sealed attempts can't be trusted, or the store can't be written.
    """
    run = record["run_id"][:12]
    if record["status"] != "complete":
        raise UsageError(f"run {run} is {record['status']}; only a complete one can be corrected")
    verify_samples(dict(record))
    if _without_texts(record):
        raise UsageError(f"run {run} was sealed with --no-transcripts: there is no text to score again")
    cell = _cell(record, mirror, offline)
    task, splits, data = Session(store).load(cell)
    answered = {row["sample_id"] for row in _rows(record, ["sample_id"])}
    asked = with_repeats_grouped(cell.task, chosen(cell.request, splits.test))
    samples = [sample for sample in asked if sample.id in answered]
    position = {sample.id: n for n, sample in enumerate(samples)}
    with tempfile.TemporaryDirectory(prefix="harness-") as folder, Journal(Path(folder)) as journal:
        for row in _rows(record):
            n = position.get(row["sample_id"])
            if n is None or samples[n].digest() != row["item_digest"]:
                raise DataError(
                    f"sample {row['sample_id']!r} of {cell.task.name} isn't the one that run "
                    f"{run} answered; measure it again with harness eval"
                )
            whole_set = type(task).score_all is not Task.score_all
            line = attempt_line(task, samples[n], _outcome(row), n)
            line |= (None if whole_set else score_apart(task, samples[n], line)) or {}
            spent = {name: row[name] for name in (*TOKENS, "cost_usd", "seconds")}
            sent = {name: row.get(name) for name in ("tools", "request")}
            journal.append({**line, **sent, "usage": {"answer": spent}})
        score_rest(task, Attempts(samples, []), journal)
        check_grader(task, Attempts(samples, []), journal)
        of_the_set = measure_set(task, splits, Attempts(samples, []), journal)
        changed = sum(map(_differ, _rows(record), journal.attempts()))
        code = {"task": code_of(cell.task), "method": Code(**record["code"]["method"])}
        asked = record["comparability"]["roles"]
        comparability = keys.comparability(
            cell,
            task,
            samples,
            data.read,
            code["task"],
            asked,
            splits.interactions,
            splits.history,
            splits.corpus,
        )
        if not changed and digest(comparability) == record["comparability_key"]:
            raise UsageError(f"scoring run {run} again changes nothing; nothing was written")
        run_id = keys.run_id(digest(comparability), record["subject_key"], cell, code)
        new = seal(
            store=store,
            folder=store.run_folder(cell, run_id),
            cell=cell,
            run_id=run_id,
            status="complete",
            reason=reason,
            comparability=comparability,
            subject=record["subject"],
            code={part: found.as_dict() for part, found in code.items()},
            sources=data.read,
            samples=samples,
            attempts=journal.attempts(),
            ledger=_ledger(record),
            prices=record.get("prices", {}),
            access=record["data_access"],
            draws=Draws(record["draws"], record.get("draw_digest")),
            planned=record.get("planned"),
            started=time.monotonic() - record["volatile"]["wall_s"],
            command=command,
            supersedes=record["run_id"],
            of_the_set=of_the_set,
            classes=task.classes,
            curve=read_curve(record),
        )
    return new, changed


def _cell(record: Mapping[str, Any], mirror: str | None, offline: bool) -> Cell:
    """The cell that the record came from, with the task of today and the method of then."""
    spec = registry().task(record["task"]["name"])
    method = MethodSpec(
        record["method"]["name"],
        record["method"]["version"],
        "",
        "",
        distribution=record["method"]["distribution"],
    )

    planned = record.get("planned") or {}
    # a file of responses may hold more epochs than were asked for, and the run id knows the latter
    recorded = str(record["model"]).startswith("recorded/")
    epochs = planned.get("epochs") or (1 if recorded else record["epochs"])
    request = Request(
        spec.name,
        isolate=bool(record.get("isolated")),
        limit=record["comparability"]["limit"],
        sample_id=record["comparability"].get("sample_id", ()),
        epochs=epochs,
        mirror=mirror,
        offline=offline,
    )
    arguments = spec.arguments(located(record["task"]["args"], "-T"))
    spec = settled(spec, arguments, Data.from_environment(mirror, offline))
    return Cell(spec, arguments, method, record["method"]["args"], record["model"], record["seed"], request)


def _rows(record: Mapping[str, Any], columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    for batch in attempt_batches(record, columns):
        yield from batch


def _without_texts(record: Mapping[str, Any]) -> bool:
    columns = ["status", "completion", "given_answer"]
    answered = [row for row in _rows(record, columns) if row["status"] == "ok"]
    return bool(answered) and all(
        row["completion"] is None and row.get("given_answer") is None for row in answered
    )


def _outcome(row: Mapping[str, Any]) -> Outcome:
    return Outcome(
        row["sample_id"],
        row["epoch"],
        row["completion"] or "",
        answer=json.loads(row["given_answer"]) if row.get("given_answer") else None,
        confidence=row["confidence"],
        stop_reason=row["stop_reason"],
        error=row["reason"] if row["status"] in ("error", *DECLINED) else None,
        declined=row["status"] if row["status"] in DECLINED else None,
        thought_alone=row["reason"] == "only reasoning",
        trace=json.loads(row["trace"]) if row["trace"] else None,
    )


def _differ(row: Mapping[str, Any], line: Mapping[str, Any]) -> bool:
    answer = line["answer"]
    shown = answer if isinstance(answer, str | None) else canonical_json(answer)
    scores = line["metrics"] or {}
    return (row["status"], row["answer"]) != (line["status"], shown) or any(
        row.get(name) != value for name, value in scores.items()
    )


def _ledger(record: Mapping[str, Any]) -> Ledger:
    ledger = Ledger()
    usage = record["usage"]
    ledger.served.restore(record.get("served", {}))
    ledger.total = Usage.from_dict({**NOT_COUNTED, **usage, **record["volatile"]})
    ledger.by_purpose = {
        purpose: Usage.from_dict({**NOT_COUNTED, **values}) for purpose, values in usage["by_purpose"].items()
    }
    return ledger

"""Seals a run: attempts into parquet, numbers with their uncertainty into one canonical record."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.digest import canonical_json, digest
from harness.base.errors import RecordError, UsageError
from harness.base.files import plain_fault
from harness.base.known_files import named_by_content
from harness.base.secrets import without_secrets_in
from harness.base.surrogates import sendable
from harness.model.ledger import UNLOGICAL, Ledger
from harness.results import curve as curves
from harness.results.attempts import TOKENS, rows_of, write_parquet
from harness.results.classes import CLASS_METRICS
from harness.results.environment import environment
from harness.results.packages import packages
from harness.results.ranges import range_fields
from harness.results.schema import KEYED, SCHEMA, check, result_digest
from harness.results.store import LARGEST_RECORD, Store
from harness.results.summary import Summary
from harness.results.verify import note_sealed
from harness.spec import MetricRange

#: what a record says of the calls of one purpose
PURPOSE = (*TOKENS, "unreported", "estimated", "cost_usd", "human_seconds")
#: what this execution took, which another of the same run may not take
PAID = ("cache_hits", "retries", "paid_usd", "seconds", *UNLOGICAL)

if TYPE_CHECKING:
    from harness.run.plan import Cell
    from harness.sample import Classes, Sample
    from harness.stats import Estimate


def seal(
    *,
    store: Store,
    folder: Path,
    cell: Cell,
    run_id: str,
    status: str,
    reason: str | None,
    comparability: Mapping[str, Any],
    subject: Mapping[str, Any],
    code: Mapping[str, Mapping[str, Any]],
    sources: list[dict[str, Any]],
    samples: list[Sample],
    attempts: Iterable[dict[str, Any]],
    ledger: Ledger,
    access: Mapping[str, int],
    draws: tuple[str | None, str | None],
    started: float,
    command: str,
    prices: Mapping[str, Mapping[str, Any]] | None = None,
    supersedes: str | None = None,
    of_the_set: Mapping[str, float | Estimate] | None = None,
    classes: Classes | None = None,
    curve: Sequence[Mapping[str, Any]] = (),
    planned: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Writes `samples.parquet`, `run.json` and, where there is one, `curve.jsonl`; returns the record as
    `Store.read` gives it.

    Args:
        code: digests of the task's and the method's code, as `Code.as_dict` gives them.
        draws: `run`, `none` or, where it is unknown, None; and the digest of what was drawn, if it is known.
        prices: what was reckoned with, by model, as `prices_of` gives them.
        of_the_set: values of the task's `set_metrics`.
        classes: that the task's answers are classes.
        curve: rows of the learning curve, as `job.training.curve` takes them.
        planned: what was asked for before the run; by default what was run.
        started: when the work began, by `time.monotonic`: the clock of the day may be set meanwhile.

    Raises:
        RecordError: the numbers break an invariant, or the disk is full; the journal is kept.
    """
    summary = Summary(cell.task, len(samples), classes)
    held = ExitStack()
    try:
        made = held.enter_context(store.sealing())
        kept = rows_of(attempts, samples, summary, cell)
        rows, content = write_parquet(made / "samples.parquet", cell.task.metrics, kept)
        logical, by_purpose = ledger.total.reported(), {}
        volatile = {key: logical.pop(key) for key in PAID}
        volatile = {key: value for key, value in volatile.items() if value or key not in UNLOGICAL}
        for purpose, usage in sorted(ledger.by_purpose.items()):
            found = usage.reported()
            by_purpose[purpose] = {key: found[key] for key in PURPOSE if key in found}
        metrics = summary.metrics(of_the_set or {})
        ranges = {name: MetricRange() for name in CLASS_METRICS if name in metrics} | cell.task.metric_ranges
        created = datetime.datetime.now(datetime.UTC)
        record: dict[str, Any] = {
            "schema": SCHEMA,
            "kind": "run",
            "run_id": run_id,
            "attempt": 2 if supersedes == run_id else 1,  # at least; the store says which
            "status": status,
            "reason": reason,
            "created_at": created.isoformat(timespec="seconds"),
            "task": {
                "name": cell.task.name,
                "version": cell.task.version,
                "distribution": cell.task.distribution,
                "args": named_by_content(cell.task_args, comparability["task_args"]),
                **({"settled": cell.task.settled} if cell.task.settled else {}),
            },
            "method": {
                "name": cell.method.name,
                "version": cell.method.version,
                "distribution": cell.method.distribution,
                "args": named_by_content(cell.method_args, subject["method_args"]),
            },
            "model": subject["model"],
            "model_revision": subject["model_revision"],
            "seed": cell.seed,
            "epochs": summary.epochs,
            "n_items": len(samples),
            "primary": cell.task.primary,
            "metric_ranges": {name: range_fields(span) for name, span in ranges.items()},
            "metrics": metrics,
            "counts": summary.counts(),
            "reasons": dict(sorted(summary.reasons.items())),
            "usage": {**logical, "by_purpose": by_purpose},
            "prices": {model: dict(price) for model, price in (prices or {}).items()},
            "served": ledger.served.as_dict(),
            "volatile": {**volatile, "wall_s": round(time.monotonic() - started, 3)},
            "data": list(sources),
            "licence": cell.task.licence,
            "canary": cell.task.canary,
            "private_targets": cell.task.private_targets,
            "data_access": dict(access),
            "code": {part: dict(found) for part, found in code.items()},
            "packages": packages(cell.task.setup),
            "draws": draws[0],
            "draw_digest": draws[1],
            "planned": dict(planned or {"n_items": len(samples), "epochs": cell.request.epochs}),
            "comparability": dict(comparability),
            "subject": dict(subject),
            "samples": {"file": "samples.parquet", "rows": rows, "digest": content},
            "environment": environment(cell),
            "command": command,
            "supersedes": supersedes,
        }
        if cell.request.isolate:
            record["isolated"] = True
        if curve:
            record["curve"], lines = curves.sealed(curve)
            (made / curves.FILE).write_bytes(lines)
        if measures := summary.measures.summary():
            record["measures"] = measures
        if classes is not None:
            record["classes"] = asdict(classes)
        if summary.broken:
            record["known_broken"] = sorted(summary.broken.values())
        place = store.seal(folder, made, _finished(record, f"the new record of {cell.title}"))
    except OSError as error:
        raise RecordError(
            f"can't seal {cell.title}: {error.strerror or error}; every attempt is kept, run the "
            "same command to seal it"
        ) from error
    finally:
        held.close()
    sealed = store.read(place)
    note_sealed(sealed)
    return sealed


def retract(store: Store, record: Mapping[str, Any], reason: str, command: str) -> dict[str, Any]:
    """Seals the tombstone of a run as its newest attempt: the same record without its metrics. What was
    sealed before stays as it is; running the cell again makes an attempt after it.

    Args:
        record: the newest record of the run, as `Store.find` gives it.

    Raises:
        UsageError: the run is retracted already.
        RecordError: the store can't be written.
    """
    if record["status"] == "retracted":
        raise UsageError(f"run {record['run_id'][:12]} is retracted already: {record['reason']}")
    place = Path(record["record"]).parent
    folder = place.with_name(record["run_id"][:12])
    beside = {
        name: {**record[name], "file": f"../{place.name}/{record[name]['file']}"}
        for name in ("samples", "curve")
        if record.get(name)
    }
    tombstone = {key: value for key, value in record.items() if key not in ("record", "samples_path")}
    tombstone |= {
        "status": "retracted",
        "reason": reason,
        "created_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "metrics": {},
        **beside,
        "command": command,
        "supersedes": record["run_id"],
    }
    text = _finished(tombstone, f"the retraction of {record['run_id'][:12]}")
    try:
        with store.sealing() as made:
            return store.read(store.seal(folder, made, text))
    except OSError as error:
        raise RecordError(f"can't retract {record['run_id'][:12]}: {error.strerror or error}") from error


def _finished(record: Mapping[str, Any], where: str) -> Callable[[int], bytes]:
    """A record as it is stored for a number of its attempt, with its digest, checked like any that is read.

    Raises:
        RecordError: it breaks an invariant, or holds what JSON doesn't.
    """
    try:
        plain: dict[str, Any] = sendable(without_secrets_in(json.loads(canonical_json(record))))
    except (ValueError, TypeError, RecursionError) as error:
        raise RecordError(f"{where} has no JSON: {error}; the journal is kept") from None
    if fault := plain_fault(plain):
        raise RecordError(f"{where} can't be sealed: {fault}; the journal is kept")
    plain |= {f"{part}_key": digest(plain[part]) for part in KEYED}
    plain["result_digest"] = result_digest(plain)
    check(plain, where)

    def numbered(attempt: int) -> bytes:
        text = json.dumps({**plain, "attempt": attempt}, indent=1, sort_keys=True, ensure_ascii=False)
        return f"{text}\n".encode()

    if len(numbered(2**31)) > LARGEST_RECORD:
        raise RecordError(f"{where} has more than {LARGEST_RECORD >> 20} MiB; the journal is kept")
    return numbered

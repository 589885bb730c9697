"""The numbers of a record counted again from its sealed attempts, by the code that counts them when a run is
sealed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from harness.results.attempts import AFTER, BEFORE, TOKENS
from harness.results.ranges import metric_range
from harness.results.stored import trace_of
from harness.results.summary import Summary
from harness.sample import Classes, Status
from harness.spec import TaskSpec

if TYPE_CHECKING:
    import pyarrow

#: columns that must be there in every row
_KEYS = ("sample_id", "epoch", "status", "item_digest")
#: texts that nothing is counted from, and counts that attempts don't hold
_LONG, _UNSEEN = ("completion", "given_answer", "tools", "request", "vote"), ("grader_failed",)
#: counts of what stands in traces, without which a run may be sealed
_TRACED = ("user_retries", "judge_errors")
#: columns of numbers that aren't below 0, and those whose sum the record says, too
_AMOUNTS = ("epoch", *TOKENS, "cost_usd", "seconds")
_SPENT = (*TOKENS, "cost_usd")
#: fields of a metric that are counted again where its interval is of the same kind
_UNCERTAINTY = ("stderr", "ci", "df", "rerun_stderr", "n_clusters")


def contradiction(path: Path, record: Mapping[str, Any]) -> str:
    """The first thing in which a record says otherwise than its attempts, which lie at `path`, as the rest of
    a sentence; empty where there is none.

    What the attempts don't tell isn't looked at: parts (`accuracy/easy`), votes, and what a task measures of
    the set as a whole.
    """
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        kept = [name for name in file.schema_arrow.names if name not in _LONG]
        rows = file.read(columns=kept)
    return _of_rows(rows, record) or _of_spending(rows, record["usage"]) or _of_numbers(rows, record)


def _of_rows(rows: pyarrow.Table, record: Mapping[str, Any]) -> str:
    """What is wrong with the attempts one by one."""
    import pyarrow.compute as pc

    names = rows.column_names
    if any(name not in names or rows[name].null_count for name in _KEYS):
        return "an attempt has no sample, epoch, status or item"
    if rows.group_by(["sample_id", "epoch"]).aggregate([]).num_rows < len(rows):
        return "two attempts are of the same sample and epoch"
    counts = Counter(rows["status"].to_pylist())
    told = {name: n for name in get_args(Status) if (n := record["counts"].get(name, 0))}
    if counts != told:
        return f"its attempts are {dict(counts)}, and its record says {told}"
    for name in _AMOUNTS:
        if name in names and len(rows) and (pc.min(rows[name]).as_py() or 0) < 0:
            return f"an attempt has {name} below 0"
    items = pc.count_distinct(rows["sample_id"]).as_py()
    if items > record["n_items"] or (record["status"] == "complete" and items < record["n_items"]):
        return f"its attempts are of {items} items, and its record says {record['n_items']}"
    return ""


def _of_spending(rows: pyarrow.Table, usage: Mapping[str, Any]) -> str:
    """Where the record's spending is not that of its purposes, or less than that of its attempts, or as many
    calls of another price. What no attempt needed, as when a method is fitted, is in no row."""
    purposes = usage["by_purpose"].values()
    alone = None
    for name in _SPENT:
        if name not in usage:  # records of before
            continue
        told = usage[name]
        parts = [part.get(name, 0) for part in purposes]
        if parts and all(name in part for part in purposes) and (None in parts) != (told is None):
            return f"its purposes know {name}, and the whole does not, or the other way round"
        if told is None:
            continue
        if parts and not _alike(math.fsum(parts), told):
            return f"its purposes took {name} {sum(parts):.6g}, its record says {told:.6g}"
        if name not in rows.column_names or rows[name].null_count:
            continue
        spent = math.fsum(rows[name].to_pylist())
        alone = _alike(spent, told) if name == "calls" else alone
        if not _alike(spent, told) and (alone or spent > told):
            return f"its attempts took {name} {spent:.6g}, its record says {told:.6g}"
    return ""


def _of_numbers(rows: pyarrow.Table, record: Mapping[str, Any]) -> str:
    """A count or metric that is not what the attempts come to."""
    spans = {name: metric_range(record, name) for name in rows.column_names if name not in (*BEFORE, *AFTER)}
    task = TaskSpec(
        record["task"]["name"],
        record["task"]["version"],
        summary="",
        entry="",
        answer="trajectory",  # every k that may be told
        primary=record["primary"],
        metrics={name: span.high for name, span in spans.items()},
        ranges=spans,
    )
    known = record.get("classes") if not record.get("private_targets") else None
    classes, places = Classes(**known) if known else None, dict[str, int]()
    summary = Summary(task, record["n_items"], classes, listed=record.get("known_broken", ()))
    for row in _attempts(rows, list(spans)):
        row["n"] = places.setdefault(row["sample_id"], len(places))
        summary.add(row, target=row.get("target"))
    fault = _other_counts(summary, record, texts=_any(rows, "input"))
    if fault or not places or record["status"] == "retracted":
        return fault
    if summary.epochs != record["epochs"]:
        return f"its attempts are of {summary.epochs} epochs, its record says {record['epochs']}"
    told = record["metrics"]
    for name, metric in summary.metrics({}).items():
        if name in told and not name.startswith("maj@") and (fault := _other(name, metric, told[name])):
            return fault
    return ""


def _attempts(rows: pyarrow.Table, metrics: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The attempts as they stood in the journal, as far as anything is counted from them."""
    bare = dict.fromkeys(("answer", "group", "confidence", "reason", "stop_reason", "trace"))
    for batch in rows.to_batches(max_chunksize=5000):
        for row in batch.to_pylist():
            trace = trace_of(row)
            scores = {name: row[name] for name in metrics}
            yield {**bare, **row, "metrics": scores, "trace": trace, "measures": trace.get("measures")}


def _any(rows: pyarrow.Table, name: str) -> bool:
    return name in rows.column_names and rows[name].null_count < len(rows)


def _other_counts(summary: Summary, record: Mapping[str, Any], texts: bool) -> str:
    """A count that isn't the record's; of what stands in traces only where the texts were kept."""
    told = record["counts"]
    for name, n in summary.counts().items():
        if name in _UNSEEN or (name in _TRACED and not texts):
            continue
        if name in told and told[name] != n:
            return f"its attempts have {n} of {name}, its record says {told[name]}"
    if "reasons" in record and record["reasons"] != summary.reasons:
        return f"its attempts went unread for {dict(summary.reasons)}, its record says {record['reasons']}"
    measures = summary.measures.summary()
    if texts and record.get("measures", {}).keys() != measures.keys():
        return "the method's measures are not those of its attempts"
    for name, found in measures.items() if texts else ():
        if not all(_alike(found[field], value) for field, value in record["measures"][name].items()):
            return f"its attempts have a mean {name} of {found['mean']:.6g}, its record says otherwise"
    return ""


def _other(name: str, found: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """What of a metric is not what its attempts come to."""
    if not _alike(found["value"], told["value"]):
        return f"its attempts have a mean {name} of {found['value']:.6g}, its record says {told['value']:.6g}"
    fields = [*(_UNCERTAINTY if found["ci_method"] == told["ci_method"] else ()), "n_items"]
    for field in fields:
        here, there = found[field], told[field]
        if there is None and field in ("n_items", "n_clusters", "rerun_stderr"):  # not noted formerly
            continue
        if not _alike(here, there):
            return f"{field} of {name} is {_shown(here)} by its attempts, its record says {_shown(there)}"
    return ""


def _alike(a: Any, b: Any) -> bool:
    """Whether two numbers, or lists of them, are the same but for rounding."""
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_alike, a, b))
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


def _shown(value: Any) -> str:
    return f"{value[0]:.6g} to {value[1]:.6g}" if isinstance(value, list | tuple) else str(value)

"""Sealed attempts: one row each, as parquet, with a digest over what is not volatile."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.columns import AFTER as AFTER
from harness.base.columns import BEFORE as BEFORE
from harness.base.columns import TOKENS as TOKENS
from harness.base.digest import canonical_json
from harness.base.surrogates import whole
from harness.model.ledger import Usage

if TYPE_CHECKING:
    import pyarrow

    from harness.results.summary import Summary
    from harness.run.plan import Cell
    from harness.sample import Sample

ROWS_AT_ONCE = 5000
#: columns that are provenance or volatile: no digest depends on them
UNHASHED = ("seconds", "tools", "request")


def hashed_rows(batch: pyarrow.RecordBatch) -> bytes:
    """What of attempts goes into the digest of the samples: a line of canonical JSON for each, of all that it
    has but for what is volatile. Made column by column, each of a column's values written once."""
    columns = []
    for name in sorted(batch.schema.names):
        column = batch.column(name)
        if name in UNHASHED or column.null_count == len(column):
            continue
        values, places = _distinct(column)
        head = f",{canonical_json(name)}:"
        texts = [*(head + canonical_json(value) for value in values), ""]  # the last is of no value
        columns.append(map(texts.__getitem__, places))
    rows = zip(*columns, strict=True) if columns else ((),) * batch.num_rows
    lines = (f"{{{''.join(parts)[1:]}}}\n" for parts in rows)
    return "".join(lines).encode("utf-8", "surrogatepass")


def _distinct(column: pyarrow.Array) -> tuple[list[Any], list[int]]:
    """The values of a column, and the place of each row's among them; -1 where it has none."""
    import pyarrow as pa

    if pa.types.is_float64(column.type):  # by their bits, as 0.0 is not written like -0.0
        coded = column.view(pa.int64()).dictionary_encode()
        values = coded.dictionary.view(pa.float64()).to_pylist()
    elif pa.types.is_string(column.type) or pa.types.is_integer(column.type):
        coded = column.dictionary_encode()
        values = coded.dictionary.to_pylist()
    else:
        found = column.to_pylist()
        return found, [-1 if value is None else place for place, value in enumerate(found)]
    return values, coded.indices.fill_null(-1).to_pylist()


def rows_of(
    attempts: Iterable[dict[str, Any]],
    samples: Sequence[Sample],
    summary: Summary,
    cell: Cell,
) -> Iterator[dict[str, Any]]:
    """The rows of attempts in the order in which they come, each added to `summary`.

    Targets stand in them unless the task's spec says `private_targets`; questions, completions and traces
    unless the request leaves transcripts out. Of a task with `private_questions` answers too are left out.
    """
    hidden, private = cell.task.private_questions, cell.task.private_targets
    transcripts = cell.request.transcripts and not hidden
    for attempt in attempts:
        sample = samples[attempt["n"]]
        summary.add(attempt, sample.categories, sample.target)
        usage = Usage.total(attempt.get("usage") or {})
        tokens = usage.reported()
        answer, trace = attempt["answer"], _trace(attempt) if transcripts else None
        row: dict[str, Any] = {
            "sample_id": attempt["sample_id"],
            "epoch": attempt["epoch"],
            "status": attempt["status"],
            "answer": None if hidden else _as_text(answer),
            "vote": None if hidden else _vote(attempt),
            "target": None if private else _as_text(sample.target),
            **{name: (attempt["metrics"] or {}).get(name) for name in summary.names},
            "group": attempt["group"],
            "item_digest": attempt["item_digest"],
            "stop_reason": attempt["stop_reason"],
            "confidence": attempt["confidence"],
            **{name: tokens[name] for name in TOKENS},
            "cost_usd": usage.cost_usd,
            "seconds": usage.seconds,
            "input": sample.question.input if transcripts else None,
            "completion": attempt["completion"] if transcripts else None,
            "trace": canonical_json(trace) if trace else None,
            "reason": attempt["reason"],
            # what the method gave itself must survive as it was; what the task parsed can be parsed again
            "given_answer": canonical_json(answer) if attempt.get("given") and not hidden else None,
            "tools": attempt.get("tools") if transcripts else None,
            "request": attempt.get("request") if transcripts else None,
        }
        # lone surrogates have no UTF-8 form, and parquet needs one
        yield {k: whole(v) if type(v) is str and not v.isascii() else v for k, v in row.items()}


def _trace(attempt: Mapping[str, Any]) -> dict[str, Any]:
    """The attempt's trace with what the method measured of itself."""
    measures = attempt.get("measures")
    return {**(attempt.get("trace") or {}), **({"measures": measures} if measures else {})}


def _vote(attempt: Mapping[str, Any]) -> str | None:
    """The form in which the answer counts in a vote, where it is written differently."""
    vote: str | None = attempt.get("vote")
    return vote if vote != _as_text(attempt["answer"]) else None


def _as_text(value: Any) -> str | None:
    """A value as a cell of text: JSON where it is none."""
    return value if isinstance(value, str | None) else canonical_json(_plain(value))


def _plain(value: Any) -> Any:
    """A target in JSON's types; tasks may keep it as a set, a dataclass or another object."""
    try:
        canonical_json(value)
    except (TypeError, ValueError):
        return str(value)
    return value


_WHOLE, _NUMBER = ("epoch", *TOKENS), ("confidence", "cost_usd", "seconds")


def column_type(name: str) -> pyarrow.DataType:
    """The type of a column of attempts; one that has no name of its own is a metric."""
    import pyarrow as pa

    if name in _WHOLE:
        return pa.int64()
    return pa.float64() if name in _NUMBER or name not in (*BEFORE, *AFTER) else pa.string()


def write_parquet(
    path: Path, metrics: Mapping[str, float], rows: Iterator[dict[str, Any]]
) -> tuple[int, str]:
    """Writes the rows; how many there were, and their digest."""
    import pyarrow as pa
    from pyarrow import parquet

    names = (*BEFORE, *metrics, *AFTER)
    schema = pa.schema([(name, column_type(name)) for name in names])
    path.parent.mkdir(parents=True, exist_ok=True)
    total, hasher = 0, hashlib.sha256()
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while True:
            batch = pa.RecordBatch.from_pylist(list(islice(rows, ROWS_AT_ONCE)), schema)
            writer.write_table(pa.Table.from_batches([batch]))
            hasher.update(hashed_rows(batch))
            total += batch.num_rows
            if batch.num_rows < ROWS_AT_ONCE:
                return total, hasher.hexdigest()

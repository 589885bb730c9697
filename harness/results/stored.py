"""The sealed attempts of a run, verified before anybody reads them; and what is stored of an attempt beside
what was said: question, target and metrics, or why they aren't."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.files import plain_json, readable
from harness.results.attempts import column_type
from harness.results.verify import verified

if TYPE_CHECKING:
    import pyarrow

NOT_STORED = "not stored"
PRIVATE = "private: the task keeps its targets to itself"


def read_attempts(
    run: Mapping[str, Any],
    columns: Sequence[str] | None = None,
    filters: Sequence[tuple[str, str, Any]] | None = None,
    coded: Sequence[str] = (),
) -> pyarrow.Table:
    """The sealed attempts of a run (a record, or a row of the index), a row each; all columns and rows by
    default.

    Args:
        columns: those that are wanted; what isn't stored is left out.
        filters: conditions that all hold of a row, as `pyarrow.parquet.read_table` takes them.
        coded: columns of text that are read as places in a dictionary.

    Raises:
        RecordError: they can't be read, or are not those that were sealed.
    """
    path = Path(run["samples_path"])
    verified(run)
    with readable(path):
        if filters:
            from pyarrow import parquet

            return _typed(parquet.read_table(path, columns=_held(path, columns), filters=filters), coded)
        with _file(path, coded) as file:
            return _typed(file.read(columns=list(columns) if columns is not None else None), coded)


def attempt_batches(
    run: Mapping[str, Any], columns: Sequence[str] | None = None
) -> Iterator[list[dict[str, Any]]]:
    """The same, some thousand attempts at a time, for runs that are large.

    Raises:
        RecordError: as `read_attempts`.
    """
    import pyarrow as pa

    path = Path(run["samples_path"])
    verified(run)
    with readable(path), _file(path) as file:
        for batch in file.iter_batches(batch_size=5000, columns=list(columns) if columns else None):
            yield _typed(pa.Table.from_batches([batch])).to_pylist()


def stored_columns(run: Mapping[str, Any]) -> list[str]:
    """The names of the columns of a run's attempts.

    Raises:
        RecordError: they can't be read.
    """
    from pyarrow import parquet

    path = Path(run["samples_path"])
    with readable(path):
        return list(parquet.read_schema(path).names)


def _held(path: Path, columns: Sequence[str] | None) -> list[str] | None:
    from pyarrow import parquet

    return None if columns is None else [n for n in parquet.read_schema(path).names if n in columns]


@contextmanager
def _file(path: Path, coded: Sequence[str] = ()) -> Iterator[Any]:
    # ParquetFile, as read_table would import pandas
    from pyarrow import parquet

    with parquet.ParquetFile(path, read_dictionary=list(coded)) as file:
        yield file


def _typed(table: pyarrow.Table, coded: Sequence[str] = ()) -> pyarrow.Table:
    """The table with every column of its own type; a file of another's may hold the same values in others."""
    import pyarrow as pa

    for n, field in enumerate(table.schema):
        kind = column_type(field.name)
        wanted = pa.dictionary(pa.int32(), kind) if field.name in coded else kind
        if field.type != wanted:
            column = table.column(n).cast(kind)
            table = table.set_column(
                n, field.name, column.dictionary_encode() if field.name in coded else column
            )
    return table


def question_of(row: Mapping[str, Any]) -> str:
    """The question of a sealed attempt; `not stored` for a run that was sealed without transcripts."""
    text = row.get("input")
    return NOT_STORED if text is None else str(text)


def target_of(record: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """The target of a sealed attempt of a record (or of a row of the index): text, or JSON. In its place
    `private ...` where the task says so, `not stored` for records from before targets were kept, `none`
    where the sample has none."""
    if record.get("private_targets"):
        return PRIVATE
    if "target" not in row:
        return NOT_STORED
    return "none" if row["target"] is None else str(row["target"])


def trace_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The trace of a sealed attempt; empty where it has none, or it is no JSON object."""
    try:
        found = plain_json(row.get("trace") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def item_metrics(record: Mapping[str, Any], columns: Collection[str]) -> list[str]:
    """The metrics that every attempt has a value of, the primary one first; `columns` are those stored."""
    primary = record["primary"]
    names = [primary, *(name for name in record["metric_ranges"] if name != primary)]
    return [name for name in names if name in columns]

"""What is stored of an attempt beside what was said: question, target and metrics, or why they aren't."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.errors import RecordError

if TYPE_CHECKING:
    import pyarrow

NOT_STORED = "not stored"
PRIVATE = "private: the task keeps its targets to itself"


def read_attempts(
    path: Path, columns: Sequence[str] | None = None, filters: Sequence[tuple[str, str, Any]] | None = None
) -> pyarrow.Table:
    """The sealed attempts of a run, a row each; all columns and rows by default.

    Args:
        filters: conditions that all hold of a row, as `pyarrow.parquet.read_table` takes them.

    Raises:
        RecordError: they can't be read.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        return parquet.read_table(path, columns=columns, filters=filters)
    except (OSError, pyarrow.ArrowException) as error:
        raise RecordError(
            f"{path} can't be read ({error}); 'harness results verify' lists every broken record"
        ) from None


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


def item_metrics(record: Mapping[str, Any], columns: Collection[str]) -> list[str]:
    """The metrics that every attempt has a value of, the primary one first; `columns` are those stored."""
    primary = record["primary"]
    names = [primary, *(name for name in record["metric_ranges"] if name != primary)]
    return [name for name in names if name in columns]

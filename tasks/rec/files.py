"""The user's own interactions and item texts, in the formats in which such data are passed around."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.base.errors import DataError, nearest
from harness.tasks.rec.log import Events

if TYPE_CHECKING:
    from harness.data.hub import Data

Array = NDArray[Any]
TABLES = (".csv", ".tsv", ".csv.gz", ".jsonl", ".json", ".jsonl.gz", ".parquet")
ATOMIC = (".inter", ".item")


def read_events(data: Data, path: str, columns: dict[str, str], form: str = "auto") -> Events:
    """The interactions of a file.

    A table (CSV, TSV, JSON lines, parquet) or a RecBole atomic file (`.inter`) has named columns.
    Any other file has lines of ids with white space between them: `pairs` are a user and an item,
    then perhaps a rating and a time; `lists` are a user and all of the user's items, in the order of
    time where there is one (LightGCN adjacency lists, per-user sequences). `auto` takes lines for
    pairs if all have two ids.

    Args:
        columns: names of the columns `user`, `item`, `rating`, `time`; the last two may be missing.

    Raises:
        DataError: no such file, another format, a column is missing or not a number.
    """
    if not Path(path).is_file():
        raise DataError(f"no file {path}")
    if path.endswith((*TABLES, *ATOMIC)):
        return from_table(_table(data, path), columns, path)
    data.note_file(path)
    try:
        text = Path(path).read_text("utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{path} is not text; a table has one of the endings {', '.join(TABLES)}") from None
    return from_lines(text.splitlines(), path, form)


def read_texts(data: Data, path: str, item: str, text: str) -> dict[str, str]:
    """The text of every item of a table or RecBole atomic file.

    Raises:
        DataError: no such file, another format, or a column is missing.
    """
    if not Path(path).is_file():
        raise DataError(f"no file {path}")
    if not path.endswith((*TABLES, *ATOMIC)):
        raise DataError(f"{path} is not a table of items; the endings are {', '.join((*TABLES, *ATOMIC))}")
    table = _table(data, path)
    for name in (item, text):
        _check_column(table, name, path)
    ids = [str(value) for value in _values(table, item).tolist()]
    return dict(zip(ids, (str(t or "").strip() for t in table[text].to_pylist()), strict=True))


def from_table(table: Any, columns: Mapping[str, str], where: str) -> Events:
    """The events of a pyarrow.Table."""
    for name in ("user", "item"):
        _check_column(table, columns[name], where)
    extra: dict[str, Array | None] = {"rating": None, "time": None}
    for name in extra:
        if columns.get(name) in table.column_names:
            values = _values(table, columns[name])
            if values.dtype.kind not in "iuf":
                values = _numbers(values, columns[name], where)
            extra[name] = values
    return Events(_values(table, columns["user"]), _values(table, columns["item"]), **extra)


def from_lists(users: Any, lists: Any) -> Events:
    """The events of a pyarrow array of users and one of their lists of items."""
    from pyarrow import compute

    lengths = compute.fill_null(compute.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    user = users.to_numpy(zero_copy_only=False)
    return Events(np.repeat(user, lengths), lists.flatten().to_numpy(zero_copy_only=False))


def from_lines(lines: list[str], where: str, form: str = "auto") -> Events:
    """The events of lines of ids with white space between them; see `read_events`.

    Raises:
        DataError: no line, or pairs are wanted and a line has another number of fields.
    """
    import pyarrow as pa
    from pyarrow import compute

    filled = [line.strip() for line in lines if line.strip()]
    lists = compute.utf8_split_whitespace(pa.array(filled, pa.string()))
    lengths = compute.list_value_length(lists).to_numpy(zero_copy_only=False)
    if not len(lengths):
        raise DataError(f"{where} is empty")
    flat = lists.flatten().to_numpy(zero_copy_only=False)
    if form == "auto":
        form = "pairs" if (lengths == 2).all() else "lists"
    starts = np.cumsum(lengths) - lengths
    if form == "lists":  # a line may hold a user alone: one without items
        first = np.zeros(len(flat), bool)
        first[starts] = True
        return Events(np.repeat(flat[first], lengths - 1), flat[~first])
    width = int(lengths[0])
    if not 2 <= width <= 4 or (lengths != width).any():
        line = int(np.flatnonzero((lengths != width) | (lengths < 2) | (lengths > 4))[0]) + 1
        raise DataError(
            f"{where}, line {line}: {lengths[line - 1]} fields where pairs have a user, an item "
            "and perhaps a rating and a time; -T format=lists reads a user's items"
        )
    fields = flat.reshape(-1, width).T
    extra = [
        _numbers(values, name, where)
        for values, name in zip(fields[2:], ("the rating", "the time"), strict=False)
    ]
    return Events(fields[0], fields[1], *extra)


def _table(data: Data, path: str) -> Any:
    if not path.endswith(ATOMIC):
        rows = data.file(path, [])
        return rows.arrow(rows.columns)
    import pyarrow as pa
    from pyarrow import csv

    data.note_file(path)
    try:
        table = csv.read_csv(path, parse_options=csv.ParseOptions(delimiter="\t", quote_char=False))
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"can't read {path}: {str(error).splitlines()[0]}") from error
    return table.rename_columns([name.partition(":")[0] for name in table.column_names])


def _check_column(table: Any, name: str, where: str) -> None:
    if name not in table.column_names:
        raise DataError(
            f"{where} has no column {name!r}; it has: {', '.join(table.column_names)} "
            f"({nearest(name, table.column_names, 'column')})"
        )


def _values(table: Any, name: str) -> Array:
    values: Array = table[name].combine_chunks().to_numpy(zero_copy_only=False)
    return values


def _numbers(values: Array, name: str, where: str) -> Array:
    try:
        return values.astype(np.float64)
    except (ValueError, TypeError):
        raise DataError(f"{where}: {name} is not a number everywhere") from None

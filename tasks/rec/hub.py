"""The interactions of a Hub data set, whose columns have types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.base.errors import DataError, nearest
from harness.tasks.rec.log import Array, Events


def from_table(table: Any, columns: Mapping[str, str], where: str) -> Events:
    """The events of a pyarrow.Table.

    Args:
        columns: names of the columns `user`, `item`, `rating`, `time`; the last two may be missing.

    Raises:
        DataError: a column is missing or not a number.
    """
    for name in ("user", "item"):
        if columns[name] not in table.column_names:
            raise DataError(
                f"{where} has no column {columns[name]!r}; it has: {', '.join(table.column_names)} "
                f"({nearest(columns[name], table.column_names, 'column')})"
            )
    extra: dict[str, Array | None] = {"rating": None, "time": None}
    for name in extra:
        if columns.get(name) in table.column_names:
            values = _values(table, columns[name])
            if values.dtype.kind not in "iuf":
                try:
                    values = values.astype(np.float64)
                except (ValueError, TypeError):
                    raise DataError(f"{where}: {columns[name]} is not a number everywhere") from None
            extra[name] = values
    return Events(_values(table, columns["user"]), _values(table, columns["item"]), **extra)


def from_lists(users: Any, lists: Any) -> Events:
    """The events of a pyarrow array of users and one of their lists of items."""
    from pyarrow import compute

    lengths = compute.fill_null(compute.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    user = users.to_numpy(zero_copy_only=False)
    return Events(np.repeat(user, lengths), lists.flatten().to_numpy(zero_copy_only=False))


def _values(table: Any, name: str) -> Array:
    values: Array = table[name].combine_chunks().to_numpy(zero_copy_only=False)
    return values

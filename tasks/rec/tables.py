"""Events from a table of texts: lists of items unfolded, ids tidied, nothing missing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.base.errors import DataError
from harness.data.cells import tidy
from harness.tasks.rec.log import LOG, Array, Events
from harness.tasks.rec.numbers import numbers, times

if TYPE_CHECKING:
    from harness.data.table import TextTable

#: texts that programs write where something is missing
_MISSING = {"nan", "none", "null", "na", "n/a", "<na>", "nat"}


def of_table(table: TextTable, roles: Mapping[str, str], where: str, spaced: bool = False) -> Events:
    """The events of a table of texts; an item may be a list, which follows the order of time.

    Args:
        spaced: whether an item is a list of ids with spaces between them.
    """
    column: dict[str, list[Any]] = {role: list(table.column(name)) for role, name in roles.items()}
    items = column["item"]
    if spaced:
        items = [str(cell).split() if cell is not None else None for cell in items]
    elif items and all(
        isinstance(cell, str) and cell[:1] == "[" and cell[-1:] == "]" for cell in items if cell
    ):
        items = _parsed(items, where, roles["item"])
    in_lists = any(isinstance(cell, list) for cell in items)
    if in_lists:
        lists = [cell if isinstance(cell, list) else [cell] if cell is not None else [] for cell in items]
        column = {
            role: [
                each
                for held, cell in zip(lists, cells, strict=True)
                for each in _along(cell, held, where, roles[role])
            ]
            for role, cells in column.items()
            if role != "item"
        }
        column["item"] = [item for held in lists for item in held]
    wrong = next(
        (role for role, cells in column.items() if any(isinstance(cell, list) for cell in cells)), None
    )
    if wrong:
        raise DataError(
            f"{where}: the column {roles[wrong]!r} of the {wrong}s holds lists; one a row is wanted"
        )
    rating = time = None
    if "rating" in column:
        rating = numbers(column["rating"])
        rating = np.array(column["rating"], object) if rating is None else rating
    if "time" in column:
        time = times(column["time"], where, roles["time"])
    elif in_lists:
        time = np.arange(len(column["item"]))
    events = Events(np.array(column["user"], object), np.array(column["item"], object), rating, time)
    return complete(events, where, None if in_lists else table)


def _parsed(cells: Sequence[Any], where: str, column: str) -> list[Any]:
    """Lists that stand as JSON in texts."""
    try:
        found = [json.loads(cell, parse_int=str, parse_float=str) if cell else None for cell in cells]
    except ValueError:
        raise DataError(
            f"{where}: the cells of {column!r} look like lists and are no JSON; write one item a row, or "
            "JSON lines"
        ) from None
    return [[str(each) for each in cell] if isinstance(cell, list) else cell for cell in found]


def _along(cell: Any, items: Sequence[Any], where: str, column: str) -> Sequence[Any]:
    """What belongs to each item of a list: one of as many, or the same for all."""
    if not isinstance(cell, list):
        return [cell] * len(items)
    if len(cell) != len(items):
        raise DataError(f"{where}: a list of {len(items)} items has {len(cell)} values in {column!r}")
    return cell


def complete(events: Events, where: str, table: TextTable | None = None) -> Events:
    """The events with tidy ids, none of which is missing.

    Raises:
        DataError: an interaction lacks its user or its item.
    """
    user, item = (_tidy(ids, where, role) for role, ids in (("user", events.user), ("item", events.item)))
    missing = np.flatnonzero((user == "") | (item == ""))
    if len(missing):
        row = int(missing[0])
        place = table.place(row) if table is not None else f"interaction {row + 1}"
        raise DataError(
            f"{where}: {len(missing)} of {len(user)} interactions lack their user or their item, the first "
            f"one in {place}; fill them in or leave them out"
        )
    return Events(user, item, events.rating, events.time)


def _tidy(ids: Array, where: str, role: str) -> Array:
    """Ids without space around them, in one Unicode form; "" where one is missing."""
    import pyarrow as pa

    encoded = pa.array(ids, pa.string()).dictionary_encode()
    names = encoded.dictionary.to_pylist()
    clean = [tidy(name) for name in names]
    merged = len({*clean}) < len(clean)
    if merged:
        several = [each for each, n in Counter(clean).items() if n > 1]
        LOG.warning(
            "%s: %d %ss are written in several ways that differ in space or Unicode form alone, such as %r; "
            "each is one",
            where,
            len(several),
            role,
            several[0],
        )
    doubtful = sorted({name for name in clean if name.casefold() in _MISSING})
    if doubtful:
        LOG.warning(
            "%s: %r is the id of a %s, as it stands there; is it a missing one?", where, doubtful[0], role
        )
    places = encoded.indices.fill_null(len(clean)).to_numpy(zero_copy_only=False)
    return np.asarray(np.array([*clean, ""], object)[places])

"""Lines of ids without a header: a user and an item with what belongs to them, or a user and a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.base.errors import DataError
from harness.tasks.rec.log import LOG, Array, Events
from harness.tasks.rec.numbers import numbers, times

#: numbers from here on are taken for times in seconds, and no rating is as large
LEAST_TIME = 1e8
_CURE = (
    "-T format=pairs reads a user, an item and perhaps a rating and a time, -T format=lists a user and all "
    "of the user's items"
)


def from_lines(
    lines: Sequence[str], where: str, form: str = "auto", separator: str = ""
) -> tuple[Events, str]:
    """The events of lines, and whether the lines are `pairs` or `lists`, "" where both say the same.

    Args:
        form: `pairs`, `lists` (a user's items in the order of time) or `auto`. Then two and four fields a
            line are pairs; lines of different lengths, or of five and more fields with spaces between them,
            are lists if each user has one; anything else is asked for.
        separator: what stands between fields; "" for any white space.

    Raises:
        DataError: no line, lines that are not clear, or pairs are wanted and a line has another number
            of fields.
    """
    import pyarrow as pa
    from pyarrow import compute

    filled = [line.strip() for line in lines]
    numbered = [n for n, line in enumerate(filled, 1) if line]
    if not numbered:
        raise DataError(f"{where} is empty")
    text = pa.array([line for line in filled if line], pa.string())
    lists = compute.split_pattern(text, separator) if separator else compute.utf8_split_whitespace(text)
    lengths = compute.list_value_length(lists).to_numpy(zero_copy_only=False)
    flat = compute.utf8_trim_whitespace(lists.flatten()).to_numpy(zero_copy_only=False)
    starts = np.cumsum(lengths) - lengths
    chosen = _form(flat[starts], lengths, where, separator) if form == "auto" else form
    if chosen == "ask":
        chosen = "pairs" if _rated(flat, int(lengths[0])) else _ask(where, int(lengths[0]))
    if chosen == "lists":  # a line may hold a user alone: one without items
        first = np.zeros(len(flat), bool)
        first[starts] = True
        user, item = np.repeat(flat[first], lengths - 1), flat[~first]
        there = item != ""
        return Events(user[there], item[there], time=np.arange(int(there.sum()))), "lists"
    width = int(np.bincount(lengths).argmax())
    wrong = (lengths != width) if 2 <= width <= 4 else (lengths < 2) | (lengths > 4)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"{where}, line {numbered[row]}: {lengths[row]} fields where pairs have a user, an item and "
            "perhaps a rating and a time, in every line alike; -T format=lists reads a user's items"
        )
    return of_columns(list(flat.reshape(-1, width).T), where), "pairs" if width > 2 else ""


def of_columns(fields: Sequence[Any], where: str) -> Events:
    """The events of two to four columns in the usual order: user, item, rating, time; of three, the third is
    a time where it can't be a rating.

    Raises:
        DataError: the third and fourth are no rating and no time, or stand in the other order.
    """
    user, item, *more = ([cell or None for cell in column] for column in fields)
    rating: Array | None = None
    time: Array | None = None
    if len(more) == 1:
        found = numbers(more[0])
        if found is None or (found.dtype.kind == "i" and (found >= LEAST_TIME).all()):
            time = times(more[0], where, "the third field")
            LOG.warning("%s: the fields of a line are taken for user, item and time", where)
        else:
            rating = found
            LOG.warning("%s: the fields of a line are taken for user, item and rating", where)
    elif more:
        rating, last = numbers(more[0]), numbers(more[1])
        swapped = rating is not None and last is not None and (rating >= LEAST_TIME).all()
        if rating is None or (swapped and last is not None and (last < LEAST_TIME).all()):
            raise DataError(
                f"{where}: lines of four fields are user, item, rating and time, and the third is no rating; "
                "-T header=false -T user=1 -T item=2 -T time=3 -T rating=4 names them in another order, "
                "-T format=lists reads a user and three items"
            )
        time = times(more[1], where, "the fourth field")
        LOG.warning("%s: the fields of a line are taken for user, item, rating and time", where)
    return Events(np.array(user, object), np.array(item, object), rating, time)


def _form(users: Array, lengths: Array, where: str, separator: str) -> str:
    """`pairs`, `lists`, or `ask` where lines of equal length leave it open."""
    widths = np.unique(lengths)
    own_line = len(np.unique(users.astype(str))) == len(users)
    if len(widths) == 1:
        width = int(widths[0])
        if width in (2, 4):
            return "pairs"
        if width == 1:
            raise DataError(
                f"{where}: one field a line, where there should be a user and an item; "
                "-T separator= names what stands between them"
            )
        return "lists" if width > 4 and own_line and not separator else "ask"
    if not own_line:
        row = int(np.flatnonzero(lengths != np.bincount(lengths).argmax())[0])
        raise DataError(
            f"{where}: lines have {widths[0]} to {widths[-1]} fields, and some users several lines (filled "
            f"line {row + 1} has {lengths[row]} fields); {_CURE}"
        )
    return "lists"


def _rated(flat: Array, width: int) -> bool:
    """Whether the third of three fields is a fraction somewhere, as no id is."""
    if width != 3:
        return False
    found = numbers([cell or None for cell in flat[2::3]])
    return found is not None and found.dtype.kind == "f" and bool((found % 1 != 0).any())


def _ask(where: str, width: int) -> str:
    cure = _CURE
    if width > 4:
        cure = (
            "-T header=false -T user=1 -T item=2 names the columns, -T format=lists reads a user and a list"
        )
    raise DataError(f"{where}: {width} fields a line may be a list of items or not; {cure}")

"""Cells as text: one rule for every format, and which columns of a table are meant."""

from __future__ import annotations

import datetime
import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from harness.base.errors import DataError, nearest

#: what a reader can't see at the ends of a label: zero-width characters and byte order marks
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e"
_WHOLE = 2.0**53


def as_text(value: Any, objects: bool = False) -> str | list[str] | None:
    """The text of a typed value; None where it is missing; of a list, the texts of its values; with
    `objects`, of an object its JSON.

    Texts stay as they are. A number that is whole has no decimal point (a column of whole numbers with
    gaps is one of floats in pandas), any other its shortest form; a truth value is `true` or `false`; a
    date is ISO, without a time of day at midnight.

    Raises:
        DataError: it is an object of several fields, a list of lists, or bytes that are no text.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < _WHOLE else repr(value)
    if isinstance(value, datetime.datetime):
        return _iso(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Mapping) and objects:
        try:
            return json.dumps(value, ensure_ascii=False, default=str)
        except RecursionError:
            raise DataError("it is nested too deeply") from None
    if isinstance(value, Mapping):
        raise DataError(f"it holds an object with {', '.join(map(str, list(value)[:4]))}")
    if isinstance(value, list | tuple):
        if any(isinstance(each, list | tuple) for each in value):
            raise DataError("it holds a list of lists")
        texts = [as_text(each, objects) for each in value]
        if any(isinstance(text, list) for text in texts):  # of numpy
            raise DataError("it holds a list of lists")
        return [text for text in texts if isinstance(text, str)]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise DataError("it holds bytes that are no text") from None
    if hasattr(value, "tolist"):
        return as_text(value.tolist(), objects)  # of numpy
    if type(value).__name__ in ("NaTType", "NAType"):
        return None  # of pandas
    return str(value)


def _iso(value: datetime.datetime) -> str:
    midnight = value.time() == datetime.time() and value.tzinfo is None
    return value.date().isoformat() if midnight else value.isoformat(sep=" ")


def tidy(text: str) -> str:
    """A label, an answer or an id as it is compared: Unicode NFC, nothing invisible around it."""
    before = None
    while text != before:
        before, text = text, text.strip().strip(INVISIBLE)
    return unicodedata.normalize("NFC", text)


def _alike(name: str) -> str:
    return " ".join(tidy(name).casefold().split())


def find_columns(names: Sequence[str], wanted: Sequence[str]) -> list[int] | None:
    """Where each wanted column stands: the one of that name, else the only one that differs from it in
    case and space alone. None where one isn't there."""
    found = []
    for name in wanted:
        places = [place for place, each in enumerate(names) if each == name]
        places = places or [place for place, each in enumerate(names) if _alike(each) == _alike(name)]
        if not places:
            return None
        found.append(places[0])
    return found


def chosen(
    names: Sequence[str], columns: Sequence[str] | None, optional: Sequence[str], where: str, cure: str = ""
) -> dict[str, int]:
    """The place of every column that is wanted, under the name by which it is wanted: all that have a name
    where `columns` is None, and those of `optional` that are there.

    Raises:
        DataError: see `check_columns`.
    """
    if columns is None:
        own = [name for name in dict.fromkeys(names) if name and not name.startswith("__index_level_")]
        return {name: names.index(name) for name in own}
    wanted = list(dict.fromkeys([*columns, *(n for n in optional if find_columns(names, [n]) is not None)]))
    check_columns(names, wanted, where, cure)
    return dict(zip(wanted, find_columns(names, wanted) or [], strict=True))


def check_columns(names: Sequence[str], wanted: Sequence[str], where: str, cure: str = "") -> None:
    """Whether every wanted column stands once among `names`.

    Raises:
        DataError: it isn't there, or several are meant; lists the columns.
    """
    for name in wanted:
        same = sum(each == name for each in names) or sum(_alike(each) == _alike(name) for each in names)
        if not same:
            held = ", ".join(map(str, names[:40])) + (", ..." if len(names) > 40 else "")
            guess = nearest(name, names, "column")
            guess = f" ({guess})" if guess.startswith("did you") else ""
            raise DataError(f"{where} has no column {name!r}; it has: {held}{guess}{cure}")
        if same > 1:
            raise DataError(f"{where} has {same} columns {name!r}; rename all but the one that is meant")


def cell_text(value: Any) -> str:
    """A cell as the text that stands there, without space around it; "" where it is missing.

    Raises:
        DataError: the cell holds several values.
    """
    text = as_text(value)
    if isinstance(text, list):
        raise DataError(f"the cell holds {len(text)} values where one is wanted: {', '.join(text)[:60]}")
    return (text or "").strip()


def label_text(value: Any) -> str:
    """A label, an answer or an id as text: Unicode NFC, nothing invisible around it."""
    return tidy(cell_text(value))

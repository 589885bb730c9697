"""JSON as tables: objects a line, one after the other or in an array; numbers as they are written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.base.errors import DataError
from harness.data.cells import as_text, check_columns, find_columns
from harness.data.content import Form
from harness.data.table import Cell, TextTable

_SPACE = re.compile(r"[ \t\r\n]*")


class _Twice(dict[str, Any]):
    """An object that names keys twice, with different values."""

    twice: frozenset[str] = frozenset()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of a key that stands twice the last value, as JSON's readers have it, and a mark."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    marked = _Twice(found)
    marked.twice = frozenset(key for key, value in pairs if value != found[key])
    return marked


#: numbers keep the characters in which they are written; NaN is a missing number
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=str,
    parse_float=str,
    parse_constant=lambda name: None if name == "NaN" else name,
)


def read_json_rows(
    text: str, name: str, columns: Sequence[str] | None, form: Form, optional: Sequence[str] = ()
) -> TextTable:
    """The rows of JSON text: objects, an array of them, or one object of columns or of rows as pandas
    writes it.

    Args:
        columns: the columns that are wanted, where `a.b` is the field b of the object a; None for all. What
            other columns hold doesn't matter.
        optional: columns that are wanted where they are there; objects in them become JSON.

    Raises:
        DataError: broken JSON, a value that is no object, or a column is missing; names the line.
    """
    rows: list[Mapping[str, Any]] = []
    lines: list[int] = []
    values = list(_values(text, name))
    for line, value in values:
        for each in _unfolded(value, columns, len(values) == 1):
            if not isinstance(each, Mapping):
                raise DataError(f'{name}, line {line}: not an object, such as {{"text": ..., ...}}')
            rows.append(each)
            lines.append(line)
    if not rows:
        raise DataError(f"{name} is empty")
    names = list(dict.fromkeys(key for row in rows for key in row))
    wanted = names if columns is None else list(columns)
    objects = next((key for key, value in rows[0].items() if isinstance(value, Mapping)), None)
    cure = f"; a field of an object is named as in {objects}.NAME" if objects else ""
    check_columns(names, [_root(names, column) for column in wanted], name, cure + form.cure)
    cells = {column: _column(rows, names, column, name, lines) for column in wanted}
    for column in optional:
        if column not in cells and find_columns(names, [column]) is not None:
            cells[column] = _column(rows, names, column, name, lines, objects=True)
    found = find_columns(names, list(cells)) or range(len(names))
    lacking = {
        column: {n for n, row in enumerate(rows) if names[place] not in row}
        for column, place in zip(cells, found, strict=False)
    }
    return TextTable(
        names, cells, len(rows), lines if len(rows) == 1 or lines[0] != lines[-1] else (), lacking
    )


def _values(text: str, name: str) -> Iterator[tuple[int, Any]]:
    """Every value of the text with the line at which it starts."""
    place, counted, line = 0, 0, 1
    while True:
        place = _SPACE.match(text, place).end()  # type: ignore[union-attr]  # it matches nothing, too
        if place == len(text):
            return
        line += (
            text.count("\n", counted, place)
            + text.count("\r", counted, place)
            - text.count("\r\n", counted, place)
        )
        counted = place
        try:
            value, place = _DECODER.raw_decode(text, place)
        except RecursionError:
            raise DataError(f"{name}, line {line}: broken JSON: nested too deeply") from None
        except json.JSONDecodeError as error:
            found = (
                "a comma after the object, which lines of JSON don't have"
                if text[place] == ","
                else error.msg
            )
            at = error.lineno if text[place] == "[" else line
            raise DataError(f"{name}, line {at}: broken JSON: {found}") from None
        yield line, value


def _unfolded(value: Any, columns: Sequence[str] | None, alone: bool) -> Sequence[Any]:
    """The rows in one value: those of an array, of columns side by side, or the object itself; one of
    several values is a row, whatever it holds. `alone`: whether the text holds no other value."""
    if isinstance(value, list):
        return value
    if not alone or not isinstance(value, dict) or not value:
        return [value]
    held = list(value.values())
    if set(value) >= {"columns", "data"} and all(isinstance(value[key], list) for key in ("columns", "data")):
        return [dict(zip(map(str, value["columns"]), row, strict=False)) for row in value["data"]]
    rows = [each for each in held if isinstance(each, list) and each and isinstance(each[0], dict)]
    if len(rows) == 1 and not (columns and _has(value, columns)):
        return rows[0]
    lengths = {len(each) if isinstance(each, list) else -1 for each in held}
    if len(lengths) == 1 and min(lengths) > 0:  # lists side by side
        return [dict(zip(value, row, strict=True)) for row in zip(*held, strict=True)]
    if all(isinstance(each, dict) for each in held):
        return _of_columns(value, columns)
    return [value]


def _has(value: Mapping[str, Any], columns: Sequence[str]) -> bool:
    """Whether an object has all columns, as `find_columns` finds them."""
    names = list(value)
    return find_columns(names, [_root(names, column) for column in columns]) is not None


def _of_columns(value: Mapping[str, Mapping[str, Any]], columns: Sequence[str] | None) -> Sequence[Any]:
    """An object of objects: pandas writes one a column, with numbers of rows as keys, or one a row."""
    first = next(iter(value.values()))
    numbered = bool(first) and all(key.isdecimal() for key in first)
    if numbered and all(each.keys() == first.keys() for each in value.values()):
        return [{name: column[key] for name, column in value.items()} for key in first]
    if columns and all(find_columns(list(each), columns) is not None for each in value.values()):
        return list(value.values())
    return [value]


def _column(
    rows: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    column: str,
    where: str,
    lines: Sequence[int],
    objects: bool = False,
) -> list[Cell]:
    root = _root(names, column)
    place = (find_columns(names, [root]) or [0])[0]
    path = [names[place], *(column.split(".")[1:] if root != column else ())]
    found: list[Cell] = []
    for row, line in zip(rows, lines, strict=True):
        value: Any = row
        for key in path:
            if isinstance(value, _Twice) and key in value.twice:
                raise DataError(f"{where}, line {line}: the object names {key!r} twice; leave one out")
            value = value.get(key) if isinstance(value, Mapping) else None
        try:
            found.append(as_text(value, objects))
        except DataError as error:
            inner = next((key for key in value), "") if isinstance(value, Mapping) else ""
            cure = f"; name one of its fields, as in {column}.{inner}" if inner else ""
            raise DataError(f"{where}, line {line}: {column!r}: {error}{cure}") from None
    return found


def _root(names: Sequence[str], column: str) -> str:
    """The column itself, or that of which `a.b` is a field."""
    first = column.partition(".")[0]
    return first if find_columns(names, [column]) is None and first in names else column

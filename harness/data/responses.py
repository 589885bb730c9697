"""Recorded responses: a table of any format with one row per attempt.

A row names its sample by `sample_id`, by `index` (row of the file or split, from 0) or by `input` (the
question's text), and holds `completion`; `epoch`, `confidence` and `usage` are optional.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.base.documents import load_json
from harness.base.errors import DataError, UsageError, nearest
from harness.data.content import Form, lines_of, read_bytes
from harness.data.table import Cell, TextTable
from harness.data.tables import read_table


@dataclass(frozen=True, slots=True)
class Response:
    """One recorded attempt. `place` says where it stands in its file."""

    place: str
    completion: str
    epoch: int = 0
    sample_id: str | None = None
    index: int | None = None
    input: str | None = None
    confidence: float | None = None
    usage: Mapping[str, Any] | None = None


NAMES = ("sample_id", "index", "input", "epoch", "completion", "confidence", "usage")
#: the largest count that a number of JSON holds exactly, and the largest number of an attempt
MOST, MOST_EPOCHS = 2**53, 100_000
_WHICH = "; --column {}=NAME says which is meant"


@dataclass(frozen=True, slots=True)
class Shape:
    """How somebody else's file is read: which column holds what, which rows count, how it is written.

    `columns` maps our names (`sample_id`, `completion`, ...) to theirs; `where` keeps the rows whose
    column has a value.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)
    form: Form = Form()

    @classmethod
    def of(cls, columns: Mapping[str, str], where: Mapping[str, str], **form: Any) -> Shape:
        """A checked shape; `form` are fields of a `Form`.

        Raises:
            UsageError: a name that a response doesn't have.
        """
        for name in columns:
            if name not in NAMES:
                raise UsageError(f"a response has no {name!r}; {nearest(name, NAMES, 'column')}")
        cure = _WHICH.format("completion")
        return cls(dict(columns), dict(where), Form(**form, flag="--", cure=cure))

    def theirs(self, name: str) -> str:
        """What the file calls one of our names."""
        return self.columns.get(name, name)

    def wanted(self, row: Mapping[str, Cell]) -> bool:
        """Whether a row counts."""
        return all(_same(row.get(name), value) for name, value in self.where.items())

    def read(self, row: Mapping[str, Cell]) -> dict[str, Cell]:
        """The row under our names; in a column that was renamed a list stands for its first element."""
        found = {name: row[self.theirs(name)] for name in NAMES if self.theirs(name) in row}
        return {
            name: cell[0] if isinstance(cell, list) and cell and name in self.columns else cell
            for name, cell in found.items()
        }


def _same(cell: Cell, value: str) -> bool:
    """Whether a cell has a value as it is written on a command line, where a truth value may be `True`."""
    truth = ("true", "false")
    return (cell or "") == value or (value.lower() in truth and str(cell).lower() == value.lower())


def table_of(path: Path, shape: Shape, more: Sequence[str] = ()) -> TextTable:
    """The columns of a file of responses, with those that select rows and `more`.

    Raises:
        DataError: no such file, it can't be read as it stands, or it has no completions.
    """
    if not path.is_file():
        raise DataError(f"no responses file {path}")
    optional = [shape.theirs(name) for name in NAMES if name != "completion"]
    return read_table(path, [shape.theirs("completion"), *more, *shape.where], shape.form, optional)


def column_values(path: Path, column: str, shape: Shape) -> list[str]:
    """The different values of a column in the rows that the shape wants, in order of their first row.

    Raises:
        DataError: no such file, or no row has the column.
    """
    table = table_of(path, shape, [column])
    return list(dict.fromkeys(str(row[column] or "") for row in table if shape.wanted(row)))


def check_columns(path: Path, shape: Shape) -> None:
    """Whether the rows of a file name samples and hold completions.

    Raises:
        DataError: they don't; says what columns there are and how to name them.
    """
    table = table_of(path, shape)
    if not any(shape.theirs(name) in table.cells for name in _SAMPLE):
        held = ", ".join(list(table.names)[:12])
        raise DataError(f"{path.name}: {_NO_SAMPLE}; the columns are {held}{_WHICH.format('sample_id')}")


def results_module(name: str) -> Any:
    """A module that reads a benchmark's own result files: `FORMATS` says in words which, `names(path)`
    gives the tasks that a file or folder has results of (none: it is of another kind), `read(path, name)`
    the responses to one of them. `brings_items(path)`, where there is one, says whether the rows bring
    items of their own: no figures of the whole benchmark are made of such."""
    import importlib

    return importlib.import_module(name)


def results_names(module: str, path: Path) -> list[str]:
    """The tasks that a file or folder has a benchmark's own results of.

    Raises:
        DataError: it has, and they can't be read as they stand.
    """
    try:
        return list(results_module(module).names(path))
    except RecursionError:
        raise DataError(f"can't read {path}: nested too deeply") from None


def read_results(module: str, path: Path, name: str) -> list[Response]:
    """The responses to a task in a benchmark's own results.

    Raises:
        DataError: they can't be read as they stand.
    """
    try:
        found: list[Response] = results_module(module).read(path, name)
    except RecursionError:
        raise DataError(f"can't read {path}: nested too deeply") from None
    for response in found:
        try:
            _check(response)
        except DataError as error:
            raise DataError(f"{path}: {response.place}: {error}") from None
    return found


def read_json(path: Path, lines: bool = False) -> Any:
    """The document in a JSON file, plain or packed; of one with `lines`, the list of their documents.

    Raises:
        DataError: it can't be read, or is no JSON.
    """
    try:
        raw, name = read_bytes(path)
        if path.suffix == ".gz" and name == path.name:
            raise ValueError("it is not packed with gzip, as its name says")
        return [load_json(line) for _, line in lines_of(raw.decode())] if lines else load_json(raw)
    except ValueError as error:
        raise DataError(f"can't read {path}: {error}") from error


def read_responses(path: Path, shape: Shape | None = None) -> list[Response]:
    """Every row of the file that the shape wants.

    Raises:
        DataError: it can't be read as it stands, or a row is without completion or without a sample;
            names the first faulty rows.
    """
    shape = shape or Shape()
    table = table_of(path, shape)
    lacking = table.lacking.get(shape.theirs("completion"), ())
    responses: list[Response] = []
    faults: list[str] = []
    for number, found in enumerate(table):
        if not shape.wanted(found):
            continue
        try:
            if number in lacking:
                raise DataError("no 'completion'")
            responses.append(_response(table.place(number), shape.read(found)))
        except DataError as error:
            faults.append(f"{table.place(number)}: {error}")
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise DataError(f"{path.name}: {'; '.join(faults[:3])}{more}; nothing was scored")
    if not responses:
        where = " and ".join(f"{key}={value}" for key, value in shape.where.items())
        raise DataError(f"{path.name} holds no responses" + (f" with {where}" if where else ""))
    return responses


_SAMPLE = ("sample_id", "index", "input")
_NO_SAMPLE = "no 'sample_id', 'index' or 'input'"


def _response(place: str, row: Mapping[str, Cell]) -> Response:
    """One row as a response.

    Raises:
        DataError: it names no sample, or a cell isn't what its column holds.
    """
    texts: dict[str, str | None] = {}
    for name, cell in row.items():
        if isinstance(cell, list):
            raise DataError(f"{name!r} is not text, but {len(cell)} values")
        texts[name] = cell
    if not any(texts.get(name) for name in _SAMPLE):
        raise DataError(_NO_SAMPLE)
    index, epoch, confidence = (_number(texts.get(name), name) for name in ("index", "epoch", "confidence"))
    made = Response(
        place=place,
        completion=texts.get("completion") or "",
        epoch=int(epoch or 0),
        sample_id=texts.get("sample_id") or None,
        index=int(index) if index is not None else None,
        input=texts.get("input"),
        confidence=confidence,
        usage=_counts(texts.get("usage")),
    )
    _check(made)
    return made


def _check(response: Response) -> None:
    """
    Raises:
        DataError: its epoch or a count of its usage is none.
    """
    if not 0 <= response.epoch <= MOST_EPOCHS:
        raise DataError(f"'epoch' is from 0 to {MOST_EPOCHS:,}, not {response.epoch}")
    for name, count in (response.usage or {}).items():
        if count is not None and not 0 <= count <= MOST:
            raise DataError(f"'usage': {name[:40]} is no count: {str(count)[:40]}")


def _number(text: str | None, name: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text) if "_" not in text else math.nan  # Python reads 1_0 as 10
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (name != "confidence" and not value.is_integer()):
        raise DataError(
            f"{name!r} is not a {'number' if name == 'confidence' else 'whole number'}: {text[:40]!r}"
        )
    return value


def _counts(text: str | None) -> dict[str, float] | None:
    """The numbers of an object of counts; None where there is none."""
    try:
        found = load_json(text or "null")
        counts = {name: float(value) for name, value in found.items() if value is not None}
    except (ValueError, TypeError, AttributeError):
        return None
    except OverflowError:
        return {"a number": math.inf}
    return counts

"""Recorded responses: JSONL (optionally gzipped), CSV or parquet, one row per attempt.

A row names its sample by `sample_id`, by `index` (row of the split) or by `input` (the question's
text), and holds `completion`; `epoch`, `confidence` and `usage` are optional.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.base.errors import DataError, UsageError, nearest
from harness.sample import Question


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


@dataclass(frozen=True, slots=True)
class Shape:
    """How somebody else's file is read: which column holds what, and which rows count.

    `columns` maps our names (`sample_id`, `completion`, ...) to theirs; `where` keeps the rows whose
    column has a value.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, columns: Mapping[str, str], where: Mapping[str, str]) -> Shape:
        """A checked shape.

        Raises:
            UsageError: a name that a response doesn't have.
        """
        for name in columns:
            if name not in NAMES:
                raise UsageError(f"a response has no {name!r}; {nearest(name, NAMES, 'column')}")
        return cls(dict(columns), dict(where))

    def wanted(self, row: Any) -> bool:
        """Whether a row counts."""
        return not isinstance(row, dict) or all(str(row.get(k)) == v for k, v in self.where.items())

    def read(self, row: Any) -> Any:
        """The row under our names; a list stands for its first element."""
        if not isinstance(row, dict) or not self.columns:
            return row
        named = {ours: row[theirs] for ours, theirs in self.columns.items() if theirs in row}
        first = {
            key: value[0] if isinstance(value, list) and value else value for key, value in named.items()
        }
        return {**row, **first}


WANTED = 'wanted is one response a line, as {"sample_id": "60", "completion": "..."}'
NAMES = ("sample_id", "index", "input", "epoch", "completion", "confidence", "usage")


def column_values(path: Path, column: str, shape: Shape) -> list[str]:
    """The different values of a column in the rows that the shape wants, in order of their first row.

    Raises:
        DataError: no such file, or no row has the column.
    """
    if not path.is_file():
        raise DataError(f"no responses file {path}")
    found = dict.fromkeys(
        str(row[column])
        for _, row in _rows(path, [], shape)
        if isinstance(row, dict) and column in row and shape.wanted(row)
    )
    if not found:
        raise DataError(f"{path.name} has no column {column!r}")
    return list(found)


def check_columns(path: Path, shape: Shape) -> None:
    """Whether the first row that the shape wants names a sample and holds a completion.

    Raises:
        DataError: it doesn't; says what columns there are and how to name them.
    """
    for place, row in _rows(path, [], shape):
        if not isinstance(row, dict):
            raise DataError(f"{path.name}: {place}: not an object; {WANTED}")
        if shape.wanted(row):
            fault = _fault(shape.read(row))
            if fault and fault.startswith("no "):
                held = ", ".join(str(name) for name in list(row)[:12])
                raise DataError(
                    f"{path.name}: {fault}; the columns are {held}: --column "
                    f"{'completion' if 'completion' in fault else 'sample_id'}=NAME says which "
                    "is meant"
                )
            return


def results_module(name: str) -> Any:
    """A module that reads a benchmark's own result files: `FORMATS` says in words which, `names(path)`
    gives the tasks that a file or folder has results of (none: it is of another kind), `read(path, name)`
    the responses to one of them. `brings_items(path)`, where there is one, says whether the rows bring
    items of their own: no figures of the whole benchmark are made of such."""
    import importlib

    return importlib.import_module(name)


def read_json(path: Path, lines: bool = False) -> Any:
    """The document in a JSON file, plain or gzipped; of one with `lines`, the list of their documents.

    Raises:
        DataError: it can't be read, or is no JSON.
    """
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
        return [json.loads(line) for line in raw.split(b"\n") if line.strip()] if lines else json.loads(raw)
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise DataError(f"can't read {path}: {error}") from error


def read_responses(path: Path, shape: Shape | None = None) -> list[Response]:
    """Every row of the file that the shape wants.

    Raises:
        DataError: no such file, broken JSON, a row without completion or without a sample; names
            the first faulty rows.
    """
    if not path.is_file():
        raise DataError(f"no responses file {path}")
    responses: list[Response] = []
    faults: list[str] = []
    shape = shape or Shape()
    for place, found in _rows(path, faults, shape):
        if not shape.wanted(found):
            continue
        row = shape.read(found)
        fault = _fault(row)
        if fault:
            faults.append(f"{place}: {fault}")
            continue
        epoch = row.get("epoch")
        index = row.get("index")
        responses.append(
            Response(
                place=place,
                completion=row.get("completion") or "",
                epoch=int(epoch) if epoch is not None else 0,
                sample_id=str(row["sample_id"]) if row.get("sample_id") is not None else None,
                index=int(index) if index is not None else None,
                input=row.get("input"),
                confidence=float(row["confidence"]) if row.get("confidence") is not None else None,
                usage=row.get("usage") if isinstance(row.get("usage"), dict) else None,
            )
        )
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise DataError(f"{path.name}: {'; '.join(faults[:3])}{more}; nothing was scored")
    if not responses:
        where = " and ".join(f"{key}={value}" for key, value in shape.where.items())
        raise DataError(f"{path.name} holds no responses" + (f" with {where}" if where else ""))
    return responses


def _fault(row: Any) -> str | None:
    if not isinstance(row, dict):
        return "not an object"
    if "completion" not in row:
        return "no 'completion'"
    if row["completion"] is not None and not isinstance(row["completion"], str):
        return "'completion' is not text"
    if all(row.get(key) is None for key in ("sample_id", "index", "input")):
        return "no 'sample_id', 'index' or 'input'"
    if not isinstance(row.get("input"), str | None):
        return "'input' is not text"
    try:
        int(row.get("epoch") or 0), int(row.get("index") or 0)
        if not math.isfinite(float(row.get("confidence") or 0)):
            return "'confidence' is not finite"
    except (TypeError, ValueError, OverflowError):
        return "'epoch', 'index' or 'confidence' is not a number"
    return None


def _rows(path: Path, faults: list[str], shape: Shape) -> Iterator[tuple[str, Any]]:
    completion = shape.columns.get("completion", "completion")
    kind = path.name.removesuffix(".gz")
    if kind.endswith((".jsonl", ".json", ".ndjson", ".csv", ".tsv")):
        opener = gzip.open if path.name.endswith(".gz") else open
        tabular = kind.endswith((".csv", ".tsv"))
        if kind.endswith(".json") and _is_document(path):
            raise DataError(f"{path.name} is one JSON document; {WANTED}")
        try:
            with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as lines:
                yield from _csv_rows(path, lines, completion) if tabular else _json_rows(lines, faults)
        except (OSError, EOFError, zlib.error, csv.Error) as error:
            raise DataError(f"can't read {path}: {error}") from error
    else:
        from harness.data.hub import Data

        for number, row in enumerate(Data().file(str(path), [completion]), 1):
            yield f"row {number}", dict(row)


def _is_document(path: Path) -> bool:
    """Whether a file is JSON as a whole, over several lines."""
    try:
        text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).strip()
        json.loads(text)
        return b"\n" in text
    except (OSError, EOFError, zlib.error, ValueError, RecursionError):
        return False


def _json_rows(lines: Iterable[str], faults: list[str]) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield f"line {number}", json.loads(line)
            except (ValueError, RecursionError):
                faults.append(f"line {number}: broken JSON")


def _csv_rows(path: Path, lines: Iterable[str], completion: str) -> Iterator[tuple[str, Any]]:
    """Cells stay text, so that the completion '42' and the id '007' are what they were."""
    csv.field_size_limit(2**31 - 1)
    rows = csv.DictReader(lines, delimiter="\t" if ".tsv" in path.suffixes else ",")
    if completion not in (rows.fieldnames or ()):
        raise DataError(
            f"{path} has no column {completion!r}; it has: {', '.join(rows.fieldnames or ())}; "
            "--column completion=NAME says which is meant"
        )
    for number, row in enumerate(rows, 1):
        yield f"row {number}", {name: cell for name, cell in row.items() if cell or name == completion}


def attach(
    responses: Sequence[Response],
    questions: Sequence[Question],
    source: str,
    strict: bool = True,
    rows: int | None = None,
) -> dict[tuple[str, int], Response]:
    """Responses by (sample id, epoch). An `index` may name one of the first `rows` questions.

    Raises:
        DataError: unless `strict` is off, a response names no sample of the task, or one that has a
            response for that epoch already; names the first of them.
    """
    ids: dict[str, str] = {}
    by_input: dict[str, list[str]] = {}
    for question in questions:
        for alias in question.metadata.get("aliases", ()):
            ids[str(alias)] = question.id
        by_input.setdefault(question.input.strip(), []).append(question.id)
    ids.update((question.id, question.id) for question in questions)
    found: dict[tuple[str, int], Response] = {}
    faults: list[str] = []
    for response in responses:
        sample_id: str | None = None
        if response.sample_id is not None:
            sample_id = ids.get(response.sample_id)
            name = f"sample_id {response.sample_id!r}"
        elif response.index is not None:
            if 0 <= response.index < (len(questions) if rows is None else rows):
                sample_id = questions[response.index].id
            name = f"index {response.index}"
        else:
            same = by_input.get((response.input or "").strip(), [])
            sample_id = same[0] if same else None
            name = f"input {(response.input or '')[:40]!r}"
        if sample_id is None:
            faults.append(f"{response.place}: unknown {name}")
        elif (sample_id, response.epoch) in found:
            first = found[sample_id, response.epoch]
            if first.completion != response.completion or response.input is None:
                faults.append(
                    f"{response.place}: {name}, epoch {response.epoch} stands already in {first.place}"
                )
        else:
            found[sample_id, response.epoch] = response
    if faults and strict:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise DataError(f"{source}: {'; '.join(faults[:3])}{more}; nothing was scored")
    return found

"""The user's own tables, whatever their format: every cell is the text that stands there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.base.errors import DataError
from harness.data.content import Form, decode, read_bytes
from harness.data.table import TextTable

DELIMITED = (".csv", ".tsv", ".tab", ".psv", ".txt")
JSON = (".jsonl", ".ndjson", ".json")
TYPED = (".parquet", ".feather", ".arrow", ".xlsx")
PACKED = (".gz", ".bz2", ".xz", ".zip")
#: how a message names what can be read
FORMATS = ".csv, .tsv, .txt, .jsonl, .json, .parquet, .feather or .xlsx, also packed (.gz, .bz2, .xz, .zip)"


def is_table(name: str) -> bool:
    """Whether a name has the ending of a table, packed or not."""
    name = name.lower()
    for ending in PACKED:
        name = name.removesuffix(ending)
    return name.endswith((*DELIMITED, *JSON, *TYPED))


def read_table(
    path: Path,
    columns: Sequence[str] | None = None,
    form: Form | None = None,
    optional: Sequence[str] = (),
) -> TextTable:
    """The rows of a file of the user's. Types are never guessed: `001`, `1.50`, `12:30`, `1e5` and `true`
    keep their characters, and an empty cell is None.

    The format is found by what the file holds and, for text, by the ending of its name. A column is the one
    of that name, else the only one that differs in case and space alone.

    Args:
        path: the file.
        columns: the columns that are wanted; None for all. Others are not looked at.
        form: how it is written, where that can't be seen.
        optional: columns that are wanted where they are there; objects in them become JSON.

    Raises:
        DataError: it can't be read as it stands, with the line and the cure.
    """
    form = form or Form()
    raw, name = read_bytes(path)
    if not raw.strip():
        raise DataError(f"{path.name} is empty")
    if raw.startswith((b"PAR1", b"ARROW1", b"FEA1")) or name.lower().endswith(
        (".parquet", ".feather", ".arrow")
    ):
        from harness.data.typed import read_arrow

        return read_arrow(raw, path.name, columns, form, optional)
    if raw.startswith(b"PK\x03\x04") or name.lower().endswith(".xlsx"):
        from harness.data.typed import read_workbook

        return read_workbook(raw, path.name, columns, form, optional)
    text = decode(raw, path.name, form)
    if not text.strip():
        raise DataError(f"{path.name} is empty")
    ending = "." + name.lower().rpartition(".")[2]
    if ending in JSON or (ending not in DELIMITED and text.lstrip()[:1] in ("{", "[")):
        from harness.data.json_rows import read_json_rows

        return read_json_rows(text, path.name, columns, form, optional)
    from harness.data.delimited import read_delimited

    usual = {".tsv": "\t", ".tab": "\t", ".psv": "|"}.get(ending, ",")
    return read_delimited(text, path.name, columns, form, optional, usual)

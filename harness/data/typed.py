"""Tables whose cells have types (parquet, feather, workbooks) as texts, by the rule of `cells.as_text`."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Sequence
from typing import Any

from harness.base.errors import DataError, reason_of
from harness.data.cells import as_text, chosen, find_columns
from harness.data.content import Form, check_unpacked
from harness.data.table import Cell, TextTable

LOG = logging.getLogger("harness.data")
#: cells that any file may have; and of one that has more, how many for each of its bytes
CELLS, CELLS_OF_A_BYTE = 20_000_000, 50
#: the place of a cell in a sheet, such as AB12
_PLACE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')


def read_arrow(
    raw: bytes, name: str, columns: Sequence[str] | None, form: Form, optional: Sequence[str] = ()
) -> TextTable:
    """The rows of a parquet or feather (arrow) file; of a column that holds objects, `a.b` is the field b.

    Raises:
        DataError: it is damaged, a column is missing, or a cell has no text.
    """
    import pyarrow
    from pyarrow import feather, ipc, parquet

    source = pyarrow.BufferReader(raw)
    try:
        if raw.startswith(b"PAR1"):
            file = parquet.ParquetFile(source)
            names = list(file.schema_arrow.names)
            places = _places(names, columns, optional, name, form.cure)
            check_cells(file.metadata.num_rows * len(places), len(raw), name)
            table = file.read(columns=[names[place] for place in places.values()])
        else:
            stream = raw.startswith(b"\xff\xff\xff\xff")
            table = ipc.open_stream(source).read_all() if stream else feather.read_table(source)
            names = list(table.column_names)
            places = _places(names, columns, optional, name, form.cure)
        table.validate(full=True)  # what is no text, or lies outside of the file, is found out here
        cells = {
            wanted: _cells(table.column(names[place]), wanted, name, wanted not in (columns or ()))
            for wanted, place in places.items()
        }
    except (pyarrow.ArrowException, OSError, ValueError, KeyError) as error:
        raise DataError(f"can't read {name}: {reason_of(error)}") from error
    return TextTable(names, cells, table.num_rows)


def _places(
    names: Sequence[str], columns: Sequence[str] | None, optional: Sequence[str], where: str, cure: str
) -> dict[str, int]:
    """As `cells.chosen`, where `a.b` may be a field of the column a."""
    fields = [c for c in columns or () if find_columns(names, [c]) is None and c.partition(".")[0] in names]
    plain = None if columns is None else [column for column in columns if column not in fields]
    found = chosen(names, plain, optional, where, cure)
    return {**found, **{field: names.index(field.partition(".")[0]) for field in fields}}


def read_workbook(
    raw: bytes, name: str, columns: Sequence[str] | None, form: Form, optional: Sequence[str] = ()
) -> TextTable:
    """The rows of the first sheet of an .xlsx file. Numbers are as precise as the format: 15 digits.

    Raises:
        DataError: it is damaged, openpyxl isn't installed, or a column is missing.
    """
    import pandas

    try:
        _check_workbook(raw, name)
        book = pandas.ExcelFile(io.BytesIO(raw), engine="openpyxl")
        frame = book.parse(0, header=None, dtype=object, na_filter=False)
    except DataError:
        raise
    except ImportError as error:
        raise DataError(f"{name} needs openpyxl: pip install 'method-harness[xlsx]'") from error
    except Exception as error:  # a damaged workbook raises whatever its XML made of it
        raise DataError(f"can't read {name}: {reason_of(error)}") from error
    if len(book.sheet_names) > 1:
        others = ", ".join(map(str, book.sheet_names[1:4]))
        LOG.warning("%s: the sheet %s is read; there are others: %s", name, book.sheet_names[0], others)
    rows = [[as_text(cell) for cell in row] for row in frame.itertuples(index=False, name=None)]
    while rows and not any(rows[-1]):
        rows.pop()
    if not rows:
        raise DataError(f"{name} is empty")
    width = len(rows[0])
    names = [str(n + 1) for n in range(width)]
    if form.header:
        names = [str(cell or "") for cell in rows.pop(0)]
    cure = f"; without a header, {form.flag}header=false numbers the columns{form.cure}"
    places = chosen(names, columns, optional, name, cure)
    cells = {each: [row[place] or None for row in rows] for each, place in places.items()}
    return TextTable(names, cells, len(rows))


def check_cells(cells: int, size: int, name: str) -> None:
    """Whether a file of this size in bytes may hold so many cells.

    Raises:
        DataError: they were made to fill the memory.
    """
    if cells > CELLS and cells > CELLS_OF_A_BYTE * size:
        raise DataError(f"{name} holds {size:,} bytes and {cells:,} cells, as a bomb does; write fewer")


def _check_workbook(raw: bytes, name: str) -> None:
    """Whether a workbook unpacks to what is in it, and its sheets are no larger than their cells need.

    Raises:
        DataError: it doesn't.
        zipfile.BadZipFile: it is damaged.
    """
    import zipfile

    with zipfile.ZipFile(io.BytesIO(raw)) as parts:
        check_unpacked(sum(part.file_size for part in parts.infolist()), len(raw), name)
        for part in parts.namelist():
            if part.startswith("xl/worksheets/") and part.endswith(".xml"):
                width = height = 0
                for place in _PLACE.finditer(parts.read(part)):
                    width = max(width, _column_number(place[1]))
                    height = max(height, int(place[2]))
                check_cells(width * height, len(raw), name)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _cells(column: Any, wanted: str, where: str, objects: bool) -> Any:
    """A column as texts: arrow's own where it is one of texts or whole numbers, for those are many."""
    import pyarrow
    from pyarrow import types

    kind = column.type
    if types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if types.is_string(kind) or types.is_large_string(kind) or types.is_integer(kind):
        return column.cast(pyarrow.string())
    field = wanted.partition(".")[2]
    found: list[Cell] = []
    text, wide = pyarrow.string(), pyarrow.float64()
    if types.is_float32(kind):  # by its shortest form: the nearest float64 is 0.10000000149011612
        column = column.cast(text).cast(wide)
    elif types.is_list(kind) and types.is_float32(kind.value_type):
        column = column.cast(pyarrow.list_(text)).cast(pyarrow.list_(wide))
    for row, value in enumerate(column.to_pylist(), 1):
        for key in field.split(".") if isinstance(value, dict) and field else ():
            value = value.get(key) if isinstance(value, dict) else None
        try:
            found.append(as_text(value, objects))
        except DataError as error:
            first = next(iter(value), "") if isinstance(value, dict) else ""
            cure = f"; name one of its fields, as in {wanted}.{first}" if first else ""
            raise DataError(f"{where}, row {row}: {wanted!r}: {error}{cure}") from None
    return found

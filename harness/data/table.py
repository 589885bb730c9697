"""A table of the user's as columns of texts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from harness.base.errors import DataError, reason_of

#: a cell: its text, None where it is missing, or several texts
Cell = str | list[str] | None


@dataclass(frozen=True)
class TextTable:
    """Rows in the order of their file; it has the members of a `datasets.Dataset` that `Rows` uses.

    Attributes:
        names: all columns of the file, in its order.
        cells: the columns that were asked for, under the names that they were asked by; lists, or arrow
            arrays of strings where there may be millions.
        n_rows: rows of the file, those with empty cells among them.
        lines: the line of the file at which each row starts, from 1; empty where a file has no lines.
        lacking: of JSON, the rows whose object doesn't name a column, by column.
    """

    names: Sequence[str]
    cells: Mapping[str, Any]
    n_rows: int
    lines: Sequence[int] = ()
    lacking: Mapping[str, Collection[int]] = field(default_factory=dict)
    features: ClassVar[Mapping[str, Any]] = {}

    @property
    def column_names(self) -> list[str]:
        return [*self.cells, *(name for name in self.names if name not in self.cells)]

    def place(self, row: int) -> str:
        """Where a row stands, as a message says it."""
        return f"line {self.lines[row]}" if self.lines else f"row {row + 1}"

    def column(self, name: str) -> Sequence[Cell]:
        """The cells of a column that was asked for."""
        cells = self.cells[name]
        found: Sequence[Cell] = cells.to_pylist() if hasattr(cells, "to_pylist") else cells
        return found

    def __len__(self) -> int:
        return self.n_rows

    def __getitem__(self, row: int) -> dict[str, Cell]:
        return {
            name: cell.as_py() if hasattr(cell := column[row], "as_py") else cell
            for name, column in self.cells.items()
        }

    def __iter__(self) -> Iterator[dict[str, Cell]]:
        names = list(self.cells)
        for row in zip(*map(self.column, names), strict=True):
            yield dict(zip(names, row, strict=True))

    def arrow(self, columns: Sequence[str]) -> Any:
        """Some columns as a pyarrow.Table of strings, or of lists of strings.

        Raises:
            DataError: a column holds lists in some rows and texts in others.
        """
        import pyarrow

        found = {}
        for name in columns:
            column = self.cells[name]
            if hasattr(column, "type"):
                found[name] = column
                continue
            lists = any(isinstance(cell, list) for cell in column)
            if lists and any(isinstance(cell, str) for cell in column):  # arrow would take texts for lists
                raise DataError(f"the column {name!r} holds lists in some rows and texts in others")
            kind = pyarrow.list_(pyarrow.string()) if lists else pyarrow.string()
            try:
                found[name] = pyarrow.array(column, kind)
            except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, UnicodeEncodeError) as error:
                raise DataError(f"the column {name!r} can't be read: {reason_of(error)}") from None
        return pyarrow.table(found)

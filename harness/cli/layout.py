"""Tables that stay legible on a narrow terminal: nothing is cut off, the same rows take another shape."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

#: columns of text where output goes to a file or a pipe and COLUMNS says nothing
PIPED = 200
_BETWEEN = 2


def console() -> Console:
    """A console as wide as the terminal; COLUMNS has the last word, also in a pipe."""
    from rich.console import Console

    found = Console(highlight=False)
    return (
        found
        if found.is_terminal or os.environ.get("COLUMNS", "").isdigit()
        else Console(width=PIPED, highlight=False)
    )


def printable(text: str) -> str:
    """Without control characters: names and completions must not drive the terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def print_table(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Collection[str] = (),
    titles: int = 1,
    keep: Collection[str] = (),
    spare: Collection[str] = (),
    styles: Mapping[str, str] | None = None,
    row_styles: Sequence[str] = (),
) -> None:
    """Prints rows in the first shape that fits: the whole table; without the columns that say the same
    in every row, which are said once above it; without `spare` columns; else a paragraph a row.

    Args:
        names: the columns.
        rows: their cells, plain text.
        right: columns set flush right.
        titles: how many of the first columns name a row when it becomes a paragraph.
        keep: columns that stay in the table even if they say the same everywhere.
        spare: columns that only draw what others say, and may be left out.
        styles: the style of a cell by its text, for cells that are a word such as `ok`.
        row_styles: the style of each row.
    """
    from rich.text import Text

    out, styles = console(), styles or {}
    rows = [[printable(cell) for cell in row] for row in rows]
    shown = list(range(len(names)))
    same: list[int] = []
    if not _fits(names, rows, shown, out.width) and len(rows) > 1:
        same = [n for n in shown if names[n] not in keep and len({row[n] for row in rows}) == 1]
        shown = [n for n in shown if n not in same]
    if not _fits(names, rows, shown, out.width):
        shown = [n for n in shown if names[n] not in spare]
    if same:
        said = ", ".join(f"{names[n]} {rows[0][n]}" for n in same if rows[0][n])
        out.print(Text(f"in every row: {said}", "dim"), soft_wrap=False)
    if shown and _fits(names, rows, shown, out.width):
        _grid(out, names, rows, shown, right, styles, row_styles)
        return
    for number, row in enumerate(rows):
        head, rest = [n for n in shown if n < titles], [n for n in shown if n >= titles]
        lines = Text(", ".join(row[n] for n in head if row[n]), "bold")
        cells = [
            Text.assemble((f"{names[n]} ", "dim"), (row[n], styles.get(row[n], ""))) for n in rest if row[n]
        ]
        width = out.width
        for cell in cells:
            if width + _BETWEEN + cell.cell_len > out.width:
                lines.append("\n  ")
                width = 2
            else:
                lines.append(" " * _BETWEEN)
                width += _BETWEEN
            lines.append_text(cell)
            width += cell.cell_len
        if number < len(row_styles) and row_styles[number]:
            lines.stylize(row_styles[number])
        out.print(lines)
    out.print()


def _fits(names: Sequence[str], rows: Sequence[Sequence[str]], shown: Sequence[int], width: int) -> bool:
    from rich.cells import cell_len

    widths = [max(cell_len(names[n]), *(cell_len(row[n]) for row in rows)) for n in shown]
    return sum(widths) + _BETWEEN * len(widths) <= width


def _grid(
    out: Console,
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    shown: Sequence[int],
    right: Collection[str],
    styles: Mapping[str, str],
    row_styles: Sequence[str],
) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _BETWEEN - 1, 0, 0))
    for n in shown:
        table.add_column(Text(names[n]), justify="right" if names[n] in right else "left", no_wrap=True)
    for number, row in enumerate(rows):
        style = row_styles[number] if number < len(row_styles) else ""
        table.add_row(*(Text(row[n], styles.get(row[n], "")) for n in shown), style=style)
    out.print()
    out.print(table)
    out.print()

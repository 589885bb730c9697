"""Tables that stay legible on a narrow terminal, where the same rows take another shape, and nothing is cut
off; and as HTML, for notebooks."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar, overload

from harness.base.terminal import printable, results

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

#: columns of text where output goes to a file or a pipe and COLUMNS says nothing
PIPED = 200
_BETWEEN = 2


@dataclass(frozen=True)
class Table:
    """Rows of plain text.

    Attributes:
        names: the columns.
        rows: their cells.
        right: columns set flush right.
        titles: how many of the first columns name a row when it becomes a paragraph.
        keep: columns that stay in the table even if they say the same everywhere.
        spare: columns that only draw what others say, and may be left out.
        styles: the style of a cell by its text, for cells that are a word such as `ok`.
        row_styles: the style of each row.
    """

    names: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Collection[str] = ()
    titles: int = 1
    keep: Collection[str] = ()
    spare: Collection[str] = ()
    styles: Mapping[str, str] = field(default_factory=dict)
    row_styles: Sequence[str] = ()


@dataclass(frozen=True)
class Line:
    """A sentence between tables."""

    text: str
    style: str = ""


Block = Table | Line
T = TypeVar("T")


class Shown:
    """What results have in common: a table where they are printed, HTML where a notebook shows them."""

    def blocks(self) -> list[Block]:
        """The tables and sentences that say it."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return as_text(self.blocks())

    def _repr_html_(self) -> str:
        return as_html(self.blocks())

    def __rich_console__(self, out: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for block in self.blocks():
            yield from renderables(block, options.max_width)


class ShownItems(Shown, Sequence[T]):
    """Results that are several, in their order."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = list(items)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)


def console() -> Console:
    """A console as wide as the terminal; COLUMNS has the last word, also in a pipe."""
    from rich.console import Console

    found = Console(file=_file(), highlight=False, force_jupyter=False)
    return (
        found
        if found.is_terminal or os.environ.get("COLUMNS", "").isdigit()
        else Console(file=_file(), width=PIPED, highlight=False, force_jupyter=False)
    )


def _file() -> Any:
    """Where a command has its results; None stands for stdout, wherever that goes at the time."""
    return None if results() is sys.stdout else results()


def print_blocks(blocks: Iterable[Block], out: Console | None = None) -> None:
    """Prints tables and sentences."""
    out = out or console()
    for block in blocks:
        for each in renderables(block, out.width):
            out.print(each, soft_wrap=isinstance(block, Line))


def print_table(names: Sequence[str], rows: Sequence[Sequence[str]], **more: Any) -> None:
    """Prints one table; `more` are fields of `Table`."""
    print_blocks([Table(names, rows, **more)])


def as_text(blocks: Iterable[Block]) -> str:
    """What `print_blocks` prints, without colours."""
    import io

    from rich.console import Console

    sink = io.StringIO()
    # in a notebook rich would show it there instead of writing it
    out = Console(file=sink, width=console().width, highlight=False, color_system=None, force_jupyter=False)
    print_blocks(blocks, out)
    lines = (line.rstrip() for line in sink.getvalue().splitlines())
    return "\n".join(lines).strip("\n")


def as_html(blocks: Iterable[Block]) -> str:
    """Tables and sentences as HTML that needs no script and no style sheet."""
    from html import escape

    made = []
    for block in blocks:
        if isinstance(block, Line):
            made.append(f"<div{_css(block.style)}>{escape(printable(block.text))}</div>")
            continue
        block = _safe(block)
        aligned = ["text-align:right" if name in block.right else "text-align:left" for name in block.names]
        head = "".join(
            f'<th style="{align}">{escape(name)}</th>'
            for name, align in zip(block.names, aligned, strict=True)
        )
        body = []
        for row, style in zip(block.rows, _row_styles(block), strict=True):
            cells = "".join(
                f'<td style="{align};white-space:pre">'
                f"<span{_css(block.styles.get(cell, ''))}>{escape(cell)}</span></td>"
                for cell, align in zip(row, aligned, strict=True)
            )
            body.append(f"<tr{_css(style)}>{cells}</tr>")
        made.append(f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>")
    return "\n".join(made)


#: the words of our styles in CSS; colours that are read on light and on dark ground
_IN_CSS = {
    "bold": "font-weight:bold",
    "dim": "opacity:0.65",
    "green": "color:#1a9850",
    "red": "color:#d73027",
    "yellow": "color:#b8860b",
    "magenta": "color:#b044b0",
}


def _css(style: str) -> str:
    words = ";".join(_IN_CSS[word] for word in style.split() if word in _IN_CSS)
    return f' style="{words}"' if words else ""


def _safe(table: Table) -> Table:
    """The same with printable names and cells, which are measured from here on."""
    rows = [[printable(cell) for cell in row] for row in table.rows]
    right, keep, spare = ({*map(printable, each)} for each in (table.right, table.keep, table.spare))
    return replace(
        table, names=[*map(printable, table.names)], rows=rows, right=right, keep=keep, spare=spare
    )


def _row_styles(table: Table) -> list[str]:
    return [*table.row_styles, *[""] * (len(table.rows) - len(table.row_styles))]


def renderables(block: Block, width: int) -> Iterator[RenderableType]:
    """A sentence; or a table in the first shape that fits: the whole table; without the columns that say the
    same in every row, which are shown once above it; without `spare` columns; else a paragraph a row."""
    from rich.text import Text

    if isinstance(block, Line):
        yield Text(printable(block.text), block.style)
        return
    block = _safe(block)
    names, rows, styles = block.names, block.rows, block.styles
    shown = list(range(len(names)))
    constant: list[int] = []
    if not _fits(names, rows, shown, width) and len(rows) > 1:
        constant = [n for n in shown if names[n] not in block.keep and len({row[n] for row in rows}) == 1]
        shown = [n for n in shown if n not in constant]
    if not _fits(names, rows, shown, width):
        shown = [n for n in shown if names[n] not in block.spare]
    if same := ", ".join(f"{names[n]} {rows[0][n]}" for n in constant if rows[0][n]):
        yield Text(f"in every row: {same}", "dim")
    if shown and _fits(names, rows, shown, width):
        yield ""
        yield _grid(block, rows, shown)
        yield ""
        return
    for row, style in zip(rows, _row_styles(block), strict=True):
        head, rest = [n for n in shown if n < block.titles], [n for n in shown if n >= block.titles]
        lines = Text(", ".join(row[n] for n in head if row[n]), "bold")
        cells = [
            Text.assemble((f"{names[n]} ", "dim"), (row[n], styles.get(row[n], ""))) for n in rest if row[n]
        ]
        used = width
        for cell in cells:
            if used + _BETWEEN + cell.cell_len > width:
                lines.append("\n  ")
                used = 2
            else:
                lines.append(" " * _BETWEEN)
                used += _BETWEEN
            lines.append_text(cell)
            used += cell.cell_len
        if style:
            lines.stylize(style)
        yield lines
    yield ""


def _fits(names: Sequence[str], rows: Sequence[Sequence[str]], shown: Sequence[int], width: int) -> bool:
    from rich.cells import cell_len

    widths = [max(cell_len(row[n]) for row in (names, *rows)) for n in shown]
    return sum(widths) + _BETWEEN * len(widths) <= width


def _grid(block: Table, rows: Sequence[Sequence[str]], shown: Sequence[int]) -> RenderableType:
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _BETWEEN - 1, 0, 0))
    for n in shown:
        name = block.names[n]
        grid.add_column(Text(name), justify="right" if name in block.right else "left", no_wrap=True)
    for row, style in zip(rows, _row_styles(block), strict=True):
        grid.add_row(*(Text(row[n], block.styles.get(row[n], "")) for n in shown), style=style)
    return grid

"""Delimited text: separators found by content, quotes that can't swallow rows, ragged rows refused."""

from __future__ import annotations

import csv
import io
import itertools
import logging
import re
from collections.abc import Iterator, Sequence
from typing import Any

from harness.base.errors import DataError
from harness.data.cells import chosen, find_columns
from harness.data.content import Form
from harness.data.table import TextTable

LOG = logging.getLogger("harness.data")
SEPARATORS = (",", ";", "\t", "|", "::")
_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "space": " "}
#: stands for a separator of several characters, and where cells aren't separated at all
_UNIT = "\x1f"
_BLANK, _BLANK_OR_SPACES = re.compile(r"[\r\n]*"), re.compile(r"[ \r\n]*")
_SAMPLED, _SAMPLED_TEXT = 30, 2**18
_HINT = re.compile(r"sep=(.+)\r?\n?")


def read_delimited(
    text: str,
    name: str,
    columns: Sequence[str] | None,
    form: Form,
    optional: Sequence[str] = (),
    usual: str = ",",
) -> TextTable:
    """The rows of delimited text; every cell is the text that stands there, an empty one None.

    Args:
        columns: the columns that are wanted; None for all.
        optional: columns that are wanted where they are there.
        usual: the separator that the file's name speaks for, where several are possible.

    Raises:
        DataError: a column is missing, a row has another number of cells than the first, or quotation
            marks don't enclose cells as CSV has it; names the line and the cure.
    """
    hint = _HINT.match(text)  # Excel's own first line
    first_line = 1
    if hint:
        text, first_line = text[hint.end() :], 2
    separator = _NAMES.get(form.separator, form.separator) or (hint[1].strip("\r\n") if hint else "")
    separator = separator or _find(text, name, [*(columns or ()), *optional], form, usual)
    if form.header is False:
        width = len(next(_records(text, separator, name, form), (0, [""]))[1])
        names = [str(n) for n in range(1, width + 1)]
        cure = f"; columns of a file without a header are numbered{form.cure or f', as in {form.flag}text=1'}"
    else:
        names = next(_records(text, separator, name, form), (0, []))[1]
        if not names:
            raise DataError(f"{name} is empty")
        while len(names) > 1 and not names[-1].strip():
            names = names[:-1]  # a separator at the end of the line
        how = "no separator was found" if separator == _UNIT else f"cells are separated by {separator!r}"
        cure = (
            f"; {how}, {form.flag}separator= names another; where the first line "
            f"holds data, {form.flag}header=false names the columns 1 to {len(names)}{form.cure}"
        )
    places = chosen(names, columns, optional, name, cure)
    plain = _plain(text, separator, list(places.values()), form)
    if plain is not None:
        skipped = 1 if form.header else 0
        read = [column.slice(skipped) for column in plain.columns]
        return TextTable(names, dict(zip(places, read, strict=True)), plain.num_rows - skipped)
    cells: list[list[str | None]] = [[] for _ in places]
    lines: list[int] = []
    width = len(names)
    records = _records(text, separator, name, form, names if form.header else ())
    for line, row in itertools.islice(records, 1 if form.header else 0, None):
        if len(row) != width:
            row = _fitting(row, width, name, line + first_line - 1, form)
        lines.append(line + first_line - 1)
        for column, place in zip(cells, places.values(), strict=True):
            column.append(row[place] or None)
    return TextTable(names, dict(zip(places, cells, strict=True)), len(lines), lines)


def _plain(text: str, separator: str, places: Sequence[int], form: Form) -> Any:
    """The columns as arrow reads them, many times faster, where nothing needs a closer look: no quotation
    marks, and as many cells in every line. None where it does."""
    import pyarrow
    from pyarrow import csv as arrow_csv

    if ('"' in text and form.quotes and len(separator) == 1) or not places:
        return None
    if len(separator) > 1:
        text, separator = text.replace(separator, _UNIT), _UNIT
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\n")
    width = text.partition("\n")[0].count(separator) + 1
    if width <= max(places):
        return None  # a line of spaces before the first
    names = [str(n) for n in range(width)]
    try:
        return arrow_csv.read_csv(
            io.BytesIO(text.encode()),
            read_options=arrow_csv.ReadOptions(column_names=names),
            parse_options=arrow_csv.ParseOptions(delimiter=separator, quote_char=False),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pyarrow.string()),
                include_columns=[names[place] for place in places],
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pyarrow.ArrowInvalid:
        return None


def _records(
    text: str, separator: str, name: str, form: Form, names: Sequence[str] = (), sampled: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Every row with the number of the line at which it starts; blank lines are passed over."""
    csv.field_size_limit(2**31 - 1)
    quotes = form.quotes
    settings: dict[str, Any] = {"delimiter": separator, "strict": True}
    if len(separator) > 1:
        if _UNIT in text:
            raise DataError(f"{name}: {separator!r} can't be its separator: it holds the character U+001F")
        text, settings["delimiter"], quotes = text.replace(separator, _UNIT), _UNIT, False
    if not quotes or '"' not in text:
        settings |= {"quoting": csv.QUOTE_NONE}
    elif len(names) > 1 and all(each.startswith(" ") for each in names[1:]):
        settings["skipinitialspace"] = True  # a header `a, b`: the space belongs to the separator
    try:
        stream = io.StringIO(text, newline="")
        rows = csv.reader(stream, **settings)
    except (TypeError, ValueError):
        raise DataError(
            f"{separator!r} can't separate cells; {form.flag}separator= takes , ; | :: tab or space"
        ) from None
    started, passed = 1, 0
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            raise DataError(
                f"{name}, line {started}: a quotation mark opens a cell there, and none closes it before "
                f"a separator; write two for one inside a cell, or {form.flag}quotes=false takes them as text"
            ) from None
        last = rows.line_num + passed
        if last > started and row and not sampled:
            _check_swallowed(row, settings["delimiter"], name, started, last, form)
        if row and (len(row) > 1 or row[0].strip()):
            yield started, row
        else:  # there may be millions of them
            place = stream.tell()
            stream.seek(_after_blank_lines(text, place, separator))
            passed += _line_ends(text, place, stream.tell())
        started = rows.line_num + passed + 1


def _after_blank_lines(text: str, place: int, separator: str) -> int:
    """Where the next line begins that isn't blank, from the beginning of a line."""
    blank = _BLANK if separator == " " else _BLANK_OR_SPACES
    end = blank.match(text, place).end()  # type: ignore[union-attr]  # it matches nothing, too
    return max(place, text.rfind("\n", place, end) + 1, text.rfind("\r", place, end) + 1)


def _line_ends(text: str, start: int, end: int) -> int:
    return text.count("\n", start, end) + text.count("\r", start, end) - text.count("\r\n", start, end)


def _check_swallowed(row: Sequence[str], separator: str, name: str, line: int, last: int, form: Form) -> None:
    """Whether a quoted cell of several lines may be rows that a stray quotation mark runs together: each of
    the lines would be a whole row without it.

    Raises:
        DataError: it may, and the separator is one that running text doesn't have.
    """
    cell = next((place for place, each in enumerate(row) if "\n" in each or "\r" in each), None)
    if cell is None or len(row) < 2:
        return
    parts = re.split(r"\r\n|\r|\n", row[cell])
    counts = [part.count(separator) for part in parts]
    counts[0] += cell
    counts[-1] += len(row) - 1 - cell
    if any(count != len(row) - 1 for count in counts):
        return
    said = f"{name}, line {line}: quotation marks make one row of lines {line} to {last}"
    cure = f"{form.flag}quotes=false takes quotation marks as text"
    if separator in "\t|":
        raise DataError(f"{said}, each of which would be one without them; {cure}")
    LOG.warning("%s; if these are several rows, %s", said, cure)


def _fitting(row: list[str], width: int, name: str, line: int, form: Form) -> list[str]:
    """The row without empty cells that separators at the end of its line make.

    Raises:
        DataError: it has another number of cells all the same.
    """
    if len(row) > width and not any(cell.strip() for cell in row[width:]):
        return row[:width]
    cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
    raise DataError(
        f"{name}, line {line}: {cells} where the first line has {width}; put a cell that holds the "
        f"separator in quotation marks, or name another with {form.flag}separator="
    )


def _find(text: str, name: str, columns: Sequence[str], form: Form, usual: str) -> str:
    """The separator under which the first row names most of the columns, else under which rows are alike."""
    ranks: dict[str, tuple[int, float]] = {}
    for separator in sorted(SEPARATORS, key=lambda each: each != usual):
        rows = _sample(text, separator, name, form)
        width = len(rows[0]) if rows else 1
        if width > 1:
            named = sum(find_columns(rows[0], [column]) is not None for column in columns if form.header)
            ranks[separator] = named, sum(len(row) == width for row in rows) / len(rows)
    if not ranks:
        return _UNIT  # one column: no cell ends before its line
    best = max(ranks, key=ranks.__getitem__)
    alike = [separator for separator in ranks if ranks[separator] == ranks[best]]
    if len(alike) > 1 and not form.header and usual == ",":  # the name of a .csv speaks for nothing
        raise DataError(
            f"{name}: {' or '.join(map(repr, alike))} may stand between its cells, and no header tells; "
            f"{form.flag}separator= says which"
        )
    return best


def _sample(text: str, separator: str, name: str, form: Form) -> list[list[str]]:
    """The first rows under a separator, as far as they can be read."""
    rows: list[list[str]] = []
    records = _records(text[:_SAMPLED_TEXT], separator, name, form, sampled=True)
    try:
        rows.extend(row for _, row in itertools.islice(records, _SAMPLED))
    except DataError:
        pass
    return rows[:-1] if len(text) > _SAMPLED_TEXT and 1 < len(rows) < _SAMPLED else rows

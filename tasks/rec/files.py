"""The user's own interactions and item texts, in the formats in which such data are passed around."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.base.errors import DataError
from harness.data.cells import find_columns, tidy
from harness.data.content import Form, decode, read_bytes
from harness.data.delimited import read_delimited
from harness.data.json_rows import read_json_rows
from harness.data.tables import read_table
from harness.tasks.rec.columns import find_roles, named
from harness.tasks.rec.lines import from_lines, of_columns
from harness.tasks.rec.log import LOG, Events
from harness.tasks.rec.numbers import numbers
from harness.tasks.rec.tables import complete, of_table

if TYPE_CHECKING:
    from harness.data.hub import Data
    from harness.data.table import TextTable

#: what stands between fields, the likelier first where several are as frequent
SEPARATORS = ("::", "\t", ",", ";", "|")
_NAMED = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "space": " "}
#: a column of a RecBole atomic file (`.inter`, `.item`): name and type
_TYPED = re.compile(r"(.+):(token|token_seq|float|float_seq)")
_QUOTED = re.compile(r'"[^"]*"')
_SAMPLED = 1000


class Reader:
    """Reads the files of one set. Every id is the text that stands in the file.

    Tables (CSV and its kind, JSON, parquet, feather, xlsx, RecBole's atomic files) have named columns, and
    an item may be a list of items. Other text has lines of fields with a separator or white space between
    them, whose meaning `lines.from_lines` finds; what one file shows clearly holds for the next.

    Args:
        asked: names of the columns of `user`, `item`, `rating` and `time`; "" for one not to be read.
        shape: `auto`, `pairs` or `lists`: what lines without a header are.
        form: encoding, separator and quotes.
        header: `auto`, `true` or `false`: whether the first line names the columns.
    """

    def __init__(
        self,
        data: Data,
        asked: Mapping[str, str],
        shape: str = "auto",
        form: Form | None = None,
        header: str = "auto",
    ) -> None:
        self.data, self.asked, self.shape, self.header = data, asked, shape, header
        self.form = form or Form()

    def events(self, path: str) -> Events:
        """The interactions of a file.

        Raises:
            DataError: it can't be read as it stands, with the cure.
        """
        where, name, text = self._open(path)
        table = self._typed_table(path, name, text)
        if table is None:
            return self._of_text(text or "", name, where)
        roles = find_roles(list(table([]).names), self.asked, where)
        return of_table(table(list(dict.fromkeys(roles.values()))), roles, where)

    def texts(self, path: str, column: str) -> dict[str, str]:
        """The text of every item of a table of items; the first one where an item has several.

        Raises:
            DataError: it can't be read as it stands, or a column is missing.
        """
        where, name, text = self._open(path)
        table = self._typed_table(path, name, text)
        if table is None:
            plain, form = text or "", self.form
            first = next(line for line in plain.splitlines() if line.strip())
            if types := _types(first.split("\t")):
                plain, form = plain.replace(first, "\t".join(types), 1), Form(separator="\t", quotes=False)

            def table(columns: Sequence[str]) -> TextTable:
                return read_delimited(plain, where, columns, form)

        ids = self._ids(list(table([]).names), where)
        read = table([ids, column])
        found: dict[str, str] = {}
        repeated = 0
        for cell, words in zip(read.column(ids), read.column(column), strict=True):
            id = tidy(str(cell or ""))
            repeated += id in found
            found.setdefault(id, str(words or "").strip())
        if repeated:
            LOG.warning(
                "%s: rows whose item stood there before: %d; its first text is taken", where, repeated
            )
        return found

    def _open(self, path: str) -> tuple[str, str, str | None]:
        """What a message calls the file, its name unpacked, and its text; None where it isn't one of text."""
        raw, name = read_bytes(Path(path))
        where = Path(path).name
        self.data.note_file(path)
        if raw.startswith((b"PAR1", b"ARROW1", b"FEA1", b"PK\x03\x04")):
            return where, name, None
        text = decode(raw, where, self.form)
        if not text.strip():
            raise DataError(f"{where} is empty")
        return where, name, text

    def _typed_table(
        self, path: str, name: str, text: str | None
    ) -> Callable[[Sequence[str]], TextTable] | None:
        """Reads some columns of a file in a format that has columns; None where it is delimited text."""
        if text is None:
            return lambda columns: read_table(Path(path), columns, self.form)
        if text.lstrip()[0] in "{[" or name.lower().endswith((".json", ".jsonl", ".ndjson")):
            return lambda columns: read_json_rows(text, Path(path).name, columns, self.form)
        return None

    def _ids(self, names: Sequence[str], where: str) -> str:
        """The column of ids in a table of items."""
        if find_columns(names, [self.asked["item"]]) is not None:
            return self.asked["item"]
        asked = {"user": "\0", "item": self.asked["item"]}
        return find_roles([*names, "\0"], asked, where)["item"]

    # -- text -------------------------------------------------------------------------------------

    def _of_text(self, text: str, name: str, where: str) -> Events:
        hint, first, rest = "", *text.lstrip("\r\n").partition("\n")[::2]
        if re.fullmatch(r"sep=.+", first.strip()) and rest:  # Excel's own first line
            hint, text = first.strip()[4:], rest
        lines = text.splitlines()
        sample = [line for line in lines[: 2 * _SAMPLED] if line.strip()][:_SAMPLED]
        separator = (
            _NAMED.get(self.form.separator, self.form.separator)
            or hint
            or _separator(sample, where, self.form)
        )
        separator = separator.strip(" ")
        cells = _split(sample[0], separator)
        if types := _types(cells):
            text = text.replace(sample[0], separator.join(types), 1)
            return self._of_named(text, list(types), separator, where, types=types)
        header = (
            self._is_header(cells, sample, separator, name)
            if self.header == "auto"
            else self.header == "true"
        )
        if header and self.shape == "lists" and not named(cells, self.asked):
            lines = lines[lines.index(sample[0]) + 1 :]
        elif header:
            return self._of_named(text, cells, separator, where)
        elif self.asked["user"].isdecimal() and self.asked["item"].isdecimal():
            numbered = [str(n + 1) for n in range(len(cells))]
            return self._of_named(text, numbered, separator, where, header=False)
        if separator in (",", ";", "|") and '"' in text and self.form.quotes and self.shape != "lists":
            table = read_delimited(text, where, None, Form(separator=separator, header=False))
            if 2 <= len(table.names) <= 4:
                return complete(of_columns([table.column(n) for n in table.names], where), where)
        if separator == "\t" and self.shape == "auto" and all(_is_two(line) for line in sample):
            raise DataError(
                f"{where}: a tab, and then words with spaces between them: -T format=pairs takes the words "
                "for one id, -T format=lists for a list of items"
            )
        if separator == "\t" and self.shape == "lists":
            separator = ""
        events, shape = from_lines(lines, where, self.shape, separator)
        if self.shape == "auto" and shape:
            self.shape = shape
        return complete(events, where)

    def _is_header(self, cells: Sequence[str], sample: Sequence[str], separator: str, name: str) -> bool:
        """Whether the first line names columns, or can't be one of ids: it is unlike all others."""
        if named(cells, self.asked):
            return True
        rest = [_split(line, separator) for line in sample[1:]]
        if self.shape == "lists" or not rest or any(numbers([cell]) is not None for cell in cells):
            return False
        columns = [[row[n] for row in rest if n < len(row)] for n in range(len(cells))]
        if any(cell in column for cell, column in zip(cells, columns, strict=True)):
            return False
        if any(column and numbers([cell or None for cell in column]) is not None for column in columns):
            return True
        return name.lower().endswith((".csv", ".tsv", ".inter"))

    def _of_named(
        self,
        text: str,
        names: Sequence[str],
        separator: str,
        where: str,
        header: bool = True,
        types: Mapping[str, str] | None = None,
    ) -> Events:
        """The events of delimited text whose columns have names; `types` are those of an atomic file."""
        roles = find_roles(names, self.asked, where)
        if not separator:  # any white space
            text, separator = "\n".join("\t".join(line.split()) for line in text.splitlines()), "\t"
        form = Form(separator=separator, header=header, quotes=self.form.quotes and types is None)
        table = read_delimited(text, where, list(dict.fromkeys(roles.values())), form)
        return of_table(table, roles, where, (types or {}).get(roles["item"]) == "token_seq")


def _types(cells: Sequence[str]) -> dict[str, str]:
    """The types of the columns that the header of an atomic file names; empty for any other line."""
    matches = [_TYPED.fullmatch(cell.strip()) for cell in cells]
    return {match[1]: match[2] for match in matches if match} if all(matches) else {}


def _is_two(line: str) -> bool:
    """Whether a line is one field, a tab, and a field with spaces in it."""
    parts = line.strip().split("\t")
    return len(parts) == 2 and " " in parts[1].strip()


def _separator(sample: Sequence[str], where: str, form: Form) -> str:
    """What stands between fields: of what nearly all lines hold, the most frequent; "" for white space.

    Raises:
        DataError: several signs that text may have are as frequent.
    """
    if form.quotes:
        sample = [_QUOTED.sub("", line) for line in sample]
    counts = {
        sign: sum(line.count(sign) for line in sample)
        for sign in SEPARATORS
        if sign in sample[0] and sum(sign in line for line in sample) >= 0.9 * len(sample)
    }
    best = max(counts, key=lambda sign: counts[sign], default="")
    alike = [sign for sign, count in counts.items() if count == counts[best] and sign in (",", ";", "|")]
    if best in alike and len(alike) > 1:
        raise DataError(
            f"{where}: {' or '.join(map(repr, alike))} may stand between its fields; "
            f"{form.flag}separator= says which"
        )
    return best


def _split(line: str, separator: str) -> list[str]:
    if not separator:
        return line.split()
    if len(separator) == 1 and '"' in line:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]
    return [cell.strip() for cell in line.strip("\r\n").split(separator)]

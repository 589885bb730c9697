"""Where the rows of the user's own tasks come from: a file, or a data set of the Hub."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.errors import DataError, UsageError
from harness.data.cells import cell_text, label_text, tidy
from harness.data.content import Form
from harness.data.tables import FORMATS, is_table
from harness.spec import DataPin

if TYPE_CHECKING:
    from harness.data.hub import Data, Rows

LOG = logging.getLogger("harness.tasks.custom")


class Source:
    """Where the rows of a task's arguments come from."""

    def __init__(self, task: str, args: Mapping[str, Any]) -> None:
        self.task, self.args = task, args
        if not args["data"]:
            raise UsageError(f"{task} needs -T data=FILE_OR_HUB_ID")
        self.is_file = is_file(args["data"])
        self.form = Form(args["encoding"], args["separator"], args["header"], args["quotes"])

    def test(self, data: Data, columns: Sequence[str]) -> Rows:
        """The rows of `data`, or of its `split`."""
        if self.is_file:
            return self._file(data, self.args["data"], self._named(columns))
        return data.rows(self._pin(self.args["split"]), self._named(columns))

    def other(self, data: Data, name: str, columns: Sequence[str]) -> Rows:
        """The rows of the argument `name`: a split of `data`, or a file."""
        value = self.args[name]
        if is_file(value):
            return self._file(data, value, columns)
        if self.is_file:
            raise UsageError(
                f"{self.task}: {name}={value!r} is not a file; where data is a file, "
                f"{name} is one too ({FORMATS})"
            )
        return data.rows(self._pin(value), columns)

    def _file(self, data: Data, name: str, columns: Sequence[str]) -> Rows:
        path = Path(name)
        if not path.is_file():
            folder = path.parent
            held = sorted(each.name for each in folder.glob("*") if is_file(str(each)))
            there = f"{folder} holds: {', '.join(held[:8])}" if held else f"{folder} holds no data"
            raise DataError(f"{self.task}: no file {name}; {there}")
        return data.file(name, columns, self.form)

    def text(self, row: Mapping[str, Any], column: str, index: int) -> str:
        """The text of a row's cell, see `cell_text`.

        Raises:
            DataError: the cell holds several values.
        """
        try:
            return cell_text(row[column])
        except DataError as error:
            raise DataError(f"{self.task}: row {index} (from 0), column {column!r}: {error}") from None

    def row_id(self, row: Mapping[str, Any], index: int) -> str:
        """The id of a test row: its own, or the number of the row in its file, from 0.

        Raises:
            DataError: the column of ids is empty there.
        """
        own = self.args["id"]
        if not own:
            return str(index)
        if not (text := label_text(row[own])):
            raise DataError(
                f"{self.task}: the column {own!r} is empty in row {index} of {self.args['data']} (the first "
                "is row 0); leave out -T id to number the rows"
            )
        return text

    def group(self, row: Mapping[str, Any], index: int) -> str | None:
        """What a test row shares with others by the column `group`; None without one, or where the cell is
        empty: the row stands alone."""
        column = self.args["group"]
        shared = tidy(self.text(row, column, index)) if column else ""
        return f"{column}={shared}" if shared else None

    def _pin(self, split: str) -> DataPin:
        return DataPin(self.args["data"], self.args["config"] or None, split, self.args["revision"])

    def _named(self, columns: Sequence[str]) -> list[str]:
        """With the columns of ids and groups, each once, where there are any."""
        return list(dict.fromkeys([*columns, *filter(None, (self.args["id"], self.args["group"]))]))


def is_file(name: str) -> bool:
    """Whether an argument names a file, there or not, and no data set of the Hub."""
    return is_table(name) or Path(name).is_file()


def warn_of_left_out(task: str, part: str, all_rows: int, kept: int) -> None:
    """Says how many rows of a part (`test`, `train`, `pool`) are left out, if any."""
    if kept < all_rows:
        LOG.warning(
            "%s: %d of %d rows of %s lack a text or an answer and are left out",
            task,
            all_rows - kept,
            all_rows,
            part,
        )


def check_groups(groups: Sequence[str | None], task: str, column: str) -> None:
    """Whether a column of groups says something of the test rows: with a group a row it doesn't, which a
    warning says.

    Raises:
        DataError: all rows are one group, or no row has one.
    """
    if not column:
        return
    named = [group for group in groups if group is not None]
    if len(set(groups)) == 1 and len(groups) > 1:
        held = "the same text in every row" if named else "nothing in any row"
        raise DataError(
            f"{task}: the column {column!r} holds {held}, so no error can be estimated; give a column that "
            "tells at least two groups apart, or leave out -T group"
        )
    if len(set(named)) == len(named):
        LOG.warning(
            "%s: the column %r has no text twice, so every row is a group of its own, as without -T group",
            task,
            column,
        )


def check_distinct_ids(ids: Sequence[str], task: str, column: str) -> None:
    """Whether the column of ids names every test row once.

    Raises:
        DataError: it holds one twice.
    """
    twice = [name for name, count in Counter(ids).items() if count > 1]
    if twice:
        raise DataError(
            f"{task}: the column {column!r} holds {twice[0]!r} more than once, so it "
            "can't be the id; leave out -T id to number the rows"
        )

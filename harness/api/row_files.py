"""Files of one JSON object a line: read with the line of a mistake, written so that a kill loses no row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from harness.base.errors import DataError, UsageError


def read_rows(path: str | Path) -> list[tuple[int, dict[str, Any]]]:
    """The objects of a file with their lines, counted from 1; packed files too.

    Raises:
        DataError: it can't be read, or a line is no JSON object; names the line.
    """
    from harness.checklist.json_lines import json_lines

    rows = list[tuple[int, dict[str, Any]]]()
    for number, row, faults in json_lines(Path(path)):
        if faults:
            raise DataError(f"{path}, line {number}: {faults[0]}")
        rows.append((number, row))
    return rows


class RowFile:
    """Rows that are there already, and new ones, each written whole before the next is made.

    Args:
        path: the file; a row that a kill cut off at its end is dropped.
        overwrite: begin anew.

    Raises:
        UsageError: the file is there and holds something else, or can't be written.
    """

    def __init__(self, path: str | Path, overwrite: bool = False) -> None:
        self.path = Path(path)
        self.rows: list[dict[str, Any]] = []
        self._file: IO[bytes]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.is_dir():
                raise UsageError(f"--out {path} is a folder; name a file")
            if overwrite or not self.path.exists():
                self._file = self.path.open("wb")
                return
            whole = self._kept()
            self._file = self.path.open("r+b")
            self._file.truncate(whole)
            self._file.seek(whole)
        except OSError as error:
            raise UsageError(f"--out {path}: {error.strerror}") from None

    def _kept(self) -> int:
        """Reads the rows that are whole; the bytes that they take."""
        whole = 0
        for number, line in enumerate(self.path.read_bytes().splitlines(keepends=True), 1):
            if not line.endswith(b"\n"):
                break
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise UsageError(
                    f"--out {self.path} is there, and line {number} is no row of this command; name another "
                    "file, or --overwrite"
                )
            self.rows.append(row)
            whole += len(line)
        return whole

    def add(self, row: Mapping[str, Any]) -> None:
        """Writes a row to the disk."""
        # ASCII alone, as a model's text may hold lone surrogates
        self._file.write(json.dumps(row).encode() + b"\n")
        self._file.flush()
        self.rows.append(dict(row))

    def __enter__(self) -> RowFile:
        return self

    def __exit__(self, *ended: object) -> None:
        self._file.close()

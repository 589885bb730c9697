"""Progress bars on stderr; plain lines where stderr is no terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from harness.run.plan import Cell


class Bars:
    """One bar for the cell that runs, and which cell of the grid it is."""

    def __init__(self, cells: int) -> None:
        self._cells, self._number = cells, 0
        self._cell: Cell | None = None
        self._bar: Any = None
        self._line: Any = None
        self._shown = 0.0
        self._live = sys.stderr.isatty()

    def __enter__(self) -> Bars:
        if self._live:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
            )

            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._line = self._bar.add_task("", total=None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def say(self, notice: str) -> None:
        """One quiet line, above the bar."""
        if self._bar is not None:
            from rich.text import Text

            self._bar.console.print(Text(f"hint: {notice}"), soft_wrap=True)
        else:
            print(f"hint: {notice}", file=sys.stderr)

    def step(self, cell: Cell, what: str, done: int, total: int) -> None:
        """Shows a step; at most ten times a second."""
        now = time.monotonic()
        new = cell is not self._cell
        if new:
            self._cell, self._number = cell, self._number + 1
        elif now - self._shown < (0.1 if self._live else 15) and done != total:
            return
        self._shown = now
        title = f"[{self._number}/{self._cells}] {cell.title}: {what}"
        if self._bar is not None:
            self._bar.update(self._line, description=title, completed=done, total=total or None)
        elif new or (total and done < total):
            share = f" {done}/{total}" if total else ""
            print(f"{title}{share}", file=sys.stderr)

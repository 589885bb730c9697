"""Progress on stderr: a bar on a terminal, a line that is rewritten in a notebook, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from harness.base.terminal import hint, hinted, one_line, tell
from harness.base.tty import drawing
from harness.run.plan import Cell
from harness.run.session import Silent, Watcher


def watching(cells: int, progress: bool = True) -> AbstractContextManager[Watcher]:
    """What shows the progress of so many cells here; nothing where `progress` is false."""
    if not progress:
        return nullcontext(Silent())
    if sys.stderr.isatty():
        return Bar(cells)
    return NotebookLine(cells) if _in_a_notebook() else Lines(cells)


def _in_a_notebook() -> bool:
    """Whether this process is the kernel of a notebook; never imports IPython."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


class Lines:
    """Which cell of the grid runs and how far it is, as plain lines; the others build on it."""

    #: seconds between two views of the same cell
    pause = 15.0

    def __init__(self, cells: int) -> None:
        self._cells, self._number = cells, 0
        self._cell: Cell | None = None
        #: what was shown, by id; a cell is loaded twice where its model is probed
        self._numbers: dict[int, tuple[int, Cell]] = {}
        self._shown = 0.0

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *reason: object) -> None:
        return None

    def say(self, notice: str) -> None:
        """A quiet line, or a few, above the progress."""
        hint(notice)

    def step(self, cell: Cell, what: str, done: int, total: int) -> None:
        """Shows a step, unless the last view is too young."""
        now = time.monotonic()
        new = id(cell) not in self._numbers
        if cell is not self._cell:
            self._cell = cell
            self._number, _ = self._numbers.setdefault(id(cell), (len(self._numbers) + 1, cell))
        elif now - self._shown < self.pause and done != total:
            return
        self._shown = now
        title = one_line(f"[{self._number}/{self._cells}] {cell.title}: {what}")
        self.show(title, done, total, new)

    def show(self, title: str, done: int, total: int, new: bool) -> None:
        if new or (total and done < total):
            tell(f"{title}{_share(done, total)}")


def _share(done: int, total: int) -> str:
    return f" {done}/{total}" if total else ""


class Bar(Lines):
    """One bar for the cell that runs, at most ten views a second; gone at the end."""

    pause = 0.1

    def __enter__(self) -> Bar:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._bar.start()
        self._quiet = drawing(self._bar.stop, self._bar.start)  # while a person is asked here
        self._quiet.__enter__()
        self._line = self._bar.add_task("", total=None)
        return self

    def __exit__(self, *reason: object) -> None:
        self._quiet.__exit__(None, None, None)
        self._bar.stop()

    def say(self, notice: str) -> None:
        from rich.text import Text

        self._bar.console.print(Text(hinted(notice)), soft_wrap=True)

    def show(self, title: str, done: int, total: int, new: bool) -> None:
        self._bar.update(self._line, description=title, completed=done, total=total or None)


class NotebookLine(Lines):
    """One output of the cell that is rewritten twice a second. rich's own bar needs ipywidgets, which many
    notebooks lack; text works in all of them, and in what is saved."""

    pause = 0.5

    def __enter__(self) -> NotebookLine:
        from IPython import display

        shown: Any = display.display  # it has no types
        self._handle = shown({"text/plain": ""}, raw=True, display_id=True)
        return self

    def __exit__(self, *reason: object) -> None:
        self._handle.update({"text/plain": ""}, raw=True)

    def show(self, title: str, done: int, total: int, new: bool) -> None:
        self._handle.update({"text/plain": f"{title}{_share(done, total)}"}, raw=True)

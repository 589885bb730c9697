"""Runs the cells of a grid one after another; a cell that fails ends itself and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.base import forks, interrupts, process
from harness.base.concurrent import run_sync
from harness.base.errors import DataError, HarnessError, UsageError
from harness.base.garbage import collected_rarely
from harness.run.cell import run_cell
from harness.run.litter import clean
from harness.run.plan import Cell
from harness.run.plugin_errors import foreseen
from harness.run.probe import probe
from harness.run.session import Session


@dataclass
class Result:
    """What became of a cell: a record, or the error that ended it."""

    cell: Cell
    record: dict[str, Any] | None
    error: HarnessError | None = None

    @property
    def status(self) -> str:
        return "failed" if self.record is None else str(self.record["status"])

    @property
    def failed(self) -> bool:
        """Whether nothing was measured, or less than all because --offline lacks completions."""
        return self.record is None or self.record["counts"]["ok"] == 0 or bool(self.record.get("missing"))


@dataclass
class GridResult:
    """The cells that ran, and whether the user stopped the grid."""

    results: list[Result]
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """0 done, 1 a cell failed, measured nothing or lacked completions that --offline can't get, 2 every
        cell was misconfigured, 3 budget spent, 130 interrupted."""
        if self.interrupted:
            return 130
        failed = [r for r in self.results if r.record is None]
        if failed:
            misconfigured = all(isinstance(r.error, UsageError | DataError) for r in self.results)
            return 2 if misconfigured else 1
        if any(r.status == "stopped" for r in self.results):
            return 3
        return int(any(r.failed for r in self.results))


async def run_cells(cells: Sequence[Cell], session: Session, finished: GridResult) -> None:
    """Every cell in order, each result into `finished` as it comes. Being cancelled or interrupted ends the
    grid and is noted there; what is finished is kept.

    Raises:
        ModelStopped: a model that will be asked can't be; nothing was run.
    """
    try:
        clean(session.store.root)
        with interrupts.watched(), forks.alone(), process.kept(), collected_rarely():
            await probe(cells, session)
            for cell in cells:
                finished.results.append(await _result(cell, session))
                if interrupts.came():  # whatever a plugin made of it
                    raise KeyboardInterrupt
    except (asyncio.CancelledError, KeyboardInterrupt):
        finished.interrupted = True
    finally:
        session.close()


async def _result(cell: Cell, session: Session) -> Result:
    """What became of a cell, whatever its code raised."""
    try:
        with foreseen(cell):
            return Result(cell, await run_cell(cell, session))
    except HarnessError as error:
        return Result(cell, None, error)


def run_grid(cells: Sequence[Cell], session: Session) -> GridResult:
    """Every cell in order, from code that is not asynchronous. Interrupting keeps what is finished."""
    finished = GridResult([])
    try:
        run_sync(run_cells(cells, session, finished))
    except KeyboardInterrupt:
        finished.interrupted = True
    return finished

"""Variance components of one table item x run: what its runs, its cells and its attempts say of the noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from harness.stats.crossed import parts_of


@dataclass(frozen=True)
class TableNoise:
    """What a table says of its own noise; None where it doesn't.

    Attributes:
        runs: columns S of the table.
        run: s², over runs: ``S (VS - VR)``, at least 0.
        cell: r² + a²/k, of item x run with its k attempts: ``n S VR``.
        attempt: a², of one attempt within a cell.
        per_attempt: the mean of 1/k.
    """

    runs: int
    run: float | None
    cell: float | None
    attempt: float | None
    per_attempt: float

    @property
    def share(self) -> float | None:
        """Of the noise, in the variance of an item's mean over the runs."""
        return None if self.cell is None else self.cell / self.runs


def table_noise(cells: ArrayLike, spread: ArrayLike, attempts: ArrayLike, draws: bool) -> TableNoise:
    """The noise of one table, or of a table of differences.

    Args:
        cells: shape (items, runs); NaN where absent.
        spread: unbiased variance of the attempts in each cell, alike; NaN below two attempts.
        attempts: how many attempts each cell has.
        draws: whether something is drawn per run; if not, ``run`` is 0.

    Returns:
        From one run, ``run`` is unknown, and ``cell`` is that of repeated attempts alone.
    """
    table = np.asarray(cells, dtype=np.float64)
    within, counts = np.asarray(spread, np.float64), np.asarray(attempts, np.float64)
    known = within[~np.isnan(within)]
    attempt = float(known.mean()) if known.size else None
    per_attempt = float((1 / counts[counts > 0]).mean())
    n, runs = table.shape
    parts = parts_of(table)
    if parts.df_runs > 0:
        run = runs * max(0.0, parts.runs - parts.overlap) if draws else 0.0
        return TableNoise(runs, run, n * runs * parts.overlap, attempt, per_attempt)
    cell = None if attempt is None else attempt * per_attempt
    return TableNoise(runs, None if draws else 0.0, cell, attempt, per_attempt)


def cells_and_attempts(arms: Sequence[TableNoise]) -> tuple[float, float]:
    """r² and a² of several arms together. Where no attempt was repeated within a cell, all of the variance of
    cells is put down to attempts, so that plans with more of them are optimistic."""
    cells, attempts = 0.0, 0.0
    for arm in arms:
        cell = arm.cell or 0.0
        attempt = cell / arm.per_attempt if arm.attempt is None else arm.attempt
        attempts += attempt
        cells += max(0.0, cell - attempt * arm.per_attempt)
    return cells, attempts

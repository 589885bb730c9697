"""What of the cell means of a grid is noise: their covariance over items and over runs."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from harness.stats.grid_runs import runs_noise
from harness.stats.paired import FEWEST
from harness.stats.quantiles import FloatArray

_STEPS = 40


@dataclass(frozen=True)
class Noise:
    """The covariance of a grid's cell means as a sum of independent parts, such as one over the items of each
    task and one over its runs. Matrices are over the cells in row-major order, the last factor fastest.

    Attributes:
        parts: (covariance of shape (cells, cells), its degrees of freedom).
        excess: what the parts hold too much, where runs differ by less than their items explain or hardly an
            item differs between cells. Estimates leave it out, as they would be biased otherwise; intervals
            and tests keep it, to be honest.
    """

    parts: Sequence[tuple[FloatArray, float]]
    excess: FloatArray | None = None

    @property
    def covariance(self) -> FloatArray:
        """K, shape (cells, cells)."""
        return np.asarray(sum(part for part, _ in self.parts), dtype=np.float64)

    def df(self, form: FloatArray, nu: float = 1.0) -> float:
        """Degrees of freedom of ``tr(form K)`` below nu of what is seen; infinite without noise.

        They are those at which the 95 % quantile of F is that of the parts, weighted by what each adds, so
        that a part of few degrees of freedom keeps its own quantile, as in :mod:`harness.stats.crossed`.
        Satterthwaite's are too many where such a part is small by luck.
        """
        traces = np.array([float((form * part.T).sum()) for part, _ in self.parts])
        dfs = np.array([df for _, df in self.parts])[traces > 0]
        traces = traces[traces > 0]
        if not len(traces) or np.isinf(dfs).all():
            return math.inf
        quantile = float(traces @ _upper(nu, dfs) / traces.sum())
        low, high = 1 / float(dfs.max()), 1 / float(dfs.min())
        for _ in range(_STEPS):
            middle = (low + high) / 2
            if float(_upper(nu, np.array([1 / max(middle, 1e-12)]))[0]) > quantile:
                high = middle
            else:
                low = middle
        return 2 / max(low + high, 1e-12)

    def mean(self, form: FloatArray) -> float:
        """An unbiased estimate of what noise adds to ``μ'(form)μ``."""
        kept = self.covariance if self.excess is None else self.covariance - self.excess
        return float((form * kept.T).sum())

    def scaled(self, factor: float) -> Noise:
        """That of means multiplied by a factor."""
        return self.mapped(factor * np.eye(len(self.parts[0][0])))

    def mapped(self, matrix: FloatArray) -> Noise:
        """That of the means multiplied by a matrix, shape (new means, cells)."""
        excess = None if self.excess is None else matrix @ self.excess @ matrix.T
        return Noise([(matrix @ part @ matrix.T, df) for part, df in self.parts], excess)


def _upper(nu: float, dfs: FloatArray) -> FloatArray:
    """The 95 % quantile of F with nu and these degrees of freedom."""
    return np.asarray(special.fdtri(nu, np.minimum(dfs, 1e12), 0.95), dtype=np.float64)


def blocks(noises: Sequence[tuple[Noise, Sequence[int]]], cells: int) -> Noise:
    """The noise of a larger grid of parts that have no items or runs in common, each at its places."""

    def widened(part: FloatArray, places: Sequence[int]) -> FloatArray:
        whole = np.zeros((cells, cells))
        whole[np.ix_(places, places)] = part
        return whole

    excess = [widened(noise.excess, places) for noise, places in noises if noise.excess is not None]
    return Noise(
        [(widened(part, places), df) for noise, places in noises for part, df in noise.parts],
        np.asarray(sum(excess)) if excess else None,
    )


@dataclass(frozen=True)
class CellMeans:
    """The means of cells on common items.

    Attributes:
        means: shape (cells,).
        noise: of these.
        sums: what each group of items adds to each mean, shape (cells, groups) in the order of the groups'
            numbers, so that ``sums @ sums.T`` is the first part of ``noise``.
        runs_known: False where cells draw something per run and none has two runs, so that ``noise`` is that
            of items alone and holds for these runs.
    """

    means: FloatArray
    noise: Noise
    sums: FloatArray
    runs_known: bool


def cell_means(
    tables: Sequence[ArrayLike],
    drawn: Sequence[bool],
    groups: ArrayLike | None = None,
    draws: Sequence[Sequence[Hashable]] | None = None,
    places: Sequence[tuple[Any, ...]] | None = None,
    widest: float = math.inf,
) -> CellMeans:
    """Means of the cells of one task and their covariance.

    Over items, in groups, it is the covariance of the cells' item means, so that what makes an item hard for
    all cells cancels in contrasts. Over runs it is that of :mod:`harness.stats.grid_runs`: what cells that
    drew the same have in common doesn't average out over them, and a cell with one run takes its variance
    from the others.

    Args:
        tables: of each cell, shape (items, runs of the cell); NaN where a run lacks an item. Every cell has
            every item in some run.
        drawn: whether each cell draws something per run.
        groups: of the items, as numbers; each item its own by default.
        draws: what each run of each cell drew, so that equal ones are one draw; None: no two cells share any.
        places: of each cell, its level of every factor; one factor by default.
        widest: the largest difference that scores can have, in the unit of the tables; infinite without one.

    Raises:
        ValueError: fewer than two groups, or items that a cell lacks.
    """
    cells = [np.asarray(table, dtype=np.float64) for table in tables]
    cells = [table[:, None] if table.ndim == 1 else table for table in cells]
    items = np.array([_item_means(table) for table in cells])
    means = items.mean(axis=1)
    codes = np.arange(items.shape[1]) if groups is None else np.unique(groups, return_inverse=True)[1]
    g = int(codes.max()) + 1 if len(codes) else 0
    if g < 2:
        raise ValueError(f"a grid needs two items (or groups of them) that every cell has, got {g}")
    rest = (items - means[:, None]) / items.shape[1]
    scale = np.sqrt(g / (g - 1))
    sums = scale * np.array([np.bincount(codes, weights=row, minlength=g) for row in rest])
    over_runs, excess, df = runs_noise(cells, drawn, groups, draws, places)
    noise = Noise([(sums @ sums.T, g - 1.0), *over_runs], excess)
    levels = [len(set(level)) for level in zip(*places, strict=True)] if places else [len(cells)]
    unseen = _unseen(sums, means, widest) * len(cells) / min(levels)
    if unseen.any():
        floor = np.diag(unseen)
        noise = Noise([*noise.parts, (floor, g - 1.0)], floor if excess is None else excess + floor)
    return CellMeans(means, noise, sums, runs_known=df > 0 or not any(drawn))


def tasks_noise(tasks: Sequence[tuple[CellMeans, Sequence[int], ArrayLike]], cells: int) -> Noise:
    """The noise of a grid over several tasks, whose runs have nothing in common.

    Args:
        tasks: the cells of each task, their places in the grid, and the names of their groups. Equal names of
            two tasks are one group (the same dialogues, users or items in both), whose luck they share.
        cells: of the grid.
    """
    labels = np.concatenate([np.asarray(names, dtype=object) for _, _, names in tasks])
    names, codes = np.unique(labels, return_inverse=True)
    if len(names) == len(labels):
        return blocks([(found.noise, places) for found, places, _ in tasks], cells)
    sums, begun = np.zeros((cells, len(names))), 0
    for found, places, own in tasks:
        at = codes[begun : begun + len(np.asarray(own))]
        sums[np.ix_(np.asarray(places), at)] += found.sums
        begun += len(at)
    rest = blocks(
        [(Noise(found.noise.parts[1:], found.noise.excess), places) for found, places, _ in tasks], cells
    )
    return Noise([(sums @ sums.T, len(names) - 1.0), *rest.parts], rest.excess)


def _unseen(sums: FloatArray, means: FloatArray, widest: float) -> FloatArray:
    """What the variance of each mean lacks where two cells differ in fewer than six units, shape (cells,).

    Their spread says nothing of what wasn't seen, and such a difference is never shown (its signs come by
    chance more than one time in twenty): its variance is at least that at which six units would be.
    """
    g = sums.shape[1]
    missing = np.zeros(len(sums))
    if widest < math.inf:
        least = (FEWEST * widest / g / float(special.stdtrit(g - 1, 0.975))) ** 2
        units = sums * math.sqrt((g - 1) / g) * g + means[:, None]
        for cell, own in enumerate(sums):
            few = (np.abs(units - units[cell]) > 1e-9 * widest).sum(axis=1) < FEWEST
            few[cell] = False
            lacking = least - ((sums[few] - own) ** 2).sum(axis=1)
            missing[cell] = max(0.0, float(lacking.max(initial=0.0))) / 2
    return missing


def _item_means(table: FloatArray) -> FloatArray:
    absent = np.isnan(table)
    counts = table.shape[1] - absent.sum(axis=1)
    if (counts == 0).any():
        raise ValueError(f"a cell lacks {int((counts == 0).sum())} of the items: bring cells to common items")
    return np.asarray(np.where(absent, 0.0, table).sum(axis=1) / counts, dtype=np.float64)

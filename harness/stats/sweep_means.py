"""The means at the values of a sweep, and their covariances over items and over runs.

Items are common to the values, so that how hard they are cancels in a difference. Runs are drawn apart at
every value, or those of a seed share their draws along the values, or nothing is drawn. Any weighted sum of
the means (a contrast) has its variances from these, by the rule of :mod:`harness.stats.crossed`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from harness.stats.contrasts import Contrasts
from harness.stats.crossed import Codes
from harness.stats.paired import FEWEST
from harness.stats.quantiles import FloatArray

_ROUNDING = 1e-12


@dataclass(frozen=True)
class SweepMeans:
    """The means at V values, and what makes them vary.

    Attributes:
        means: shape (V,).
        totals: what each unit (an item, or a group of items) adds to each mean, times the number of units,
            shape (units, V); None where the values have different items, so that no unit has a difference.
        deviations: what each unit adds to the deviation of each mean, shape (units, V): the covariances
            over items are ``deviations.T @ deviations``.
        df_items: units - 1, of the value that has fewest.
        runs: covariances of the means over runs, shape (V, V).
        overlap: the part of them that the deviations of the items hold too, shape (V, V).
        df_runs: degrees of freedom of each value's run variance, shape (V,).
        pooled: variance over runs, overlap (each of one run's mean) and degrees of freedom of all values
            together.
        n_runs: runs at each value, shape (V,).
        draws: whether something is drawn per run.
        apart: whether no two values share a seed.
        bounded: whether every score lies in [0, 1].
    """

    means: FloatArray
    totals: FloatArray | None
    deviations: FloatArray
    df_items: float
    runs: FloatArray
    overlap: FloatArray
    df_runs: FloatArray
    pooled: tuple[float, float, float]
    n_runs: FloatArray
    draws: bool
    apart: bool
    bounded: bool

    def covariance(self) -> FloatArray:
        """Of the means, over items and runs; shape (V, V). Not below 0 in any direction."""
        runs, overlap = self.runs, self.overlap
        if self.apart and self.pooled[2] > 0:
            runs, overlap = (np.diag(part / self.n_runs) for part in self.pooled[:2])
        values, vectors = np.linalg.eigh(self.deviations.T @ self.deviations + runs - overlap)
        return np.asarray(vectors * np.maximum(values, 0.0) @ vectors.T)

    def variances(self) -> FloatArray:
        """Of each mean, for the weights of a fit; shape (V,).

        Where the values share their items, how hard an item is is the same for every point and says nothing
        about the shape: it is that of the distance from the mean of all values (Cousineau, with Morey's
        factor).
        """
        covariance = self.covariance()
        if self.totals is None:
            return np.diag(covariance)
        count = len(covariance)
        centred = np.eye(count) - 1 / count
        return np.asarray(np.diag(centred @ covariance @ centred) * count / (count - 1))

    def replicates(self, count: int, seed: int = 0) -> FloatArray:
        """Draws of what the means could be, shape (count, V): normal with the covariances over items and
        over runs, each spread by Student's t with its own degrees of freedom."""
        rng = np.random.default_rng(seed)
        runs, overlap, df_runs = self.runs, self.overlap, float(self.df_runs.min())
        if self.apart and self.pooled[2] > 0:
            runs, overlap = (np.diag(part / self.n_runs) for part in self.pooled[:2])
            df_runs = self.pooled[2]
        made = np.tile(self.means, (count, 1))
        for part, df in ((self.deviations.T @ self.deviations, self.df_items), (runs - overlap, df_runs)):
            if df > 0:
                values, vectors = np.linalg.eigh(part)
                spread = vectors * np.sqrt(np.maximum(values, 0.0))
                wide = np.sqrt(df / rng.chisquare(df, count)) if math.isfinite(df) else np.ones(count)
                made += rng.standard_normal((count, len(part))) @ spread.T * wide[:, None]
        return made

    def only(self, kept: ArrayLike) -> SweepMeans:
        """The same at some of the values.

        Args:
            kept: which, as a mask of shape (V,).
        """
        at = np.flatnonzero(kept)
        both = np.ix_(at, at)
        return replace(
            self,
            means=self.means[at],
            totals=None if self.totals is None else self.totals[:, at],
            deviations=self.deviations[:, at],
            runs=self.runs[both],
            overlap=self.overlap[both],
            df_runs=self.df_runs[at],
            n_runs=self.n_runs[at],
        )

    def contrasts(self, weights: ArrayLike) -> Contrasts:
        """Contrasts of the means; where runs are drawn apart, with the run variance of all values together.

        Args:
            weights: shape (contrasts, V); each row sums to 0.
        """
        w = np.asarray(weights, dtype=np.float64)
        items = ((self.deviations @ w.T) ** 2).sum(axis=0)
        df_runs = np.full(len(w), float(self.df_runs.min()) if self.draws else math.inf)
        runs, overlap = (np.einsum("kv,vu,ku->k", w, m, w) for m in (self.runs, self.overlap))
        if self.draws and self.apart and self.pooled[2] > 0:
            each = (w**2 / self.n_runs).sum(axis=1)
            runs, overlap = each * self.pooled[0], each * self.pooled[1]
            df_runs = np.full(len(w), self.pooled[2])
        most = np.maximum(w, 0).sum(axis=1)
        if self.totals is None or not self.bounded:
            trials = np.zeros((len(w), 5))
        else:
            units = self.totals @ w.T / most
            units[np.abs(units) <= _ROUNDING] = 0.0
            won, lost = np.maximum(units, 0).sum(axis=0), -np.minimum(units, 0).sum(axis=0)
            n = np.maximum(float(len(units)), won + lost)
            trials = np.column_stack((lost, won, n, (units < 0).sum(axis=0), (units > 0).sum(axis=0)))
        return Contrasts(
            w @ self.means, items, np.full(len(w), self.df_items), runs, df_runs, overlap, trials, most
        )


def sweep_means(
    tables: Sequence[ArrayLike],
    seeds: Sequence[Sequence[int]] | None = None,
    groups: ArrayLike | None = None,
    *,
    draws: bool = True,
) -> SweepMeans:
    """The means at several values and their covariances.

    Args:
        tables: of each value, shape (items, runs): the score of each item in each run, NaN where a run lacks
            the item. Row i is the same item in all of them; a value whose rows are all NaN for an item
            doesn't have it.
        seeds: the seed of each run, value by value. Runs of one seed share draws, at several values (and
            then along the sweep) as at one; None takes every run for one drawn apart.
        groups: the group of each item, as numbers; each item its own by default.
        draws: whether something is drawn per run; if not, runs are further attempts.

    Raises:
        ValueError: fewer than two values, a value has no score, or seeds and runs differ in number.
    """
    cells = [np.asarray(table, dtype=np.float64) for table in tables]
    if len(cells) < 2:
        raise ValueError("a sweep has two values or more")
    lengths = [table.shape[1] for table in cells]
    if seeds is not None and [len(each) for each in seeds] != lengths:
        raise ValueError(f"seeds of {[len(each) for each in seeds]} runs for tables of {lengths}")
    starts = np.cumsum([0, *lengths])
    labels = np.arange(starts[-1]) if seeds is None else np.concatenate([np.asarray(each) for each in seeds])
    columns = np.unique(labels, return_inverse=True)[1]
    placed = [columns[start:end] for start, end in itertools.pairwise(starts)]
    n = len(cells[0])
    codes: Codes = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    shape = int(codes.max()) + 1, int(columns.max()) + 1
    made = [_value(table, codes, at, shape) for table, at in zip(cells, placed, strict=True)]
    present = np.array([~np.isnan(table).all(axis=1) for table in cells])
    together = bool((present == present[0]).all())
    found = np.concatenate([table[~np.isnan(table)] for table in cells])
    bounded = bool(((found >= 0) & (found <= 1)).all())
    deviations = np.column_stack([each.deviations for each in made])
    if bounded and not together:
        deviations = np.vstack((deviations, np.diag([each.unseen for each in made])))
    sizes = np.array([len(np.unique(at)) for at in placed], dtype=np.float64)
    runs, overlap, df_runs, pooled = _over_runs(made, sizes) if draws else _nothing(len(cells))
    return SweepMeans(
        means=np.array([each.mean for each in made]),
        totals=np.column_stack([each.totals for each in made]) if together else None,
        deviations=deviations,
        df_items=float(min(each.units for each in made) - 1),
        runs=runs,
        overlap=overlap,
        df_runs=df_runs,
        pooled=pooled,
        n_runs=sizes,
        draws=draws,
        apart=int(sizes.sum()) == shape[1],
        bounded=bounded,
    )


@dataclass(frozen=True)
class _Value:
    """One value: its mean, and what units and runs add to it; ``unseen`` is the least standard error that is
    missing where hardly a unit differs from the others."""

    mean: float
    units: int
    totals: FloatArray
    deviations: FloatArray
    by_run: FloatArray
    crossed: FloatArray
    unseen: float


def _value(table: FloatArray, codes: Codes, columns: Codes, shape: tuple[int, int]) -> _Value:
    absent = np.isnan(table)
    counts = (~absent).sum(axis=1)
    present = counts > 0
    if not present.any():
        raise ValueError("a value of the sweep has no score")
    groups, runs = shape
    n, at = int(present.sum()), codes[present]
    means = np.where(absent, 0.0, table)[present].sum(axis=1) / counts[present]
    mean = float(means.mean())
    has = np.bincount(at, minlength=groups) > 0
    g = int(has.sum())
    factor = g / (g - 1) if g > 1 else 0.0
    deviations = np.sqrt(factor) * np.bincount(at, weights=means - mean, minlength=groups) / n
    rest = np.where(absent[present], 0.0, table[present] - means[:, None]) / (n * counts[present, None])
    by_run = np.asarray(np.bincount(columns, weights=rest.sum(axis=0), minlength=runs), dtype=np.float64)
    crossed = np.zeros(shape)
    np.add.at(crossed, (at[:, None], columns[None]), rest)
    crossed[has] -= by_run / g
    totals = np.asarray(np.bincount(at, weights=means, minlength=groups) * g / n, dtype=np.float64)
    # Wilson's centre and two units of each end more (Agresti, Coull): what a proportion near 0 or 1 hides.
    share = (min(max(mean, 0.0), 1.0) * g + 2) / (g + 4)
    least = share * (1 - share) / (g + 4)
    near = min(np.abs(totals - end).sum() for end in (0.0, 1.0)) < FEWEST
    unseen = max(0.0, least - float((deviations**2).sum())) if near else 0.0
    return _Value(mean, g, totals, deviations, by_run, math.sqrt(factor) * crossed, math.sqrt(unseen))


_OverRuns = tuple[FloatArray, FloatArray, FloatArray, tuple[float, float, float]]


def _nothing(values: int) -> _OverRuns:
    return np.zeros((values, values)), np.zeros((values, values)), np.zeros(values), (0.0, 0.0, 0.0)


def _over_runs(made: list[_Value], sizes: FloatArray) -> _OverRuns:
    """Covariances over runs, their overlap with the items, degrees of freedom, and all of it pooled. Values
    that share no seed have none in common; a value of one run has the pooled variance."""
    df = sizes - 1
    if df.sum() < 1:
        return _nothing(len(made))
    alone = df < 1
    by_run = np.array([each.by_run for each in made])
    crossed = np.array([each.crossed.ravel() for each in made])
    factor = np.sqrt(sizes / np.where(alone, 1.0, df))
    runs, overlap = (part @ part.T * np.outer(factor, factor) for part in (by_run, crossed))
    # A run's mean has S times the variance of the mean of S runs.
    of_one, both = (float((df * sizes * np.diag(part)).sum() / df.sum()) for part in (runs, overlap))
    runs[alone, alone], overlap[alone, alone] = of_one, both
    return runs, overlap, np.where(alone, df.sum(), df), (of_one, both, float(df.sum()))

"""New items and new runs at once: the variance of a mean over a table item x run.

A score ``x[i, s]`` of item i in run s (a seed: few-shot draw, order, training) varies over items and, all
items of a run together, over runs. An interval that looks at items alone is too narrow the more items there
are; one over the runs' means alone takes the items for all there are. Here the two variances are estimated
side by side and their *half widths* are added in squares, so that each part keeps its own t quantile::

    a = t(1 - p/2; df_items)²    b = t(1 - p/2; df_runs)²
    half² = max( a (VI - VR) + b VS,  a VI,  b VS )

VI, VS and VR are the variances of the mean over items (in groups), over runs, and the part counted in both.
``VI + VS - VR`` is the two-way clustered variance (Cameron, Gelbach, Miller 2011) and the ANOVA estimate;
adding squares of half widths is MOVER (Donner, Zou; Graybill, Wang). The floors keep either part alone
honest and make the half width fall with p. Type I at a nominal .05, simulated with Gaussian tables of 30 to
1,319 items: .041, .046, .049, .049, .049 for 2, 3, 5, 10, 20 runs, where the t test over items reaches .52
and the one over runs .20 (``make simulations``).

This module estimates the parts; the rule itself is in :mod:`harness.stats.crossed_rule`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from harness.stats.crossed_rule import half_width, p_value, t_squared, with_runs
from harness.stats.quantiles import FloatArray

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Parts:
    """The variances of a mean over items and runs, or of a difference of two.

    Attributes:
        value: the mean over items of the means over runs.
        items: VI, the variance of ``value`` over items, in groups; 0 where the items are fixed.
        df_items: groups - 1.
        runs: VS, its variance over runs; 0 where nothing is drawn per run or these runs are meant.
        df_runs: runs - 1; Welch's for two arms whose draws differ; infinite where ``runs`` is 0 by
            declaration.
        overlap: VR, the variance of item x run, counted in both.
        n_items: items.
        n_groups: groups they fall into.
        n_runs: runs of candidate and reference; of one table, twice the same.
    """

    value: float
    items: float
    df_items: float
    runs: float
    df_runs: float
    overlap: float
    n_items: int
    n_groups: int
    n_runs: tuple[int, int]

    @property
    def variance(self) -> float:
        """``VI + VS - VR``, at least each of VI and VS."""
        return max(self.items + self.runs - self.overlap, self.items, self.runs)

    def half_width(self, p: float) -> float:
        """Half of the two-sided interval whose tails hold ``p`` together, in (0, 1]."""
        return float(half_width(p, *self._parts))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The two-sided interval of ``value`` at a level in (0, 1)."""
        half = self.half_width(1 - level)
        return self.value - half, self.value + half

    def with_runs(self, below: float, above: float, p: float) -> tuple[float, float]:
        """How far an interval reaches below and above ``value``, given how far one over the items does whose
        two tails hold ``p`` together: the part of the runs added in squares, as in :func:`half_width`."""
        ends = with_runs((below, above), p, self.df_items, self.runs, self.df_runs, self.overlap)
        return float(ends[0]), float(ends[1])

    def p_value(self, null: float = 0.0) -> float:
        """Two-sided, of the true value being ``null``."""
        return float(p_value(abs(self.value - null), *self._parts))

    def run_effect(self) -> tuple[float, float] | None:
        """F = VS / VR and its p: whether runs differ by more than their items explain. A diagnostic, which
        never chooses a rule (choosing by it is wrong up to .24 of the time). None with one run, one group
        or nothing that varies between runs."""
        if not (self.overlap > 0 and 0 < self.df_runs < math.inf and self.df_items > 0):
            return None
        f = self.runs / self.overlap
        return f, float(special.fdtrc(self.df_runs, self.df_runs * self.df_items, f))

    @property
    def _parts(self) -> tuple[float, float, float, float, float]:
        return self.items, self.df_items, self.runs, self.df_runs, self.overlap


def parts_of(cells: ArrayLike, groups: ArrayLike | None = None) -> Parts:
    """The variances of one table, or of a table of differences of arms whose runs are paired.

    Args:
        cells: shape (items, runs); NaN where a run lacks an item. Items that every run lacks are left out.
        groups: the group of each item, as numbers; each item its own by default.

    Returns:
        With one run, or each item in one run only, the variance over runs is unknown: ``runs`` and
        ``overlap`` are 0 and ``df_runs`` is 0.

    Raises:
        ValueError: no cell is there.
    """
    table = _table(cells)
    present = ~np.isnan(table).all(axis=1)
    return _parts(table[present], _codes(groups, len(table))[present])


def unpaired_parts(
    candidate: ArrayLike,
    reference: ArrayLike,
    groups: ArrayLike | None = None,
    drawn: tuple[bool, bool] = (True, True),
    own: tuple[Parts, Parts] | None = None,
) -> Parts:
    """The variances of candidate - reference on the same items, whose runs have no draw in common.

    Args:
        candidate: shape (items, runs), NaN where absent.
        reference: the same items, with runs of its own.
        groups: as in :func:`parts_of`.
        drawn: whether each arm draws something per run; one that doesn't adds no variance over runs.
        own: the parts of either table by itself, on the same items, for callers that pair it with many.

    Returns:
        ``df_runs`` is Welch's; infinite where neither arm draws, 0 where one that draws has one run.

    Raises:
        ValueError: the arms have different items, or share no cell.
    """
    a, b, codes = _shared(candidate, reference, groups)
    both = _difference(a, b, codes)
    alone = own or tuple(
        _parts(table, codes) if draws else both for table, draws in zip((a, b), drawn, strict=True)
    )
    arms = [parts for parts, draws in zip(alone, drawn, strict=True) if draws]
    if not arms:
        return replace(both, df_runs=math.inf)
    if any(arm.df_runs == 0 for arm in arms):
        return both
    # The attempts of an arm without draws are noise of the items alone, which nothing counts twice.
    return replace(
        both,
        runs=sum(arm.runs for arm in arms),
        df_runs=welch_df([arm.runs for arm in arms], [arm.df_runs for arm in arms]),
        overlap=sum(arm.overlap for arm in arms),
    )


def pooled_parts(
    candidate: ArrayLike,
    reference: ArrayLike,
    groups: ArrayLike | None = None,
    further: Sequence[ArrayLike] = (),
) -> Parts:
    """The same for two arms that are one subject at two times, as in a gate: runs vary alike in both, and one
    run of the candidate is enough.

    ``VS = s² (1/B + 1/t)`` with B + t - 2 degrees of freedom, s² the variance of a run's mean within the
    arms of B and t runs; VR likewise.

    Args, raises: as in :func:`unpaired_parts`.
        further: tables of other runs of the subject on the same items, each at one time, that only add to
            what is known of s².
    """
    a, b, codes = _shared(candidate, reference, groups)
    both = _difference(a, b, codes)
    # An arm's VS is s²/S with S - 1 degrees of freedom, so S (S - 1) VS are its squares.
    found = [_parts(table, codes) for table in (a, b)] + [parts_of(table, groups) for table in further]
    arms = [(parts, parts.n_runs[0]) for parts in found]
    df = sum(s - 1 for _, s in arms)
    if df < 1:
        return both
    per_run = (1 / a.shape[1] + 1 / b.shape[1]) / df
    return replace(
        both,
        runs=per_run * sum(s * (s - 1) * arm.runs for arm, s in arms),
        df_runs=float(df),
        overlap=per_run * sum(s * (s - 1) * arm.overlap for arm, s in arms),
    )


def summed(parts: Sequence[Parts], weights: ArrayLike) -> Parts:
    """The parts of ``Σ w_k value_k`` of independent values, such as those of several tasks, whose items and
    runs have nothing in common. Degrees of freedom are Satterthwaite's.

    Raises:
        ValueError: there are no parts.
    """
    if not parts:
        raise ValueError("there is nothing to sum")
    w = np.asarray(weights, dtype=np.float64)
    squares = w**2
    items = squares * [p.items for p in parts]
    known = [k for k, p in enumerate(parts) if p.df_runs < math.inf]
    runs = np.array([squares[k] * parts[k].runs for k in known])
    unknown = any(p.df_runs == 0 for p in parts)
    df_runs = 0.0 if unknown else welch_df(runs, [parts[k].df_runs for k in known]) if known else math.inf
    return Parts(
        value=float(w @ [p.value for p in parts]),
        items=float(items.sum()),
        df_items=welch_df(items, [p.df_items for p in parts]),
        runs=0.0 if unknown else float(runs.sum()),
        df_runs=df_runs,
        overlap=0.0 if unknown else float(squares @ [p.overlap for p in parts]),
        n_items=sum(p.n_items for p in parts),
        n_groups=sum(p.n_groups for p in parts),
        n_runs=(min(p.n_runs[0] for p in parts), min(p.n_runs[1] for p in parts)),
    )


def tipping_sd(parts: Parts, level: float = 0.95, drawn: tuple[bool, bool] = (True, True)) -> float:
    """The standard deviation between runs up to which a difference of single runs would still be shown.

    ``√( max(0, (d / t(df_items))² - VI) / (1/S_A + 1/S_B) )``, in the unit of the scores, an arm that draws
    nothing (``drawn``) left out of the sum; 0 where the items alone don't show it.

    Raises:
        ValueError: neither arm draws.
    """
    if not any(drawn):
        raise ValueError("nothing is drawn per run, so that no difference depends on it")
    bound = math.sqrt(t_squared(1 - level, parts.df_items))
    room = max(0.0, (parts.value / bound) ** 2 - parts.items)
    return math.sqrt(room / sum(1 / runs for runs, draws in zip(parts.n_runs, drawn, strict=True) if draws))


def welch_df(variances: ArrayLike, df: ArrayLike) -> float:
    """``(Σ v)² / Σ (v² / df)``, and the smallest df where every variance is 0."""
    v, f = np.asarray(variances, np.float64), np.asarray(df, np.float64)
    total = float(v.sum())
    if total <= 0 or (f <= 0).any():
        return float(f.min())
    return total**2 / float((v**2 / f).sum())


def _table(cells: ArrayLike) -> FloatArray:
    table = np.asarray(cells, dtype=np.float64)
    return table[:, None] if table.ndim == 1 else table


def _codes(groups: ArrayLike | None, n_items: int) -> Codes:
    return np.arange(n_items) if groups is None else np.asarray(groups, dtype=np.int64)


def _shared(
    candidate: ArrayLike, reference: ArrayLike, groups: ArrayLike | None
) -> tuple[FloatArray, FloatArray, Codes]:
    """Both tables without the items that one of them lacks."""
    a, b = _table(candidate), _table(reference)
    if len(a) != len(b):
        raise ValueError(f"the candidate has {len(a)} items and the reference {len(b)}: pair them first")
    present = ~(np.isnan(a).all(axis=1) | np.isnan(b).all(axis=1))
    return _held(a[present]), _held(b[present]), _codes(groups, len(a))[present]


def _held(table: FloatArray) -> FloatArray:
    """The runs that have any of the items; the others tell nothing of how runs vary."""
    empty = np.isnan(table).all(axis=0)
    return table[:, ~empty] if empty.any() and not empty.all() else table


def _difference(a: FloatArray, b: FloatArray, codes: Codes) -> Parts:
    """The difference of two arms with its variance over items; that over runs not known yet."""
    both = _parts((_item_means(a) - _item_means(b))[:, None], codes)
    return replace(both, n_runs=(a.shape[1], b.shape[1]))


def _item_means(table: FloatArray) -> FloatArray:
    absent = np.isnan(table)
    means = np.nanmean(table, axis=1) if absent.any() else table.mean(axis=1)
    return np.asarray(means, dtype=np.float64)


def _parts(table: FloatArray, codes: Codes) -> Parts:
    """The parts of a table in which every item has a cell."""
    table = _held(table)
    n, s = table.shape
    if n == 0:
        raise ValueError("no item has a score")
    codes = np.unique(codes, return_inverse=True)[1]
    g = int(codes.max()) + 1
    absent = np.isnan(table)
    counts = s - absent.sum(axis=1)
    means = np.where(absent, 0.0, table).sum(axis=1) / counts
    value = float(means.mean())
    sums = np.bincount(codes, weights=(means - value) / n, minlength=g)
    items = g / (g - 1) * float(sums @ sums) if g > 1 else 0.0
    found = Parts(value, items, g - 1.0, 0.0, 0.0, 0.0, n, g, (s, s))
    if counts.max() < 2:
        return found
    # centred by item, so that a run that missed the hard items adds no variance by that
    rest = np.where(absent, 0.0, (table - means[:, None]) / (n * counts[:, None]))
    by_run = rest.sum(axis=0)
    crossed = 0.0
    if g > 1:
        if g < n:
            order = np.argsort(codes, kind="stable")
            starts = np.searchsorted(codes[order], np.arange(g))
            rest = np.add.reduceat(rest[order], starts, axis=0)
        crossed = g / (g - 1) * s / (s - 1) * float(((rest - by_run / g) ** 2).sum())
    runs = s / (s - 1) * float(by_run @ by_run)
    return replace(found, runs=runs, df_runs=s - 1.0, overlap=crossed)

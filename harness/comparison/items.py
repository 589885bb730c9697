"""An arm as a table item x run, and two arms brought to the same items."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.base.errors import RecordError
from harness.comparison.arms import Arm
from harness.comparison.attempt_metrics import attempt_metric
from harness.results.classes import CLASS_METRICS, item_influence, metric_names, read_classes
from harness.results.ranges import metric_range, worst_of
from harness.results.stored import read_attempts
from harness.spec import MetricRange

Array = NDArray[Any]
_NOT_BY_ITEM = (
    "{} is a value of a set as a whole, and run {} doesn't store what it is made of item by item; compare {}"
)


@dataclass(frozen=True)
class Items:
    """A table item x run of one arm at one metric; with one run a table of one column.

    Attributes:
        digests: content hash of each item, shape (n,), sorted.
        cells: mean of the attempts of a run at an item, or what is made of them (`pass@4`), shape (n, S);
            unscored and failed attempts count as the worst value. NaN where a run lacks the item.
        scored: mean of the scored attempts alone, shape (n, S); NaN where there are none.
        attempts: number of attempts in each cell, shape (n, S).
        spread: unbiased variance of each cell's attempts, shape (n, S); NaN below two.
        groups: the group of each item, shape (n,); None where the task names none.
        attempts_of: of a metric of k attempts (`pass@4`) of a method that draws per run, which runs the k
            attempts are of; empty where that makes no difference.
    """

    digests: Array
    cells: Array
    scored: Array
    attempts: Array
    spread: Array
    groups: Array | None
    attempts_of: str = ""

    def __len__(self) -> int:
        return len(self.digests)

    @property
    def runs(self) -> int:
        return int(self.cells.shape[1])

    @property
    def single(self) -> bool:
        """Whether each item has one attempt in all, which is right or wrong."""
        once = self.runs == 1 and bool((self.attempts == 1).all())
        return once and bool(((self.cells == 0) | (self.cells == 1)).all())

    @property
    def all_scored(self) -> bool:
        """Whether no attempt was left unscored or failed."""
        return bool(((self.cells == self.scored) | np.isnan(self.cells)).all())

    def shares(self, span: MetricRange) -> Items:
        """The same with each score as its share of the metric's range, of which more is better."""
        return replace(
            self,
            cells=span.share(self.cells),
            scored=span.share(self.scored),
            spread=self.spread / span.width**2,
        )

    def take(self, rows: Array) -> Items:
        """The items at `rows`, in that order."""
        return replace(
            self,
            digests=self.digests[rows],
            cells=self.cells[rows],
            scored=self.scored[rows],
            attempts=self.attempts[rows],
            spread=self.spread[rows],
            groups=None if self.groups is None else self.groups[rows],
        )

    def scored_only(self) -> Items:
        """Without attempts that were not scored, and without items that have no other."""
        kept = np.flatnonzero(~np.isnan(self.scored).all(axis=1))
        return replace(self, cells=self.scored).take(kept)

    def means(self) -> Array:
        """The mean of each item over the runs that have it, shape (n,)."""
        if self.runs == 1:
            return self.cells[:, 0]
        absent = np.isnan(self.cells)
        found: Array = np.where(absent, 0.0, self.cells).sum(axis=1) / (self.runs - absent.sum(axis=1))
        return found

    def codes(self) -> Array | None:
        """The groups as numbers; None where there are none."""
        return None if self.groups is None else np.unique(self.groups, return_inverse=True)[1]


@dataclass(frozen=True)
class Pairing:
    """Two arms on the items that both have, and how many only one has."""

    candidate: Items
    baseline: Items
    only_candidate: int
    only_baseline: int

    @property
    def matched(self) -> int:
        return len(self.candidate)

    def same_cells(self) -> Pairing:
        """The same with the cells that both have, for arms whose runs are paired; items without one are left
        out, and count as those that only one side has."""
        absent = np.isnan(self.candidate.cells) | np.isnan(self.baseline.cells)
        if not absent.any():
            return self
        kept = np.flatnonzero(~absent.all(axis=1))
        gone = len(absent) - len(kept)

        def masked(items: Items) -> Items:
            cells, scored = (np.where(absent, np.nan, table) for table in (items.cells, items.scored))
            return replace(items, cells=cells, scored=scored).take(kept)

        return Pairing(
            masked(self.candidate),
            masked(self.baseline),
            self.only_candidate + gone,
            self.only_baseline + gone,
        )

    def shares(self, span: MetricRange) -> Pairing:
        """The same with scores as shares of the metric's range; see `Items.shares`."""
        return replace(self, candidate=self.candidate.shares(span), baseline=self.baseline.shares(span))


def pair(candidate: Items, baseline: Items) -> Pairing:
    """Brings two arms to the items they share, paired by content hash, never by position."""
    ours, theirs = candidate, baseline
    if not np.array_equal(candidate.digests, baseline.digests):
        _, left, right = np.intersect1d(
            candidate.digests, baseline.digests, assume_unique=True, return_indices=True
        )
        ours, theirs = candidate.take(left), baseline.take(right)
    groups = known_groups(ours.digests, [ours.groups, theirs.groups])
    return Pairing(
        replace(ours, groups=groups),
        replace(theirs, groups=groups),
        len(candidate) - len(ours),
        len(baseline) - len(ours),
    )


def load_items(arm: Arm, metric: str) -> Items:
    """The table of an arm's runs at one metric, runs in the order of the arm.

    Raises:
        RecordError: the sealed attempts are missing, have no such metric, or don't give the value
            that their record states.
        UsageError: a metric of k attempts (`pass@4`) that the arm can't give; see `attempt_items`.
    """
    wanted = attempt_metric(metric)
    if wanted is not None:
        from harness.comparison.attempt_items import load_attempt_items  # it makes tables of this module

        return load_attempt_items(arm, wanted, metric)
    return combine([load_run(run, metric) for run in arm.runs])


class ItemTables:
    """Loads the attempts of each arm once, for tables in which an arm meets several others."""

    def __init__(self) -> None:
        self._items: dict[tuple[tuple[str, ...], str], Items] = {}

    def __call__(self, arm: Arm, metric: str) -> Items:
        key = (tuple(str(run["samples_path"]) for run in arm.runs), metric)
        if key not in self._items:
            self._items[key] = load_items(arm, metric)
        return self._items[key]


def load_run(run: Any, metric: str) -> Items:
    """The table of one run, of one column.

    Raises:
        RecordError: as in `load_items`.
    """
    path = Path(run["samples_path"])
    if of_the_set(run, metric):
        items = _of_the_set(run, metric)
        _agrees(items, run, metric, path)
        return items
    columns = ["item_digest", "status", metric]
    if run["metrics"].get(metric, {}).get("n_clusters") is not None:
        columns.append("group")
    table = read_attempts(run, columns, coded=("item_digest", "status"))
    if metric not in table.column_names:
        if metric in run["metrics"]:
            raise RecordError(_NOT_BY_ITEM.format(metric, run["run_id"][:12], run["primary"]))
        raise RecordError(f"{path} has no attempts at {metric!r}")
    digests, owner = by_name(table["item_digest"])
    statuses, status = by_name(table["status"])
    scored = (statuses == "ok")[status]
    values = numbers(table[metric])
    measured = scored & ~np.isnan(values)
    scores = np.where(measured, values, worst_of(metric_range(run, metric), values[measured]))
    groups = None
    if "group" in columns:
        groups = np.empty(len(digests), dtype=object)
        groups[owner] = np.asarray(table["group"].to_pylist(), dtype=object)
        groups = known_groups(digests, [groups])
    items = _column(digests, owner, scores, measured, groups)
    without = owner[scored & ~measured]  # a scored attempt says that the metric has no value of its item
    if len(without):
        items = items.take(np.setdiff1d(np.arange(len(digests)), without))
    _agrees(items, run, metric, path)
    return items


def _column(digests: Array, owner: Array, scores: Array, measured: Array, groups: Array | None) -> Items:
    """The table of one run from its attempts; `owner` is the item of each."""
    n = len(digests)
    counts = np.bincount(owner, minlength=n)
    cells = np.bincount(owner, weights=scores, minlength=n) / counts
    scored = cells
    if not measured.all():
        known = np.bincount(owner, weights=measured, minlength=n)
        total = np.bincount(owner, weights=np.where(measured, scores, 0.0), minlength=n)
        scored = np.divide(total, known, out=np.full(n, np.nan), where=known > 0)
    spread = np.full(n, np.nan)
    if counts.max(initial=1) > 1:
        squares = np.bincount(owner, weights=(scores - cells[owner]) ** 2, minlength=n)
        np.divide(squares, counts - 1, out=spread, where=counts > 1)
    return Items(digests, cells[:, None], scored[:, None], counts[:, None], spread[:, None], groups)


def known_groups(digests: Array, labels: Sequence[Array | None]) -> Array | None:
    """The group of each item by the first of `labels` that knows it, else a group of its own; None where no
    item has one."""
    found = np.full(len(digests), None, dtype=object)
    for each in labels:
        if each is not None:
            found = np.where(found == None, each, found)  # noqa: E711  (element by element)
    lone = found == None  # noqa: E711
    if lone.all():
        return None
    found[lone] = digests[lone]
    return found


def of_the_set(run: Any, metric: str) -> bool:
    """Whether a metric is made of the classes of the whole set, so that no item has a value of its own."""
    return bool(run.get("classes")) and metric in CLASS_METRICS


def _of_the_set(run: Any, metric: str) -> Items:
    """What each attempt adds to a metric of the set: pairs of them vary as the metric does between sets of
    items. Attempts that weren't scored are in it as such, so all count as scored.

    Raises:
        RecordError: the targets are not stored, or the attempts can't be read.
    """
    table = read_classes(run)
    if table is None or metric not in metric_names(table):
        raise RecordError(_NOT_BY_ITEM.format(metric, run["run_id"][:12], run["primary"]))
    names = np.asarray([each.item for each in table.attempts], dtype=object)
    digests, owner = np.unique(names, return_inverse=True)
    groups = np.full(len(digests), None, dtype=object)
    groups[owner] = [each.group for each in table.attempts]
    scores = item_influence(table, metric)
    return _column(digests, owner, scores, np.ones(len(scores), dtype=bool), known_groups(digests, [groups]))


def _array(column: Any) -> Array:
    """A column of numbers without nulls as numpy knows it; pyarrow's `to_numpy` would import pandas."""
    whole = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    return np.from_dlpack(whole)


def numbers(column: Any) -> Array:
    """A column of numbers, NaN where there is none."""
    return _array(column.fill_null(math.nan) if column.null_count else column)


def by_name(column: Any) -> tuple[Array, Array]:
    """The different names of a column, sorted, and which of them each row has."""
    whole = column.unify_dictionaries().combine_chunks()
    names, rank = _ranked(tuple(whole.dictionary.to_pylist()))
    return names, rank[_array(whole.indices)]


@lru_cache(maxsize=8)
def _ranked(names: tuple[str, ...]) -> tuple[Array, Array]:
    """Names in order, and the place of each: the runs of a set have the same ones, and sorting is slow."""
    unordered = np.asarray(names, dtype=object)
    order = np.argsort(unordered)
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    return unordered[order], rank


def combine(parts: Sequence[Items]) -> Items:
    """The runs of one arm side by side, each a column."""
    if len(parts) == 1:
        return parts[0]
    digests = parts[0].digests
    alike = all(np.array_equal(part.digests, digests) for part in parts[1:])
    if not alike:
        digests = np.unique(np.concatenate([part.digests for part in parts]))
    places = [np.arange(len(digests)) if alike else np.searchsorted(digests, p.digests) for p in parts]

    def beside(tables: Sequence[Array], absent: float) -> Array:
        made = np.full((len(digests), len(tables)), absent, dtype=tables[0].dtype)
        for at, (rows, table) in enumerate(zip(places, tables, strict=True)):
            made[rows, at] = table[:, 0]
        return made

    labels = []
    for rows, part in zip(places, parts, strict=True):
        if part.groups is not None:
            own = np.full(len(digests), None, dtype=object)
            own[rows] = part.groups
            labels.append(own)
    return Items(
        digests,
        beside([part.cells for part in parts], np.nan),
        beside([part.scored for part in parts], np.nan),
        beside([part.attempts for part in parts], 0),
        beside([part.spread for part in parts], np.nan),
        known_groups(digests, labels),
    )


def _agrees(items: Items, run: Any, metric: str, path: Path) -> None:
    if len(items):
        check_stated(float(items.means().mean()), run, metric, path)


def check_stated(value: float, run: Any, metric: str, path: Path) -> None:
    """A cheap guard against attempts that were changed after they were sealed.

    Raises:
        RecordError: the record states another value of the metric.
    """
    stated = run["metrics"].get(metric)
    if stated is None:
        return
    if abs(value - stated["value"]) > 1e-6:
        raise RecordError(
            f"{path} gives {metric} = {value:.6f} and its record says "
            f"{stated['value']:.6f}; 'harness results verify' checks every digest"
        )

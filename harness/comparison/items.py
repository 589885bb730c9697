"""The attempts of an arm by item, and two arms brought to the same items."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.base.errors import RecordError
from harness.comparison.arms import Arm
from harness.results.classes import CLASS_METRICS, item_influence, metric_names, read_classes
from harness.results.ranges import metric_range
from harness.spec import MetricRange
from harness.stats.items import ItemAttempts, ItemScores

Array = NDArray[Any]
_NOT_BY_ITEM = (
    "{} is a value of a set as a whole, and run {} doesn't store what it is made of item by item; compare {}"
)


@dataclass(frozen=True)
class Items:
    """Scores by item, of every attempt of an arm.

    Attributes:
        digests: content hash of each item, shape (items,), sorted.
        counts: attempts on each item, shape (items,).
        scores: every attempt's score, item after item; unscored and failed attempts count as the worst value.
        scored: whether each attempt was scored.
        groups: the cluster of each item, None where the task names none.
    """

    digests: Array
    counts: Array
    scores: Array
    scored: Array
    groups: Array | None

    def __len__(self) -> int:
        return len(self.digests)

    @property
    def binary(self) -> bool:
        return bool(np.isin(self.scores, (0.0, 1.0)).all())

    def shares(self, span: MetricRange) -> Items:
        """The same with each score as its share of the metric's range, of which more is better."""
        return replace(self, scores=span.share(self.scores))

    def take(self, rows: Array) -> Items:
        """The items at `rows`, in that order."""
        starts = np.concatenate(([0], np.cumsum(self.counts)[:-1]))
        counts = self.counts[rows]
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        places = np.repeat(starts[rows], counts) + offsets
        groups = self.groups[rows] if self.groups is not None else None
        return Items(self.digests[rows], counts, self.scores[places], self.scored[places], groups)

    def scored_only(self) -> Items:
        """Without attempts that were not scored, and without items that have no other."""
        owner = np.repeat(np.arange(len(self)), self.counts)[self.scored]
        counts = np.bincount(owner, minlength=len(self))
        kept = counts > 0
        groups = self.groups[kept] if self.groups is not None else None
        scores = self.scores[self.scored]
        return Items(self.digests[kept], counts[kept], scores, np.ones(len(scores), bool), groups)

    def means(self) -> Array:
        """The mean score of each item, shape (items,)."""
        return ItemAttempts(self.scores, self.counts).means() if len(self) else self.scores

    def attempts(self) -> ItemScores:
        """In the shape that `harness.stats` takes."""
        k = int(self.counts[0]) if len(self) else 0
        if (self.counts == k).all():
            return self.scores if k == 1 else self.scores.reshape(-1, k)
        return [part.tolist() for part in np.split(self.scores, np.cumsum(self.counts)[:-1])]


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

    def shares(self, span: MetricRange) -> Pairing:
        """The same with scores as shares of the metric's range; see `Items.shares`."""
        return replace(self, candidate=self.candidate.shares(span), baseline=self.baseline.shares(span))


def pair(candidate: Items, baseline: Items) -> Pairing:
    """Brings two arms to the items they share, paired by content hash, never by position."""
    shared, left, right = np.intersect1d(
        candidate.digests, baseline.digests, assume_unique=True, return_indices=True
    )
    return Pairing(
        candidate.take(left), baseline.take(right), len(candidate) - len(shared), len(baseline) - len(shared)
    )


def load_items(arm: Arm, metric: str) -> Items:
    """The attempts of an arm's runs at one metric.

    Raises:
        RecordError: the sealed attempts are missing, have no such metric, or don't give the value
            that their record states.
    """
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
    """The attempts of one run.

    Raises:
        RecordError: as in `load_items`.
    """
    import pyarrow.compute
    from pyarrow import parquet

    path = Path(run["samples_path"])
    if of_the_set(run, metric):
        items = _of_the_set(run, metric)
        _agrees(items, run, metric, path)
        return items
    columns = ["item_digest", "status", metric]
    if run["metrics"].get(metric, {}).get("n_clusters") is not None:
        columns.append("group")
    try:
        # ParquetFile, as read_table would import pandas
        with parquet.ParquetFile(path, read_dictionary=["item_digest"]) as file:
            table = file.read(columns=columns)
    except (OSError, ValueError, KeyError, pyarrow.ArrowException) as error:
        raise RecordError(f"{path} can't be read: {str(error).splitlines()[0]}") from None
    if metric not in table.column_names:
        if metric in run["metrics"]:
            raise RecordError(_NOT_BY_ITEM.format(metric, run["run_id"][:12], run["primary"]))
        raise RecordError(f"{path} has no attempts at {metric!r}")
    digests, owner = _by_digest(table["item_digest"])
    rows = np.argsort(owner, kind="stable")
    scored = _array(pyarrow.compute.equal(table["status"], "ok").cast("int8")) == 1
    values = _array(table[metric].fill_null(math.nan))
    measured = scored & ~np.isnan(values)
    scores = np.where(measured, values, _worst(values[measured], metric_range(run, metric)))
    groups = None
    if "group" in columns:
        groups = np.empty(len(digests), dtype=object)
        groups[owner] = np.asarray(table["group"].to_pylist(), dtype=object)
        lone = np.array([label is None for label in groups], dtype=bool)
        groups[lone] = digests[lone]
    items = Items(digests, np.bincount(owner, minlength=len(digests)), scores[rows], scored[rows], groups)
    _agrees(items, run, metric, path)
    return items


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
    rows = np.argsort(owner, kind="stable")
    scores = item_influence(table, metric)[rows]
    groups = None
    if any(each.group is not None for each in table.attempts):
        groups = digests.copy()
        for place, each in zip(owner, table.attempts, strict=True):
            groups[place] = digests[place] if each.group is None else each.group
    counts = np.bincount(owner, minlength=len(digests))
    return Items(digests, counts, scores, np.ones(len(scores), dtype=bool), groups)


def _worst(measured: Array, span: MetricRange) -> float:
    """What counts for an attempt that wasn't scored: the worst value possible, or without a bound the worst
    one measured."""
    if math.isfinite(span.worst) or not len(measured):
        return span.worst if math.isfinite(span.worst) else 0.0
    return float(measured.max() if span.lower_is_better else measured.min())


def _array(column: Any) -> Array:
    """A column of numbers without nulls as numpy knows it; pyarrow's `to_numpy` would import pandas."""
    whole = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    return np.from_dlpack(whole)


def _by_digest(column: Any) -> tuple[Array, Array]:
    """The different digests, sorted, and which of them each row has."""
    whole = column.unify_dictionaries().combine_chunks()
    names = np.asarray(whole.dictionary.to_pylist(), dtype=object)
    order = np.argsort(names)
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    return names[order], rank[_array(whole.indices)]


def combine(parts: Sequence[Items]) -> Items:
    """The attempts of several runs of one arm, pooled by item."""
    if len(parts) == 1:
        return parts[0]
    digests, owner = np.unique(np.concatenate([p.digests for p in parts]), return_inverse=True)
    counts = np.concatenate([p.counts for p in parts])
    owners = np.repeat(owner, counts)
    rows = np.argsort(owners, kind="stable")
    groups = None
    if all(p.groups is not None for p in parts):
        groups = np.empty(len(digests), dtype=object)
        groups[owner] = np.concatenate([p.groups for p in parts])
    return Items(
        digests,
        np.bincount(owners, minlength=len(digests)),
        np.concatenate([p.scores for p in parts])[rows],
        np.concatenate([p.scored for p in parts])[rows],
        groups,
    )


def _agrees(items: Items, run: Any, metric: str, path: Path) -> None:
    """A cheap guard against attempts that were changed after they were sealed."""
    stated = run["metrics"].get(metric)
    if stated is None or not len(items):
        return
    value = float(items.means().mean())
    if abs(value - stated["value"]) > 1e-6:
        raise RecordError(
            f"{path} gives {metric} = {value:.6f} and its record says "
            f"{stated['value']:.6f}; 'harness results verify' checks every digest"
        )

"""The table of an arm at a metric of k attempts, which stored records hold attempt by attempt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.base.errors import RecordError, UsageError, reason_of
from harness.comparison.arms import Arm
from harness.comparison.attempt_metrics import Array, AttemptMetric, Votes, table
from harness.comparison.items import Items, by_name, check_stated, known_groups, numbers
from harness.results.ranges import primary_range
from harness.spec import MetricRange


@dataclass(frozen=True)
class _Attempts:
    """The attempts of a run at its primary metric, item after item."""

    digests: Array
    counts: Array
    scores: Array
    scored: Array
    votes: Votes | None
    groups: Array | None


def load_attempt_items(arm: Arm, wanted: AttemptMetric, metric: str) -> Items:
    """The table of an arm's runs at a metric of k attempts at the task's primary metric; see
    `attempt_metrics.table`. Items with fewer than k attempts in all are left out.

    Raises:
        UsageError: the primary metric isn't right or wrong, no item has k attempts, or k attempts need every
            run of an arm that draws something per run.
        RecordError: the sealed attempts are missing, or don't give the value that their record states.
    """
    if primary_range(arm.runs[0]) != MetricRange():
        raise UsageError(f"{metric}: {arm.primary} of {arm.task} isn't from 0 to 1, more being better")
    runs = [_read(run, wanted.votes) for run in arm.runs]
    digests = np.unique(np.concatenate([run.digests for run in runs]))
    places = [np.searchsorted(digests, run.digests) for run in runs]
    counts, labels = [], []
    for run, rows in zip(runs, places, strict=True):
        counts.append(np.zeros(len(digests), np.int64))
        counts[-1][rows] = run.counts
        labels.append(np.full(len(digests), None, dtype=object))
        if run.groups is not None:
            labels[-1][rows] = run.groups
    made = table(
        wanted,
        [run.scores for run in runs],
        counts,
        [run.votes or () for run in runs] if wanted.votes else None,
    )
    found = ~np.isnan(made).all(axis=1)
    tried = np.stack(counts, axis=1)
    if not found.any():
        raise UsageError(
            f"{metric} needs {wanted.k} attempts at an item, and {arm.named()} has at most "
            f"{tried.sum(axis=1).max(initial=0)}; run it with --epochs {wanted.k}"
        )
    if made.shape[1] < len(runs) and arm.draws is not False:
        raise UsageError(
            f"{metric} needs the attempts of all {len(runs)} runs of {arm.named()}, so that it can't be told "
            f"how runs vary; run one seed more, or with --epochs {wanted.k}"
        )
    for at, row in enumerate(arm.runs):
        if (counts[at][found] >= wanted.k).all():  # its cells are its own, not pooled ones
            check_stated(float(made[found, at].mean()), row, metric, Path(row["samples_path"]))
    scored = made if all(run.scored.all() for run in runs) else np.full(made.shape, np.nan)
    items = Items(
        digests,
        made,
        scored,
        tried if made.shape[1] == len(runs) else tried.sum(axis=1, keepdims=True),
        np.full(made.shape, np.nan),
        known_groups(digests, labels),
        "" if arm.draws is False else _attempts_of(wanted, tried),
    )
    return items.take(np.flatnonzero(found))


def _attempts_of(wanted: AttemptMetric, tried: Array) -> str:
    """Which runs k attempts are of: attempts under one draw are more alike than those under several."""
    short = (tried.max(axis=1) < wanted.k) & (tried.sum(axis=1) >= wanted.k)
    if not short.any():
        return "one run"
    most = int(tried.max())
    return "as many runs" if most == 1 else f"{tried.shape[1]} runs with up to {most} each"


def _read(run: Any, votes: bool) -> _Attempts:
    import pyarrow.compute
    from pyarrow import parquet

    path, primary = Path(run["samples_path"]), run["primary"]
    columns = ["item_digest", "status", primary, *(("answer", "vote") if votes else ())]
    grouped = run["metrics"].get(primary, {}).get("n_clusters") is not None
    try:
        with parquet.ParquetFile(path, read_dictionary=["item_digest", "status"]) as file:
            held = file.schema_arrow.names
            read = file.read(columns=[*(c for c in columns if c in held), *(["group"] if grouped else [])])
    except (OSError, ValueError, KeyError, pyarrow.ArrowException) as error:
        raise RecordError(f"{path} can't be read: {reason_of(error)}") from None
    digests, owner = by_name(read["item_digest"])
    order = np.argsort(owner, kind="stable")
    statuses, status = by_name(read["status"])
    scored = (statuses == "ok")[status]
    scores = np.where(scored, np.nan_to_num(numbers(read[primary])), 0.0)
    said = None
    if votes:
        answers = read["answer"]
        if "vote" in read.column_names:
            answers = pyarrow.compute.coalesce(read["vote"], answers)
        every = answers.to_pylist()
        said = [every[place] for place in order]
    groups = None
    if grouped:
        groups = np.full(len(digests), None, dtype=object)
        groups[owner] = read["group"].to_pylist()
    counts = np.bincount(owner, minlength=len(digests))
    return _Attempts(digests, counts, scores[order], scored[order], said, groups)

"""The items on which two arms differ, with what both said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.comparison.arms import Arm
from harness.comparison.items import load_items, pair


@dataclass(frozen=True)
class Attempt:
    """One attempt as a reader sees it."""

    epoch: int
    seed: int
    status: str
    score: float
    answer: str | None
    completion: str


@dataclass(frozen=True)
class Flip:
    """An item and its mean score under both arms, with every attempt of both."""

    sample_id: str
    item_digest: str
    candidate_score: float
    baseline_score: float
    candidate: list[Attempt]
    baseline: list[Attempt]

    @property
    def change(self) -> float:
        return self.candidate_score - self.baseline_score


def flips(candidate: Arm, baseline: Arm, metric: str, limit: int | None = None) -> list[Flip]:
    """The items whose mean score changed, the largest changes first, losses before gains of a size.

    Only the transcripts of the items shown are read.

    Raises:
        RecordError: sealed attempts can't be read.
    """
    pairing = pair(load_items(candidate, metric), load_items(baseline, metric))
    means = pairing.candidate.means(), pairing.baseline.means()
    change = means[0] - means[1]
    order = sorted(range(len(change)), key=lambda n: (-abs(change[n]), change[n] > 0, n))
    changed = [n for n in order if abs(change[n]) > 1e-12]
    shown = changed if limit is None else changed[:limit]
    digests = [str(pairing.candidate.digests[n]) for n in shown]
    ours, theirs = _transcripts(candidate, digests, metric), _transcripts(baseline, digests, metric)
    return [
        Flip(ours[d][0], d, float(means[0][n]), float(means[1][n]), ours[d][1], theirs[d][1])
        for n, d in zip(shown, digests, strict=True)
    ]


def _transcripts(arm: Arm, digests: list[str], metric: str) -> dict[str, tuple[str, list[Attempt]]]:
    found: dict[str, tuple[str, list[Attempt]]] = {}
    for run in arm.runs:
        for row in _rows(run, digests, metric):
            attempt = Attempt(
                row["epoch"],
                run["seed"],
                row["status"],
                row[metric] or 0.0,
                row["answer"],
                row["completion"] or "",
            )
            found.setdefault(row["item_digest"], (row["sample_id"], []))[1].append(attempt)
    return found


def _rows(run: Any, digests: list[str], metric: str) -> Iterator[dict[str, Any]]:
    from pyarrow import parquet

    columns = ["sample_id", "item_digest", "epoch", "status", metric, "answer", "completion"]
    table = parquet.read_table(
        run["samples_path"], columns=columns, filters=[("item_digest", "in", digests)] if digests else None
    )
    if digests:
        yield from table.to_pylist()

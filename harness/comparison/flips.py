"""The items on which two arms differ: what was asked and wanted, and what both said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.comparison.arms import Arm
from harness.comparison.items import load_items, of_the_set, pair
from harness.results.stored import (
    NOT_STORED,
    item_metrics,
    question_of,
    read_attempts,
    stored_columns,
    target_of,
)


@dataclass(frozen=True)
class Attempt:
    """One attempt as a reader wants to see it; `metrics` has every metric of the attempt by name, None where
    it wasn't scored."""

    epoch: int
    seed: int
    status: str
    metrics: dict[str, float | None]
    answer: str | None
    completion: str


@dataclass(frozen=True)
class Flip:
    """An item and its mean score under both arms, with every attempt of both.

    Attributes:
        question: `not stored` where the run was sealed without transcripts.
        target: text or JSON; `private ...` or `not stored` where it isn't kept.
        gain: the change in score, above 0 where the candidate is better.
        second_metrics: the means of the other metrics over scored attempts, (baseline, candidate).
    """

    sample_id: str
    item_digest: str
    question: str
    target: str
    candidate_score: float
    baseline_score: float
    gain: float
    candidate: list[Attempt]
    baseline: list[Attempt]
    second_metrics: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)

    @property
    def change(self) -> float:
        return self.candidate_score - self.baseline_score


def flips(candidate: Arm, baseline: Arm, metric: str, limit: int | None = None) -> list[Flip]:
    """The items whose mean score changed, the largest changes first, losses before gains of a size.

    Only the transcripts of the items shown are read. Of a metric of the whole set, which no item has, the
    items are those that changed in the primary metric.

    Raises:
        RecordError: sealed attempts can't be read.
    """
    metric = candidate.primary if of_the_set(candidate.runs[0], metric) else metric
    pairing = pair(load_items(candidate, metric), load_items(baseline, metric))
    means = pairing.candidate.means(), pairing.baseline.means()
    gains = candidate.metric_range(metric).sign * (means[0] - means[1])
    order = sorted(range(len(gains)), key=lambda n: (-abs(gains[n]), gains[n] > 0, n))
    changed = [n for n in order if abs(gains[n]) > 1e-12]
    shown = changed if limit is None else changed[:limit]
    digests = [str(pairing.candidate.digests[n]) for n in shown]
    ours, theirs = _transcripts(candidate, digests), _transcripts(baseline, digests)
    return [
        Flip(
            ours[digest].sample_id,
            digest,
            _known(ours[digest].question, theirs[digest].question),
            _known(ours[digest].target, theirs[digest].target),
            float(means[0][n]),
            float(means[1][n]),
            float(gains[n]),
            ours[digest].attempts,
            theirs[digest].attempts,
            _second_metrics(ours[digest].attempts, theirs[digest].attempts, metric),
        )
        for n, digest in zip(shown, digests, strict=True)
    ]


@dataclass(frozen=True)
class _Item:
    sample_id: str
    question: str
    target: str
    attempts: list[Attempt] = field(default_factory=list)


def _known(ours: str, theirs: str) -> str:
    """What either side has stored."""
    return theirs if ours == NOT_STORED else ours


def _second_metrics(
    ours: Sequence[Attempt], theirs: Sequence[Attempt], metric: str
) -> dict[str, tuple[float | None, float | None]]:
    def mean(attempts: Sequence[Attempt], name: str) -> float | None:
        known = [value for each in attempts if (value := each.metrics.get(name)) is not None]
        return sum(known) / len(known) if known else None

    names = dict.fromkeys(name for each in (*theirs, *ours) for name in each.metrics if name != metric)
    return {name: (mean(theirs, name), mean(ours, name)) for name in names}


def _transcripts(arm: Arm, digests: list[str]) -> dict[str, _Item]:
    """The items by digest, as the arm's runs hold them."""
    found: dict[str, _Item] = {}
    for run in arm.runs:
        for row in _rows(run, digests):
            item = _Item(row["sample_id"], question_of(row), target_of(run, row))
            found.setdefault(row["item_digest"], item).attempts.append(
                Attempt(
                    row["epoch"],
                    run["seed"],
                    row["status"],
                    {name: row[name] for name in item_metrics(run, row)},
                    row["answer"],
                    row["completion"] or "",
                )
            )
    return found


def _rows(run: Any, digests: list[str]) -> Iterator[dict[str, Any]]:
    if not digests:
        return
    stored = stored_columns(run)
    wanted = ("sample_id", "item_digest", "epoch", "status", "answer", "completion", "input", "target")
    columns = [name for name in wanted if name in stored] + item_metrics(run, stored)
    rows = read_attempts(run, columns, filters=[("item_digest", "in", digests)])
    yield from rows.to_pylist()

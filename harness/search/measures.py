"""What an episode's searches and citations were worth, against the documents that hold the evidence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from harness.search.words import terms


def evidence_recall(evidence: Iterable[str], searches: Iterable[Iterable[str]]) -> float | None:
    """The share of evidence documents that any search of the episode gave; None without evidence."""
    wanted = set(evidence)
    found = set[str]().union(*map(set, searches))
    return len(wanted & found) / len(wanted) if wanted else None


def duplicate_rate(queries: Sequence[str]) -> float:
    """The share of queries whose terms an earlier one of the episode had; 0 without queries."""
    forms = [tuple(terms(query)) for query in queries]
    return 1 - len(set(forms)) / len(forms) if forms else 0.0


def citations(cited: Iterable[str], evidence: Iterable[str], seen: Iterable[str]) -> tuple[float, float, int]:
    """Precision and recall of citations against the evidence, and how many cite what was never retrieved,
    which count as wrong. Without a citation both are 0."""
    named, wanted = set(cited), set(evidence)
    unseen = named - set(seen)
    right = len((named - unseen) & wanted)
    return (
        right / len(named) if named else 0.0,
        right / len(wanted) if wanted else 0.0,
        len(unseen),
    )


def calibration_error(
    confidences: Sequence[float], right: Sequence[float], size: int = 100, released: bool = False
) -> float | None:
    """The root mean square difference of stated confidence and accuracy over bins of `size` answers in the
    order of confidence, weighted by their sizes, as HLE and BrowseComp-Plus define it. The last bin takes
    what is left over.

    With `released` the number that their released routine gives: its loop leaves the last bin out, so that
    with fewer than 2 * size answers the most confident don't count, and below that nothing does (0). None
    without an answer.
    """
    if not confidences:
        return None
    order = sorted(range(len(confidences)), key=lambda place: confidences[place])
    starts = list(range(0, max(1, len(order) // size) * size, size))
    ends = [*starts[1:], len(order)]
    bins = [order[start:end] for start, end in zip(starts, ends, strict=True)]
    if released:
        bins = bins[:-1]
    total = 0.0
    for places in bins:
        gap = sum(confidences[n] - right[n] for n in places) / len(places)
        total += len(places) / len(order) * gap * gap
    return math.sqrt(total)

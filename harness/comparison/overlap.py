"""Which items only one of two arms has, and whether the others may be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.base.errors import RecordError, UsageError, reason_of
from harness.comparison.arms import Arm
from harness.comparison.items import Items

#: ids that a line names of each side
SHOWN = 3


@dataclass(frozen=True)
class Overlap:
    """The items of two arms, as content hashes in sorted order.

    Attributes:
        common: number of items that both have.
        candidate_lacks: what only the baseline has.
        baseline_lacks: what only the candidate has.
    """

    common: int
    candidate_lacks: tuple[str, ...]
    baseline_lacks: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether both have the same items."""
        return not self.candidate_lacks and not self.baseline_lacks


def overlap_of(candidate: Items, baseline: Items) -> Overlap:
    """What two tables have in common, and what not."""
    if np.array_equal(candidate.digests, baseline.digests):
        return Overlap(len(candidate), (), ())
    ours, theirs = set(candidate.digests), set(baseline.digests)
    return Overlap(len(ours & theirs), tuple(sorted(theirs - ours)), tuple(sorted(ours - theirs)))


def check_overlap(found: Overlap, candidate: Arm, baseline: Arm, *, common_items: bool = False) -> None:
    """Whether two arms may be compared on the items that both have: all of them, or on request.

    The items that a stopped run has are no random part of the set, so that what is left out is chosen by what
    came last.

    Raises:
        UsageError: some items are missing on a side and nobody asked for the common ones, or there are none;
            says how many are missing where, the first of them, and the cure.
        RecordError: the sealed attempts can't be read.
    """
    if found.complete or (common_items and found.common):
        return
    lacking = [
        _lacks(arm, other, digests, found.common)
        for arm, other, digests in (
            (candidate, baseline, found.candidate_lacks),
            (baseline, candidate, found.baseline_lacks),
        )
        if digests
    ]
    stopped = [arm for arm in (candidate, baseline) if not arm.complete]
    cures = [f"the command of {arm.named([candidate, baseline])} given again finishes it" for arm in stopped]
    if found.common:
        cures.append(f"--common-items compares the {found.common} that both have")
    else:
        cures.insert(0, "they share no item")
    raise UsageError(f"{' and '.join(lacking)}; {', or '.join(cures)}")


def note(found: Overlap) -> str:
    """What a comparison of the common items says of the others; empty where there are none."""
    if found.complete:
        return ""
    return (
        f"on the {found.common} items that both have; the candidate lacks {len(found.candidate_lacks)} of "
        f"the baseline's and the baseline {len(found.baseline_lacks)} of the candidate's"
    )


def _lacks(arm: Arm, other: Arm, digests: Sequence[str], common: int) -> str:
    named = first_ids(other, digests)
    more = ", ..." if len(digests) > len(named) else ""
    return (
        f"{arm.named([other])} lacks {len(digests)} of the {common + len(digests)} items of "
        f"{other.named([arm])} ({', '.join(named)}{more})"
    )


def first_ids(arm: Arm, digests: Sequence[str]) -> list[str]:
    """The ids of the first of some items, in the order in which the runs of an arm have them.

    Raises:
        RecordError: the sealed attempts can't be read.
    """
    import pyarrow
    from pyarrow import parquet

    wanted, found = set(digests), dict[str, None]()
    for run in arm.runs:
        path = Path(run["samples_path"])
        try:
            with parquet.ParquetFile(path) as file:
                table = file.read(columns=["sample_id", "item_digest"])
        except (OSError, ValueError, KeyError, pyarrow.ArrowException) as error:
            raise RecordError(f"{path} can't be read: {reason_of(error)}") from None
        for name, item in zip(*(column.to_pylist() for column in table.columns), strict=True):
            if item in wanted:
                found[str(name)] = None
                if len(found) == SHOWN:
                    return list(found)
    return list(found)

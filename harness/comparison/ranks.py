"""Every pair of arms of one comparability key, tested: what places on a board rest on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.comparison.arms import Arm
from harness.comparison.claims import claim_of, paired_by_seed, parts_for
from harness.comparison.common import common_items
from harness.comparison.items import Items, Pairing, load_items, of_the_set
from harness.stats.crossed import parts_of
from harness.stats.paired import few_signs, paired_difference
from harness.stats.ranks import RankSet, pair_p_values, rank_sets, ranks_shown

Array = NDArray[Any]


@dataclass(frozen=True)
class PairTests:
    """The tests of every pair, on the items that all arms have.

    Attributes:
        values: mean of each arm as a share of the metric's range, of which more is better.
        pairs: (j, k), j < k, in the order of `p_values`.
        p_values: two-sided; None where an arm that draws something per run has one run, so that nothing can
            be said of others.
        units: items, or groups of them.
        notes: what a reader has to know, a sentence each.
    """

    values: Array
    pairs: list[tuple[int, int]]
    p_values: list[float | None]
    units: int
    notes: tuple[str, ...] = ()

    @property
    def shown(self) -> bool:
        """Whether there are units enough for places to be shown."""
        return len(self.values) > 1 and ranks_shown(len(self.values), self.units)

    def places(self, adjusted: Sequence[float | None]) -> list[RankSet]:
        """The places of each arm, given the adjusted p of each pair."""
        return rank_sets(self.values, [1.0 if p is None else p for p in adjusted])


def pair_tests(arms: Sequence[Arm], load: Callable[[Arm, str], Items] = load_items) -> PairTests:
    """Tests every pair by the rule of `compare`, so that a place and a comparison never disagree: groups,
    runs apart or paired where they drew the same. Most pairs are one vectorised call; single right-or-wrong
    attempts, and pairs of which few items differ, have tests of their own.

    Args:
        arms: of one comparability key.
        load: gives the table of an arm, such as an `ItemTables` that keeps them.

    Raises:
        RecordError: sealed attempts can't be read.
    """
    own_items = [load(arm, arm.primary) for arm in arms]
    tables, notes = common_items(own_items) if own_items else [], list[str]()
    if tables and len(tables[0]) < max(map(len, own_items)):
        notes.append(f"ranks are over the {len(tables[0])} items that every row has")
    pairs = [(j, k) for j in range(len(arms)) for k in range(j + 1, len(arms))]
    units = 0 if not tables else len(tables[0]) if tables[0].groups is None else len(set(tables[0].groups))
    if units < 2 or not pairs:
        return PairTests(np.zeros(len(arms)), pairs, [None] * len(pairs), units)
    if notes and of_the_set(arms[0].runs[0], arms[0].primary):
        notes = [f"ranks not shown: {arms[0].primary} is of the whole set, and rows lack items of others"]
        return PairTests(np.zeros(len(arms)), pairs, [None] * len(pairs), 0, tuple(notes))
    span = arms[0].metric_range()
    shares = [table.shares(span) for table in tables]
    own = [parts_of(table.cells, table.codes()) for table in shares]
    means = [table.means() for table in shares]
    found: list[float | None] = []
    parts, differences, at = [], [], []
    for j, k in pairs:
        claim = claim_of(arms[j], arms[k])
        whole = pairing = Pairing(shares[j], shares[k], 0, 0)
        if claim == "items and runs" and paired_by_seed(arms[j], arms[k]):
            pairing = whole.same_cells()
        made = parts_for(claim, pairing, arms[j], arms[k], (own[j], own[k]))
        found.append(None)
        if made.df_runs <= 0:
            continue
        if pairing is whole:
            ours, theirs = means[j], means[k]
        else:
            ours, theirs = pairing.candidate.means(), pairing.baseline.means()
        units_of = _by_group(ours - theirs, pairing.candidate.codes())
        single = shares[j].single and shares[k].single
        if single or few_signs(units_of) is not None:
            groups = pairing.candidate.groups
            alone = paired_difference(
                ours, theirs, groups=groups, binary=single, parts=made, bounded=span.bounded
            )
            found[-1] = 1.0 if alone.p_value is None else alone.p_value
        else:
            parts.append(made)
            differences.append(units_of)
            at.append(len(found) - 1)
    for place, p in zip(at, pair_p_values(parts, differences), strict=True):
        found[place] = float(p)
    one_run = [arm.title(arms) for arm in arms if arm.draws is not False and len(arm.runs) == 1]
    if one_run:
        notes.append(
            f"ranks hold for new items and new seeds; with one run nothing is said of the seeds of "
            f"{len(one_run)} of {len(arms)} rows that draw something per run ({', '.join(one_run[:3])}"
            f"{', ...' if len(one_run) > 3 else ''}): more seeds would narrow their places"
        )
    return PairTests(
        np.array([each.mean() for each in means]),
        pairs,
        found,
        units,
        tuple(notes),
    )


def _by_group(gains: Array, codes: Array | None) -> Array:
    return gains if codes is None else np.bincount(codes, weights=gains)

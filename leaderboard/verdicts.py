"""What a page of the board claims, as one family of tests: places of its rows, and rows against baselines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from harness.base.errors import RecordError
from harness.comparison.arms import Arm

if TYPE_CHECKING:
    from harness.comparison.items import ItemTables
    from harness.comparison.paired import Comparison
    from harness.comparison.ranks import PairTests

#: methods taken as baseline where none is named: `direct` first, then those with the most rows
BASELINES = 3


@dataclass
class Claims:
    """The tests of one section, not adjusted yet.

    Attributes:
        arms: the rows that may be ranked.
        pairs: the tests of every pair; None where there are no two rows, or their attempts can't be read.
        comparisons: of each baseline method, the rows that have it with their model.
        notes: why something is not tested, a sentence each.
    """

    arms: Sequence[Arm]
    pairs: PairTests | None
    comparisons: Mapping[str, list[Comparison]]
    notes: list[str]


@dataclass(frozen=True)
class Verdicts:
    """What is claimed of a section.

    Attributes:
        places: best and worst place of each arm, in the order of the arms; None where places are not shown.
        comparisons: as `harness.comparison.to_json.plain` gives them, by baseline.
        notes: what a reader has to know, a sentence each.
        in_order: whether rows may stand in the order of their values; False where there are too few items to
            show any order.
    """

    places: list[tuple[int, int] | None]
    comparisons: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    in_order: bool = True


def claims(arms: Sequence[Arm], baselines: Sequence[str], tables: ItemTables) -> Claims:
    """Every test of a section: each pair of rows once, and rows against baselines.

    Args:
        arms: measured and complete rows of one comparability key.
        baselines: methods to compare with; empty for the usual ones.
    """
    from harness.comparison.ranks import pair_tests

    notes: list[str] = []
    pairs = None
    if len(arms) > 1:
        try:
            pairs = pair_tests(arms, tables)
            notes += pairs.notes
        except RecordError as error:
            notes.append(str(error))
    made = {method: _against(arms, method, tables, notes) for method in baselines or usual_baselines(arms)}
    return Claims(arms, pairs, made, notes)


def judged(page: Sequence[Claims]) -> list[Verdicts]:
    """The verdicts of a page's sections, by Holm over all its tests: every pair of rows whose places are
    shown and every comparison with a baseline that can make a claim, which is one test where it is also a
    pair."""
    from harness.comparison.to_json import plain
    from harness.stats import holm

    tests: dict[tuple[int, frozenset[int]], float] = {}
    for at, each in enumerate(page):
        if each.pairs is not None and each.pairs.shown:
            for (j, k), p in zip(each.pairs.pairs, each.pairs.p_values, strict=True):
                if p is not None:
                    tests[at, frozenset((id(each.arms[j]), id(each.arms[k])))] = p
        for comparison in _all(each):
            if comparison.p_value is not None and not comparison.one_seed:
                tests[at, _pair(comparison)] = comparison.p_value
    adjusted = dict(zip(tests, map(float, holm(list(tests.values()))), strict=True)) if tests else {}
    found = []
    for at, each in enumerate(page):
        names = {id(arm): arm.named(each.arms) for arm in each.arms}
        shown = {
            method: [
                plain(replace(c, adjusted_p=adjusted.get((at, _pair(c))), tests=len(tests)))
                | {"name": names[id(c.candidate)], "against": names[id(c.baseline)]}
                for c in made
            ]
            for method, made in each.comparisons.items()
            if made
        }
        found.append(_verdicts(each, at, adjusted, shown))
    return found


def usual_baselines(arms: Sequence[Arm]) -> list[str]:
    """`direct` first, then the methods with the most rows; none that a model has several variants of."""
    models = Counter((arm.method, arm.model) for arm in arms)
    variants = {method for (method, _), count in models.items() if count > 1}
    rows = Counter(arm.method for arm in arms if arm.method not in variants)
    return sorted(rows, key=lambda name: (name != "direct", -rows[name], name))[:BASELINES]


def _verdicts(
    each: Claims,
    at: int,
    adjusted: Mapping[tuple[int, frozenset[int]], float],
    shown: Mapping[str, list[dict[str, Any]]],
) -> Verdicts:
    nothing: list[tuple[int, int] | None] = [None] * len(each.arms)
    tests = each.pairs
    if tests is None:
        return Verdicts(nothing, shown, tuple(dict.fromkeys(each.notes)))
    if not tests.shown:
        notes = [f"ranks not shown (n = {tests.units})", *each.notes]
        return Verdicts(nothing, shown, tuple(dict.fromkeys(notes)), in_order=False)
    by_pair = [
        adjusted.get((at, frozenset((id(each.arms[j]), id(each.arms[k]))))) if p is not None else None
        for (j, k), p in zip(tests.pairs, tests.p_values, strict=True)
    ]
    places: list[tuple[int, int] | None] = [(place.low, place.high) for place in tests.places(by_pair)]
    return Verdicts(places, shown, tuple(dict.fromkeys(each.notes)))


def _all(each: Claims) -> list[Comparison]:
    return [comparison for made in each.comparisons.values() for comparison in made]


def _pair(comparison: Comparison) -> frozenset[int]:
    return frozenset((id(comparison.candidate), id(comparison.baseline)))


def _against(arms: Sequence[Arm], method: str, tables: ItemTables, notes: list[str]) -> list[Comparison]:
    """Every arm against the arm of `method` with the same model."""
    from harness.base.errors import UsageError
    from harness.comparison.paired import compare
    from harness.comparison.select import baseline_of

    made = []
    for arm in arms:
        try:
            baseline = baseline_of(arm, arms, method)
            if baseline is not None:
                made.append(compare(arm, baseline, load=tables))
        except (UsageError, RecordError, ValueError) as error:
            notes.append(str(error))
    return made

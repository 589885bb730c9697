"""Comparisons of one subject with one baseline on several tasks, pooled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.base.digest import seed_of
from harness.comparison.paired import Comparison
from harness.comparison.seeds import SeedView, over_seeds
from harness.spec import MetricRange
from harness.stats import SuiteDifference, suite_difference


def suite_over_seeds(comparisons: Sequence[Comparison]) -> SeedView | None:
    """The same as `over_suite` with seeds as the unit; None where nothing trains or seeds differ."""
    if any(c.seeds is None for c in comparisons):
        return None
    return over_seeds([(c.candidate, c.baseline, c.metric) for c in comparisons])


def over_suite(comparisons: Sequence[Comparison]) -> SuiteDifference:
    """The mean gain over the tasks of one candidate against one baseline, over items; in shares of each
    metric's range, above 0 where the candidate is better."""
    seed = seed_of(*(run for c in comparisons for run in c.candidate.run_ids)) % 2**32
    return suite_difference(
        [c.item_gains for c in comparisons], groups=[c.groups for c in comparisons], seed=seed
    )


def common_range(comparisons: Sequence[Comparison]) -> MetricRange | None:
    """The range that the metrics of several comparisons share; None where they differ, and only gains in
    shares of each range can be pooled."""
    spans = {c.span for c in comparisons}
    return spans.pop() if len(spans) == 1 else None


def suite_sentence(comparisons: Sequence[Comparison]) -> str:
    """The mean difference over several tasks, in one line."""
    found, first, seeds = over_suite(comparisons), comparisons[0], suite_over_seeds(comparisons)
    common = common_range(comparisons)
    span = common or MetricRange()
    low, high = (span.points * end for end in span.changes(found.ci or found.bootstrap_ci))
    p = found.permutation_p if found.p_value is None else found.p_value
    shown = f"{seeds.sentence()}; over items " if seeds else ""
    unit = "" if common else " in percent of each metric's range, above 0 where better,"
    return (
        f"over {found.n_tasks} tasks, {first.candidate.method} x {first.candidate.model} - "
        f"{first.baseline.method} x {first.baseline.model}:{unit} {shown}"
        f"{span.points * span.change(found.value):+.1f} [{low:+.1f}, {high:+.1f}], p = {p:.2g}, "
        f"sign-flip p = {found.permutation_p:.2g}"
    )


def suites(comparisons: Sequence[Comparison]) -> list[list[Comparison]]:
    """The comparisons of one subject with one baseline on several tasks. Metrics without a bound have no
    share, and are pooled with the same metric alone."""
    found: dict[Any, list[Comparison]] = {}
    for c in comparisons:
        key = (
            c.candidate.method,
            c.candidate.model,
            c.baseline.method,
            c.baseline.model,
            "" if c.span.bounded else c.metric,
            c.candidate.store,
            c.baseline.store,
        )
        found.setdefault(key, []).append(c)
    return [
        same for same in found.values() if len({c.candidate.comparability_key for c in same}) == len(same) > 1
    ]

"""Comparisons of one subject with one baseline on several tasks, pooled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.base.digest import seed_of
from harness.comparison.paired import Comparison
from harness.comparison.seeds import SeedView, over_seeds
from harness.stats import SuiteDifference, suite_difference


def suite_over_seeds(comparisons: Sequence[Comparison]) -> SeedView | None:
    """The same as `over_suite` with seeds as the unit; None where nothing trains or seeds differ."""
    if any(c.seeds is None for c in comparisons):
        return None
    return over_seeds([(c.candidate, c.baseline, c.metric) for c in comparisons])


def over_suite(comparisons: Sequence[Comparison]) -> SuiteDifference:
    """The mean difference over the tasks of one candidate against one baseline, over items."""
    seed = seed_of(*(run for c in comparisons for run in c.candidate.run_ids)) % 2**32
    return suite_difference(
        [c.item_differences for c in comparisons], groups=[c.groups for c in comparisons], seed=seed
    )


def suite_sentence(comparisons: Sequence[Comparison]) -> str:
    """The mean difference over several tasks, in one line."""
    found, first, seeds = over_suite(comparisons), comparisons[0], suite_over_seeds(comparisons)
    low, high = found.ci or found.bootstrap_ci
    p = found.permutation_p if found.p_value is None else found.p_value
    shown = f"{seeds.sentence(first.scale)}; over items " if seeds else ""
    return (
        f"over {found.n_tasks} tasks, {first.candidate.method} x {first.candidate.model} - "
        f"{first.baseline.method} x {first.baseline.model}: {shown}{first.scale * found.value:+.1f} "
        f"[{first.scale * low:+.1f}, {first.scale * high:+.1f}], p = {p:.2g}, "
        f"sign-flip p = {found.permutation_p:.2g}"
    )


def suites(comparisons: Sequence[Comparison]) -> list[list[Comparison]]:
    """The comparisons of one subject with one baseline on several tasks with the same scale."""
    found: dict[Any, list[Comparison]] = {}
    for c in comparisons:
        key = (
            c.candidate.method,
            c.candidate.model,
            c.baseline.method,
            c.baseline.model,
            c.scale,
            c.candidate.store,
            c.baseline.store,
        )
        found.setdefault(key, []).append(c)
    return [
        same for same in found.values() if len({c.candidate.comparability_key for c in same}) == len(same) > 1
    ]

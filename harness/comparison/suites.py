"""Comparisons of one subject with one baseline on several tasks, pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.comparison.changes import decimals
from harness.comparison.claims import HOLDS_FOR, Claim
from harness.comparison.paired import Comparison
from harness.spec import MetricRange
from harness.stats import SuiteDifference, suite_difference


def over_suite(comparisons: Sequence[Comparison]) -> SuiteDifference:
    """The mean gain over the tasks of one candidate against one baseline; in shares of each metric's range,
    above 0 where the candidate is better. Groups of one name are one, in whatever tasks they stand."""
    found = suite_difference([c.gain.for_mean for c in comparisons], groups=[c.groups for c in comparisons])
    if found.ci is None or any(c.gain.limits is None for c in comparisons):
        return found
    return replace(found, ci=(max(found.ci[0], -1.0), min(found.ci[1], 1.0)))


def common_range(comparisons: Sequence[Comparison]) -> MetricRange | None:
    """The range that the metrics of several comparisons share; None where they differ, and only gains in
    shares of each range can be pooled."""
    spans = {c.span for c in comparisons}
    return spans.pop() if len(spans) == 1 else None


def suite_sentence(comparisons: Sequence[Comparison]) -> str:
    """The mean difference over several tasks, in one line."""
    found, first = over_suite(comparisons), comparisons[0]
    common = common_range(comparisons)
    span = common or MetricRange()
    digits = decimals(span, None if found.ci is None else span.changes(found.ci), span.change(found.value))
    ends = p = ""
    if found.ci is not None and found.p_value is not None:
        low, high = (span.points * end for end in span.changes(found.ci))
        ends, p = f" [{low:+.{digits}f}, {high:+.{digits}f}]", f", p = {found.p_value:.2g}"
    unit = "" if common else " in percent of each metric's range, above 0 where better,"
    return (
        f"over {found.n_tasks} tasks, {first.candidate.method} x {first.candidate.model} - "
        f"{first.baseline.method} x {first.baseline.model}:{unit} "
        f"{span.points * span.change(found.value):+.{digits}f}{ends}{p} for {HOLDS_FOR[_claim(comparisons)]}"
    )


def _claim(comparisons: Sequence[Comparison]) -> Claim:
    """The narrowest claim of the tasks, which is that of their mean."""
    claims = {c.claim for c in comparisons}
    if "these runs" in claims:
        return "these runs"
    if claims == {"items"}:
        return "items"
    return "runs" if "runs" in claims else "items and runs"


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

"""Comparisons as JSON knows them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from harness.comparison.arms import Arm
from harness.comparison.card import card, differing_cards
from harness.comparison.changes import Change
from harness.comparison.paired import Comparison
from harness.comparison.sentences import sentence
from harness.comparison.suites import common_range, over_suite
from harness.spec import MetricRange
from harness.stats import Parts


def plain(comparison: Comparison) -> dict[str, Any]:
    """A comparison as JSON knows it."""
    cards = [card(comparison.candidate), card(comparison.baseline)]

    def side(arm: Arm, value: float) -> dict[str, Any]:
        return {
            "method": arm.method,
            "model": arm.model,
            "store": arm.store or None,
            "value": value,
            "run_ids": arm.run_ids,
            "seeds": arm.seeds,
            "subject_key": arm.subject_key,
        }

    return {
        "task": comparison.candidate.task,
        "metric": comparison.metric,
        "lower_is_better": comparison.span.lower_is_better,
        "comparability_key": comparison.candidate.comparability_key,
        "candidate": side(comparison.candidate, comparison.candidate_value),
        "baseline": side(comparison.baseline, comparison.baseline_value),
        "difference": difference(comparison.difference),
        "planned": [run.get("planned") for run in comparison.candidate.runs],
        "claim": comparison.claim,
        "paired_draws": comparison.paired_draws,
        "draws": {"candidate": comparison.candidate.draws, "baseline": comparison.baseline.draws},
        "variances": variances(comparison.gain.parts),
        "run_effects": [
            None if effect is None else {"f": effect[0], "p": effect[1]} for effect in comparison.run_effects
        ],
        "items": {
            "matched": comparison.matched,
            "only_candidate": comparison.only_candidate,
            "only_baseline": comparison.only_baseline,
        },
        "test": comparison.test,
        "p_value": comparison.p_value,
        "adjusted_p": comparison.adjusted_p,
        "checks": comparison.checks,
        "probability_better": comparison.probability_better,
        "scored_only": difference(comparison.scored_only) if comparison.scored_only else None,
        "cost_ratio": comparison.cost_ratio,
        "verdict": comparison.verdict(),
        "shown_verdict": comparison.verdict_with_reason(),
        "sentence": sentence(comparison),
        "tests": comparison.tests,
        "warnings": list(comparison.warnings),
        "card_differs": {item: sorted(fields) for item, fields in differing_cards(cards).items()},
    }


def plain_suite(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """A pooled comparison as JSON knows it: in the unit of the metric, or, where the tasks' metrics have
    several ranges, as a gain in shares of each range."""
    first, found = comparisons[0], over_suite(comparisons)
    common = common_range(comparisons)
    span = common or MetricRange()
    return {
        "candidate": {"method": first.candidate.method, "model": first.candidate.model},
        "baseline": {"method": first.baseline.method, "model": first.baseline.model},
        "tasks": [c.candidate.task for c in comparisons],
        "unit": "metric" if common else "share of range",
        **{key: value for key, value in asdict(found).items() if key != "parts"},
        "value": span.change(found.value),
        "stderr": None if found.stderr is None else span.width * found.stderr,
        "ci": None if found.ci is None else span.changes(found.ci),
        "variances": variances(found.parts),
    }


def variances(parts: Parts) -> dict[str, Any]:
    """The variances behind an interval, in shares of the metric's range; degrees of freedom are null where
    they are infinite, as where nothing is drawn per run."""

    def finite(number: float) -> float | None:
        return number if math.isfinite(number) else None

    return {
        "items": parts.items,
        "runs": parts.runs,
        "overlap": parts.overlap,
        "df_items": finite(parts.df_items),
        "df_runs": finite(parts.df_runs),
    }


def difference(found: Change) -> dict[str, Any]:
    """A difference as JSON knows it."""
    return {
        "value": found.value,
        "stderr": found.stderr,
        "ci": list(found.ci) if found.ci else None,
        "ci_method": found.ci_method,
        "df": found.df,
        "n_items": found.n_items,
        "n_clusters": found.n_clusters,
        "wins": found.wins,
        "losses": found.losses,
        "ties": found.ties,
    }

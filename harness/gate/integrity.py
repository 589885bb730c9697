"""What makes statistics pointless: failures on one side, other items, other settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from harness.base.errors import DECLINED
from harness.comparison.arms import Arm
from harness.comparison.paired import Comparison
from harness.gate.checks import Rules
from harness.results.ceiling import ceilings
from harness.results.fields import differing, field_of

#: what a candidate may change and still be compared with its reference
MAY_CHANGE = (
    *("code", "method_version", "method_args", "model_revision", "data_access"),
    "decoding.system_message",
)


@dataclass(frozen=True)
class Fault:
    """Why a comparison says nothing. `failures` has exit code 5, `changed` has 4."""

    kind: Literal["failures", "changed"]
    sentence: str


def changed_settings(candidate: Arm, baseline: Arm) -> Iterator[Fault]:
    """Settings of the model, its decoding, its roles or its embedder that moved."""
    for name in differing(candidate.subject, baseline.subject):
        if not name.startswith(MAY_CHANGE):
            yield Fault(
                "changed",
                f"{name} was {field_of(baseline.subject, name)!r} and is "
                f"{field_of(candidate.subject, name)!r}",
            )


def faults(comparison: Comparison, rules: Rules) -> list[Fault]:
    """Everything that forbids a verdict, before any statistics."""
    candidate, baseline = comparison.candidate, comparison.baseline
    found = list(changed_settings(candidate, baseline))
    for arm, side in ((candidate, "candidate"), (baseline, "reference")):
        if seen := ceilings(arm.runs):
            found.append(Fault("changed", f"the {side} {seen}: a ceiling is no method's score"))
    for run in candidate.runs:
        if run["status"] != "complete":
            found.append(
                Fault("failures", f"the candidate's run {run['run_id'][:12]} was stopped before its end")
            )
    expected = comparison.matched + comparison.only_baseline
    if comparison.matched < rules.overlap * expected or comparison.only_candidate:
        found.append(
            Fault(
                "changed",
                f"{comparison.matched} of the reference's {expected} items are "
                f"there, {comparison.only_candidate} others",
            )
        )
    return [*found, *too_different(candidate, baseline, rules)]


def too_different(candidate: Arm, baseline: Arm, rules: Rules) -> Iterator[Fault]:
    """Rates of failed, unscored and truncated attempts that lie too far apart."""
    for count in ("error", "unscored", *DECLINED, "truncated"):
        ours, theirs = candidate.rate(count), baseline.rate(count)
        if abs(ours - theirs) > rules.max_rate_difference:
            yield Fault(
                "failures",
                f"{100 * ours:.1f} % of the candidate's attempts are {count}, "
                f"{100 * theirs:.1f} % of the reference's",
            )

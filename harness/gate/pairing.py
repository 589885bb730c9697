"""Which stored runs stand for which check: the candidate and the reference of each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from harness.base.errors import UsageError, nearest
from harness.comparison.arms import Arm, Row, arms_of
from harness.comparison.paired import Comparison, compare
from harness.comparison.select import Selection
from harness.gate.baseline import Baseline
from harness.gate.checks import Check, Rules
from harness.gate.verdict import Verdict, judge, without_statistics
from harness.results.fields import brief, differing, field_of


def check_all(baseline: Baseline, rows: Iterable[Row], rules: Rules) -> list[Verdict]:
    """A verdict for every check, in order; without checks, for every subject of the baseline.

    `rows` are the candidate's; runs that belong to the baseline are passed over.

    Raises:
        UsageError: a check names nothing that the baseline holds.
        RecordError: sealed attempts can't be read.
    """
    reference = {os.path.realpath(run["record"]) for arm in baseline.arms for run in arm.runs}
    candidates = arms_of(row for row in rows if os.path.realpath(row["record"]) not in reference)
    verdicts: list[Verdict | None] = []
    pairs: list[tuple[Check, Comparison]] = []
    for check, arm in targets(baseline, rules):
        found = candidate_of(arm, candidates)
        if found is None:
            verdicts.append(without_statistics(check, "no data", _missing(arm)))
        elif found.comparability_key != arm.comparability_key:
            fields = differing(found.comparability, arm.comparability)
            shown = "; ".join(
                f"{name} was {brief(field_of(arm.comparability, name))} and is "
                f"{brief(field_of(found.comparability, name))}"
                for name in fields[:6]
            )
            verdicts.append(without_statistics(check, "not comparable", shown))
        elif not all(run["counts"]["ok"] for run in found.runs):
            verdicts.append(without_statistics(check, "no data", "a run of the candidate measured nothing"))
        else:
            verdicts.append(None)
            pairs.append((check, compare(found, arm, one_subject=True)))
    judged = iter(judge(pairs, rules))
    return [verdict or next(judged) for verdict in verdicts]


def _missing(arm: Arm) -> str:
    return (
        f"no run of {arm.named()} to check besides the baseline's own; 'harness eval --store DIR' makes "
        "one and 'harness check --store DIR' looks there"
    )


def targets(baseline: Baseline, rules: Rules) -> list[tuple[Check, Arm]]:
    """Every subject of the baseline that is to be checked, each with its full check: the first that names
    it, so that a test is not made, and corrected for, twice.

    Raises:
        UsageError: a check names nothing that the baseline holds, or a margin is beyond the metric.
    """
    if not rules.checks:
        return [(_full(Check(margin=rules.margin), arm), arm) for arm in baseline.arms]
    found: list[tuple[Check, Arm]] = []
    for check in rules.checks:
        arms = [arm for arm in baseline.arms if _wanted(check, arm)]
        if not arms:
            named = " x ".join(filter(None, (check.task, check.method, check.model))) or "a check"
            known = {arm.task for arm in baseline.arms}
            raise UsageError(
                f"{named} is not in the baseline {baseline.name!r}; {nearest(check.task, known, 'task')}"
            )
        found += [(_full(check, arm), arm) for arm in arms if all(arm is not other for _, other in found)]
    return found


def candidate_of(reference: Arm, candidates: Sequence[Arm]) -> Arm | None:
    """The runs to hold against a reference: the same subject on the same items if it was run, else the
    newest of that task, method and model."""
    named = [
        arm
        for arm in candidates
        if (arm.task, arm.method, arm.model) == (reference.task, reference.method, reference.model)
    ]
    comparable = [arm for arm in named if arm.comparability_key == reference.comparability_key]
    same = [arm for arm in comparable if arm.subject_key == reference.subject_key]
    newest = sorted(same or comparable or named, key=lambda arm: str(arm.runs[-1]["created_at"]))
    return newest[-1] if newest else None


def _wanted(check: Check, arm: Arm) -> bool:
    arguments = {key: str(value) for key, value in check.task_args.items()}
    try:
        return bool(Selection(check.task, check.method, check.model, arguments).rows(arm.runs))
    except UsageError:
        return False


def _full(check: Check, arm: Arm) -> Check:
    span = arm.metric_range()
    if span.bounded and check.margin > span.width:
        raise UsageError(
            f"{arm.task}: margin {check.margin:g} is more than {arm.primary} can lose; it lies "
            f"between 0 and {span.width:g}"
        )
    return Check(arm.task, arm.method, arm.model, arm.comparability["task_args"], check.margin)

"""Every check with what it is judged by: the reference, all runs of the candidate, and the looks before."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from dataclasses import replace

from harness.base.errors import UsageError, nearest
from harness.comparison.arms import Arm, Row, arms_of
from harness.comparison.items import ItemTables, Pairing, pair
from harness.comparison.paired import Comparison, compare
from harness.comparison.select import Selection
from harness.gate.baseline import Baseline
from harness.gate.candidates import candidate_rows, of_tonight, replaced, with_looked_at
from harness.gate.checks import Check, Rules
from harness.gate.evidence import weigh
from harness.gate.integrity import faults
from harness.gate.ledger import Ledger, Look, reference_of, version_of
from harness.gate.levels import turn
from harness.gate.runs_needed import runs_needed
from harness.gate.verdict import Case, Verdict, invalid, judge, runs_of, without_statistics
from harness.results.fields import brief, counted, differing, field_of
from harness.results.index import in_force
from harness.results.verify import sound_attempts


def check_all(
    baseline: Baseline, rows: Sequence[Row], rules: Rules, ledger: Ledger, night: str | None = None
) -> list[Verdict]:
    """A verdict for every check, in order; without checks, for every subject of the baseline. What was judged
    is entered into the ledger.

    Args:
        rows: the candidate's store, records that are no longer in force among them; runs that belong to the
            baseline are passed over.
        night: the day of a nightly look, today by default.

    Raises:
        UsageError: a check names nothing that the baseline holds, or has no margin or a wrong one.
        RecordError: sealed attempts can't be read.
    """
    today = night or datetime.datetime.now(datetime.UTC).date().isoformat()
    reference = {os.path.realpath(run["record"]) for arm in baseline.arms for run in arm.runs}
    rows = [row for row in rows if os.path.realpath(row["record"]) not in reference]
    current = in_force([dict(row) for row in rows])
    load = ItemTables()
    found: list[Verdict | Case] = []
    for check, arm in targets(baseline, rules):
        named = candidate_rows(arm, current, baseline.arms)
        if rules.nightly:
            named = of_tonight(named, ledger.nights(reference_of(arm)), today)
        found.append(_case(check, arm, named, rows, rules, ledger, load, today if rules.nightly else None))
    judged = iter(judge([each for each in found if isinstance(each, Case)], rules))
    verdicts = [next(judged) if isinstance(each, Case) else each for each in found]
    for verdict in verdicts:
        if verdict.look is not None and not verdict.stands:
            ledger.add(verdict.look)
    return verdicts


def _case(
    check: Check,
    arm: Arm,
    named: list[Row],
    rows: Sequence[Row],
    rules: Rules,
    ledger: Ledger,
    load: ItemTables,
    night: str | None,
) -> Verdict | Case:
    """What there is to judge of one check, or why there is nothing."""
    if not named:
        return without_statistics(check, "no data", _missing(arm, night))
    if named[0]["comparability_key"] != arm.comparability_key:
        (first, *_) = arms_of(named)
        fields = differing(first.comparability, arm.comparability)
        shown = "; ".join(
            f"{name} was {brief(field_of(arm.comparability, name))} and is "
            f"{brief(field_of(first.comparability, name))}"
            for name in fields[:6]
        )
        return without_statistics(check, "not comparable", shown)
    reference, version = reference_of(arm), version_of(named[0])
    looks = [] if night else ledger.of(reference, version)
    if night is None:
        named += replaced(named, rows, arm, rules)
    named, gone = with_looked_at(named, rows, looks)
    if gone:
        return without_statistics(check, "invalid", _gone(gone))
    if not all(run["counts"]["ok"] for run in named):
        return without_statistics(check, "no data", "a run of the candidate measured nothing")
    candidate = Arm(tuple(sorted(named, key=lambda r: (r["seed"], r["epochs"], r["run_id"], r["attempt"]))))
    _, broken = sound_attempts((*candidate.runs, *arm.runs))
    if broken:
        return without_statistics(check, "invalid", "; ".join(broken))
    comparison = compare(candidate, arm, load=load, one_subject=True)
    wrong = faults(comparison, rules)
    if wrong:
        return invalid(check, comparison, wrong)
    tables = pair(load(candidate, comparison.metric), load(arm, comparison.metric))
    case = case_of(check, comparison, tables, rules, looks, reference, version)
    if night is None:
        return case
    stands = _same_night(ledger, reference, night, runs_of(comparison.candidate), check)
    return replace(case, night=night, turn=replace(case.turn, level=rules.alpha, stands=stands))


def case_of(
    check: Check,
    comparison: Comparison,
    tables: Pairing,
    rules: Rules,
    looks: Sequence[Look] = (),
    reference: str = "",
    version: str = "",
) -> Case:
    """What a check's verdict rests on.

    Args:
        comparison: by `compare(..., one_subject=True)`, of the `tables` in the metric's own unit.
        looks: the earlier ones at this version.
    """
    assert check.margin is not None
    needed = runs_needed(tables.baseline, check.margin.loss(comparison.baseline_value), rules.alpha)
    place = turn(
        looks,
        runs_of(comparison.candidate),
        baseline_runs=len(comparison.baseline.runs),
        margin=str(check.margin),
        alpha=rules.alpha,
        spending=rules.spending,
        runs_most=check.runs_most or needed.horizon,
    )
    evidence = weigh(comparison, tables, check.margin)
    return Case(check, comparison, evidence, needed, place, reference, version)


def _gone(gone: Sequence[str]) -> str:
    named = ", ".join(name[:12] for name in gone[:4])
    return (
        f"{counted(len(gone), 'run')} of this version, looked at before and not in the "
        f"store ({named}): no complete run can be left out; keep the candidate's store beside the ledger "
        "(docs/ci.md)"
    )


def _same_night(
    ledger: Ledger, reference: str, night: str, runs: dict[str, str], check: Check
) -> Look | None:
    """A look of tonight that stands: its alarm, or the very runs."""
    tonight = [
        look for look in ledger.nights(reference) if look.night == night and look.margin == str(check.margin)
    ]
    alarm = next((look for look in tonight if look.verdict == "regressed"), None)
    return alarm or next((look for look in tonight if dict(look.runs) == runs), None)


def _missing(arm: Arm, night: str | None) -> str:
    what = "no run since the last night" if night else "no run to check besides the baseline's own"
    cure = "'harness eval --store DIR' makes one and 'harness check --store DIR' looks there"
    return f"{arm.named()}: {what}; {cure}"


def targets(baseline: Baseline, rules: Rules) -> list[tuple[Check, Arm]]:
    """Every subject of the baseline that is to be checked, each with its full check: the first that names
    it, so that a test is not made, and corrected for, twice.

    Raises:
        UsageError: a check names nothing that the baseline holds, has no margin, or one beyond the metric.
    """
    if not rules.checks:
        whole = Check(margin=rules.margin, runs_most=rules.runs_most)
        return [(_full(whole, arm, baseline.name), arm) for arm in baseline.arms]
    found: list[tuple[Check, Arm]] = []
    for check in rules.checks:
        arms = [arm for arm in baseline.arms if _wanted(check, arm)]
        if not arms:
            named = " x ".join(filter(None, (check.task, check.method, check.model))) or "a check"
            known = {arm.task for arm in baseline.arms}
            raise UsageError(
                f"{named} is not in the baseline {baseline.name!r}; {nearest(check.task, known, 'task')}"
            )
        new = [arm for arm in arms if all(arm is not other for _, other in found)]
        found += [(_full(check, arm, baseline.name), arm) for arm in new]
    return found


def _wanted(check: Check, arm: Arm) -> bool:
    arguments = {key: str(value) for key, value in check.task_args.items()}
    try:
        return bool(Selection(check.task, check.method, check.model, arguments).rows(arm.runs))
    except UsageError:
        return False


def _full(check: Check, arm: Arm, name: str) -> Check:
    if check.margin is None:
        raise UsageError(
            f"{arm.task} x {arm.method}: no margin says how much may be lost; 'harness baseline checks "
            f"{name}' writes checks.yaml with one for each subject, --margin 5% gives one to all"
        )
    check.margin.check(f"{arm.task} x {arm.method}", arm.primary, arm.metric_range(), value_of(arm))
    return Check(
        arm.task, arm.method, arm.model, arm.comparability["task_args"], check.margin, check.runs_most
    )


def value_of(arm: Arm) -> float:
    """The mean of an arm's runs at its primary metric."""
    values = [float(run["metrics"][arm.primary]["value"]) for run in arm.runs]
    return sum(values) / len(values)

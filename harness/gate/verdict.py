"""One verdict a check: no worse than a declared margin, at the level that earlier looks have left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.comparison.arms import Arm
from harness.comparison.paired import Comparison
from harness.gate.checks import Check, Rules
from harness.gate.evidence import Evidence, guard_p
from harness.gate.integrity import Fault
from harness.gate.ledger import IDENTICAL, Look
from harness.gate.levels import Turn
from harness.gate.runs_needed import RunsNeeded
from harness.results.fields import brief, differing, field_of
from harness.results.served import changed
from harness.stats import holm

#: from the gravest; the overall verdict is the gravest there is
VERDICTS = ("regressed", "invalid", "no data", "not comparable", "inconclusive", "no alarm", "ok")
#: changed settings that a reason names
MOST = 3
EXIT_CODES = {
    **{"ok": 0, "no alarm": 0, "regressed": 1, "inconclusive": 3},
    **{"not comparable": 4, "invalid": 5, "no data": 5},
}


@dataclass(frozen=True)
class Case:
    """A check with all that its verdict rests on: the comparison of all runs of a version with a baseline's.

    `night` is the day of a nightly look.
    """

    check: Check
    comparison: Comparison
    evidence: Evidence
    needed: RunsNeeded
    turn: Turn
    reference: str
    version: str
    night: str | None = None

    @property
    def stands(self) -> Look | None:
        """An earlier look whose verdict holds."""
        return self.turn.stands

    def look(self, verdict: str) -> Look:
        """The entry of the ledger."""
        candidate = self.comparison.candidate
        return Look(
            reference=self.reference,
            task=candidate.task,
            method=candidate.method,
            model=candidate.model,
            metric=self.comparison.metric,
            version=self.version,
            runs=runs_of(candidate),
            margin=str(self.check.margin),
            alpha=self.turn.alpha,
            spending=self.turn.spending,
            runs_most=self.turn.runs_most,
            information=self.turn.information,
            level=self.turn.level,
            gain=self.evidence.gain,
            p_loss=self.evidence.p_loss,
            p_margin=self.evidence.p_margin,
            verdict=verdict,
            night=self.night,
        )


@dataclass(frozen=True)
class Verdict:
    """What is said of one check, and why.

    `p_regressed` is one-sided, of "no worse than the reference", adjusted over looks and checks: it is held
    against alpha. `p_inferior`, of "worse by the margin or more", is held against the look's own level.
    `largest_loss` is the smallest loss that this look rules out, in the unit of the metric (an increase where
    less is better). `look` is the entry of the ledger that decides, `stands` whether it was there before.
    """

    check: Check
    verdict: str
    reasons: tuple[str, ...] = ()
    case: Case | None = None
    comparison: Comparison | None = None
    p_regressed: float | None = None
    p_inferior: float | None = None
    largest_loss: float | None = None
    look: Look | None = None
    stands: bool = False
    exit_code: int = 0
    confirmed: bool | None = None


def without_statistics(check: Check, verdict: str, *reasons: str) -> Verdict:
    """A verdict that needs no numbers: nothing there, or not comparable."""
    return Verdict(check, verdict, reasons, exit_code=EXIT_CODES[verdict])


def invalid(check: Check, comparison: Comparison, faults: Sequence[Fault]) -> Verdict:
    """A verdict where something makes statistics pointless."""
    code = 5 if any(fault.kind == "failures" for fault in faults) else 4
    return Verdict(check, "invalid", tuple(f.sentence for f in faults), comparison=comparison, exit_code=code)


def judge(cases: Sequence[Case], rules: Rules) -> list[Verdict]:
    """The verdict of every case, in order. What is `regressed` shares alpha among the cases (Holm, on p as a
    multiple of what the look may use of alpha, at night on that of the guard); the whole is `ok` only if each
    is, which needs no sharing."""
    adjusted = holm([_share(case) for case in cases]) if cases else ()
    return [_verdict(case, float(p), rules) for case, p in zip(cases, adjusted, strict=True)]


def _share(case: Case) -> float:
    """p of no loss, as if the look had all of alpha."""
    if case.night:
        return guard_p(case.evidence.parts)
    p, level = case.evidence.p_loss, case.turn.level
    if case.stands is not None:
        p, level = case.stands.p_loss, case.stands.level
    return min(1.0, p * case.turn.alpha / level) if level > 0 else 1.0


def _verdict(case: Case, p_loss: float, rules: Rules) -> Verdict:
    evidence, turn = case.evidence, case.turn
    half = evidence.parts.half_width(2 * turn.level) if turn.level > 0 else math.inf
    said = Verdict(
        case.check,
        "ok",
        case=case,
        comparison=case.comparison,
        p_regressed=p_loss,
        p_inferior=evidence.p_margin,
        largest_loss=case.comparison.span.width * max(0.0, half - evidence.gain),
    )
    if case.stands is not None:
        return _standing(said, case.stands, rules)
    lost = -evidence.gain > rules.regress_factor * evidence.margin
    reasons: tuple[str, ...] = ()
    same = identical(case.comparison)
    if same:
        name, reasons = "ok", ("every output is that of the reference",)
    elif case.night:
        name, reasons = _nightly(case, lost and p_loss < turn.alpha)
    else:
        name = "inconclusive"
        if p_loss <= turn.alpha and lost:
            name = "regressed"
        elif evidence.p_margin <= turn.level:
            name = "ok"
    return replace(
        said,
        verdict=name,
        reasons=(*reasons, *_changed(case.comparison)),
        look=case.look(IDENTICAL if same else name),
        exit_code=exit_code(name, rules),
    )


def _nightly(case: Case, below: bool) -> tuple[str, tuple[str, ...]]:
    """Each night is another version and has a level of its own; the guard pays for the baseline's luck, which
    all nights share."""
    if below:
        return "regressed", ("below the guard of a nightly look",)
    if case.evidence.p_margin <= case.turn.level:
        return "ok", ()
    return "no alarm", ("above the guard of a nightly look; that nothing was lost is not shown",)


def _changed(comparison: Comparison) -> tuple[str, ...]:
    """What of the subject differs from the reference, and what servers called the model: the reader must know
    which runs were judged."""
    ours, theirs = comparison.candidate.subject, comparison.baseline.subject
    names = differing(ours, theirs)
    more = f" and {len(names) - MOST} more settings" if len(names) > MOST else ""
    shown = "; ".join(
        f"{name} was {brief(field_of(theirs, name))} and is {brief(field_of(ours, name))}"
        for name in names[:MOST]
    )
    served = changed(comparison.candidate.runs, comparison.baseline.runs, "reference")
    return (*((f"{shown}{more}",) if names else ()), *served)


def _standing(said: Verdict, look: Look, rules: Rules) -> Verdict:
    """The verdict of an earlier look, which further looks don't change."""
    name = look.final
    case = said.case
    assert case is not None
    more = set(runs_of(case.comparison.candidate).values()) - set(look.runs.values())
    reasons = _changed(case.comparison)
    if more:
        reasons = (*reasons, "decided at an earlier look, which stands")
    confirmed = look.confirmation.confirmed if look.confirmation else None
    if confirmed is False:
        reasons = (*reasons, "not confirmed by fresh runs")
    return replace(
        said,
        verdict=name,
        reasons=reasons,
        p_inferior=look.p_margin,
        look=look,
        stands=True,
        exit_code=exit_code(name, rules),
        confirmed=confirmed,
    )


def exit_code(verdict: str, rules: Rules) -> int:
    """What the command line exits with for a verdict."""
    lenient = verdict == "inconclusive" and not rules.fail_inconclusive
    return 0 if lenient else EXIT_CODES[verdict]


def identical(comparison: Comparison) -> bool:
    """Whether every run of the candidate has the very outputs of a run of the reference: then nothing
    has changed, however few items there are."""
    known = {run["samples_digest"] for run in comparison.baseline.runs}
    return all(run["samples_digest"] in known for run in comparison.candidate.runs)


def runs_of(arm: Arm) -> dict[str, str]:
    """What a ledger notes of runs: run id and attempt -> result digest."""
    return {f"{run['run_id']}-{run['attempt']}": str(run["result_digest"]) for run in arm.runs}


def overall(verdicts: Sequence[Verdict]) -> tuple[str, int]:
    """The gravest verdict and its exit code; no check at all is `no data`."""
    for name in VERDICTS:
        codes = [v.exit_code for v in verdicts if v.verdict == name]
        if codes:
            return name, max(codes)
    return "no data", EXIT_CODES["no data"]

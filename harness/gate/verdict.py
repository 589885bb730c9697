"""One verdict a check: non-inferiority against a declared margin, with Holm over the checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.comparison.paired import Comparison
from harness.gate.checks import Check, Rules
from harness.gate.integrity import faults
from harness.stats import detectable_from, holm

#: from the gravest; the overall verdict is the gravest there is
VERDICTS = ("regressed", "invalid", "no data", "not comparable", "inconclusive", "ok")
EXIT_CODES = {"ok": 0, "regressed": 1, "inconclusive": 3, "not comparable": 4, "invalid": 5, "no data": 5}


@dataclass(frozen=True)
class Verdict:
    """What is said of one check, and why.

    `p_regressed` and `p_inferior` are one-sided and adjusted over the checks: of "no worse than the
    reference" and of "worse by the margin or more". `detectable` is the smallest loss that these runs
    show with 80 % power; `attempts` how many attempts an item, on both sides, would show the margin
    (None: no number would, only more items). A loss is in the unit of the metric, and an increase where less
    is better. If a side trains, seeds are the unit and `seeds` says how
    many on both sides would show it.
    """

    check: Check
    verdict: str
    reasons: tuple[str, ...] = ()
    comparison: Comparison | None = None
    p_regressed: float | None = None
    p_inferior: float | None = None
    detectable: float | None = None
    attempts: int | None = None
    seeds: int | None = None
    exit_code: int = 0
    confirmed: bool | None = None


def without_statistics(check: Check, verdict: str, *reasons: str) -> Verdict:
    """A verdict that needs no numbers: nothing there, or not comparable."""
    return Verdict(check, verdict, reasons, exit_code=EXIT_CODES[verdict])


def judge(pairs: Sequence[tuple[Check, Comparison]], rules: Rules) -> list[Verdict]:
    """The verdict of every comparison, in order; levels are shared among those that are valid."""
    found: list[Verdict | None] = []
    valid: list[tuple[int, Check, Comparison]] = []
    for n, (check, comparison) in enumerate(pairs):
        wrong = faults(comparison, rules)
        if wrong:
            code = 5 if any(fault.kind == "failures" for fault in wrong) else 4
            found.append(
                Verdict(check, "invalid", tuple(f.sentence for f in wrong), comparison, exit_code=code)
            )
        else:
            found.append(None)
            valid.append((n, check, comparison))
    if valid:
        losses = holm([comparison.p_worse for _, _, comparison in valid])
        inferior = holm([comparison.p_inferior(check.margin) for _, check, comparison in valid])
        for (n, check, comparison), p_loss, p_inferior in zip(valid, losses, inferior, strict=True):
            found[n] = _verdict(check, comparison, float(p_loss), float(p_inferior), rules)
    return [verdict for verdict in found if verdict is not None]


def _verdict(check: Check, comparison: Comparison, p_loss: float, p_inferior: float, rules: Rules) -> Verdict:
    said = Verdict(check, "ok", (), comparison, p_loss, p_inferior)
    loss = -comparison.span.width * comparison.gain.value
    if identical(comparison):
        return replace(said, reasons=("every output is that of the reference",))
    if p_loss < rules.alpha and loss > rules.regress_factor * check.margin:
        return replace(said, verdict="regressed", exit_code=EXIT_CODES["regressed"])
    if p_inferior < rules.alpha:
        return said
    code = EXIT_CODES["inconclusive"] if rules.fail_inconclusive else 0
    said = replace(said, verdict="inconclusive", exit_code=code)
    return _with_detectable(said, rules)


def identical(comparison: Comparison) -> bool:
    """Whether every run of the candidate has the very outputs of a run of the reference: then nothing
    has changed, however few items there are."""
    known = {run["samples_digest"] for run in comparison.baseline.runs}
    return all(run["samples_digest"] in known for run in comparison.candidate.runs)


def _with_detectable(verdict: Verdict, rules: Rules) -> Verdict:
    """With the loss that these runs would show."""
    comparison = verdict.comparison
    assert comparison is not None
    error = comparison.gain.stderr
    detectable = None if error is None else comparison.span.width * detectable_from(error, alpha=rules.alpha)
    return replace(verdict, detectable=detectable)


def overall(verdicts: Sequence[Verdict]) -> tuple[str, int]:
    """The gravest verdict and its exit code; no check at all is `no data`."""
    for name in VERDICTS:
        codes = [v.exit_code for v in verdicts if v.verdict == name]
        if codes:
            return name, max(codes)
    return "no data", EXIT_CODES["no data"]

"""Verdicts for people and for programs: rows of a table, Markdown for a job's summary, JUnit XML, JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from harness.comparison.paired import Comparison
from harness.comparison.suites import suite_sentence, suites
from harness.comparison.to_json import plain as plain_comparison
from harness.comparison.to_json import plain_suite
from harness.gate.drift import Drift
from harness.gate.ledger import Look
from harness.gate.levels import UNLIMITED
from harness.gate.verdict import Case, Verdict, identical, overall, runs_of

#: what the pooled differences are for
SUITE = "for information: the mean over tasks doesn't decide"
COLUMNS = ("verdict", "task", "method", "model", "reference", "candidate", "difference", "margin", "why")


def title(verdict: Verdict) -> str:
    """`task x method x model`."""
    return f"{verdict.check.task} x {verdict.check.method} x {verdict.check.model}"


def cells(verdict: Verdict) -> tuple[str, ...]:
    """One row of the table, in the order of `COLUMNS`."""
    check, comparison = verdict.check, verdict.comparison
    numbers = ("", "", "")
    if comparison is not None:
        scale = comparison.scale
        low, high = comparison.interval or (None, None)
        bounds = f" [{scale * low:+.1f}, {scale * high:+.1f}]" if low is not None and high is not None else ""
        numbers = (
            f"{scale * comparison.baseline_value:.1f}",
            f"{scale * comparison.candidate_value:.1f}",
            f"{scale * comparison.value:+.1f}{bounds}",
        )
    return (
        verdict.verdict,
        check.task,
        check.method,
        check.model,
        *numbers,
        _margin(verdict),
        why(verdict),
    )


def _margin(verdict: Verdict) -> str:
    margin, comparison = verdict.check.margin, verdict.comparison
    if margin is None or comparison is None:
        return str(margin or "")
    return margin.shown(comparison.baseline_value, comparison.span)


def why(verdict: Verdict) -> str:
    """The reason of a verdict in one line."""
    parts = list(verdict.reasons)
    case = verdict.case
    if case is None or identical(case.comparison):
        return "; ".join(parts)
    if verdict.verdict == "regressed":
        parts.append(_no_loss(verdict))
    elif verdict.verdict == "ok":
        parts.append(f"p = {verdict.p_inferior:.2g} of a loss beyond the margin")
    elif verdict.largest_loss is not None and math.isfinite(verdict.largest_loss):
        parts.append(f"a loss of up to {case.comparison.scale * verdict.largest_loss:.1f} is not ruled out")
    if not case.night and verdict.look is not None:
        parts.append(_look(verdict, verdict.look))
    if verdict.verdict == "inconclusive":
        parts.append(_what_would_do(case))
    return "; ".join(parts)


def _no_loss(verdict: Verdict) -> str:
    """p of no loss, with the level that it is held against."""
    look, case = verdict.look, verdict.case
    if look is None or case is None or verdict.stands:
        return f"p = {look.p_loss:.2g} of no loss" if look else ""
    return f"adjusted p = {verdict.p_regressed:.2g} of no loss, held against alpha = {case.turn.alpha:g}"


def _look(verdict: Verdict, look: Look) -> str:
    """Which look it was, and at what level."""
    case = verdict.case
    assert case is not None
    runs = len(look.runs)
    of = "" if look.spending == UNLIMITED else f" of up to {max(look.runs_most, runs)}"
    return f"{runs}{of} runs, at level {look.level:.2g}"


def _what_would_do(case: Case) -> str:
    """What to do about too little evidence."""
    needed = case.needed
    if needed.candidate_runs is None:
        if needed.equal_runs is None:
            return "no number of runs would show the margin"
        return (
            f"this baseline of {needed.baseline_runs} runs can never show the margin; {needed.equal_runs} "
            "runs of each side would"
        )
    if case.turn.final:
        return "final: all of alpha is spent on this version"
    candidate = case.comparison.candidate
    missing = max(1, case.turn.runs_most - len(runs_of(candidate)))
    return f"run more seeds, as in harness eval --seeds {max(candidate.seeds) + 1 + missing}"


def pooled(verdicts: Sequence[Verdict]) -> list[list[Comparison]]:
    """The valid comparisons of one subject over several tasks, for one pooled test each."""
    return suites([v.comparison for v in verdicts if v.comparison and v.verdict != "invalid"])


def suite_sentences(verdicts: Sequence[Verdict]) -> list[str]:
    """The pooled test over the tasks of each subject; it informs, and decides nothing."""
    return [f"{suite_sentence(same)} ({SUITE})" for same in pooled(verdicts)]


def markdown(verdicts: Sequence[Verdict], drifts: Sequence[Drift], notes: Sequence[str] = ()) -> str:
    """A table for the summary of a CI job. `notes` are what the reader has to know of the gate itself."""

    def safe(cell: str) -> str:
        for sign in "\\[]*_|~`":
            cell = cell.replace(sign, "\\" + sign)
        return escape(" ".join(cell.split()))

    name, _ = overall(verdicts)
    lines = [
        f"## harness check: {name}",
        "",
        "Scores and differences are in points (95 % interval).",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|" + " --- |" * len(COLUMNS),
    ]
    lines += ["| " + " | ".join(map(safe, cells(verdict))) + " |" for verdict in verdicts]
    said = [*notes, *suite_sentences(verdicts), *(drift.sentence() for drift in drifts)]
    lines += ["", *(f"- {safe(sentence)}" for sentence in said)]
    return "\n".join(lines).rstrip() + "\n"


def junit(verdicts: Sequence[Verdict]) -> str:
    """JUnit XML: `regressed` is a failure, what could not be judged an error, inconclusive is skipped
    where it doesn't fail the gate."""
    cases = []
    failures = errors = skipped = 0
    for verdict in verdicts:
        message = quoteattr(_xml(why(verdict)))
        inside = ""
        if verdict.verdict == "regressed" or (verdict.verdict == "inconclusive" and verdict.exit_code):
            failures += 1
            inside = f"<failure type={quoteattr(verdict.verdict)} message={message}/>"
        elif verdict.verdict == "inconclusive":
            skipped += 1
            inside = f"<skipped message={message}/>"
        elif verdict.verdict not in ("ok", "no alarm"):
            errors += 1
            inside = f"<error type={quoteattr(verdict.verdict)} message={message}/>"
        cases.append(
            f"  <testcase classname={quoteattr(_xml(verdict.check.task))} "
            f"name={quoteattr(_xml(title(verdict)))}>{inside}</testcase>"
        )
    head = (
        f'<testsuite name="harness check" tests="{len(verdicts)}" failures="{failures}" '
        f'errors="{errors}" skipped="{skipped}">'
    )
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *cases, "</testsuite>"]) + "\n"


def _xml(line: str) -> str:
    """Without the characters that XML 1.0 can't hold in any form."""
    return "".join(
        c
        if c in "\t\n\r" or 0x20 <= ord(c) <= 0xD7FF or 0xE000 <= ord(c) <= 0xFFFD or ord(c) >= 0x10000
        else "\ufffd"
        for c in line
    )


def plain(
    verdicts: Sequence[Verdict],
    drifts: Sequence[Drift],
    notes: Sequence[str] = (),
    ledger: str | None = None,
) -> dict[str, Any]:
    """The object of `--json`; `ledger` is the folder of looks, None where none is kept."""
    name, code = overall(verdicts)
    return {
        "schema": 2,
        "verdict": name,
        "exit_code": code,
        "ledger": ledger,
        "notes": list(notes),
        "checks": [
            {
                "task": v.check.task,
                "task_args": dict(v.check.task_args),
                "method": v.check.method,
                "model": v.check.model,
                "margin": None if v.check.margin is None else str(v.check.margin),
                "verdict": v.verdict,
                "why": why(v),
                **_numbers(v),
                "confirmed": v.confirmed,
                "comparison": plain_comparison(v.comparison) if v.comparison else None,
            }
            for v in verdicts
        ],
        "suites": [plain_suite(same) for same in pooled(verdicts)],
        "drift": [drift.plain() for drift in drifts],
    }


def _numbers(verdict: Verdict) -> dict[str, Any]:
    """What a verdict rests on; losses in the unit of the metric. None where nothing was judged."""
    case, look = verdict.case, verdict.look
    if case is None or look is None:
        names = (
            "margin_loss",
            "p_regressed",
            "p_inferior",
            "largest_loss",
            "look",
            "stands",
            "level",
            "runs",
        )
        return dict.fromkeys((*names, "runs_most", "runs_needed", "equal_runs_needed"))
    loss = verdict.largest_loss
    return {
        "margin_loss": case.comparison.span.width * case.evidence.margin,
        "p_regressed": verdict.p_regressed,
        "p_inferior": verdict.p_inferior,
        "largest_loss": loss if loss is not None and math.isfinite(loss) else None,
        "look": look.name,
        "stands": verdict.stands,
        "level": look.level,
        "runs": len(look.runs),
        "runs_most": look.runs_most,
        "runs_needed": case.needed.candidate_runs,
        "equal_runs_needed": case.needed.equal_runs,
    }

"""Verdicts for people and for programs: rows of a table, Markdown for a job's summary, JUnit XML, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from harness.comparison.paired import Comparison
from harness.comparison.suites import suite_sentence, suites
from harness.comparison.to_json import plain as plain_comparison
from harness.comparison.to_json import plain_suite
from harness.gate.drift import Drift
from harness.gate.verdict import Verdict, overall

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
        f"{_scale(verdict) * check.margin:g}",
        why(verdict),
    )


def _scale(verdict: Verdict) -> float:
    return 100.0 if verdict.comparison is None else verdict.comparison.scale


def why(verdict: Verdict) -> str:
    """The reason of a verdict in one line."""
    parts = list(verdict.reasons)
    if verdict.p_regressed is not None and verdict.p_inferior is not None:
        if verdict.verdict == "regressed":
            parts.append(f"p = {verdict.p_regressed:.2g} of no loss")
        elif verdict.verdict == "ok" and not parts:
            parts.append(f"p = {verdict.p_inferior:.2g} of a loss beyond the margin")
    if verdict.seeds is not None:
        shown = (
            ""
            if verdict.detectable is None
            else (f"these runs detect {_scale(verdict) * verdict.detectable:.1f} points; ")
        )
        parts.append(f"{shown}the method trains: {verdict.seeds} seeds on both sides would show the margin")
    elif verdict.detectable is not None:
        need = (
            "no number of attempts shows the margin on these items"
            if verdict.attempts is None
            else f"{verdict.attempts} attempts an item on both sides would show the margin"
        )
        parts.append(f"these runs detect {_scale(verdict) * verdict.detectable:.1f} points; {need}")
    return "; ".join(parts)


def pooled(verdicts: Sequence[Verdict]) -> list[list[Comparison]]:
    """The valid comparisons of one subject over several tasks, for one pooled test each."""
    return suites([v.comparison for v in verdicts if v.comparison and v.verdict != "invalid"])


def suite_sentences(verdicts: Sequence[Verdict]) -> list[str]:
    """The pooled test over the tasks of each subject; it informs, and decides nothing."""
    return [f"{suite_sentence(same)} ({SUITE})" for same in pooled(verdicts)]


def markdown(verdicts: Sequence[Verdict], drifts: Sequence[Drift]) -> str:
    """A table for the summary of a CI job."""

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
    said = [*suite_sentences(verdicts), *(drift.sentence() for drift in drifts)]
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
        elif verdict.verdict != "ok":
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


def plain(verdicts: Sequence[Verdict], drifts: Sequence[Drift]) -> dict[str, Any]:
    """The object of `--json`."""
    name, code = overall(verdicts)
    return {
        "schema": 1,
        "verdict": name,
        "exit_code": code,
        "checks": [
            {
                "task": v.check.task,
                "task_args": dict(v.check.task_args),
                "method": v.check.method,
                "model": v.check.model,
                "margin": v.check.margin,
                "verdict": v.verdict,
                "why": why(v),
                "p_regressed": v.p_regressed,
                "p_inferior": v.p_inferior,
                "detectable": v.detectable,
                "attempts_needed": v.attempts,
                "seeds_needed": v.seeds,
                "confirmed": v.confirmed,
                "comparison": plain_comparison(v.comparison) if v.comparison else None,
            }
            for v in verdicts
        ],
        "suites": [plain_suite(same) for same in pooled(verdicts)],
        "drift": [drift.plain() for drift in drifts],
    }

"""What a reader has to know of two arms before believing their difference."""

from __future__ import annotations

from harness.base.errors import DECLINED
from harness.comparison.arms import Arm
from harness.comparison.claims import RUNS_DIFFER
from harness.results.ceiling import ceiling
from harness.results.fields import brief
from harness.results.served import changed

#: shares of failed attempts that differ by more are warned of
RATE_DIFFERENCE = 0.02


def cautions(
    candidate: Arm,
    baseline: Arm,
    effects: tuple[tuple[float, float] | None, tuple[float, float] | None],
) -> list[str]:
    """A sentence each; `effects` are F and p of either arm's runs."""
    found = []
    for arm, side, effect in zip((candidate, baseline), ("candidate", "baseline"), effects, strict=True):
        found += [
            f"the {side} {seen}: a ceiling, not ranked" for seen in sorted({*map(ceiling, arm.runs)} - {""})
        ]
        if not arm.complete:
            found.append(f"the {side} was stopped before its end")
        if arm.shorter:
            found.append(
                f"left out of the {side}, whose seeds have newer runs or runs of more attempts: "
                f"{', '.join(str(run['run_id'])[:12] for run in arm.shorter)}"
            )
        if arm.draws is False and effect is not None and effect[1] < RUNS_DIFFER:
            found.append(
                f"{arm.method} is said to draw nothing per run, and its runs differ by more than their items "
                f'explain (F = {effect[0]:.1f}, p = {effect[1]:.2g}); declare draws = "run"'
            )
    unknown = [side for arm, side in ((candidate, "candidate"), (baseline, "baseline")) if arm.draws is None]
    if unknown:
        found.append(
            f"records of the {' and the '.join(unknown)} don't say whether something is drawn per run; taken "
            "as drawn"
        )
    scored_by = candidate.code("task") | baseline.code("task")
    if len(scored_by) > 1:
        found.append(f"other code of the same task version scored a part: {', '.join(map(brief, scored_by))}")
    for arm in (candidate, baseline):
        if len(made_by := arm.code("method")) > 1:
            found.append(
                f"{arm.method} was run with other code of the same version: {', '.join(map(brief, made_by))}"
            )
    found += changed(candidate.runs, baseline.runs)
    for count in ("error", "unscored", *DECLINED, "truncated"):
        rates = candidate.rate(count), baseline.rate(count)
        if abs(rates[0] - rates[1]) > RATE_DIFFERENCE:
            found.append(
                f"{count} attempts differ: {100 * rates[0]:.1f} % of the candidate's, "
                f"{100 * rates[1]:.1f} % of the baseline's"
            )
    return found

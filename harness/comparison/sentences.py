"""What a comparison says, in one line: the difference, its interval, and what they hold for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.comparison.arms import Arm
from harness.comparison.changes import decimals
from harness.comparison.claims import HOLDS_FOR
from harness.comparison.paired import Comparison
from harness.results.fields import counted
from harness.results.planned import planned_text
from harness.stats.crossed import tipping_sd

#: an arm with fewer runs says little about how much runs vary
RUNS_FOR_SD = 3


def sentence(c: Comparison, arms: Sequence[Arm] = ()) -> str:
    """`better +4.0 [+1.9, +6.2] for new items and new seeds (500 items, 3 seeds a side); p 0.008`.

    Args:
        arms: others of the table, whose runs say how much runs vary where these are single.
    """
    low, high = c.interval or (None, None)
    ends = "" if low is None or high is None else f" [{c.signed(low)}, {c.signed(high)}]"
    p = "" if c.adjusted_p is None else f"; p {c.adjusted_p:.2g}"
    return f"{c.verdict_with_reason()} {c.signed(c.value)}{ends} {claim(c, arms)}{p}"


def claim(c: Comparison, arms: Sequence[Arm] = ()) -> str:
    """What the difference holds for, and what it rests on."""
    items = counted(c.gain.n_items, "item")
    if c.gain.n_clusters is not None and c.gain.n_clusters < c.gain.n_items:
        items += f" in {counted(c.gain.n_clusters, 'group')}"
    runs = len(c.candidate.runs), len(c.baseline.runs)
    seeds = f"{runs[0]} seeds a side" if runs[0] == runs[1] else f"{runs[0]} and {runs[1]} seeds"
    draws = ", paired draws" if c.paired_draws else ""
    drawing = [
        len(arm.runs) for arm in (c.candidate, c.baseline) if c.claim == "runs" or arm.draws is not False
    ]
    few = "; 2 seeds rarely decide" if 2 in drawing else ""
    if c.claim == "items and runs":
        return f"for {HOLDS_FOR[c.claim]} ({items}, {seeds}{draws}{few})"
    if c.claim == "runs":
        return f"for new seeds on these {items} ({seeds}{draws}{few})"
    if c.claim == "items":
        pooled = f"; {runs[0]} and {runs[1]} runs pooled" if max(runs) > 1 else ""
        return f"for {HOLDS_FOR[c.claim]} ({items}; nothing is drawn per run{pooled})"
    if c.asked:
        return f"for new items, these runs ({items}, {runs[0]} and {runs[1]} runs)"
    return f"for new items on these {sum(runs)} runs only ({items}); {_tipping(c, arms)}"


def planned(c: Comparison) -> str:
    """`planned to see 2.0 points with 80 % (500 items, 5 seeds of 1 attempt): these runs show +4.0
    [+1.9, +6.2]`; empty where no effect was planned for."""
    said = next(
        filter(None, (planned_text(run, c.metric) for run in (*c.candidate.runs, *c.baseline.runs))), ""
    )
    ends = "" if c.interval is None else f" [{', '.join(map(c.signed, c.interval))}]"
    return f"{said}: these runs show {c.signed(c.value)}{ends}" if said else ""


def _tipping(c: Comparison, arms: Sequence[Arm]) -> str:
    """What one run a side leaves open."""
    drawn = c.candidate.draws is not False, c.baseline.draws is not False
    tau = c.span.points * c.span.width * tipping_sd(c.gain.parts, drawn=drawn)
    same = [arm for arm in arms if arm.comparability_key == c.candidate.comparability_key]
    seen = run_sd(same, c.metric)
    others = ""
    if seen is not None:
        sd, runs = seen
        others = f" (other methods here: {_sd(c, c.span.points * sd)} over {runs} runs)"
    if c.p_value is None or c.p_value >= 0.05 or tau <= 0:
        return f"says nothing about another seed{others}"
    unit = " points" if c.span.points != 1 else ""
    return (
        f"says nothing about another seed: it would hold if the run-to-run SD is at most {_sd(c, tau)}{unit}"
        f"{others}"
    )


def _sd(c: Comparison, sd: float) -> str:
    return f"{sd:.{decimals(c.span, None, sd)}f}"


def run_sd(arms: Sequence[Arm], metric: str) -> tuple[float, int] | None:
    """The pooled standard deviation between the runs of each arm, in the unit of the metric, and how many
    runs say so; None where no arm has enough."""
    squares, free, runs = 0.0, 0, 0
    for arm in arms:
        values = [run["metrics"][metric]["value"] for run in arm.runs if metric in run["metrics"]]
        if arm.draws is not False and len(values) >= RUNS_FOR_SD:
            squares += float(np.var(values)) * len(values)
            free += len(values) - 1
            runs += len(values)
    return ((squares / free) ** 0.5, runs) if free else None

"""What a plan promises beside what simulated comparisons find, and the table of smallest differences."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from harness.stats import Components, Costs, Design, cheapest, detectable, parts_of, power_of, unpaired_parts
from harness.stats.crossed_rule import half_width

#: SD over items of the true difference; variance of an attempt, both arms together
EFFECT_SD, ATTEMPTS = 0.1, 0.292
# items, runs, attempts, SD between runs, effect, level, paired
DESIGNS = (
    (30, 10, 4, 0.01, 0.08, 0.05, True),
    (164, 3, 1, 0.01, 0.06, 0.05, True),
    (500, 2, 1, 0.01, 0.30, 0.05, True),
    (500, 5, 1, 0.01, 0.05, 0.05, True),
    (500, 5, 1, 0.01, 0.05, 0.005, True),
    (500, 5, 1, 0.03, 0.05, 0.05, True),
    (1319, 5, 4, 0.01, 0.02, 0.05, True),
    (500, 2, 1, 0.01, 0.15, 0.05, False),
    (500, 3, 1, 0.01, 0.05, 0.05, False),
    (500, 5, 1, 0.01, 0.05, 0.05, False),
    (500, 10, 1, 0.03, 0.05, 0.05, False),
    (1319, 3, 1, 0.01, 0.04, 0.05, False),
)


def noise(run_sd: float) -> Components:
    return Components(EFFECT_SD**2, 2 * run_sd**2, ATTEMPTS)


def simulated(components: Components, design: Design, effect: float, alpha: float, replicates: int) -> float:
    """The share of simulated Gaussian comparisons that show the effect, by the rule that decides."""
    rng = np.random.default_rng([design.items, design.runs, round(1e4 * effect), round(1e4 * alpha)])
    n, s = design.items, design.runs
    per_arm = math.sqrt(components.attempts / design.attempts / 2)
    measured = []
    for _ in range(replicates):
        arms = [
            math.sqrt(components.runs / 2) * rng.standard_normal(s) + per_arm * rng.standard_normal((n, s))
            for _ in range(2)
        ]
        arms[0] += effect + math.sqrt(components.items) * rng.standard_normal((n, 1))
        measured.append(parts_of(arms[0] - arms[1]) if design.paired else unpaired_parts(*arms))
    fields = np.array([(p.value, p.items, p.df_items, p.runs, p.df_runs, p.overlap) for p in measured]).T
    return float((half_width(alpha, *fields[1:]) < np.abs(fields[0])).mean())


def tables(replicates: int) -> Iterator[str]:
    yield "## Planning\n"
    yield (
        "Power of a plan beside the share of simulated comparisons that find the effect (Gaussian tables, "
        f"their variances estimated; an item's difference varies by {100 * EFFECT_SD:.0f} points).\n"
    )
    yield "| items | runs | attempts | SD between runs | effect | level | runs are | planned | simulated |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    worst = 0.0
    for items, runs, attempts, sd, effect, alpha, paired in DESIGNS:
        design, components = Design(items, runs, attempts, paired), noise(sd)
        planned = power_of(effect, components, design, alpha=alpha)
        found = simulated(components, design, effect, alpha, replicates)
        worst = max(worst, abs(planned - found))
        kind = "paired" if paired else "apart"
        yield (
            f"| {items} | {runs} | {attempts} | {100 * sd:g} | {100 * effect:g} | {alpha:g} | {kind} "
            f"| {planned:.3f} | {found:.3f} |"
        )
    yield f"\nLargest distance: {worst:.3f}.\n"
    yield "Smallest difference that is shown with 80 %, in points, one attempt: runs paired / apart.\n"
    shown = (2, 3, 5, 10, 20)
    yield f"| items | SD between runs | {' | '.join(f'{s} runs' for s in shown)} | 5 runs, nothing drawn |"
    yield "| --- | --- | " + "--- | " * (len(shown) + 1)
    for items, points in ((164, 0), (164, 3), (500, 0), (500, 1), (500, 3), (1319, 0), (1319, 1), (1319, 3)):
        components = noise(points / 100)
        row = [
            " / ".join(f"{100 * detectable(components, Design(items, s, 1, p)):.1f}" for p in (True, False))
            for s in shown
        ]
        none = f"{100 * detectable(components, Design(items, 5, drawing=0)):.1f}"
        yield f"| {items} | {points} | {' | '.join(row)} | {none} |"
    yield "\nThe best design of 40,000 attempts, 1,319 items at most, SD between runs 1 point, paired runs.\n"
    yield "| a fit costs, in attempts | runs | items | attempts | shown |"
    yield "| --- | --- | --- | --- | --- |"
    for fit in (0, 500, 5000):
        found_design = cheapest(noise(0.01), Costs(40_000, fit=fit), 1319, paired=True)
        assert found_design is not None
        best, size = found_design
        yield f"| {fit} | {best.runs} | {best.items} | {best.attempts} | {100 * size:.2f} points |"

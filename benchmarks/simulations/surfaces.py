"""Sweeps over two arguments, simulated: how often intervals cover a known surface, and what is said of it.

Scores are 0 or 1, items as in :mod:`benchmarks.simulations.sweeps`; a grid of 5 x 5 cells at 1, 2, 4, 8 and
16 thousand tokens of each kind, three runs a cell.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.simulations.sweeps import sweep_of
from harness.stats.hypothesis import READINGS, judge
from harness.stats.iso_budget import optimum
from harness.stats.quantiles import FloatArray
from harness.stats.surface import SHAPES, Shape, SurfaceFit, fit_surfaces
from harness.stats.sweep_means import SweepMeans, sweep_means

VALUES = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
#: of each cell, in thousands of tokens
CELLS = np.array([(r, s) for r in VALUES for s in VALUES])
#: mean scores at r, s
TRUTHS: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "logarithmic, .15 and .10": lambda r, s: 0.2 + 0.15 * np.log10(r) + 0.10 * np.log10(s),
    "linear, .015 and .010": lambda r, s: 0.2 + 0.015 * r + 0.010 * s,
    "linear, .005 and .005": lambda r, s: 0.4 + 0.005 * r + 0.005 * s,
    "linear with interaction .002": lambda r, s: 0.2 + 0.005 * r + 0.005 * s + 0.002 * r * s,
    "first axis alone, linear .015": lambda r, s: 0.3 + 0.015 * r + 0 * s,
    "second falls, linear .015 and -.01": lambda r, s: 0.4 + 0.015 * r - 0.01 * s,
    "flat": lambda r, s: 0.5 + 0 * r * s,
}
BUDGET, MARGIN = 16.0, 0.05
#: surfaces with a best split of their own, and the form that each is
SPLIT: dict[str, tuple[Callable[[FloatArray, FloatArray], FloatArray], str]] = {
    "logarithmic, .15 and .10": (TRUTHS["logarithmic, .15 and .10"], "logarithmic"),
    "logarithmic, .10 and .05, interaction .10": (
        lambda r, s: 0.2 + 0.1 * np.log10(r) + 0.05 * np.log10(s) + 0.1 * np.log10(r) * np.log10(s),
        "logarithmic with interaction",
    ),
    "linear, .010 and .005, interaction .001": (
        lambda r, s: 0.2 + 0.01 * r + 0.005 * s + 0.001 * r * s,
        "linear with interaction",
    ),
    "linear, .010 and .015 (a corner)": (lambda r, s: 0.2 + 0.01 * r + 0.015 * s, "linear"),
    "saturating, .3 exp(-.3 r) and .25 exp(-.5 s)": (
        lambda r, s: 0.8 - 0.3 * np.exp(-0.3 * r) - 0.25 * np.exp(-0.5 * s),
        "saturating",
    ),
}


def simulated(
    rng: np.random.Generator,
    truth: Callable[[FloatArray, FloatArray], FloatArray],
    items: int,
    runs: int = 3,
    run_sd: float = 1.0,
) -> SweepMeans:
    """One sweep over the grid; `run_sd` in points."""
    points = 100 * (truth(*CELLS.T) - 0.5)
    return sweep_means(sweep_of(rng, [float(point) for point in points], items, runs, run_sd))


def both(fits: list[SurfaceFit], shape: Shape) -> SurfaceFit:
    """The form of both axes with this shape."""
    return next(fit for fit in fits if (fit.shape, fit.terms) == (shape, "both"))


def covered(replicates: int, seed: int, items: int, run_sd: float, runs: int = 3) -> Counter[str]:
    """How often 95 % intervals hold the truth of the logarithmic surface: its coefficients, and the share of
    the second axis that is best (.4)."""
    rng, held = np.random.default_rng(seed), Counter[str]()
    for _ in range(replicates):
        made = simulated(rng, TRUTHS["logarithmic, .15 and .10"], items, runs, run_sd)
        fit = both(fit_surfaces(made, CELLS, shapes=["logarithmic"]), "logarithmic")
        for name, true in (("a", 0.15), ("b", 0.10)):
            held[name] += fit.intervals[name][0] <= true <= fit.intervals[name][1]
        found = optimum(fit, BUDGET)
        held["share"] += found.interval[0] <= 0.4 <= found.interval[1]
        held["width"] += found.interval[1] - found.interval[0]
    return held


def best_share(truth: Callable[[FloatArray, FloatArray], FloatArray]) -> float:
    """The share of the second axis that is best, by search."""
    second = np.linspace(0.0, BUDGET, 160_001)[1:-1]
    found = second[np.argmax(truth(BUDGET - second, second))] / BUDGET
    return float(np.round(found, 3))  # a corner is 0 or 1


def splits_covered(replicates: int, seed: int, name: str, items: int, run_sd: float = 1.0) -> Counter[str]:
    """How often the 95 % interval of the best split holds the true one: by the form that the surface is of,
    and by the one of both axes with the lowest AIC, as a sweep shows it."""
    (truth, own), rng, held = SPLIT[name], np.random.default_rng(seed), Counter[str]()
    true = best_share(truth)
    for _ in range(replicates):
        fits = fit_surfaces(simulated(rng, truth, items, run_sd=run_sd), CELLS)
        lowest = next(fit for fit in fits if fit.terms in ("both", "interaction"))
        for how, fit in (("own", next(fit for fit in fits if fit.name == own)), ("lowest", lowest)):
            low, high = optimum(fit, BUDGET).interval
            held[how] += low - 1e-6 <= true <= high + 1e-6
        held["chosen"] += lowest.name == own
    return held


def words(replicates: int, seed: int, truth: str, items: int, run_sd: float) -> Counter[tuple[str, str]]:
    """How often each verdict is said of each reading, with a margin of 5 points over the whole range."""
    rng, said = np.random.default_rng(seed), Counter[tuple[str, str]]()
    for _ in range(replicates):
        made = simulated(rng, TRUTHS[truth], items, run_sd=run_sd)
        fits = fit_surfaces(made, CELLS, draws=2, shapes=SHAPES)
        for reading in READINGS:
            found = judge(fits, made, CELLS, (5, 5), reading, MARGIN)
            said[reading, found.word if found else "no fit"] += 1
    return said


def tables(replicates: int) -> Iterator[str]:
    """The tables, in Markdown."""
    yield "## Surfaces"
    yield ""
    yield (
        "Grid 5 x 5, three runs a cell, truth .2 + .15 log10 r + .10 log10 s: how often 95 % intervals hold "
        "the coefficients and the best share of the second axis (.4), and how wide the last one is."
    )
    yield ""
    yield "| items | run SD | a | b | share | mean width |"
    yield "|---|---|---|---|---|---|"
    for items in (50, 200):
        for sd in (0.0, 1.0, 3.0):
            held = covered(replicates, 40 + int(sd), items, sd)
            shown = " | ".join(f"{held[name] / replicates:.3f}" for name in ("a", "b", "share", "width"))
            yield f"| {items} | {sd:g} | {shown} |"
    yield ""
    yield (
        "The best split of a budget of 16 on other surfaces, run SD 1: how often its 95 % interval holds the "
        "true one by the form that the surface is of, and by the form of lowest AIC, which is shown; and how "
        "often the two are one. That the form is chosen by the same cells is in no interval."
    )
    yield ""
    yield "| truth | best share | items | own form | lowest AIC | the same |"
    yield "|---|---|---|---|---|---|"
    for name, (truth, _) in SPLIT.items():
        for items in (50, 200):
            held = splits_covered(replicates, 5, name, items)
            shown = " | ".join(f"{held[how] / replicates:.3f}" for how in ("own", "lowest", "chosen"))
            yield f"| {name} | {best_share(truth):.3f} | {items} | {shown} |"
    yield ""
    sweeps = max(replicates // 4, 20)
    yield (
        f"Verdicts, {sweeps} sweeps a row, 200 items, run SD 1, margin 5 points: supports / contradicts / "
        "cannot tell."
    )
    yield ""
    yield "| truth | linear reading | logarithmic reading |"
    yield "|---|---|---|"
    for row, name in enumerate(TRUTHS):
        said = words(sweeps, 60 + row, name, 200, 1.0)
        share = functools.partial(_shares, said, sweeps)
        yield f"| {name} | {' | '.join(share(reading) for reading in READINGS)} |"


def _shares(said: Counter[tuple[str, str]], of: int, reading: str) -> str:
    return " / ".join(
        f"{said[reading, word] / of:.2f}".removeprefix("0")
        for word in ("supports", "contradicts", "cannot tell")
    )

"""Verdicts over sweeps, simulated: how often each word is said where the truth is known.

Scores are 0 or 1; item rates are Beta(.7, .7), the effect of item x value has an SD of .5 logits; seven
values, whose true means are in points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from harness.stats.quantiles import FloatArray
from harness.stats.sweep_means import sweep_means
from harness.stats.trend import trend

#: true means at the seven values, in points
TRUTHS: dict[str, Sequence[float]] = {
    "flat": (0, 0, 0, 0, 0, 0, 0),
    "+1 a value": (0, 1, 2, 3, 4, 5, 6),
    "+.5 a value": (0, 0.5, 1, 1.5, 2, 2.5, 3),
    "saturates (+4 by the third)": (0, 2, 4, 4, 4, 4, 4),
    "only the last (+5)": (0, 0, 0, 0, 0, 0, 5),
    "peak in the middle (+5)": (0, 0, 0, 5, 0, 0, 0),
}
PEAK = (0, 0, 0, 12, 0, 0, 0)
#: run SDs at the seven values whose mean hides what the ends do
UNEQUAL: dict[str, Sequence[float]] = {
    "falls from 4 to .5": (4, 2.8, 2, 1.4, 1, 0.7, 0.5),
    "3 at the ends, 1 between": (3, 3, 1, 1, 1, 3, 3),
    "4 at the first, 1 later": (4, 1, 1, 1, 1, 1, 1),
    "4 at both ends, 0 between": (4, 0, 0, 0, 0, 0, 4),
    "6 at three in the middle": (0, 0, 6, 6, 6, 0, 0),
}
MARGIN = 0.05
#: runs drawn apart at every value; one seed's draws along the values; nothing drawn per run
Draws = Literal["apart", "nested", "none"]
NESTING: tuple[Draws, ...] = ("nested", "apart")


def sweep_of(
    rng: np.random.Generator,
    truth: Sequence[float],
    items: int,
    runs: int,
    run_sd: float | Sequence[float],
    nested: float = 0.0,
) -> list[FloatArray]:
    """One simulated sweep: a table items x runs for every value.

    Args:
        truth: of each value, in points above the items' rates.
        run_sd: of a run, in points; one for each value, or for all.
        nested: correlation of the run effects of one seed at neighbouring values.
    """
    values = len(truth)
    spread = np.broadcast_to(np.asarray(run_sd, dtype=float), (values,)) / 100
    rates = rng.beta(0.7, 0.7, items)
    logits = np.log(rates / (1 - rates))[:, None] + 0.5 * rng.standard_normal((items, values))
    drawn = rng.standard_normal((values, runs))
    for v in range(1, values):
        drawn[v] = nested * drawn[v - 1] + np.sqrt(1 - nested**2) * drawn[v]
    shift = np.asarray(truth, dtype=float)[:, None] / 100 + spread[:, None] * drawn
    p = 1 / (1 + np.exp(-logits[:, :, None]))
    # the mean moves by the shift and no rate leaves [0, 1]
    room = np.where(shift > 0, (1 - p) / (1 - p).mean(axis=0), p / p.mean(axis=0))
    p = np.clip(p + shift * room, 0, 1)
    scores = (rng.random(p.shape) < p).astype(float)
    return list(scores.transpose(1, 0, 2))


def words(
    replicates: int,
    seed: int,
    truth: Sequence[float],
    items: int,
    runs: int,
    run_sd: float | Sequence[float],
    draws: Draws = "apart",
    nested: float = 0.0,
) -> Counter[str]:
    """How often each verdict is said. `+slope` and `-slope` count the slopes that are shown whatever is said
    first."""
    rng = np.random.default_rng(seed)
    said: Counter[str] = Counter()
    for _ in range(replicates):
        cells = sweep_of(rng, truth, items, runs, run_sd, nested)
        made = sweep_means(
            cells, [range(runs)] * len(cells) if draws == "nested" else None, draws=draws != "none"
        )
        found = trend(made, margin=MARGIN)
        said[found.word] += 1
        said["+slope"] += found.interval[0] > 0
        said["-slope"] += found.interval[1] < 0
    return said


def tables(replicates: int) -> Iterator[str]:
    """The tables, in Markdown."""

    def share(said: Counter[str], *names: str) -> str:
        return " / ".join(f"{said[name] / replicates:.2f}".removeprefix("0") for name in names)

    yield "## Sweeps"
    yield ""
    yield (f"Seven values x three seeds, {replicates:,} sweeps a cell: slope shown upwards / downwards.")
    yield ""
    settings: dict[str, tuple[int, float, Draws]] = {
        "n=200, run SD 2": (200, 2, "apart"),
        "n=1000, run SD 2": (1000, 2, "apart"),
        "n=1000, run SD 0": (1000, 0, "apart"),
        "items only, n=1000, SD 2": (1000, 2, "none"),
    }
    yield f"| truth, points | {' | '.join(settings)} |"
    yield "|---" * (len(settings) + 1) + "|"
    for row, (name, truth) in enumerate(TRUTHS.items()):
        cells = []
        for column, (n, sd, draws) in enumerate(settings.values()):
            said = words(replicates, 100 + 10 * row + column, truth, n, 3, sd, draws)
            cells.append(share(said, "+slope", "-slope"))
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    yield "Whole verdict, n = 1000, three seeds, margin 5 points: what is said at run SDs of 0 / 1 / 2."
    yield ""
    names = ("rises", "falls", "peaks", "dips", "flat", "not shown")
    yield f"| truth | {' | '.join(names)} |"
    yield "|---" * (len(names) + 1) + "|"
    whole = {
        **{name: TRUTHS[name] for name in ("flat", "+1 a value", "only the last (+5)")},
        "+12 peak": PEAK,
    }
    for name, truth in whole.items():
        found = [words(replicates, 10 + sd, truth, 1000, 3, sd) for sd in (0, 1, 2)]
        cells = [
            " / ".join(f"{said[word] / replicates:.2f}".removeprefix("0") for said in found) for word in names
        ]
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    yield ("A flat truth whose runs vary unequally, n = 1000: slope up / down; peaks / dips / flat.")
    yield ""
    yield "| run SDs | 2 seeds | 3 seeds | 5 seeds |"
    yield "|---|---|---|---|"
    for name, sds in UNEQUAL.items():
        each = [words(replicates, 20 + s, TRUTHS["flat"], 1000, s, sds) for s in (2, 3, 5)]
        parts = (("+slope", "-slope"), ("peaks", "dips", "flat"))
        cells = ["; ".join(share(said, *part) for part in parts) for said in each]
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    yield "Draws that nest along the sweep (correlation .8), n = 1000, run SD 2: slope up / down."
    yield ""
    yield "| truth | seeds | one slope a seed | taken as drawn apart |"
    yield "|---|---|---|---|"
    for name in ("flat", "+1 a value"):
        for s in (3, 5):
            cells = [
                share(words(replicates, 30, TRUTHS[name], 1000, s, 2, d, 0.8), "+slope", "-slope")
                for d in NESTING
            ]
            yield f"| {name} | {s} | {' | '.join(cells)} |"

"""The published sweep: how accuracy moves with tokens of reasoning and searches, beside the reader's law."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import harness
from harness.api.surfaces import Surfaces
from harness.comparison.surface import Surface
from harness.comparison.surface_forms import describe
from harness.comparison.surface_json import plain_surface
from harness.comparison.surface_words import optimum_sentence, sentence
from harness.model.simulated_reader import SimulatedReader

REASONING, SEARCHES = (256, 512, 1024, 2048), (1, 2, 4, 8)


def swept(store: Path, seeds: int, items: int) -> Surfaces:
    """The runs of every pair of budgets; those that are in the store already aren't made again."""
    return harness.sweep(
        ("reasoning", "searches"),
        (REASONING, SEARCHES),
        "research/synthetic",
        "react-search",
        "sim/reader",
        task_args={"items": items},
        seeds=seeds,
        store=str(store),
        transcripts=False,
        progress=False,
    )


def section(found: Surfaces, out: Path) -> str:
    """The part of the report on the sweep; writes surface.json (cells, forms, verdicts) and surface.svg."""
    (surface,) = found
    told = json.dumps(plain_surface(surface), indent=1, sort_keys=True)
    (out / "surface.json").write_text(f"{told}\n", "utf-8")
    found.plot(out / "surface.svg")
    made = describe(surface)
    best = made.fits[0]
    judged = [f"- {sentence(surface, made.judgements[name], name)}." for name in ("linear", "logarithmic")]
    parts = [
        "## Two budgets\n",
        f"`react-search` with every pair of {len(REASONING)} budgets of reasoning and {len(SEARCHES)} of "
        f"searches, {len(surface.arms[0].runs)} seeds a pair. Beside each mean stands what the reader's law "
        "says of the cell: a guess where a fact was not found or the arithmetic failed, so the law is no "
        "plane and no logarithm.\n",
        _cells(surface),
        "Of the hypothesis that the score gets better with both, by rules that were fixed beforehand:\n",
        "\n".join(judged) + "\n",
        f"Best by AIC is the form '{best.name}', R² {best.r2:.3f}; {optimum_sentence(surface, made)}\n",
        "![accuracy over tokens of reasoning and of searches](surface.svg)\n",
    ]
    return "\n".join(parts)


def _cells(surface: Surface) -> str:
    means = {tuple(map(int, at)): mean for at, mean in zip(surface.dials, surface.means, strict=True)}
    head = " | ".join(f"{n} search{'es' * (n > 1)}" for n in SEARCHES)
    lines = [f"| tokens of reasoning | {head} |", "| --- " * (1 + len(SEARCHES)) + "|"]
    for reasoning in REASONING:
        cells = [
            f"{means[reasoning, searches]:.3f} (law {_law(reasoning, searches):.3f})" for searches in SEARCHES
        ]
        lines.append(f"| {reasoning} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _law(reasoning: float, searches: int) -> float:
    """The reader's true accuracy under two budgets, over all hops and steps of the task."""
    reader = SimulatedReader({})
    return statistics.fmean(
        reader.accuracy(hops, steps, searches, reasoning) for hops in (1, 2, 3, 4) for steps in (0, 2, 4)
    )

"""The page of grids: on each task how much the method makes of the differences, and how much the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.leaderboard.figures import SYMBOLS, Figure, Table, label

if TYPE_CHECKING:
    from harness.comparison.grid import Grid
    from harness.leaderboard.board import Section


@dataclass(frozen=True)
class Shown:
    """One grid on the page.

    Attributes:
        section: where its rows stand.
        figure: the means, a line a method, with their table and the variance components.
        sentences: HV and MV, reversals, and what all of it holds for.
        card: the harness card.
    """

    section: Section
    figure: Figure
    sentences: Sequence[str]
    card: Table


def shown(sections: Sequence[Section]) -> list[Shown]:
    """The grids of a board."""
    return [_shown(section, section.grid) for section in sections if section.grid is not None]


def _shown(section: Section, grid: Grid) -> Shown:
    from harness.comparison.grid_words import (
        card_cells,
        reversal_sentences,
        scope,
        spread_sentences,
        variance_cells,
    )

    notes = [*grid.notes, *(f"left out: {each}" for each in grid.left_out)]
    return Shown(
        section,
        _figure(grid, Table("Variance components", *variance_cells(grid))),
        [*spread_sentences(grid), *reversal_sentences(grid), scope(grid), *notes],
        Table("Harness card", *card_cells(grid)),
    )


def _figure(grid: Grid, variances: Table) -> Figure:
    models = grid.levels["model"]
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": label(method),
            "x": list(range(len(models))),
            "y": [float(value) for value in row],
            "marker": {"size": 9, "symbol": SYMBOLS[n % len(SYMBOLS)]},
        }
        for n, (method, row) in enumerate(zip(grid.levels["method"], grid.means, strict=True))
    ]
    plot = {
        "data": traces,
        "layout": {
            "height": 380,
            "xaxis": {
                "tickvals": list(range(len(models))),
                "ticktext": [label(model) for model in models],
                "range": [-0.3, len(models) - 0.7],
            },
            "yaxis": {"title": {"text": f"{label(grid.metric)}, {grid.unit}"}, "automargin": True},
        },
    }
    rows: list[list[str | float | None]] = [
        [method, *(float(value) for value in row)]
        for method, row in zip(grid.levels["method"], grid.means, strict=True)
    ]
    return Figure(
        "Methods over models",
        "Parallel lines: the method makes the same difference with every model. Lines that cross are mostly "
        "noise; whether any reversal is shown stands above.",
        plot,
        ["method", *models],
        rows,
        variances,
    )

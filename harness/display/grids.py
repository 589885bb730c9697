"""Grids of methods and models as tables for people."""

from __future__ import annotations

from harness.comparison.card import recovery
from harness.comparison.grid import Grid
from harness.comparison.grid_words import (
    card_cells,
    reversal_sentences,
    scope,
    spread_sentences,
    trajectory_sentence,
    variance_cells,
)
from harness.display.layout import Block, Line, Table


def grid_blocks(grid: Grid) -> list[Block]:
    """Means, variance components, the spreads of each factor, reversals, and the harness card."""
    names, rows = variance_cells(grid)
    card_names, card_rows = card_cells(grid)
    said = [*spread_sentences(grid), *reversal_sentences(grid), scope(grid)]
    said += [f"note: {note}" for note in grid.notes] + [f"left out: {each}" for each in grid.left_out]
    return [
        Line(grid.title, "bold"),
        _means(grid),
        Table(names, rows, right=names[1:], keep=names),
        *map(Line, said),
        Table(card_names, card_rows, keep=card_names[1:2]),
        Line(trajectory_sentence(recovery(grid.arms.values()))),
    ]


def _means(grid: Grid) -> Table:
    """Methods by models; over tasks their mean."""
    means = grid.means.mean(axis=2) if grid.means.ndim == 3 else grid.means
    rows = [
        [name, *(f"{value:.1f}" for value in row)]
        for name, row in zip(grid.levels["method"], means, strict=True)
    ]
    return Table(["mean", *grid.levels["model"]], rows, right=grid.levels["model"], keep=grid.levels["model"])

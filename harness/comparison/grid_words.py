"""What grids say, in words and cells: for terminals, notebooks and pages alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.comparison.card import ITEMS, UNKNOWN, Recovery, card, differing_cards, said
from harness.comparison.grid import Grid
from harness.results.fields import brief
from harness.stats.quadratic import Component

ALPHA = 0.05
#: column names, and the cells of each row
Cells = tuple[list[str], list[list[str]]]


def variance_cells(grid: Grid) -> Cells:
    """One row an effect."""
    names = ["source", "SD", "variance [95 %]", "share [95 %] (about)", "p"]
    rows = []
    for effect, found in grid.decomposition.components.items():
        share = grid.decomposition.shares[effect]
        low, high = share.ci
        rows.append(
            [
                " x ".join(effect),
                f"{found.sd:.1f}" if found.variance > 0 else "below noise",
                f"{max(0.0, found.variance):.1f} {_interval(found)}",
                f"{share.value:.2f} [{low:.2f}, {high:.2f}]",
                _p(found.p_value),
            ]
        )
    return names, rows


def spread_sentences(grid: Grid) -> list[str]:
    """HV and MV with intervals, and their ratio only where it isn't set by noise."""
    spreads, ratios = grid.decomposition.spreads, grid.decomposition.ratios
    named = {"method": "HV, of methods (the harness)", "model": "MV, of models", "task": "of tasks"}
    parts = [
        f"{named[name]}, all else held: {max(0.0, found.variance):.1f} {_interval(found)} "
        f"(raw {found.raw:.1f})"
        for name, found in spreads.items()
    ]
    lines = [f"variance in squared {grid.unit}: {'; '.join(parts)}"]
    for name in grid.factors[1:]:
        if name in ratios:
            value, (low, high) = ratios[name].value, ratios[name].ci
            lines.append(f"HV / {_short(name)}: {value:.2f} [{low:.2f}, {high:.2f}] (about)")
        else:
            lines.append(f"HV / {_short(name)}: no ratio, as {_short(name)} is not shown to be above 0")
    return lines


def reversal_sentences(grid: Grid) -> list[str]:
    """Reversals seen and shown, and which pairs are shown."""
    lines = []
    for over, pairs in grid.reversals.items():
        seen = sum(pair.seen for pair in pairs)
        shown = [pair for pair in pairs if pair.seen and pair.adjusted_p <= ALPHA]
        names = grid.levels["method"]
        which = ", ".join(f"{names[pair.first]} and {names[pair.second]}" for pair in shown)
        lines.append(
            f"reversals of methods over {over}s: seen in {seen} of {len(pairs)} pairs, shown in {len(shown)}"
            + (f" ({which})" if which else "")
        )
    return lines


def scope(grid: Grid) -> str:
    """What the numbers hold for."""
    of = " and ".join(f"{len(grid.levels[name])} {name}s" for name in grid.factors)
    sizes = ", ".join(
        f"{n} items" + (f" in {g} groups" if g < n else "") + (f" of {task}" if len(grid.items) > 1 else "")
        for task, (n, g) in grid.items.items()
    )
    runs = sorted({len(arm.runs) for arm in grid.arms.values()})
    each = f"{runs[0]}" if len(runs) == 1 else f"{runs[0]} to {runs[-1]}"
    return f"of these {of}, for {grid.claim} ({sizes}; {each} run{'' if runs == [1] else 's'} a cell)"


def card_cells(grid: Grid) -> Cells:
    """The harness card: what all cells share, and what differs between them."""
    cards = {names: card(arm) for names, arm in grid.arms.items()}
    differ = differing_cards(list(cards.values()))
    rows = []
    for item in ITEMS:
        varying = differ.get(item, {})
        first = next(iter(cards.values()))[item]
        same = [f"{name} {brief(value)}" for name, value in first.items() if name not in varying]
        apart = [f"{name}: {_by_value(grid, values)}" for name, values in varying.items()]
        rows.append([item, ", ".join(same) or ("" if apart else UNKNOWN), "; ".join(apart)])
    return ["harness card", "in all cells", "differs"], rows


def _by_value(grid: Grid, values: Sequence[Any]) -> str:
    """Which cells have which value, by the factor that tells them apart where one does."""
    cells = list(grid.arms)
    for at, name in enumerate(grid.factors):
        of: dict[str, dict[str, None]] = {}
        for names, value in zip(cells, values, strict=True):
            of.setdefault(names[at], {})[said(value)] = None
        if all(len(words) == 1 for words in of.values()):
            by: dict[str, list[str]] = {}
            for level in grid.levels[name]:
                by.setdefault(next(iter(of[level])), []).append(level)
            return ", ".join(f"{word} ({', '.join(levels)})" for word, levels in by.items())
    return " or ".join(dict.fromkeys(said(value) for value in values))


def trajectory_sentence(found: Recovery | None) -> str:
    """What records know of the course of attempts."""
    rest = "context retention and control lag: not recorded"
    if found is None:
        return f"trajectories: recovery rate, {rest}"
    rate = "none to recover from" if found.rate is None else f"mean score {found.rate:.2f}"
    return f"recovery: a tool call failed in {found.failed} of {found.attempts} attempts, {rate}; {rest}"


def _interval(found: Component) -> str:
    low, high = (max(0.0, end) for end in found.ci)
    return f"[{low:.1f}, {high:.1f}]"


def _short(name: str) -> str:
    return {"model": "MV"}.get(name, f"variance of {name}s")


def _p(p: float) -> str:
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")

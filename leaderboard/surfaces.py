"""Surfaces: rows that differ in exactly two numbers, as contours with what `harness sweep` says of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.base.digest import digest
from harness.comparison.surface import Surface, surface_of
from harness.comparison.surface_forms import Description, describe, heights, parameters_of
from harness.comparison.surface_words import (
    axes_sentence,
    budget_text,
    optimum_sentence,
    sentence,
    split_text,
)
from harness.comparison.sweep import without_data
from harness.leaderboard.board import Entry, Section
from harness.leaderboard.figures import Figure, Table, interval_text, label, named
from harness.leaderboard.sweeps import FEWEST, number
from harness.results.fields import field_of

if TYPE_CHECKING:
    from harness.stats.quantiles import FloatArray

#: whose numbers are axes
_SUBJECT = ("method_args", "decoding")
#: points of a contour along each axis, and of a line
_GRID, _LINE = 30, 60
#: seen on every colour of the contours, and beside the name of the line on a light and a dark page
LINE = "#ff5a5f"
Placed = tuple[Entry, Mapping[str, Any]]


@dataclass(frozen=True)
class _Found:
    """One surface with what was made of it, and the row that it is named after."""

    surface: Surface
    made: Description
    entry: Entry


#: by the sealed attempts behind a surface, so that a live site fits again only what has changed
_FOUND: dict[str, tuple[Surface, Description]] = {}


def method_surfaces(section: Section) -> list[Figure]:
    """The pairs of numeric method and decoding arguments that were swept within a section."""
    placed = [(entry, _key(entry, {})) for entry in section.entries if _shown(entry)]
    pairs = itertools.combinations(_numbers(placed, _SUBJECT), 2)
    return [_figure(found, True) for found in _all(placed, pairs, section.metric)]


def task_surfaces(sections: Sequence[Section]) -> list[Figure]:
    """The pairs of which one is the task's, or both are, over the sections of one task. Data and prompts
    differ by nature; everything else has to be the same."""
    placed = [
        (entry, _key(entry, without_data(section.comparability)))
        for section in sections
        for entry in section.entries
        if _shown(entry)
    ]
    names = _numbers(placed, (*_SUBJECT, "task_args"))
    pairs = [
        pair for pair in itertools.combinations(names, 2) if any(n.startswith("task_args.") for n in pair)
    ]
    return [_figure(found, False) for found in _all(placed, pairs, sections[0].metric)] if pairs else []


def _shown(entry: Entry) -> bool:
    return entry.value is not None and not entry.stopped


def _key(entry: Entry, comparability: Mapping[str, Any]) -> Mapping[str, Any]:
    """What rows of one surface agree in but for two of the arguments."""
    subject = entry.arm.subject
    own = {family: subject.get(family) or {} for family in _SUBJECT}
    rest = {name: value for name, value in subject.items() if name not in own}
    return {**comparability, **own, "subject": digest(rest)}


def _numbers(placed: Iterable[Placed], families: Sequence[str]) -> list[str]:
    """The arguments with enough values that are numbers in some row."""
    values: dict[str, set[float]] = {}
    for _, key in placed:
        for family in families:
            for name, value in (key.get(family) or {}).items():
                if (at := number(value)) is not None:
                    values.setdefault(f"{family}.{name}", set()).add(at)
    return sorted(
        (name for name, found in values.items() if len(found) >= FEWEST), key=lambda n: n.rpartition(".")[2]
    )


def _all(placed: Sequence[Placed], pairs: Iterable[tuple[str, str]], metric: str) -> list[_Found]:
    made = []
    for pair in pairs:
        same: dict[str, list[tuple[tuple[float, float], Entry]]] = {}
        for entry, key in placed:
            first, second = (number(field_of(key, name)) for name in pair)
            if first is not None and second is not None:
                same.setdefault(digest(_without(key, pair)), []).append(((first, second), entry))
        for cells in same.values():
            levels = [len({at[k] for at, _ in cells}) for k in range(2)]
            if min(levels) >= FEWEST and len(cells) >= FEWEST**2:
                made.append(_described(cells, pair, metric))
    return sorted(made, key=lambda found: named(found.entry))


def _without(key: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    found = dict(key)
    for name in names:
        family, _, argument = name.partition(".")
        found[family] = {k: v for k, v in found[family].items() if k != argument}
    return found


def _described(
    cells: Sequence[tuple[tuple[float, float], Entry]], pair: tuple[str, str], metric: str
) -> _Found:
    first, second = (name.rpartition(".")[2] for name in pair)
    arms = [(at, entry.arm) for at, entry in cells]
    sealed = [(at, [run["samples_digest"] for run in arm.runs]) for at, arm in arms]
    known = digest([metric, first, second, sorted(sealed)])
    if known not in _FOUND:
        surface = surface_of(arms, (first, second), metric)
        _FOUND[known] = surface, describe(surface)
    return _Found(*_FOUND[known], cells[0][1])


def _figure(found: _Found, comparable: bool) -> Figure:
    surface, made = found.surface, found.made
    first, second = surface.parameters
    drawn = [*_contour(surface, made), _cells(surface), *_budget(surface, made)]
    names = surface.axis_names
    plot = {
        "data": drawn,
        "layout": {
            "height": 460,
            "xaxis": _axis(names[0], surface.coordinates[surface.compared, 0]),
            "yaxis": _axis(names[1], surface.coordinates[surface.compared, 1]),
        },
    }
    said = " ".join(
        f"{_opened(reading)} reading: {sentence(surface, each, reading)}."
        for reading, each in made.judgements.items()
    )
    note = (
        ""
        if comparable
        else " Cells have items of their own along the task's argument: that axis shows how difficulty moves."
    )
    best = optimum_sentence(surface, made)
    form = "" if made.drawn is None else f" Contours: {made.drawn.name}, the form of lowest AIC (ours)."
    rows: list[list[str | float | None]] = [
        [f"{dials[0]:g}", f"{dials[1]:g}", *map(float, at), float(mean), interval_text(_known(ends))]
        for dials, at, mean, ends in zip(
            surface.dials, surface.coordinates, surface.means, surface.intervals, strict=True
        )
    ]
    return Figure(
        f"{surface.metric} over {first} and {second}: {found.entry.arm.method} x {found.entry.arm.model}",
        f"{said} {_opened(axes_sentence(surface))}. {_opened(best)}.{form}{note}",
        plot,
        (first, second, *(f"x: {names[0]}", f"y: {names[1]}"), surface.metric, "95 % interval"),
        rows,
        _forms(surface, made),
    )


def _opened(text: str) -> str:
    """With a capital letter, as a sentence begins."""
    return text[:1].upper() + text[1:]


def _axis(title: str, column: FloatArray) -> dict[str, Any]:
    log = len(column) > 0 and column.max() >= 8 * column.min()
    # with a format 0.5 stands at a mark between two powers of ten, where else a lone 5 does
    scale = {"type": "log", "tickformat": "~g"} if log else {"type": "linear"}
    return {"title": {"text": label(title)}, **scale, "zeroline": False}


def _contour(surface: Surface, made: Description) -> list[dict[str, Any]]:
    """The form of both axes with the lowest AIC, over the range of the compared cells."""
    if made.drawn is None:
        return []
    import numpy as np

    cells = surface.coordinates[surface.compared]
    x, y = (np.geomspace(column.min(), column.max(), _GRID) for column in cells.T)
    low, high = _range(surface)
    return [
        {
            "type": "contour",
            "name": label(made.drawn.name),
            "x": [float(each) for each in x],
            "y": [float(each) for each in y],
            "z": [[float(v) for v in row] for row in heights(surface, made.drawn, x[None], y[:, None])],
            "colorscale": "Viridis",
            "zmin": low,
            "zmax": high,
            "contours": {"coloring": "fill", "start": low, "end": high, "size": (high - low) / 12},
            "line": {"width": 0},
            "colorbar": {"title": {"text": label(surface.metric)}, "thickness": 14},
            "hoverinfo": "x+y+z",
        }
    ]


def _range(surface: Surface) -> tuple[float, float]:
    """Of the colours."""
    low, high = float(surface.means.min()), float(surface.means.max())
    return (low, high) if low < high else (low, low + surface.span.width / 100)


def _cells(surface: Surface) -> dict[str, Any]:
    kept = surface.compared if surface.compared.any() else ~surface.compared
    low, high = _range(surface)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "cells, in the colour of their means",
        "x": [float(at) for at in surface.coordinates[kept, 0]],
        "y": [float(at) for at in surface.coordinates[kept, 1]],
        "marker": {
            "size": 13,
            "color": [float(mean) for mean in surface.means[kept]],
            "colorscale": "Viridis",
            "cmin": low,
            "cmax": high,
            "line": {"width": 1.5, "color": "white"},
        },
        "text": [
            f"{surface.parameters[0]} = {dials[0]:g}, {surface.parameters[1]} = {dials[1]:g}: {mean:.3f} "
            f"{interval_text(_known(ends))}"
            for dials, mean, ends in zip(
                surface.dials[kept], surface.means[kept], surface.intervals[kept], strict=True
            )
        ],
        "hoverinfo": "text",
    }


def _budget(surface: Surface, made: Description) -> list[dict[str, Any]]:
    """The line of equal budget within the measured cells, and its best split if that lies there."""
    if made.drawn is None or made.budget is None:
        return []
    import numpy as np

    (left, bottom), (right, top) = (
        end(surface.coordinates[surface.compared], axis=0) for end in (np.min, np.max)
    )
    x = np.linspace(max(left, made.budget - top), min(right, made.budget - bottom), _LINE)
    found = made.optima[made.drawn.name]
    lines: list[dict[str, Any]] = []
    if x[0] < x[-1]:
        lines.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"{budget_text(surface, made.budget)} in all",
                "x": [float(each) for each in x],
                "y": [float(made.budget - each) for each in x],
                "line": {"color": LINE, "width": 2.5, "dash": "dash"},
                "hoverinfo": "skip",
            }
        )
    if left <= found.first <= right and bottom <= found.second <= top:
        lines.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": label(f"best split: {split_text(surface, found)}"),
                "x": [found.first],
                "y": [found.second],
                "marker": {
                    "size": 16,
                    "symbol": "star",
                    "color": "white",
                    "line": {"width": 1.5, "color": "black"},
                },
                "hoverinfo": "name",
            }
        )
    return lines


def _forms(surface: Surface, made: Description) -> Table | None:
    """Every form with its AIC, its error at cells left out, and its parameters."""
    rows: list[list[str | float | None]] = []
    for place, fit in enumerate(made.fits):
        parameters = "; ".join(
            f"{name} {value:.3g} [{low:.3g}, {high:.3g}]"
            for name, (value, (low, high)) in parameters_of(fit, surface.span).items()
        )
        error = surface.span.width * fit.left_out
        best = made.optima.get(fit.name)
        split = "" if best is None or math.isnan(best.share) else split_text(surface, best)
        said = "" if place else made.form if made.form == fit.name else f"inconclusive: {made.reason}"
        rows.append([fit.name, fit.aic, None if math.isnan(error) else error, split, parameters, said])
    columns = (
        "form",
        "AIC",
        "error at a cell left out",
        "best split",
        "parameters [95 %]",
        "which fits best",
    )
    return Table("Forms of the surface", columns, rows) if rows else None


def _known(ends: FloatArray) -> tuple[float, float] | None:
    low, high = (float(end) for end in ends)
    return None if math.isnan(low) else (low, high)

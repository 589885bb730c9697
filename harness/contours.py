"""Pictures of surfaces through matplotlib (the extra `plot`): filled contours over two arguments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.plots import save

if TYPE_CHECKING:
    from harness.comparison.surface import Surface
    from harness.comparison.surface_forms import Description

#: points of a contour's grid along each axis, and of a line of equal budget
_GRID, _LINE = 80, 200


def plot_surfaces(
    surfaces: Sequence[Surface], path: Path, margin: float | None = None, iso_budget: float | None = None
) -> None:
    """The form of both axes with the lowest AIC as filled contours, the cells in the colour of their own
    means, the line of equal budget and its best split with the interval; a panel a surface. The format is the
    name's.

    Raises:
        UsageError: it can't be written.
    """
    from matplotlib.figure import Figure

    from harness.comparison.surface_forms import describe

    figure = Figure(figsize=(6.0 * len(surfaces), 4.8), layout="constrained")
    panels = figure.subplots(1, len(surfaces), squeeze=False)[0]
    for axes, surface in zip(panels, surfaces, strict=True):
        _panel(figure, axes, surface, describe(surface, margin, iso_budget))
    save(figure, path)


def _panel(figure: Any, axes: Any, surface: Surface, made: Description) -> None:
    import numpy as np
    from matplotlib.ticker import LogLocator

    from harness.comparison.surface_forms import heights
    from harness.comparison.surface_words import word

    kept = surface.compared
    cells = surface.coordinates if made.drawn is None else surface.coordinates[kept]
    means = surface.means if made.drawn is None else surface.means[kept]
    low, high = float(means.min()), float(means.max())
    if not low < high:
        low, high = low - 0.5 * surface.span.width / 100, high + 0.5 * surface.span.width / 100
    logarithmic = [bool(column.min() > 0 and column.max() >= 8 * column.min()) for column in cells.T]
    (left, right), (bottom, top) = (
        _ends(column, log) for column, log in zip(cells.T, logarithmic, strict=True)
    )
    if logarithmic[0]:
        axes.set_xscale("log")
    if logarithmic[1]:
        axes.set_yscale("log")
    if made.drawn is not None:
        first, second = (
            np.geomspace(*ends, _GRID) if log else np.linspace(*ends, _GRID)
            for ends, log in zip(((left, right), (bottom, top)), logarithmic, strict=True)
        )
        values = heights(surface, made.drawn, first[None], second[:, None])
        axes.contourf(
            first,
            second,
            values,
            levels=np.linspace(low, high, 13),
            extend="both",
            cmap="viridis",
            vmin=low,
            vmax=high,
        )
    shown = axes.scatter(
        *cells.T,
        c=means,
        cmap="viridis",
        vmin=low,
        vmax=high,
        s=60,
        edgecolors="white",
        linewidths=1.2,
        zorder=3,
        label="cells, in the colour of their means",
    )
    if made.drawn is not None and made.budget is not None:
        _budget(axes, surface, made)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    for axis, log in zip((axes.xaxis, axes.yaxis), logarithmic, strict=True):
        if log:
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter("")
    axes.set_xlabel(surface.axis_names[0])
    axes.set_ylabel(surface.axis_names[1])
    form = "no form of both axes" if made.drawn is None else f"lowest AIC: {made.drawn.name}"
    said = ", ".join(f"{reading}: {word(surface, found)}" for reading, found in made.judgements.items())
    axes.set_title(f"{surface.title}\n{said}\n{form}", fontsize="small")
    lower = ", lower is better" if surface.span.lower_is_better else ""
    figure.colorbar(shown, ax=axes, label=f"{surface.metric}{lower}", shrink=0.85)
    axes.legend(fontsize="x-small", loc="upper center", bbox_to_anchor=(0.5, -0.14), frameon=False)


def _budget(axes: Any, surface: Surface, made: Description) -> None:
    """The line of equal budget, its best split, and the interval of that as a thicker part of the line."""
    import numpy as np

    from harness.comparison.surface_words import budget_text, split_text

    assert made.drawn is not None and made.budget is not None
    found = made.optima[made.drawn.name]
    line = np.linspace(0, 1, _LINE + 2)[1:-1]
    between = np.linspace(*found.interval, _LINE)
    for shares, width, style, name in (
        (line, 1.2, "--", f"{budget_text(surface, made.budget)} in all"),
        (between, 3.0, "-", None),
    ):
        axes.plot(
            made.budget * (1 - shares),
            made.budget * shares,
            color="white",
            lw=width,
            ls=style,
            path_effects=_outlined(width),
            label=name,
        )
        if np.isnan(found.share):
            return
    best = f"best split: {split_text(surface, found)}"
    axes.plot([found.first], [found.second], "*", ms=15, color="white", mec="black", zorder=4, label=best)


def _outlined(width: float) -> list[Any]:
    from matplotlib import patheffects

    return [patheffects.Stroke(linewidth=width + 1.6, foreground="black"), patheffects.Normal()]


def _ends(column: Any, logarithmic: bool) -> tuple[float, float]:
    """From the smallest to the largest coordinate, with some room."""
    low, high = float(column.min()), float(column.max())
    if logarithmic:
        room = (high / low) ** 0.06
        return low / room, high * room
    room = 0.06 * (high - low) or 1.0
    least = low - room
    return (max(least, low / 2) if low > 0 else least), high + room

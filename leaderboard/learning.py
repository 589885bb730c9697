"""Learning curves of a section: figures over steps and over rollouts, and who reaches whose level when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.comparison.learning import Axis, Learning, Quantity, learning
from harness.leaderboard.board import Section
from harness.leaderboard.figures import SYMBOLS, Figure, interval_text, label, named

QUANTITIES: dict[Quantity, str] = {"dev": "validation score", "reward": "training reward"}
#: axis -> (its name, its title)
AXES: dict[Axis, tuple[str, str]] = {
    "step": ("steps", "steps"),
    "rollouts": ("rollouts", "rollouts, discarded ones included"),
}
DASHES = ("solid", "dash", "dot", "dashdot")

Cell = str | float | None


@dataclass(frozen=True)
class Targets:
    """For every row, the first step at which its mean validation score reaches the final one of each row."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Curves:
    """What a section's runs record of their training; `figures` by what is drawn over what."""

    figures: dict[str, Figure]
    targets: Targets | None


def curves(section: Section) -> Curves:
    """The learning curves of the complete rows; empty where no run has one."""
    figures: dict[str, Figure] = {}
    targets = None
    varying_fields = [
        entry
        for entry in section.entries
        if not entry.stopped and any(run.get("curve") for run in entry.arm.runs)
    ]
    for quantity, title in QUANTITIES.items():
        for axis, (short, _) in AXES.items():
            found = {
                named(entry): curve
                for entry in varying_fields
                if (curve := learning(entry.arm, quantity, axis))
            }
            if found:
                figures[f"{title} over {short}"] = _figure(found, title, axis)
            if (quantity, axis) == ("dev", "step") and len(found) > 1:
                targets = _targets(found)
    return Curves(figures, targets)


def _figure(found: dict[str, Learning], title: str, axis: Axis) -> Figure:
    short, full = AXES[axis]
    traces: list[dict[str, Any]] = []
    rows: list[list[Cell]] = []
    for n, (name, curve) in enumerate(found.items()):
        places = curve.steps if axis == "step" or curve.rollouts is None else curve.rollouts
        x, y = [float(place) for place in places], [float(mean) for mean in curve.means]
        colour, ends = f"@series{n % 8}", None
        if curve.intervals is not None:
            ends = [(float(low), float(high)) for low, high in curve.intervals]
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": [*x, *reversed(x)],
                    "y": [*(high for _, high in ends), *(low for low, _ in reversed(ends))],
                    "fill": "toself",
                    "fillcolor": colour,
                    "opacity": 0.14,
                    "line": {"width": 0},
                    "hoverinfo": "skip",
                    "showlegend": False,
                    "legendgroup": str(n),
                }
            )
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": label(name),
                "legendgroup": str(n),
                "x": x,
                "y": y,
                "line": {"color": colour, "width": 1.8, "dash": DASHES[n // 8 % len(DASHES)]},
                "marker": {"size": 6, "color": colour, "symbol": SYMBOLS[n % len(SYMBOLS)]},
                "text": [
                    f"{label(name)}, {place:g}: {value:.3f} {interval_text(ends[k] if ends else None)}"
                    for k, (place, value) in enumerate(zip(x, y, strict=True))
                ],
                "hoverinfo": "text",
            }
        )
        for k, value in enumerate(y):
            drawn = None if curve.rollouts is None else float(curve.rollouts[k])
            rows.append(
                [
                    name,
                    float(curve.steps[k]),
                    drawn,
                    value,
                    interval_text(ends[k] if ends else None),
                    curve.seeds,
                ]
            )
    plot = {
        "data": traces,
        "layout": {
            "height": 420,
            "xaxis": {"title": {"text": full}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": title}},
        },
    }
    about = (
        "On the validation split, not on the test items."
        if title == QUANTITIES["dev"]
        else "Of what was trained on, averaged over neighbouring steps: a curriculum that chooses easier "
        "problems shows a higher one."
    )
    return Figure(
        f"{title[0].upper()}{title[1:]} over {short}",
        f"{about} Mean over seeds; the band is its 95 % t interval over seeds at each point alone. Seeds "
        "that were measured at different places are interpolated between them.",
        plot,
        ("row", "step", "rollouts", title, "95 % interval", "seeds"),
        rows,
    )


def _targets(found: dict[str, Learning]) -> Targets:
    rows: list[list[Cell]] = []
    for name, curve in found.items():
        cells: list[Cell] = [name, curve.final]
        for other in found.values():
            place = curve.reach(other.final)
            if place is None:
                cells.append("not reached")
                continue
            drawn = "" if curve.rollouts is None else f" ({curve.rollouts[place]:,.0f})"
            cells.append(f"{curve.steps[place]:.0f}{drawn}")
        rows.append(cells)
    return Targets(("row", "final", *found), rows)

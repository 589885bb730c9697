"""Plotly figures as data, each with a table that says the same.

A colour is written as `@name` and filled in by the page from its theme; labels are escaped, because
plotly reads a little markup in them. Plotly itself is only the script that the site carries.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.leaderboard.board import Entry, Section
from harness.leaderboard.sweeps import Fitted, Line, Sweep, fitted

#: cost axes: key -> (title, what one row spends per attempt)
COSTS = {
    "usd": "USD per attempt",
    "tokens": "tokens per attempt",
    "calls": "calls per attempt",
}
#: labels longer than this are cut on an axis; the table beside has them whole
LONGEST_LABEL = 48
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "x")


Rows = Sequence[Sequence[str | float | None]]


@dataclass(frozen=True)
class Table:
    """Numbers that belong to a figure; cells as in `Figure`."""

    title: str
    columns: Sequence[str]
    rows: Rows


@dataclass(frozen=True)
class Figure:
    """A plotly figure, what it shows in one sentence, the same numbers as a table, and what was made of
    them as another.

    A cell of `rows` is text or a number; numbers are set flush right.
    """

    title: str
    summary: str
    plot: dict[str, Any]
    columns: Sequence[str] = ()
    rows: Rows = field(default_factory=tuple)
    also: Table | None = None


def label(text: str, longest: int = LONGEST_LABEL) -> str:
    """A name as plotly shows it letter by letter."""
    short = text if len(text) <= longest else text[: longest - 1] + "…"
    return html.escape(short, quote=False)


def forest(section: Section, baseline: str) -> Figure:
    """Paired differences against a baseline, with their intervals; the question is which leave 0."""
    sign = section.span.sign
    found = sorted(section.comparisons[baseline], key=lambda c: (sign * c["difference"]["value"], c["name"]))
    traces = []
    for verdict, colour, symbol in (
        ("better", "@better", "circle"),
        ("worse", "@worse", "square"),
        ("not shown", "@muted", "diamond"),
    ):
        these = [(place, c) for place, c in enumerate(found) if c["verdict"] == verdict]
        if not these:
            continue
        values = [c["difference"]["value"] for _, c in these]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": verdict,
                "x": values,
                "y": [place for place, _ in these],
                "error_x": error_bars(values, [c["difference"]["ci"] for _, c in these], colour, 1.8),
                "marker": {"color": colour, "size": 9, "symbol": symbol},
                "text": [
                    f"{label(c['name'])}: {c['difference']['value']:+.3f} "
                    f"{interval_text(c['difference']['ci'])}, p = {_p(c['adjusted_p'])}"
                    for _, c in these
                ],
                "hoverinfo": "text",
            }
        )
    plot = {
        "data": traces,
        "layout": {
            "height": 130 + 32 * len(found),
            "xaxis": {
                "title": {"text": f"difference in {label(section.metric_title)}"},
                "zeroline": True,
                "zerolinewidth": 2,
                "tickformat": "+.2~f",
                "range": _around_zero(found),
            },
            "yaxis": {
                "tickvals": list(range(len(found))),
                "ticktext": [label(c["name"]) for c in found],
                "range": [-0.6, len(found) - 0.4],
                "automargin": True,
                "showgrid": False,
                "zeroline": False,
            },
        },
    }
    rows: list[list[str | float | None]] = [
        [
            c["name"],
            c["against"],
            c["difference"]["value"],
            interval_text(c["difference"]["ci"]),
            _p(c["adjusted_p"]),
            c["test"],
            c["difference"]["wins"],
            c["difference"]["losses"],
            c["items"]["matched"],
            _times(c["cost_ratio"].get("usd") or c["cost_ratio"].get("tokens")),
            c["verdict"],
        ]
        for c in reversed(found)
    ]
    return Figure(
        f"Against {baseline}",
        "Difference on the same items with its 95 % interval. An interval that holds 0 means that no "
        "difference was shown, not that there is none.",
        plot,
        (
            "row",
            "baseline",
            "difference",
            "95 % interval",
            "p (Holm)",
            "test",
            "wins",
            "losses",
            "items",
            "cost ratio",
            "verdict",
        ),
        rows,
    )


def _around_zero(found: Sequence[dict[str, Any]]) -> list[float]:
    """A range that holds every interval and 0, because 0 is the question."""
    ends = [0.0]
    for c in found:
        ends += c["difference"]["ci"] or [c["difference"]["value"]]
    room = 0.05 * (max(ends) - min(ends) or 1.0)
    return [min(ends) - room, max(ends) + room]


def cost_figures(section: Section) -> dict[str, Figure]:
    """Value against cost, one figure for each cost that distinguishes rows, most expensive unit first."""
    made = {}
    for name in COSTS:
        spent = [(entry, cost(entry, name)) for entry in section.entries if not entry.stopped]
        points = [(e, c) for e, c in spent if c is not None and e.value is not None]
        if len(points) >= 2 and len({c for _, c in points}) >= 2:
            made[name] = _cost(section, name, points)
    return made


def cost(entry: Entry, name: str) -> float | None:
    """What a row spends per attempt; None where it is unknown."""
    if name == "tokens":
        return entry.tokens
    return entry.arm.usage({"usd": "cost_usd", "calls": "calls"}[name])


def pareto(points: Iterable[tuple[float, float]], sign: int = 1) -> set[tuple[float, float]]:
    """The (cost, value) points that no other beats: none is as cheap and better, or cheaper and as
    good. `sign` is -1 where less is better."""
    front, best = set(), float("-inf")
    for spent, value in sorted(set(points), key=lambda p: (p[0], -sign * p[1])):
        if sign * value > best:
            front.add((spent, value))
            best = sign * value
    return front


def _cost(section: Section, name: str, points: list[tuple[Entry, float]]) -> Figure:
    places = [(spent, float(entry.value or 0.0)) for entry, spent in points]
    sign = section.span.sign
    front = pareto(places, sign)
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "Pareto front",
            "hoverinfo": "skip",
            "line": {"shape": "hv", "dash": "dot", "width": 1.5, "color": "@muted"},
            "x": [x for x, _ in sorted(front)],
            "y": [y for _, y in sorted(front)],
        }
    ]
    for n, method in enumerate(sorted({entry.arm.method for entry, _ in points})):
        these = [(e, c) for e, c in points if e.arm.method == method]
        values = [float(e.value or 0.0) for e, _ in these]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": label(method),
                "x": [c for _, c in these],
                "y": values,
                "error_y": error_bars(values, [e.ci for e, _ in these], f"@series{n % 8}"),
                "marker": {"size": 10, "color": f"@series{n % 8}", "symbol": SYMBOLS[n % len(SYMBOLS)]},
                "text": [
                    f"{label(named(e))}: {v:.3f} at {c:.4g}" for (e, c), v in zip(these, values, strict=True)
                ],
                "hoverinfo": "text",
            }
        )
    unknown = sum(not e.stopped and cost(e, name) is None for e in section.entries)
    spread = [c for c, _ in places if c > 0]
    scale = "log" if len(spread) == len(places) and max(spread) / min(spread) > 20 else "linear"
    plot = {
        "data": traces,
        "layout": {
            "height": 420,
            "xaxis": {"title": {"text": COSTS[name]}, "type": scale, "rangemode": "tozero"},
            "yaxis": {"title": {"text": label(section.metric_title)}},
        },
    }
    rows: list[list[str | float | None]] = [
        [named(entry), spent, entry.value, "yes" if (spent, float(entry.value or 0.0)) in front else ""]
        for entry, spent in sorted(points, key=lambda p: (p[1], -sign * (p[0].value or 0.0), named(p[0])))
    ]
    return Figure(
        f"{section.metric} against {COSTS[name]}",
        f"{'Up' if sign > 0 else 'Down'} and left is better. The dotted line joins the rows that no other "
        "row beats at their price." + (f" Rows of unknown cost: {unknown}." if unknown else ""),
        plot,
        ("row", COSTS[name], section.metric, "on the front"),
        rows,
    )


def scaling(sweep: Sweep, metric: str) -> Figure:
    """The metric over a parameter: what each subject shows, its points, and the form of lowest AIC."""
    short = sweep.parameter.rpartition(".")[2]
    found = [fitted(line, short, metric) for line in sweep.lines]
    traces = []
    for n, (line, fit) in enumerate(zip(sweep.lines, found, strict=True)):
        traces += [_line(line, n, joined=not fit.drawn), *_form(fit, n)]
    ats = [point.at for line in sweep.lines for point in line.points]
    log = min(ats) > 0 and max(ats) / min(ats) >= 8
    axis: dict[str, Any] = {"title": {"text": label(short)}, "type": "log" if log else "linear"}
    if len(set(ats)) <= 12:
        axis |= {"tickvals": sorted(set(ats)), "ticktext": [f"{at:g}" for at in sorted(set(ats))]}
    plot = {
        "data": traces,
        "layout": {
            "height": 380,
            "xaxis": axis,
            "yaxis": {"title": {"text": label(metric)}},
        },
    }
    rows: list[list[str | float | None]] = [
        [line.name, point.at, point.entry.value, interval_text(point.entry.ci)]
        for line in sweep.lines
        for point in line.points
    ]
    note = (
        ""
        if sweep.comparable
        else " Each point has items of its own: the line shows how difficulty moves and ranks nothing."
    )
    said = " ".join(f"{line.name}: {fit.sentence}." for line, fit in zip(sweep.lines, found, strict=True))
    if any(fit.drawn for fit in found):
        note += (
            " Dashed: the scaling form of lowest AIC (ours, no published law), a description and no verdict; "
            "the table of forms says where another is as good."
        )
    return Figure(
        f"{metric} over {short}",
        f"{said} Rows that differ in {short} alone.{note}",
        plot,
        ("row", short, metric, "95 % interval"),
        rows,
        _forms(sweep, found),
    )


def _form(fit: Fitted, n: int) -> list[dict[str, Any]]:
    """The best form as a dashed line, named in the legend."""
    if not fit.drawn:
        return []
    name = fit.forms[0].form + (" (inconclusive)" if fit.form == "inconclusive" else "")
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"lowest AIC: {name}",
            "legendgroup": str(n),
            "x": [k for k, _ in fit.drawn],
            "y": [y for _, y in fit.drawn],
            "line": {"color": f"@series{n % 8}", "width": 1.4, "dash": "dash"},
            "hoverinfo": "skip",
        }
    ]


def _forms(sweep: Sweep, found: Sequence[Fitted]) -> Table | None:
    """Every form of every line with its AIC, and its parameters with their bootstrap intervals."""
    rows: list[list[str | float | None]] = []
    for line, fit in zip(sweep.lines, found, strict=True):
        for place, form in enumerate(fit.forms):
            parameters = "; ".join(
                f"{name} {value:.3g} {_between(form.intervals.get(name))}".rstrip()
                for name, value in form.parameters.items()
            )
            said = fit.form if fit.form == form.form else f"inconclusive: {fit.reason}"
            rows.append([line.name, form.form, form.aic, parameters, "" if place else said])
    columns = ("row", "form", "AIC", "parameters [95 % bootstrap interval]", "which fits best")
    return Table("Scaling forms", columns, rows) if rows else None


def _between(ends: tuple[float, float] | None) -> str:
    return f"[{ends[0]:.3g}, {ends[1]:.3g}]" if ends else ""


def _line(line: Line, n: int, joined: bool) -> dict[str, Any]:
    values = [float(point.entry.value or 0.0) for point in line.points]
    return {
        "type": "scatter",
        "mode": "lines+markers" if joined else "markers",
        "name": label(line.name),
        "legendgroup": str(n),
        "x": [point.at for point in line.points],
        "y": values,
        "error_y": error_bars(values, [point.entry.ci for point in line.points], f"@series{n % 8}"),
        "line": {"color": f"@series{n % 8}", "width": 1.8},
        "marker": {"size": 8, "color": f"@series{n % 8}", "symbol": SYMBOLS[n % len(SYMBOLS)]},
        "text": [
            f"{label(line.name)}, {point.at:g}: {v:.3f} {interval_text(point.entry.ci)}"
            for point, v in zip(line.points, values, strict=True)
        ],
        "hoverinfo": "text",
    }


def named(entry: Entry) -> str:
    """`method x model (what distinguishes it)`."""
    name = f"{entry.arm.method} x {entry.arm.model}"
    return f"{name} ({entry.variant})" if entry.variant else name


def error_bars(
    values: Sequence[float], intervals: Sequence[Sequence[float] | None], colour: str, thickness: float = 1.0
) -> dict[str, Any]:
    """The arms of the intervals as plotly draws them: distances from the value."""
    ends = [ci or (value, value) for value, ci in zip(values, intervals, strict=True)]
    return {
        "type": "data",
        "symmetric": False,
        "thickness": thickness,
        "width": 4,
        "color": colour,
        "array": [high - value for value, (_, high) in zip(values, ends, strict=True)],
        "arrayminus": [value - low for value, (low, _) in zip(values, ends, strict=True)],
    }


def interval_text(ci: Sequence[float] | None) -> str:
    """`[low, high]`, empty where there is none."""
    return f"[{ci[0]:.3f}, {ci[1]:.3f}]" if ci else ""


def _p(value: float | None) -> str:
    return "" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"

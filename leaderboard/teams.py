"""Rows in which a person took part: what success is worth at each price of the person's effort, and success
against effort over the budgets that the person had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.base.digest import digest
from harness.comparison.arms import shown_keys
from harness.leaderboard.board import Entry, Section, brief
from harness.leaderboard.figures import SYMBOLS, Figure, error_bars, interval_text, label, named
from harness.results.fields import differing, field_of

if TYPE_CHECKING:
    from harness.comparison.effort import UtilityCurve

#: the task's argument that bounds what the person answers
BUDGET = "task_args.human_budget"
#: by the sealed attempts behind a row, so that a live site reads again only what has changed
_CURVES: dict[str, UtilityCurve] = {}


def utility(section: Section) -> Figure | None:
    """U(lambda) with its intervals, one line a row; None where no row has an effort."""
    found = [(entry, _curve(entry)) for entry in section.entries if _shown(entry)]
    if not any(curve.effort for _, curve in found):
        return None
    traces = [_over_prices(named(entry), n, curve) for n, (entry, curve) in enumerate(found)]
    rows: list[list[str | float | None]] = [
        [named(entry), float(price), float(mean), interval_text((float(low), float(high)))]
        for entry, curve in found
        for price, mean, (low, high) in zip(curve.prices, curve.means, curve.intervals, strict=True)
    ]
    plot = {
        "data": traces,
        "layout": {
            "height": 420,
            "xaxis": {"title": {"text": "lambda, the price of a unit of effort"}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": f"{label(section.metric)} - lambda * effort"}},
        },
    }
    return Figure(
        "Net utility over the price of the person's effort",
        "Up is better. Where two lines cross, the person's effort is worth as much as it costs. Effort is a "
        "weighted sum (the key has the weights), so the price has no unit of its own.",
        plot,
        ("row", "lambda", "utility", "95 % interval"),
        rows,
    )


def over_budgets(sections: Sequence[Section]) -> list[Figure]:
    """Success against effort, a line a row over the budgets of the person, none of a row with one budget. The
    items are the same, as the budget is no part of them. What differs in more than the budget, such as the
    person, has a figure of its own that says in what."""
    alike: dict[str, list[Section]] = {}
    for section in sections:
        alike.setdefault(digest(_without_budget(section.comparability)), []).append(section)
    groups = [(group, lines) for group in alike.values() if (lines := _lines(group))]
    keys = [_without_budget(key) for key in shown_keys(section.entries[0].arm for (section, *_), _ in groups)]
    apart = sorted({field for key in keys for field in differing(keys[0], key)})
    apart = [field for field in apart if "digest" not in field] or apart
    made = []
    for (group, lines), key in zip(groups, keys, strict=True):
        under = (f"{field.removeprefix('task_args.')}={brief(field_of(key, field))}" for field in apart)
        made.append(_over_budgets(group[0].metric, ", ".join(under), lines))
    return sorted(made, key=lambda figure: figure.title)


def _lines(sections: Iterable[Section]) -> list[list[tuple[float, Entry, UtilityCurve]]]:
    """The rows of sections that differ in the budget alone, each over its budgets, by name."""
    placed: dict[str, list[tuple[float, Entry, UtilityCurve]]] = {}
    for section in sections:
        asked = field_of(section.comparability, BUDGET)
        most = float("inf") if asked is None else float(asked)
        for entry in section.entries:
            if _shown(entry):
                placed.setdefault(entry.arm.subject_key, []).append((most, entry, _curve(entry)))
    found = [sorted(line, key=lambda point: point[0]) for line in placed.values() if len(line) > 1]
    return sorted(found, key=lambda line: named(line[0][1]))


def _over_budgets(
    metric: str, under: str, lines: Iterable[Sequence[tuple[float, Entry, UtilityCurve]]]
) -> Figure:
    traces, rows = [], list[list[str | float | None]]()
    for n, line in enumerate(lines):
        values = [curve.success for _, _, curve in line]
        budgets = ["no limit" if most == float("inf") else f"{most:g}" for most, _, _ in line]
        name = named(line[0][1])
        efforts, intervals = [curve.effort for _, _, curve in line], [entry.ci for _, entry, _ in line]
        texts = [f"{label(name)}, at most {most}: {v:.3f}" for most, v in zip(budgets, values, strict=True)]
        traces.append(_trace(name, n, efforts, values, intervals, texts, size=8))
        rows += [
            [name, most, curve.effort, curve.success, interval_text(entry.ci)]
            for most, (_, entry, curve) in zip(budgets, line, strict=True)
        ]
    plot = {
        "data": traces,
        "layout": {
            "height": 420,
            "xaxis": {"title": {"text": "the person's effort per attempt"}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": label(metric)}},
        },
    }
    return Figure(
        f"{metric} against the person's effort" + (f": {under}" if under else ""),
        "Up and left is better. A line joins the rows that differ in nothing but in how many requests the "
        "person answers at most.",
        plot,
        ("row", "requests answered at most", "effort", metric, "95 % interval"),
        rows,
    )


def _shown(entry: Entry) -> bool:
    from harness.comparison.effort import has_effort

    return entry.value is not None and not entry.stopped and has_effort(entry.arm)


def _curve(entry: Entry) -> UtilityCurve:
    from harness.comparison.effort import utility_curve

    key = digest([run["samples_digest"] for run in entry.arm.runs])
    if key not in _CURVES:
        _CURVES[key] = utility_curve(entry.arm)
    return _CURVES[key]


def _over_prices(name: str, n: int, curve: UtilityCurve) -> dict[str, Any]:
    prices, values = [float(price) for price in curve.prices], [float(mean) for mean in curve.means]
    ends = [(float(low), float(high)) for low, high in curve.intervals]
    texts = [
        f"{label(name)} at {price:g}: {value:.3f} {interval_text(end)}"
        for price, value, end in zip(prices, values, ends, strict=True)
    ]
    return _trace(name, n, prices, values, ends, texts, size=7)


def _trace(
    name: str,
    n: int,
    x: Sequence[float],
    y: Sequence[float],
    intervals: Sequence[Sequence[float] | None],
    texts: Sequence[str],
    size: int,
) -> dict[str, Any]:
    """The n-th line of a figure, in a colour and with a symbol of its own; `size` is that of the symbols."""
    colour = f"@series{n % 8}"
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": label(name),
        "x": x,
        "y": y,
        "error_y": error_bars(y, intervals, colour),
        "line": {"color": colour, "width": 1.8},
        "marker": {"size": size, "color": colour, "symbol": SYMBOLS[n % len(SYMBOLS)]},
        "text": texts,
        "hoverinfo": "text",
    }


def _without_budget(comparability: Mapping[str, Any]) -> dict[str, Any]:
    family, _, name = BUDGET.partition(".")
    own = {key: value for key, value in comparability[family].items() if key != name}
    return {**comparability, family: own}

"""Pages from templates. Everything is escaped by the template engine; nothing is marked safe by hand
but JSON made by `script_json`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.digest import digest
from harness.base.terminal import printable_lines
from harness.leaderboard.attempts import script_json
from harness.leaderboard.board import Board, Entry, number_first
from harness.leaderboard.classes import classes
from harness.leaderboard.figures import cost_figures, forest, scaling
from harness.leaderboard.grids import shown
from harness.leaderboard.learning import curves
from harness.leaderboard.records import Record, place
from harness.leaderboard.surfaces import method_surfaces, task_surfaces
from harness.leaderboard.sweeps import method_sweeps, task_sweeps
from harness.leaderboard.teams import over_budgets, utility
from harness.results.ceiling import ceiling, ceilings
from harness.results.measures import measures_text
from harness.results.planned import planned_text
from harness.results.ranges import MetricRange, metric_range
from harness.results.reasons import reasons_text
from harness.results.served import served_lines
from harness.results.simulated import simulation

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent


def overview(board: Board) -> str:
    """Every model's task x method matrix, then every row."""
    return _page("overview.html", "", board=board, matrices=_matrices(board))


def task(board: Board, name: str) -> str:
    """The sections of one task, each with its figures."""
    sections = board.of_task(name)
    drawn = [
        {
            "section": each,
            "forests": {method: forest(each, method) for method in each.comparisons},
            "costs": cost_figures(each),
            "sweeps": [
                *(scaling(sweep, each.metric) for sweep in method_sweeps(each)),
                *method_surfaces(each),
            ],
            "learning": curves(each),
            "utility": utility(each),
        }
        for each in sections
    ]
    across = [
        *(scaling(sweep, sections[0].metric) for sweep in task_sweeps(sections)),
        *task_surfaces(sections),
        *over_budgets(sections),
    ]
    return _page("task.html", "../", board=board, task=name, shown=drawn, across=across)


def method(board: Board, name: str) -> str:
    """Everything that one method did."""
    rows = [
        (section, entry)
        for section in board.sections
        for entry in section.entries
        if entry.arm.method == name
    ]
    compared = [
        (section, c)
        for section in board.sections
        for found in section.comparisons.values()
        for c in found
        if c["candidate"]["method"] == name
    ]
    arguments = sorted({json.dumps(entry.arm.subject["method_args"], sort_keys=True) for _, entry in rows})
    access = sorted({word for _, entry in rows for word in entry.arm.subject.get("data_access", ())})
    return _page(
        "method.html",
        "../",
        board=board,
        method=name,
        rows=rows,
        compared=compared,
        arguments=arguments,
        access=access,
    )


def grids(board: Board) -> str:
    """What the method makes of the differences, and what the model."""
    return _page("grids.html", "../", shown=shown(board.sections))


def runs(records: Sequence[Record], faults: Mapping[str, str]) -> str:
    """Every run in force, in one table."""
    return _page("runs.html", "../", records=records, faults=faults)


def run(record: Record, root: Path) -> str:
    """One run: what was measured, what it cost, where it comes from, and its attempts."""
    return _page(
        "run.html",
        "../",
        record=record,
        where=place(record, root),
        classes=classes(record),
        reasons=reasons_text(record),
        measures=measures_text(record),
        planned=planned_text(record),
        served=served_lines(record),
    )


def file_name(name: str) -> str:
    """A name as part of a path on any file system; names that would collide get part of their hash."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:80]
    return safe if safe == name and safe[:1] not in ".-" else f"x{safe}-{digest(name)[:8]}"


def run_name(record: Mapping[str, Any]) -> str:
    """The page of a run: the beginning of its id, and the number of a later attempt."""
    name = str(record["run_id"])[:12] + (f"-{record['attempt']}" if record["attempt"] > 1 else "")
    return file_name(name)


def _matrices(board: Board) -> list[dict[str, Any]]:
    """One matrix a model, simulated ones last."""
    return sorted(
        (_matrix(board, model) for model in board.models),
        key=lambda matrix: (matrix["simulated"], matrix["model"]),
    )


def _matrix(board: Board, model: str) -> dict[str, Any]:
    """The sections in which a model has rows, by method; variants of a method in their own order."""
    rows = []
    methods: dict[str, None] = {}
    for section in board.sections:
        cells: dict[str, list[Entry]] = {}
        for entry in section.entries:
            if entry.arm.model == model:
                cells.setdefault(entry.arm.method, []).append(entry)
        if cells:
            for entries in cells.values():
                entries.sort(key=lambda e: [number_first(value) for _, value in e.varying_fields])
            rows.append((section, cells))
            methods |= dict.fromkeys(cells)
    return {
        "model": model,
        "rows": rows,
        "methods": sorted(methods, key=lambda m: (m != "direct", m)),
        "simulated": model.startswith("echo/"),
    }


def _page(template: str, up: str, **values: Any) -> str:
    return _environment().get_template(template).render(up=up, **values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: printable_lines(value) if type(value) is str else value,  # not markup
        auto_reload=False,
    )
    environment.filters |= {
        "value": lambda v: "–" if v is None else f"{v:.3f}",
        "signed": lambda v: "–" if v is None else f"{v:+.3f}",
        "amount": amount,
        "whole": lambda v: "?" if v is None else f"{v:,}",
        "range": lambda ci: f"[{ci[0]:.3f}, {ci[1]:.3f}]" if ci else "",
        "rank": rank,
        "probability": lambda p: "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}",
        "pretty": lambda v: json.dumps(v, indent=1, ensure_ascii=False, sort_keys=True),
        "script_json": lambda v: Markup(script_json(v)),
        "file": file_name,
        "run_file": run_name,
        "place": place_in,
        "metric_range": metric_range,
        "simulation": simulation,
        "ceiling": ceiling,
        "ceilings": ceilings,
    }
    environment.tests["number"] = lambda v: isinstance(v, int | float)
    return environment


def place_in(span: MetricRange, value: float) -> str:
    """Where a value lies between the lowest and the highest one, in percent."""
    return f"{100 * min(max((value - span.low) / span.width, 0.0), 1.0):.2f}%"


def amount(value: float | None, estimated: bool = False) -> str:
    """A cost or a count per attempt, to three digits, with `~` where it is an estimate."""
    if value is None:
        return "?"
    if value == 0:
        return "0"
    return "~" * estimated + (f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}")


def rank(interval: tuple[int, int] | None) -> str:
    """`1`, or `2–4` where the data allow several places."""
    if interval is None:
        return "–"
    low, high = interval
    return str(low) if low == high else f"{low}–{high}"

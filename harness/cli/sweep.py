"""`harness sweep`: a score over one number, with the scaling forms that fit it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import UsageError, nearest
from harness.base.values import Written
from harness.cli.eval import command as evaluate
from harness.cli.eval import request_from, run_cells, show_runs
from harness.cli.options import Command, as_typed, configuration, metric_option, plot_option

if TYPE_CHECKING:
    from harness.comparison.sweep import Curve
    from harness.run.plan import Cell, Request

EXAMPLE = """
\b
Examples:
  harness sweep --task banking77 --method naive-semi-icl --set k=64,100,500,1000,2000 --seeds 5
  harness sweep --task banking77 --method testnuc --set pool_size=500,1000,2500,5000 --plot n.svg
  harness sweep --task 'countdown' --method self-consistency --set samples=1,2,4,8,16,32 --json
"""


def sweep(**given: Any) -> None:
    """Run a grid over one argument and fit how the score moves with it.

    Every run is an ordinary one: it is stored, resumed and compared like any other, and the leaderboard
    finds the curve by the runs' own arguments. The forms (constant; logarithmic up to a peak; power with
    decline) are compared by AIC; a gap of 4 or less, fewer than 6 values or fewer than 3 seeds is
    inconclusive.
    """
    setting, figure, metric = given.pop("setting"), given.pop("plot"), given.pop("metric")
    as_json, dry_run = given.pop("as_json"), given.pop("dry_run")
    if figure:
        from harness.plots import check_plot

        check_plot(figure)
    settings = configuration()
    given["store"] = as_typed("store")
    request, store = request_from(given, settings)
    parameter, cells = cells_of(request, setting)
    if dry_run:
        from harness.cli.dry_run import show_plan

        sys.exit(show_plan(cells, store, as_json))
    grid = run_cells(cells, store, settings)
    made = _curves(grid, parameter, metric, store)
    if as_json:
        from harness.comparison.sweep import plain

        show_runs(grid, len(cells), True, {"sweeps": [plain(curve) for curve in made]})
    else:
        show_runs(grid, len(cells), False)
        for curve in made:
            print_curve(curve)
    if not made and grid.exit_code == 0:
        print("no curve: fewer than two values were measured", file=sys.stderr)
    if made and figure:
        from harness.plots import plot_sweep

        plot_sweep(made, Path(figure))
        print(f"plot: {figure}", file=sys.stderr)
    sys.exit(grid.exit_code)


def cells_of(request: Request, setting: str) -> tuple[str, list[Cell]]:
    """The swept parameter and the cells of every value, smallest first.

    Raises:
        UsageError: the setting isn't NAME=V1,V2,..., a value is no number, or nothing in the grid has
            such a parameter.
    """
    from harness.registry import registry
    from harness.run.plan import plan

    name, sign, listed = setting.partition("=")
    values = list(dict.fromkeys(value.strip() for value in listed.split(",") if value.strip()))
    if not sign or not name or len(values) < 2:
        raise UsageError(f"--set takes NAME=V1,V2,... with two values or more, not {setting!r}")
    try:
        values.sort(key=float)
    except ValueError:
        raise UsageError(f"--set {setting}: a swept value is a number") from None
    known, short = registry(), name.rpartition(".")[2]
    owner = name.rpartition(".")[0]
    of_methods = {m: known.method(m).params for m in known.match("method", request.method)}
    of_tasks = {t: known.task(t).params for t in known.match("task", request.task)}
    if owner in of_methods or (not owner and any(short in params for params in of_methods.values())):
        field, holders = "method_args", of_methods
    elif owner in of_tasks or (not owner and any(short in params for params in of_tasks.values())):
        field, holders = "task_args", of_tasks
    else:
        every = {p for params in (*of_methods.values(), *of_tasks.values()) for p in params}
        raise UsageError(f"--set {name}: no method or task of this grid has it; {nearest(short, every)}")
    without = [each for each, params in holders.items() if short not in params]
    if without and not owner:
        raise UsageError(
            f"--set {name}: {without[0]!r} has no such parameter; sweep it alone, and "
            "measure the others with 'harness eval'"
        )
    cells = []
    for value in values:
        given: Mapping[str, Any] = {**getattr(request, field), name: Written(value)}
        changed: dict[str, Any] = {field: given}
        cells += plan(replace(request, **changed))
    return short, cells


def _curves(grid: Any, parameter: str, metric: str | None, store: str) -> list[Curve]:
    from harness.comparison.sweep import curves
    from harness.results.index import read_index

    wanted = {result.record["run_id"] for result in grid.results if result.record}
    rows = [row for row in read_index(Path(store)).rows if row["run_id"] in wanted]
    if metric and rows and not any(metric in row["metrics"] for row in rows):
        raise UsageError(f"no metric {metric!r}; there are: {', '.join(rows[0]['metrics'])}")
    newest = {row["run_id"]: row for row in sorted(rows, key=lambda row: row["attempt"])}
    return curves(newest.values(), parameter, metric)


def print_curve(curve: Curve) -> None:
    """The points, then the forms with their parameters, best AIC first, then the verdict."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from harness.comparison.sweep import fits

    made, (form, reason) = fits(curve)
    console = Console(width=None if Console().is_terminal else 160)
    points = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, title=f"{curve.title}: {curve.metric}", title_justify="left"
    )
    for column in (curve.parameter, "seeds", "mean [95 % interval]", "calls an item", "tokens in"):
        points.add_column(column, justify="right")
    for value, arm, mean, ends in zip(curve.values, curve.arms, curve.means, curve.intervals, strict=True):
        cells = [
            f"{value:g}",
            str(len(arm.runs)),
            f"{mean:.4f} [{ends[0]:.4f}, {ends[1]:.4f}]",
            _number(arm.usage("calls")),
            _number(arm.usage("input_tokens")),
        ]
        points.add_row(*map(Text, cells))
    console.print(points)
    forms = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("form", "AIC", "parameters [95 % bootstrap interval]"):
        forms.add_column(column)
    for fit in made:
        shown = [
            f"{name} = {value:.4g}" + _interval(fit.intervals.get(name))
            for name, value in fit.parameters.items()
        ]
        forms.add_row(*map(Text, (fit.form, f"{fit.aic:.1f}", ", ".join(shown))))
    console.print(forms)
    console.print(Text(f"verdict: {form} ({reason})"))


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.4g}"


def _interval(ends: Sequence[float] | None) -> str:
    return f" [{ends[0]:.4g}, {ends[1]:.4g}]" if ends else ""


command = Command(
    "sweep",
    callback=sweep,
    help=sweep.__doc__,
    epilog=EXAMPLE,
    params=[
        click.Option(
            ["--set", "setting"],
            required=True,
            metavar="NAME=V1,V2,...",
            help="The method's or task's argument and its values.",
        ),
        *evaluate.params,
    ],
)
for _add in (metric_option, plot_option):
    _add(command)

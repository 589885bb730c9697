"""`harness sweep`: how a score moves with one number, or two."""

from __future__ import annotations

import sys
from typing import Any

import click

from harness.api.settings import configuration
from harness.base.errors import UsageError
from harness.base.terminal import tell
from harness.base.values import Written
from harness.cli.eval import command as evaluate
from harness.cli.eval import request_from, show_runs
from harness.cli.options import Command, as_typed, metric_option, plot_option
from harness.comparison.axes import AXES

EXAMPLE = """
\b
Examples:
  harness sweep --task banking77 --method naive-semi-icl --set k=64,100,500,1000,2000 --seeds 5
  harness sweep --task banking77 --method testnuc --set pool_size=500,1000,2500,5000 --plot n.svg
  harness sweep --task countdown --method self-consistency --set samples=1,2,4,8,16,32 --margin 0.05 --json
  harness sweep --task countdown --method self-consistency --set samples=1,2,4 --set level=1,2,3 --plot s.svg
"""


def sweep(**given: Any) -> None:
    """Run a grid over one argument, or two, and say how the score moves with it.

    The verdict over one: it peaks, dips, rises, falls, is flat within --margin, or nothing of it is shown.
    The verdict over two (a second --set; every pair of values is run): whether the score improves with both,
    by rules fixed beforehand, and how a budget is split best. Every run is an ordinary one: it is stored,
    resumed and compared like any other, and the leaderboard finds the curve or surface by the runs' own
    arguments. Where the method draws something per run, every value has seeds of its own. Forms (over one:
    constant; logarithmic up to a peak; power with decline; over two: linear, logarithmic, saturating)
    describe the points, by AIC.
    """
    settings, plot, metric = given.pop("settings"), given.pop("plot"), given.pop("metric")
    margin, same_seeds = given.pop("margin"), given.pop("same_seeds")
    axes, iso_budget = given.pop("axes"), given.pop("iso_budget")
    as_json, dry_run = given.pop("as_json"), given.pop("dry_run")
    from harness.api.evaluation import run_cells
    from harness.api.sweep_cells import cells_of
    from harness.api.sweeps import check_asked, check_surface, swept_of
    from harness.display.layout import print_blocks
    from harness.results.environment import command_line

    if plot:
        from harness.plots import check_plot

        check_plot(plot)
    given["store"] = as_typed("store")
    request, store = request_from(given, configuration())
    parameters, cells = cells_of(request, [_setting(setting) for setting in settings], same_seeds)
    check_asked(margin, metric, cells)
    check_surface(len(parameters), axes, iso_budget)
    if dry_run:
        from harness.cli.dry_run import show_plan

        sys.exit(show_plan(cells, store, as_json))
    runs = run_cells(cells, store, command=command_line())
    found = swept_of(runs, parameters, metric, margin, axes, iso_budget)
    show_runs(runs, as_json, found.to_json() if as_json else None)
    if found and not as_json:
        print_blocks(found.blocks())
    if not found and runs.exit_code == 0:
        what, of = ("curve", "") if len(parameters) == 1 else ("surface", " of either argument")
        tell(f"no {what}: fewer than two values{of} were measured")
    if found and plot:
        found.plot(plot)
        tell(f"plot: {plot}")
    sys.exit(runs.exit_code)


def _setting(text: str) -> tuple[str, list[Written]]:
    """Name and values of `NAME=V1,V2,...`.

    Raises:
        UsageError: it isn't of this form.
    """
    name, sign, listed = text.partition("=")
    values = list(dict.fromkeys(value.strip() for value in listed.split(",") if value.strip()))
    if not sign or not name or len(values) < 2:
        raise UsageError(f"--set takes NAME=V1,V2,... with two values or more, not {text!r}")
    return name, list(map(Written, values))


command = Command(
    "sweep",
    callback=sweep,
    help=sweep.__doc__,
    epilog=EXAMPLE,
    params=[
        click.Option(
            ["--set", "settings"],
            required=True,
            multiple=True,
            metavar="NAME=V1,V2,...",
            help="The method's or task's argument and its values; a second --set makes a grid of both.",
        ),
        click.Option(
            ["--margin"],
            type=float,
            metavar="D",
            help="Differences up to which the score is flat, or an argument counts for nothing, in the unit "
            "of the metric.",
        ),
        click.Option(
            ["--axes"],
            type=click.Choice(AXES),
            help="Of two arguments: where a cell lies, at the tokens that its runs recorded of reasoning and "
            "searches, or at what was set.  [default: realised, where recorded]",
        ),
        click.Option(
            ["--iso-budget"],
            type=float,
            metavar="N",
            help="Of two arguments: the budget whose best split is shown, in tokens or the unit of both. "
            "[default: the middle one of the cells, in tokens]",
        ),
        click.Option(
            ["--same-seeds"],
            is_flag=True,
            help="Seeds 0 to N-1 at every value, also of a method that draws per run.",
        ),
        *evaluate.params,
    ],
)
for _add in (metric_option, plot_option):
    _add(command)

"""`harness compare`: is a method better than another on the same items, beyond noise?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.base.errors import UsageError
from harness.base.terminal import say_json, tell
from harness.cli.options import (
    Command,
    arguments,
    json_option,
    metric_option,
    only_method_args_option,
    only_methods_option,
    only_models_option,
    only_task_args_option,
    only_tasks_option,
    out_option,
    plot_option,
    store_option,
    write_out,
)
from harness.plots import KINDS

EXAMPLE = """
\b
Examples:
  harness compare --baseline direct
  harness compare --task banking77 --baseline direct --flips 5
  harness compare 3f9a12 77b0c4                   two runs; the first is the baseline
  harness compare results/main results/branch     the same subjects in two stores; the first is the
                                                  baseline
  harness compare --baseline direct --format latex --out table.tex
  harness compare --baseline direct --plot cost.pdf                (score against cost)
  harness compare --baseline curriculum-uniform --plot curves.svg  (learning curves)
  harness compare --baseline direct@openai/gpt-4o-mini --json
  harness compare --grid method,model             (the scaffold's share of the differences, and the model's)
"""
FORMATS = ("markdown", "latex", "csv")


@click.command("compare", cls=Command, epilog=EXAMPLE)
@click.argument("what", nargs=-1, metavar="[RUN ... | STORE ...]")
@click.option(
    "--baseline", metavar="NAME", help="A method, a model, method@model, a run id or one of the stores."
)
@only_tasks_option
@only_methods_option
@only_models_option
@only_task_args_option
@only_method_args_option
@metric_option
@click.option(
    "--correction",
    type=click.Choice(["holm", "bh"]),
    default="holm",
    show_default=True,
    help="Of p over the table: Holm (no false claim) or Benjamini-Hochberg (few false ones "
    "among the claims; for reports of many rows).",
)
@click.option(
    "--flips",
    type=click.IntRange(min=1),
    metavar="N",
    help="Also show N items that changed, with both transcripts.",
)
@click.option(
    "--format", "form", type=click.Choice(FORMATS), metavar="FORMAT", help="markdown, latex or csv instead."
)
@out_option
@plot_option
@click.option(
    "--plot-kind",
    type=click.Choice(KINDS),
    metavar="KIND",
    help="cost, difference, curves or utility. [default: curves where methods train, else cost]",
)
@click.option(
    "--these-runs",
    "wanted",
    flag_value="these-runs",
    help="Claim about new items alone: what other seeds would give is left out.",
)
@click.option(
    "--fixed-items",
    "wanted",
    flag_value="fixed-items",
    help="Claim about new seeds on these very items.",
)
@click.option(
    "--common-items", is_flag=True, help="Compare the items that both sides have where a side lacks some."
)
@click.option(
    "--grid",
    "factors",
    metavar="FACTORS",
    help="method,model[,task]: how much of the differences each makes, in place of a baseline.",
)
@click.option("--allow-mixed", is_flag=True, help="One table for each comparability key.")
@store_option
@json_option
def command(
    what: tuple[str, ...],
    baseline: str | None,
    task: str | None,
    method: str | None,
    model: str | None,
    task_args: tuple[str, ...],
    method_args: tuple[str, ...],
    metric: str | None,
    correction: str,
    flips: int | None,
    form: str | None,
    out: str | None,
    plot: str | None,
    plot_kind: str | None,
    wanted: str | None,
    common_items: bool,
    factors: str | None,
    allow_mixed: bool,
    store: str,
    as_json: bool,
) -> None:
    """Compare runs or methods with a baseline on the same items.

    Items are paired by content hash. The interval is of the paired difference; p is adjusted by Holm
    over the table. A line below the table says what each difference holds for: new items, and new seeds
    where a method draws something per run (demonstrations, a pool, a training). Rows that are not
    comparable are refused, with the fields that differ. Options that choose runs choose candidates: they
    never take the baseline away.
    """
    from harness.api.comparisons import compare
    from harness.display.comparisons import flip_blocks
    from harness.display.layout import print_blocks

    chosen: dict[str, Any] = {
        "task": task or "",
        "method": method or "",
        "model": model or "",
        "task_args": arguments(task_args, "-T"),
        "method_args": arguments(method_args, "-M"),
        "metric": metric,
        "store": store,
    }
    if factors is not None:
        others = (baseline, flips, form, out, plot, plot_kind, wanted, common_items, allow_mixed)
        if any(others):
            raise UsageError("--grid has no baseline and one form; leave out what is for a comparison")
        return _grid(what, factors, chosen, as_json)
    if out and not form:
        raise UsageError("--out FILE is for what --format makes; the store of the runs is --store DIR")
    if form and as_json:
        raise UsageError("--format and --json are two forms of the same table; take one")
    if plot_kind and not plot:
        raise UsageError("--plot-kind says what --plot FILE draws; give a file")
    if plot:
        from harness.plots import check_plot

        check_plot(plot)
    made = compare(
        *what,
        baseline=baseline,
        correction=correction,
        allow_mixed=allow_mixed,
        wanted=wanted or "",  # type: ignore[arg-type]
        common_items=common_items,
        **chosen,
    )
    for fault in made.left_out:
        tell(f"left out: {fault}")
    for line in made.notices:
        tell(line)
    if plot:
        from harness.plots import plot_comparisons

        drawn = plot_comparisons(made, made.arms, Path(plot), plot_kind)  # type: ignore[arg-type]
        tell(f"plot ({drawn}): {plot}")
    if form:
        from harness.comparison.export import WRITERS

        write_out(WRITERS[form](made), out)
    elif as_json:
        say_json(made.to_json())
    else:
        print_blocks(made.blocks())
        for comparison in made if flips else ():
            print_blocks(flip_blocks(comparison, made.arms, flips or 0))


def _grid(what: tuple[str, ...], factors: str, chosen: dict[str, Any], as_json: bool) -> None:
    """`--grid`: methods and models taken apart."""
    from harness.api.grids import grid
    from harness.display.layout import print_blocks

    made = grid(*what, factors=factors, **chosen)
    for line in [*(f"left out: {fault}" for fault in made.faults), *made.notices]:
        tell(line)
    if as_json:
        say_json(made.to_json())
    else:
        print_blocks(made.blocks())

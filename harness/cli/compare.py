"""`harness compare`: is a method better than another on the same items, beyond noise?"""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.cli.options import json_option, pairs, store_option

EXAMPLE = """
\b
Examples:
  harness compare --baseline direct
  harness compare --task banking77 --baseline direct --flips 5
  harness compare 3f9a12 77b0c4                   two runs; the first is the baseline
  harness compare results/main results/branch     the same subjects in two stores; the first is the
                                                  baseline
  harness compare --baseline curriculum-uniform --plot curves.svg
  harness compare --baseline direct@openai/gpt-4o-mini --json
"""


@click.command("compare", epilog=EXAMPLE)
@click.argument("what", nargs=-1, metavar="[RUN ... | STORE ...]")
@click.option("--baseline", metavar="NAME", help="A method, a model, method@model or a run id.")
@click.option("--task", default="", metavar="NAMES", help="Comma list of tasks and globs.")
@click.option("--method", default="", metavar="NAMES", help="Comma list of methods and globs.")
@click.option("--model", default="", metavar="NAMES", help="Comma list of models and globs.")
@click.option("-T", "task_args", multiple=True, metavar="KEY=VALUE", help="Only runs with this argument.")
@click.option("-M", "method_args", multiple=True, metavar="KEY=VALUE", help="Only runs with this argument.")
@click.option("--metric", metavar="NAME", help="Another metric than the task's primary one.")
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
    "--plot",
    metavar="FILE",
    help="Draw the learning curves of methods that train (.svg, .png, .pdf); needs the extra plot.",
)
@click.option("--allow-mixed", is_flag=True, help="One table for each comparability key.")
@store_option
@json_option
def command(
    what: tuple[str, ...],
    baseline: str | None,
    task: str,
    method: str,
    model: str,
    task_args: tuple[str, ...],
    method_args: tuple[str, ...],
    metric: str | None,
    correction: str,
    flips: int | None,
    plot: str | None,
    allow_mixed: bool,
    store: str,
    as_json: bool,
) -> None:
    """Compare runs or methods with a baseline on the same items.

    Items are paired by content hash. The interval is of the paired difference; p is adjusted by Holm
    over the table. If a method trains, seeds are the unit of the interval, p and verdict. Rows that
    are not comparable are refused, with the fields that differ.
    """
    from harness.api.comparisons import compare
    from harness.display.comparisons import flip_blocks
    from harness.display.layout import print_blocks

    made = compare(
        *what,
        baseline=baseline,
        task=task,
        method=method,
        model=model,
        task_args=pairs(task_args, "-T"),
        method_args=pairs(method_args, "-M"),
        metric=metric,
        correction=correction,
        allow_mixed=allow_mixed,
        store=store,
    )
    for fault in made.left_out:
        click.echo(f"left out: {fault}", err=True)
    if plot:
        from harness.cli.figure import check, draw_learning

        check(plot)
        draw_learning(made.arms, Path(plot))
        click.echo(f"figure: {plot}", err=True)
    if as_json:
        print(json.dumps(made.to_json(), ensure_ascii=False))
        return
    print_blocks(made.blocks())
    if flips:
        for comparison in made:
            print_blocks(flip_blocks(comparison, made.arms, flips))

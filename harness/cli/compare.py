"""`harness compare`: is a method better than another on the same items, beyond noise?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import UsageError
from harness.cli.options import json_option, pairs, store_option

if TYPE_CHECKING:
    from harness.comparison.arms import Arm
    from harness.comparison.paired import Comparison

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
    figure: str | None,
    allow_mixed: bool,
    store: str,
    as_json: bool,
) -> None:
    """Compare runs or methods with a baseline on the same items.

    Items are paired by content hash. The interval is of the paired difference; p is adjusted by Holm
    over the table. If a method trains, seeds are the unit of the interval, p and verdict. Rows that
    are not comparable are refused, with the fields that differ.
    """
    from harness.comparison.paired import adjust
    from harness.comparison.select import Selection, by_key, check_baseline, mixed

    selection = Selection(task, method, model, pairs(task_args, "-T"), pairs(method_args, "-M"))
    arms, baseline, faults = _arms(what, Path(store), selection, baseline)
    for fault in faults:
        click.echo(f"left out: {fault}", err=True)
    if not arms:
        raise UsageError(f"no runs to compare in {', '.join(what) or store}; 'harness eval' makes some")
    if baseline is None:
        raise UsageError("compare with what? --baseline METHOD, MODEL, METHOD@MODEL or a run id")
    check_baseline(arms, baseline)
    apart = mixed(arms)
    if apart and not allow_mixed:
        raise UsageError(apart[0].sentence())
    tables = [_compared(table, baseline, metric) for table in by_key(arms).values()]
    made = adjust([comparison for table in tables for comparison in table], correction)
    if not made:
        raise UsageError(f"nothing to compare with {baseline!r}: it is the only subject on its items")
    if figure:
        from harness.cli.figure import check, draw_learning

        check(figure)
        draw_learning(arms, Path(figure))
        click.echo(f"figure: {figure}", err=True)
    if as_json:
        from harness.comparison.suites import suites
        from harness.comparison.to_json import plain, plain_suite

        pooled = [plain_suite(same) for same in suites(made)]
        print(
            json.dumps(
                {
                    "schema": 1,
                    "correction": correction,
                    "comparisons": [plain(c) for c in made],
                    "suites": pooled,
                    "left_out": faults,
                },
                ensure_ascii=False,
            )
        )
        return
    from harness.cli.comparisons import print_comparisons, print_flips

    print_comparisons(made, arms, bool(apart), correction)
    if flips:
        for comparison in made:
            print_flips(comparison, arms, flips)


def _arms(
    what: Sequence[str], store: Path, selection: Any, baseline: str | None
) -> tuple[list[Arm], str | None, list[str]]:
    """The arms that are meant, the baseline among them, and records that can't be trusted."""
    from harness.comparison.arms import arms_of
    from harness.results.index import in_force, read_index

    if len(what) > 1 and all(Path(name).is_dir() for name in what):
        arms, faults = [], []
        for name in what:
            index = read_index(Path(name))
            faults += index.faults
            arms += arms_of(selection.rows(in_force(index.rows)), name)
        return arms, baseline or what[0], faults
    if len(what) == 1 and Path(what[0]).is_dir():
        store, what = Path(what[0]), ()
    index = read_index(store)
    rows: list[Any] = in_force(index.rows)
    if what:
        chosen = []
        for name in what:
            found = [row for row in rows if row["run_id"].startswith(name)]
            if not found:
                raise UsageError(f"{name!r} is neither a folder nor the beginning of a run id in {store}")
            chosen += found
        rows = list({row["run_id"]: row for row in chosen}.values())
        baseline = baseline or what[0]
    return arms_of(selection.rows(rows)), baseline, index.faults


def _compared(arms: Sequence[Arm], baseline: str, metric: str | None) -> list[Comparison]:
    from harness.comparison.items import ItemTables
    from harness.comparison.paired import compare
    from harness.comparison.select import baseline_of

    made, load = [], ItemTables()
    for arm in arms:
        reference = baseline_of(arm, arms, baseline)
        if reference is not None:
            if metric and metric not in arm.runs[0]["metrics"]:
                known = ", ".join(arm.runs[0]["metrics"])
                raise UsageError(f"{arm.task} has no metric {metric!r}; it has: {known}")
            made.append(compare(arm, reference, metric, load=load))
    return made

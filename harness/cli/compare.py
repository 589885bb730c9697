"""`harness compare`: is a method better than another on the same items, beyond noise?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import UsageError
from harness.cli.options import (
    Command,
    json_option,
    metric_option,
    only_method_args_option,
    only_methods_option,
    only_models_option,
    only_task_args_option,
    only_tasks_option,
    out_option,
    pairs,
    plot_option,
    store_option,
    write_out,
)
from harness.plots import KINDS

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
  harness compare --baseline direct --format latex --out table.tex
  harness compare --baseline direct --plot cost.pdf                (score against cost)
  harness compare --baseline curriculum-uniform --plot curves.svg  (learning curves)
  harness compare --baseline direct@openai/gpt-4o-mini --json
"""
FORMATS = ("markdown", "latex", "csv")


@click.command("compare", cls=Command, epilog=EXAMPLE)
@click.argument("what", nargs=-1, metavar="[RUN ... | STORE ...]")
@click.option("--baseline", metavar="NAME", help="A method, a model, method@model or a run id.")
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
    help="cost, difference or curves. [default: curves where methods train, else cost]",
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
    allow_mixed: bool,
    store: str,
    as_json: bool,
) -> None:
    """Compare runs or methods with a baseline on the same items.

    Items are paired by content hash. The interval is of the paired difference; p is adjusted by Holm
    over the table. If a method trains, seeds are the unit of the interval, p and verdict. Rows that
    are not comparable are refused, with the fields that differ. Options that choose runs choose
    candidates: they never take the baseline away.
    """
    from harness.comparison.paired import adjust
    from harness.comparison.select import Selection, by_key, check_baseline, mixed

    if out and not form:
        raise UsageError("--out FILE is for what --format makes; the store of the runs is --store DIR")
    if form and as_json:
        raise UsageError("--format and --json are two forms of the same table; take one")
    if plot_kind and not plot:
        raise UsageError("--plot-kind says what --plot FILE draws; give a file")
    if plot:
        from harness.plots import check_plot

        check_plot(plot)
    selection = Selection(
        task or "", method or "", model or "", pairs(task_args, "-T"), pairs(method_args, "-M")
    )
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
    if plot:
        from harness.plots import plot_comparisons

        drawn = plot_comparisons(made, arms, Path(plot), plot_kind)  # type: ignore[arg-type]
        click.echo(f"plot ({drawn}): {plot}", err=True)
    if form:
        from harness.comparison.export import WRITERS

        write_out(WRITERS[form](made), out)
        return
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
    from harness.comparison.select import newest_versions
    from harness.results.index import in_force, read_index

    if len(what) > 1 and all(Path(name).is_dir() for name in what):
        arms, faults = [], []
        for name in what:
            index = read_index(Path(name))
            faults += index.faults
            found, older = newest_versions(selection.beside(in_force(index.rows), baseline))
            if older:
                click.echo(f"{name}: {older}", err=True)
            arms += arms_of(found, name)
        return arms, baseline or what[0], faults
    if len(what) == 1 and Path(what[0]).is_dir():
        store, what = Path(what[0]), ()
    index = read_index(store)
    rows: Sequence[Any] = in_force(index.rows)
    if what:
        chosen: list[Any] = []
        for name in what:
            begun = [row for row in rows if row["run_id"].startswith(name)]
            if not begun:
                raise UsageError(f"{name!r} is neither a folder nor the beginning of a run id in {store}")
            chosen += begun
        rows = list({row["run_id"]: row for row in chosen}.values())
        baseline = baseline or what[0]
        return arms_of(selection.beside(rows, baseline)), baseline, index.faults
    found, older = newest_versions(selection.beside(rows, baseline))
    if older:
        click.echo(older, err=True)
    return arms_of(found), baseline, index.faults


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

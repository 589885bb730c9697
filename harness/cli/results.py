"""`harness results`: the store."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from harness.base.errors import DECLINED, UsageError, reason_of
from harness.base.files import read_file, write_file
from harness.base.terminal import json_text, say, say_json, tell
from harness.cli.corrections import correct, retract
from harness.cli.diff import diff
from harness.cli.options import (
    Group,
    arguments,
    json_option,
    only_method_args_option,
    only_methods_option,
    only_models_option,
    only_task_args_option,
    only_tasks_option,
    out_option,
    store_option,
    write_out,
)


@click.group("results", cls=Group)
def command() -> None:
    """List, show, verify, correct, retract, compare and export stored results.

    \b
    Example: harness results list --store results
    """


command.add_command(correct)
command.add_command(retract)
command.add_command(diff)


@command.command("list", epilog="\b\nExample:\n  harness results list --task 'arc1*' -M samples=16")
@only_tasks_option
@only_methods_option
@only_models_option
@only_task_args_option
@only_method_args_option
@store_option
@json_option
def list_runs(
    task: str | None,
    method: str | None,
    model: str | None,
    task_args: tuple[str, ...],
    method_args: tuple[str, ...],
    store: str,
    as_json: bool,
) -> None:
    """One line a run. Records that can't be trusted are named and left out; superseded and retracted ones
    are counted."""
    from harness.comparison.select import Selection
    from harness.display.records import print_records
    from harness.results.export import run_object
    from harness.results.index import row
    from harness.results.store import Store, existing

    invalid: list[str] = []
    in_force, superseded, retracted = Store(existing(store)).standing(invalid)
    selection = Selection(
        task or "", method or "", model or "", arguments(task_args, "-T"), arguments(method_args, "-M")
    )
    wanted = {each["run_id"] for each in selection.rows([row(record) for record in in_force])}
    records = [record for record in in_force if record["run_id"] in wanted]
    if as_json:
        say_json(
            {
                "schema": 1,
                "runs": [run_object(r) for r in records],
                "superseded": superseded,
                "retracted": retracted,
                "invalid": invalid,
            }
        )
        return
    if records:
        print_records(records)
    else:
        tell(f"no runs in {store}")
    for fault in invalid:
        tell(f"invalid, left out: {fault}")
    if superseded or retracted:
        say(f"not shown: {superseded} superseded records, {retracted} retracted runs")


@command.command("show", epilog="\b\nExample:\n  harness results show 3f9a12")
@click.argument("run")
@store_option
@json_option
@click.pass_context
def show_run(context: click.Context, run: str, store: str, as_json: bool) -> None:
    """One run, by the beginning of its id."""
    from harness.cli.show import command as show

    context.invoke(show, name=run, store=store, as_json=as_json)


@command.command("verify", epilog="\b\nExample:\n  harness results verify --json")
@store_option
@json_option
def verify(store: str, as_json: bool) -> None:
    """Check every record and its samples: their digests, the range of every field, and the numbers (means,
    intervals, counts, spending) against those of the samples; exit code 1 if any is broken."""
    from harness.results.store import existing
    from harness.results.verify import verify_store

    faults, sound = verify_store(existing(store))
    if as_json:
        say_json({"schema": 1, "sound": sound, "broken": faults})
    else:
        for fault in faults:
            say(fault)
        say(f"{sound} sound, {len(faults)} broken")
    sys.exit(1 if faults else 0)


@command.command("clean", epilog="\b\nExample:\n  harness results clean --dry-run")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@store_option
@json_option
def clean_up(dry_run: bool, store: str, as_json: bool) -> None:
    """Remove what killed processes left in the store and the cache: attempts that were not sealed, unfinished
    artefacts, journals of runs that are sealed, checkpoints that nobody went on with for 30 days.

    Nothing sealed, and nothing that a process uses, is touched. The next `harness eval` does the same.
    """
    from harness.results.store import existing
    from harness.run.litter import clean, litter

    root = existing(store)
    found = list(litter(root)) if dry_run else clean(root)
    if as_json:
        key = "would_remove" if dry_run else "removed"
        rows = [{"path": str(each.path), "what": each.what} for each in found]
        say_json({"schema": 1, key: rows})
        return
    for each in found:
        say(f"{'would remove' if dry_run else 'removed'}: {each.path} ({each.what})")
    if not found:
        say("nothing to remove")


def _frame(store: str, curves: bool = False) -> Any:
    """Every metric of every run, or every step; records that can't be trusted are named on stderr."""
    import warnings

    from harness.results.table import curves_frame, frame

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        table = curves_frame(store) if curves else frame(store)
    for warning in said:
        tell(f"invalid, {warning.message}")
    return table


FORMATS = ("csv", "json", "parquet", "markdown", "latex", "eee")
EXPORT = """
\b
Examples:
  harness results export --out results.csv
  harness results export --format latex --task 'arc1d,countdown' --out table.tex

\b
csv, json, parquet: every metric of every run, one row each
markdown, latex:    a paper's table: methods as rows, tasks as columns, seeds pooled, the best in bold
eee:                Every Eval Ever, one JSON object a run
"""


@command.command("export", epilog=EXPORT)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="csv",
    show_default=True,
    metavar="FORMAT",
    help=f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}.",
)
@out_option
@click.option("--curves", is_flag=True, help="The learning curves, one row a step (CSV, parquet or JSON).")
@only_tasks_option
@only_methods_option
@only_models_option
@only_task_args_option
@only_method_args_option
@store_option
def export(
    form: str,
    out: str | None,
    curves: bool,
    task: str | None,
    method: str | None,
    model: str | None,
    task_args: tuple[str, ...],
    method_args: tuple[str, ...],
    store: str,
) -> None:
    """Write the results as a table of another program, or of a paper."""
    from harness.comparison.select import Selection
    from harness.results.index import in_force, read_index
    from harness.results.store import existing

    if curves and form not in ("csv", "parquet", "json"):
        raise UsageError(f"--curves has no form {form!r}; take --format csv, parquet or json")
    selection = Selection(
        task or "", method or "", model or "", arguments(task_args, "-T"), arguments(method_args, "-M")
    )
    index = read_index(existing(store))
    rows = selection.rows(in_force(index.rows))
    if form in ("markdown", "latex"):
        from harness.comparison.paper import paper, paper_latex, paper_markdown
        from harness.results.verify import sound_attempts

        rows, broken = sound_attempts(rows)
        for fault in (*index.faults, *broken):
            tell(f"invalid, left out: {fault}")
        made = paper(rows)
        if made.older:
            tell(made.older)
        write_out((paper_latex if form == "latex" else paper_markdown)(made), out)
        return
    wanted = {row["run_id"] for row in rows}
    if form == "eee":
        write_out(_every_eval_ever(Path(store), wanted), out)
        return
    table = _frame(store, curves)
    table = table[table["run_id"].isin(wanted)].reset_index(drop=True)
    if form == "parquet":
        if out is None:
            raise UsageError("parquet needs --out FILE")
        table.to_parquet(out)
    elif form == "csv":
        from harness.results.table import as_csv

        write_out(as_csv(table), out)
    else:
        write_out(str(table.to_json(orient="records", indent=1)) + "\n", out)


def _every_eval_ever(store: Path, wanted: set[str]) -> str:
    from harness.results.export import every_eval_ever
    from harness.results.store import Store

    invalid: list[str] = []
    text = "".join(
        json_text(every_eval_ever(record)) + "\n"
        for record in Store(store).records(invalid)
        if record["run_id"] in wanted
    )
    for fault in invalid:
        tell(f"invalid, left out: {fault}")
    return text


@command.command("rebuild", epilog="\b\nExample:\n  harness results rebuild --check")
@click.option(
    "--check", is_flag=True, help="Write nothing; exit code 1 if a file is not what the records make."
)
@store_option
@json_option
def rebuild(check: bool, store: str, as_json: bool) -> None:
    """Write tables/results.csv and tables/results.md again from the records."""
    from harness.results.store import existing
    from harness.results.table import as_csv

    existing(store)
    table = _frame(store)
    tables = Path(store) / "tables"
    different = []
    for name, text in (("results.csv", as_csv(table)), ("results.md", _markdown(table))):
        path = tables / name
        try:
            if _other(path, text):
                different.append(str(path))
                if not check:
                    tables.mkdir(parents=True, exist_ok=True)
                    write_file(path, text.encode())
        except OSError as error:
            raise _in_the_way(tables, path, error) from None
    word = "differs" if check else "written"
    if as_json:
        say_json({"schema": 1, word: different})
    else:
        for path_name in different:
            say(f"{word}: {path_name}")
        if not different:
            say("the tables are what the records make")
    sys.exit(1 if check and different else 0)


def _other(path: Path, text: str) -> bool:
    """Whether a table isn't there as the records make it."""
    if path.parent.exists() and not path.parent.is_dir():
        raise NotADirectoryError
    return not path.exists() or read_file(path) != text.encode()


def _in_the_way(tables: Path, path: Path, error: OSError) -> UsageError:
    """Why a table can't be written, or compared, and where."""
    for place, wanted in ((tables, "folder"), (path, "file")):
        if place.exists() and not (place.is_dir() if wanted == "folder" else place.is_file()):
            return UsageError(f"{place} is no {wanted}, and the tables go there; move it away or remove it")
    reason = error.strerror or reason_of(error)
    return UsageError(f"{path} can't be read or written: {reason}; the records are as they were")


SHOWN = (
    "task",
    "method",
    "model",
    "seed",
    "metric",
    "value",
    "ci_low",
    "ci_high",
    "n_items",
    "epochs",
    "unscored",
    "error",
    "calls",
    "cost_usd",
)


def _columns(table: Any) -> list[str]:
    """What the table shows: of the reasons for which there was no completion those that there are."""
    declined = [name for name in DECLINED if name in table and (table[name] > 0).any()]
    at = SHOWN.index("error") + 1
    return [*SHOWN[:at], *declined, *SHOWN[at:]]


def _cells(table: Any) -> list[list[str]]:
    """The cells of the table in Markdown: an unknown cost is `?`, another value that isn't there is empty."""
    rows, shown = [], _columns(table)
    for values in table[shown].itertuples(index=False):
        cells = [
            "" if v is None or v != v else f"{v:.4f}" if isinstance(v, float) else str(v) for v in values
        ]
        rows.append([cell or "?" * (name == "cost_usd") for name, cell in zip(shown, cells, strict=True)])
    return rows


def _markdown(table: Any) -> str:
    from harness.results.export import markdown

    return markdown(_columns(table), _cells(table))

"""`harness results`: the store."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.base.errors import UsageError
from harness.cli.corrections import correct, retract
from harness.cli.options import json_option, store_option


@click.group("results")
def command() -> None:
    """List, show, verify, correct, retract, export and rebuild results.

    \b
    Example: harness results list --store results
    """


command.add_command(correct)
command.add_command(retract)


@command.command("list", epilog="\b\nExample:\n  harness results list --task arc1d")
@click.option("--task", help="Only this task.")
@click.option("--method", help="Only this method.")
@store_option
@json_option
def list_runs(task: str | None, method: str | None, store: str, as_json: bool) -> None:
    """One line a run. Records that can't be trusted are named and left out; superseded and retracted ones
    are counted."""
    from harness.display.records import print_records
    from harness.results.export import run_object
    from harness.results.store import Store

    invalid: list[str] = []
    in_force, superseded, retracted = Store(Path(store)).standing(invalid)
    records = [
        record
        for record in in_force
        if task in (None, record["task"]["name"]) and method in (None, record["method"]["name"])
    ]
    if as_json:
        print(
            json.dumps(
                {
                    "schema": 1,
                    "runs": [run_object(r) for r in records],
                    "superseded": superseded,
                    "retracted": retracted,
                    "invalid": invalid,
                },
                ensure_ascii=False,
            )
        )
        return
    if records:
        print_records(records)
    else:
        print(f"no runs in {store}", file=sys.stderr)
    for fault in invalid:
        print(f"invalid, left out: {fault}", file=sys.stderr)
    if superseded or retracted:
        print(f"not shown: {superseded} superseded records, {retracted} retracted runs")


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
    """Check every record and its samples against their digests; exit code 1 if any is broken."""
    from harness.results.verify import verify_store

    faults, sound = verify_store(Path(store))
    if as_json:
        print(json.dumps({"schema": 1, "sound": sound, "broken": faults}, ensure_ascii=False))
    else:
        for fault in faults:
            print(fault)
        print(f"{sound} sound, {len(faults)} broken")
    sys.exit(1 if faults else 0)


def _frame(store: str, curves: bool = False) -> Any:
    """Every metric of every run, or every step; records that can't be trusted are named on stderr."""
    import warnings

    from harness.results.table import curves_frame, frame

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        table = curves_frame(store) if curves else frame(store)
    for warning in said:
        print(f"invalid, {warning.message}", file=sys.stderr)
    return table


FORMATS = ("csv", "parquet", "markdown", "latex", "json", "eee")


@command.command("export", epilog="\b\nExample:\n  harness results export --format latex --out table.tex")
@click.option("--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True)
@click.option("--out", "target", metavar="FILE", help="Where to; stdout where it is left out.")
@click.option("--curves", is_flag=True, help="The learning curves, one row a step (CSV, parquet or JSON).")
@store_option
def export(form: str, target: str | None, curves: bool, store: str) -> None:
    """Every metric of every run: CSV, parquet, Markdown, LaTeX, JSON or Every Eval Ever."""
    from harness.results.store import Store

    if curves and form not in ("csv", "parquet", "json"):
        raise UsageError(f"--curves has no form {form!r}; take --format csv, parquet or json")
    if form == "eee":
        from harness.results.export import every_eval_ever

        invalid: list[str] = []
        text = "".join(
            json.dumps(every_eval_ever(record), ensure_ascii=False) + "\n"
            for record in Store(Path(store)).records(invalid)
        )
        for fault in invalid:
            print(f"invalid, left out: {fault}", file=sys.stderr)
    else:
        table = _frame(store, curves)
        if form == "parquet":
            if target is None:
                raise UsageError("parquet needs --out")
            table.to_parquet(target)
            return
        makers: dict[str, Callable[[Any], str]] = {
            "csv": lambda t: str(t.to_csv(index=False)),
            "json": lambda t: str(t.to_json(orient="records", indent=1)) + "\n",
            "markdown": _markdown,
            "latex": _latex,
        }
        text = makers[form](table)
    if target is None:
        sys.stdout.write(text)
    else:
        Path(target).write_text(text, "utf-8")


@command.command("rebuild", epilog="\b\nExample:\n  harness results rebuild --check")
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 if the tables differ.")
@store_option
def rebuild(check: bool, store: str) -> None:
    """Write tables/results.csv and tables/results.md anew from the records."""
    table = _frame(store)
    tables = Path(store) / "tables"
    different = []
    for name, text in (("results.csv", table.to_csv(index=False)), ("results.md", _markdown(table))):
        path = tables / name
        if not path.exists() or path.read_text("utf-8") != text:
            different.append(str(path))
            if not check:
                tables.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
    for path_name in different:
        print(f"{'differs' if check else 'written'}: {path_name}")
    if not different:
        print("tables are what the records make")
    sys.exit(1 if check and different else 0)


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


def _cells(table: Any) -> list[list[str]]:
    rows = []
    for values in table[list(SHOWN)].itertuples(index=False):
        rows.append(
            ["" if v is None or v != v else f"{v:.4f}" if isinstance(v, float) else str(v) for v in values]
        )
    return rows


def _markdown(table: Any) -> str:
    from harness.results.export import markdown

    return markdown(SHOWN, _cells(table))


def _latex(table: Any) -> str:
    from harness.results.export import latex

    return latex(SHOWN, _cells(table), text_columns=5)

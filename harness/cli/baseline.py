"""`harness baseline`: reference runs by name, for `harness check`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from harness.cli.options import (
    Group,
    arguments,
    json_option,
    only_method_args_option,
    only_methods_option,
    only_models_option,
    only_task_args_option,
    only_tasks_option,
    overwrite_option,
    store_option,
)


@click.group("baseline", cls=Group)
def command() -> None:
    """Set, show and list baselines, and test the gate on them.

    \b
    Example: harness baseline set main --store results
    """


@command.command("set", epilog="\b\nExample:\n  harness baseline set main --task arc1d")
@click.argument("name")
@only_tasks_option
@only_methods_option
@only_models_option
@only_task_args_option
@only_method_args_option
@overwrite_option()
@store_option
@json_option
def set_command(
    name: str,
    task: str | None,
    method: str | None,
    model: str | None,
    task_args: tuple[str, ...],
    method_args: tuple[str, ...],
    overwrite: bool,
    store: str,
    as_json: bool,
) -> None:
    """Pool the complete runs of every subject in the store: at least three of each.

    Only this command changes a baseline.
    """
    from harness.comparison.select import Selection
    from harness.gate.baseline import set_baseline
    from harness.results.index import read_index

    selection = Selection(
        task or "", method or "", model or "", arguments(task_args, "-T"), arguments(method_args, "-M")
    )
    rows = selection.rows(read_index(Path(store)).rows)
    path = set_baseline(Path(store), name, rows, replace=overwrite)
    print(json.dumps({"schema": 1, "name": name, "path": str(path)}) if as_json else path)


@command.command("show", epilog="\b\nExample:\n  harness baseline show main")
@click.argument("name")
@store_option
@json_option
def show_command(name: str, store: str, as_json: bool) -> None:
    """The subjects of a baseline, with their pooled values."""
    from harness.gate.baseline import find_baseline, read_baseline

    path = find_baseline(name, [Path(store)])
    read_baseline(path)
    document = json.loads(path.read_text("utf-8"))
    if as_json:
        print(json.dumps({**document, "path": str(path)}, ensure_ascii=False))
        return
    print(f"{path}, set {document['created_at']}")
    for arm in document["arms"]:
        spread = arm["rerun_stderr"]
        shown = "unknown" if spread is None else f"{spread:.4f}"
        print(
            f"  {arm['task']} x {arm['method']} x {arm['model']}: {arm['metric']} {arm['value']:.4f}, "
            f"re-run standard error {shown}, {len(arm['runs'])} runs"
        )


@command.command("list", epilog="\b\nExample:\n  harness baseline list")
@store_option
@json_option
def list_command(store: str, as_json: bool) -> None:
    """The baselines of the store, of results and of results/published."""
    from harness.gate.baseline import list_baselines

    found = list_baselines([Path(store)])
    if as_json:
        rows = [{"name": path.stem, "path": str(path)} for path in found]
        print(json.dumps({"schema": 1, "baselines": rows}, ensure_ascii=False))
        return
    for path in found:
        print(f"{path.stem}  {path}")
    if not found:
        click.echo(f"no baselines in {store}; 'harness baseline set NAME' makes one", err=True)


SELF_CHECK = """
\b
Example:
  harness baseline self-check main --store results/nightly

Exit codes: 0 as promised, 1 more false alarms than promised, 2 usage error, 5 no data.
"""


@command.command("self-check", epilog=SELF_CHECK)
@click.argument("name")
@store_option
@json_option
def self_check(name: str, store: str, as_json: bool) -> None:
    """Test the gate on runs that are the same (A/A): how often does it raise a false alarm?

    Every run of the baseline, and every later run of the same subjects in the store, is compared
    with the others of its subject. The newest 200 verdicts are tested against alpha.
    """
    from harness.gate.baseline import find_baseline, read_baseline
    from harness.gate.selfcheck import self_check
    from harness.results.index import in_force, read_index
    from harness.results.store import existing

    rows = in_force(read_index(existing(store)).rows)
    result = self_check(read_baseline(find_baseline(name, [Path(store)])), rows)
    if as_json:
        print(json.dumps(result.plain(), ensure_ascii=False))
    else:
        print(result.sentence())
    sys.exit(5 if not result.comparisons else 0 if result.sound else 1)

"""`harness baseline`: reference runs by name, for `harness check`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.base.terminal import say, say_json, tell
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
    overwrite_option,
    store_option,
    write_out,
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
@click.option("--margin", metavar="D", help="What is to be shown: 5% of each value, or 0.02 in its unit.")
@click.option(
    "--config",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Checks with the margins. [default: checks.yaml if it names this baseline]",
)
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
    margin: str | None,
    config: str | None,
    overwrite: bool,
    store: str,
    as_json: bool,
) -> None:
    """Pool the complete runs of every subject in the store: at least three of each.

    Only this command changes a baseline. It says how many runs of a candidate each margin takes, and refuses
    a margin that no number of them can show; without declared margins it says what 5 % above chance takes.
    """
    from harness.api import gating

    done = gating.set_baseline(
        name,
        task=task or "",
        method=method or "",
        model=model or "",
        task_args=arguments(task_args, "-T"),
        method_args=arguments(method_args, "-M"),
        margin=margin,
        config=config,
        replace=overwrite,
        store=store,
    )
    if as_json:
        say_json(done.to_json())
        return
    say(done)
    if not done.declared:
        tell(
            f"these margins are 5 % of each value above chance; 'harness baseline checks {name}' writes "
            "them to "
            "checks.yaml, to be changed"
        )


CHECKS = """
\b
Examples:
  harness baseline checks main --out checks.yaml
  harness baseline checks main --chance 0.25
"""


@command.command("checks", epilog=CHECKS)
@click.argument("name")
@click.option("--chance", type=float, metavar="X", help="What guessing scores, in the unit of the metric.")
@out_option
@store_option
@json_option
def checks_command(name: str, chance: float | None, out: str | None, store: str, as_json: bool) -> None:
    """A checks.yaml for a baseline: a margin of 5 % of each value above chance, and the runs it takes.

    How much may be lost is nobody's to guess, so `harness check` has no margin of its own: look them over.
    """
    from harness.api import gating

    found = gating.first_checks(name, chance=chance, store=store)
    if as_json:
        say_json(found.to_json())
    else:
        write_out(found.to_yaml(), out)


@command.command("show", epilog="\b\nExample:\n  harness baseline show main")
@click.argument("name")
@store_option
@json_option
def show_command(name: str, store: str, as_json: bool) -> None:
    """The subjects of a baseline, with their pooled values."""
    from harness.gate.baseline import find_baseline, read_baseline
    from harness.gate.baseline_file import read_document

    path = find_baseline(name, [Path(store)])
    read_baseline(path)
    document = read_document(path)
    if as_json:
        say_json({**document, "path": str(path)})
        return
    say(f"{path}, set {document['created_at']}")
    for arm in document["arms"]:
        spread = arm["rerun_stderr"]
        shown = "unknown" if spread is None else f"{spread:.4f}"
        say(
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
        say_json({"schema": 1, "baselines": rows})
        return
    for path in found:
        say(f"{path.stem}  {path}")
    if not found:
        tell(f"no baselines in {store}; 'harness baseline set NAME' makes one")


SELF_CHECK = """
\b
Example:
  harness baseline self-check main --store results/nightly

Exit codes: 0 as promised, 1 more false alarms than promised, 2 usage error, 3 too few comparisons, 5 no data.
"""


@command.command("self-check", epilog=SELF_CHECK)
@click.argument("name")
@store_option
@json_option
def self_check(name: str, store: str, as_json: bool) -> None:
    """Test the gate on runs that are the same (A/A): how often does it raise a false alarm?

    Every run of the baseline, and every later run of the same subjects in the store, is compared
    with the others of its subject. The newest 200 comparisons are tested against alpha. Runs whose outputs
    are byte for byte those of another one show nothing and don't count.
    """
    from harness.gate.baseline import find_baseline, read_baseline
    from harness.gate.selfcheck import self_check
    from harness.results.index import in_force, read_index
    from harness.results.store import existing
    from harness.results.verify import sound_attempts

    index = read_index(existing(store))
    rows, broken = sound_attempts(in_force(index.rows))
    for fault in (*index.faults, *broken):
        tell(f"invalid, left out: {fault}")
    result = self_check(read_baseline(find_baseline(name, [Path(store)])), rows)
    if as_json:
        say_json(result.plain())
    else:
        say(result.sentence())
    sys.exit(result.exit_code)

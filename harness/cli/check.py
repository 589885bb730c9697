"""`harness check`: the regression gate for CI."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.base.terminal import say_json, tell
from harness.cli.options import (
    Command,
    json_option,
    offline_option,
    only_methods_option,
    only_models_option,
    only_tasks_option,
    store_option,
)

EXAMPLE = """
\b
Examples:
  harness baseline set main
  harness check --baseline main --margin 5%
  harness check --config checks.yaml --offline --markdown "$GITHUB_STEP_SUMMARY" --junit check.xml

\b
Exit codes: 0 ok or no alarm, 1 regressed, 2 usage error, 3 inconclusive (0 with --allow-inconclusive),
4 not comparable, 5 no data or invalid.
"""


@click.command("check", cls=Command, epilog=EXAMPLE)
@click.option("--baseline", metavar="NAME", help="Name or file of the baseline. [default: main]")
@click.option(
    "--config",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="What to check and how strictly. [default: checks.yaml if it is there]",
)
@only_tasks_option
@only_methods_option
@only_models_option
@click.option(
    "--margin",
    metavar="D",
    help="The largest acceptable loss: 5% of the baseline's value, or 0.02 in its unit.",
)
@click.option("--alpha", type=float, metavar="A", help="One-sided level over all tests. [default: 0.05]")
@click.option(
    "--runs-most",
    type=int,
    metavar="T",
    help="Runs that alpha is spent over. [default: what the margin takes]",
)
@click.option(
    "--nightly/--no-nightly", default=None, help="Each look is at another version, as behind an alias."
)
@click.option("--confirm/--no-confirm", default=None, help="Run a first hit again with fresh seeds.")
@click.option("--allow-inconclusive", is_flag=True, help="Exit code 0 instead of 3.")
@offline_option()
@click.option(
    "--markdown", type=click.Path(dir_okay=False), metavar="FILE", help="Add the table to this file."
)
@click.option("--junit", type=click.Path(dir_okay=False), metavar="FILE", help="Write JUnit XML.")
@click.option(
    "--ledger",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Where looks are kept. [default: NAME.looks beside the baseline]",
)
@store_option
@json_option
def command(
    baseline: str | None,
    config: str | None,
    task: str | None,
    method: str | None,
    model: str | None,
    margin: str | None,
    alpha: float | None,
    runs_most: int | None,
    nightly: bool | None,
    confirm: bool | None,
    allow_inconclusive: bool,
    offline: bool,
    markdown: str | None,
    junit: str | None,
    ledger: str | None,
    store: str,
    as_json: bool,
) -> None:
    """Whether the newest runs are as good as a baseline, within a declared margin.

    A verdict for each check: ok (no worse than the margin), regressed (certainly worse), inconclusive
    (too little evidence for either), not comparable, invalid, or no data. Every look is kept: runs of a
    version are judged together, and its first ok or regressed stands. With --nightly a night without an
    alarm is "no alarm", or ok where that is shown.
    """
    from harness.api import gating
    from harness.display.layout import print_blocks

    checked = gating.check(
        baseline,
        config=config,
        task=task,
        method=method,
        model=model,
        margin=margin,
        alpha=alpha,
        runs_most=runs_most,
        nightly=nightly,
        confirm=confirm,
        allow_inconclusive=allow_inconclusive,
        offline=offline,
        ledger=ledger,
        store=store,
    )
    for fault in checked.left_out:
        tell(f"left out: {fault}")
    for note in checked.notes:
        tell(note)
    if markdown:
        with open(markdown, "a", encoding="utf-8") as summary:
            summary.write(checked.to_markdown())
    if junit:
        Path(junit).write_text(checked.to_junit(), "utf-8")
    if as_json:
        say_json(checked.to_json())
    else:
        print_blocks(checked.blocks())
    sys.exit(checked.exit_code)

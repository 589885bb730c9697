"""`harness check`: the regression gate for CI."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import (
    Command,
    configuration,
    json_option,
    offline_option,
    only_methods_option,
    only_models_option,
    only_tasks_option,
    store_option,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.gate.drift import Drift
    from harness.gate.verdict import Verdict

EXAMPLE = """
\b
Examples:
  harness baseline set main
  harness check --baseline main
  harness check --config checks.yaml --offline --markdown "$GITHUB_STEP_SUMMARY" --junit check.xml

\b
Exit codes: 0 ok, 1 regressed, 2 usage error, 3 inconclusive (0 with --allow-inconclusive),
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
    "--margin", type=float, metavar="D", help="The largest loss that is acceptable. [default: 0.02]"
)
@click.option("--alpha", type=float, metavar="A", help="One-sided level over all tests. [default: 0.05]")
@click.option("--confirm/--no-confirm", default=None, help="Run a first hit again with fresh seeds.")
@click.option("--allow-inconclusive", is_flag=True, help="Exit code 0 instead of 3.")
@offline_option()
@click.option(
    "--markdown", type=click.Path(dir_okay=False), metavar="FILE", help="Add the table to this file."
)
@click.option("--junit", type=click.Path(dir_okay=False), metavar="FILE", help="Write JUnit XML.")
@store_option
@json_option
def command(
    baseline: str | None,
    config: str | None,
    task: str | None,
    method: str | None,
    model: str | None,
    margin: float | None,
    alpha: float | None,
    confirm: bool | None,
    allow_inconclusive: bool,
    offline: bool,
    markdown: str | None,
    junit: str | None,
    store: str,
    as_json: bool,
) -> None:
    """Whether the newest runs are as good as a baseline, within a declared margin.

    A verdict for each check: ok (no worse than the margin), regressed (certainly worse), inconclusive
    (too little evidence for either), not comparable, invalid, or no data.
    """
    from harness.gate import report
    from harness.gate.baseline import find_baseline, read_baseline
    from harness.gate.checks import read_rules
    from harness.gate.drift import drifts
    from harness.gate.pairing import check_all
    from harness.gate.verdict import overall
    from harness.results.index import in_force, read_index

    file = Path(config) if config else Path("checks.yaml") if Path("checks.yaml").is_file() else None
    given: dict[str, Any] = {"baseline": baseline, "margin": margin, "alpha": alpha, "confirm": confirm}
    if allow_inconclusive:
        given["fail_inconclusive"] = False
    if task or method or model:
        given["checks"] = [{"task": task or "", "method": method or "", "model": model or ""}]
    rules = read_rules(file, **given)
    reference = read_baseline(find_baseline(rules.baseline, [Path(store)]))
    index = read_index(Path(store))
    for fault in index.faults:
        click.echo(f"left out: {fault}", err=True)
    rows = in_force(index.rows)
    verdicts = check_all(reference, rows, rules)
    if rules.confirm and any(verdict.verdict == "regressed" for verdict in verdicts):
        verdicts = _confirm(verdicts, rules, Path(store), offline)
    trends = drifts(reference.arms, rows)
    if markdown:
        with open(markdown, "a", encoding="utf-8") as summary:
            summary.write(report.markdown(verdicts, trends))
    if junit:
        Path(junit).write_text(report.junit(verdicts), "utf-8")
    if as_json:
        print(json.dumps(report.plain(verdicts, trends), ensure_ascii=False))
    else:
        _print(verdicts, trends)
    sys.exit(overall(verdicts)[1])


def _confirm(verdicts: list[Any], rules: Any, store: Path, offline: bool) -> list[Any]:
    from harness.cli.progress import Bars
    from harness.gate.confirm import confirm
    from harness.results.environment import command_line
    from harness.results.store import Store
    from harness.run.session import Session

    click.echo("a first look found a regression; running it again with fresh seeds", err=True)
    flagged = sum(verdict.verdict == "regressed" for verdict in verdicts)
    with Bars(flagged) as bars:
        settings = configuration()
        session = Session(
            Store(store), bars, settings.get("prices", {}), settings.get("services", {}), command_line()
        )
        return confirm(verdicts, rules, session, offline)


def _print(verdicts: Sequence[Verdict], trends: Sequence[Drift]) -> None:
    from rich.text import Text

    from harness.cli.layout import console, print_table, printable
    from harness.gate import report
    from harness.gate.verdict import overall

    colours = {
        "ok": "green",
        "regressed": "bold red",
        "inconclusive": "yellow",
        "not comparable": "magenta",
        "invalid": "magenta",
        "no data": "magenta",
    }
    # the reasons are sentences, and stand below the table
    print_table(
        report.COLUMNS[:-1],
        [report.cells(verdict)[:-1] for verdict in verdicts],
        right=report.COLUMNS[4:8],
        titles=4,
        keep=("verdict", "task", "method", "difference"),
        styles=colours,
    )
    said = [
        f"{verdict.verdict}: {report.title(verdict)}: {report.why(verdict)}"
        for verdict in verdicts
        if report.why(verdict)
    ]
    said += [*report.suite_sentences(verdicts), *(drift.sentence() for drift in trends)]
    out = console()
    for sentence in said:
        out.print(Text(printable(sentence)), soft_wrap=True)
    name = overall(verdicts)[0]
    out.print(Text(f"overall: {name}", colours[name]))

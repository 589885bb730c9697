"""`harness score`: recorded responses through a task's own scorer."""

from __future__ import annotations

import sys

import click

from harness.cli.options import (
    Command,
    arguments,
    columns_option,
    json_option,
    mirror_option,
    offline_option,
    overwrite_option,
    pairs,
    role_args_option,
    role_option,
    store_option,
    task_args_option,
    task_option,
    transcripts_option,
)

EXAMPLE = """
\b
Examples:
  harness score --task aime24 --responses answers.jsonl
  harness score --task gsm8k --responses log.jsonl --column sample_id=idx --column completion=output
  harness score --task aime24 --responses all.jsonl.gz --by run       (one run for each value)
  harness score --task bfcl --responses result/MODEL                  (a benchmark's own result files)

\b
A response is one JSON object a line (other tables, packed ones too, work as well):
  {"sample_id": "60", "epoch": 0, "completion": "... \\boxed{204}"}
'sample_id' may be replaced by "index": 17 (row of the file or split, from 0) or "input": "the question";
"confidence" and "usage" are optional. --column OURS=THEIRS reads files with other names.
"""


@click.command("score", cls=Command, epilog=EXAMPLE)
@task_option
@click.option(
    "--responses",
    required=True,
    metavar="PATH",
    help="A table (CSV, JSONL, parquet, ...); or a benchmark's own result file or folder.",
)
@columns_option
@click.option("--where", multiple=True, metavar="COLUMN=VALUE", help="Only rows with this value.")
@click.option("--by", metavar="COLUMN", help="One run for each value of this column.")
@click.option("--label", metavar="NAME", help="The model's name in the record. [default: the file's]")
@click.option("--encoding", default="", metavar="NAME", help="Of the file, where it is not UTF-8: cp1252.")
@click.option("--separator", default="", metavar="TEXT", help="Between cells, where it isn't found: ';'.")
@click.option(
    "--header",
    metavar="BOOL",
    type=bool,
    default=True,
    help="Whether the first row names the columns, or 1 to n do.",
)
@click.option(
    "--quotes", metavar="BOOL", type=bool, default=True, help="Whether quotation marks enclose cells."
)
@click.option(
    "--draws",
    type=click.Choice(["run", "none"]),
    help="Whether all answers share what was drawn once, such as demonstrations; unknown otherwise, and "
    "taken as drawn where runs are compared.",
)
@task_args_option
@role_option
@role_args_option
@mirror_option
@offline_option()
@overwrite_option()
@transcripts_option()
@store_option
@json_option
def command(
    task: str,
    responses: str,
    columns: tuple[str, ...],
    where: tuple[str, ...],
    by: str | None,
    label: str | None,
    encoding: str,
    separator: str,
    header: bool,
    quotes: bool,
    draws: str | None,
    task_args: tuple[str, ...],
    roles: tuple[str, ...],
    role_args: tuple[str, ...],
    mirror: str | None,
    offline: bool,
    overwrite: bool,
    transcripts: bool,
    store: str,
    as_json: bool,
) -> None:
    """Score recorded responses; no model is asked, except a judge that you name.

    Samples without a response are left out and counted in a hint; a response that belongs to no
    sample, or two that belong to the same attempt, stop the command before anything is scored.
    """
    from harness.api.evaluation import run_cells
    from harness.api.recorded import cells_of
    from harness.cli.eval import show_runs
    from harness.results.environment import command_line

    cells, whole = cells_of(
        task,
        responses,
        pairs(columns, "--column"),
        pairs(where, "--where"),
        by,
        label,
        {"encoding": encoding, "separator": separator, "header": header, "quotes": quotes},
        task_args=arguments(task_args, "-T"),
        roles=pairs(roles, "--role"),
        role_args=arguments(role_args, "--role-arg"),
        mirror=mirror,
        offline=offline,
        overwrite=overwrite,
        transcripts=transcripts,
        draws=draws,
    )
    runs = run_cells(cells, store, command=command_line(), whole=whole)
    show_runs(runs, as_json)
    sys.exit(runs.exit_code)

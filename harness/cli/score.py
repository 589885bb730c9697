"""`harness score`: recorded responses through a task's own scorer."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.options import configuration, json_option, out_option, pairs
from harness.errors import DataError, UsageError

EXAMPLE = """
\b
Examples:
  harness score --task aime24 --responses answers.jsonl
  harness score --task gsm8k --responses log.jsonl --column sample_id=idx --column completion=output
  harness score --task aime24 --responses all.jsonl.gz --by run       (one run for each value)

\b
A response is one JSON object a line (gzip, CSV and parquet work too):
  {"sample_id": "60", "epoch": 0, "completion": "... \\boxed{204}"}
'sample_id' may be replaced by "index": 17 (row of the split) or "input": "the question";
"confidence" and "usage" are optional. --column OURS=THEIRS reads files with other names.
"""


@click.command("score", epilog=EXAMPLE)
@click.option("--task", required=True, metavar="NAME", help="The task that the responses answer.")
@click.option("--responses", required=True, metavar="FILE", help="JSONL, JSONL.gz, CSV or parquet.")
@click.option("--column", "columns", multiple=True, metavar="OURS=THEIRS",
              help="Where a column has another name.")  # fmt: skip
@click.option("--where", multiple=True, metavar="COLUMN=VALUE", help="Only rows with this value.")
@click.option("--by", metavar="COLUMN", help="One run for each value of this column.")
@click.option("--label", metavar="NAME", help="The model's name in the record. [default: the file's]")
@click.option("-T", "task_args", multiple=True, metavar="KEY=VALUE", help="Argument of the task.")
@click.option("--mirror", metavar="DIR", help="Hub data sets as folders. [default: HARNESS_MIRROR]")
@click.option("--offline", is_flag=True, help="Only local files.")
@click.option("--again", is_flag=True, help="Score anew what is sealed already.")
@click.option("--transcripts/--no-transcripts", default=True,
              help="Keep completions with the scores, or scores and answers alone.")  # fmt: skip
@out_option
@json_option
def command(
    task: str, responses: str, columns: tuple[str, ...], where: tuple[str, ...], by: str | None,
    label: str | None, task_args: tuple[str, ...], mirror: str | None, offline: bool, again: bool,
    transcripts: bool, out: str, as_json: bool,
) -> None:  # fmt: skip
    """Score recorded responses; no model is asked.

    Samples without a response are left out and counted in a hint; a response that belongs to no
    sample, or two to the same attempt, stop the command before anything is scored.
    """
    from harness.cli.eval import run_and_report
    from harness.registry import registry
    from harness.responses import Shape, check_columns, column_values
    from harness.run.plan import Request, plan

    if len(registry().match("task", task)) != 1:
        raise UsageError("score takes one task")
    if not Path(responses).is_file():
        raise DataError(f"no responses file {responses}")
    shape = Shape.of(pairs(columns, "--column"), pairs(where, "--where"))
    check_columns(Path(responses), shape)
    cells = []
    for value in column_values(Path(responses), by, shape) if by else [None]:
        kept = {**shape.where, by: value} if by else shape.where
        given = {"columns": shape.columns, "where": kept, "label": label or value}
        cells += plan(Request(
            task=task, method="direct", model=f"recorded/{responses}", task_args=pairs(task_args, "-T"),
            model_args={key: found for key, found in given.items() if found}, mirror=mirror,
            offline=offline, again=again, transcripts=transcripts,
        ))  # fmt: skip
    sys.exit(run_and_report(cells, out, as_json, configuration()))

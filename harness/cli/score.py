"""`harness score`: recorded responses through a task's own scorer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from harness.cli.options import configuration, json_option, out_option, pairs
from harness.errors import DataError, UsageError

EXAMPLE = """
\b
Examples:
  harness score --task aime24 --responses answers.jsonl
  harness score --task gsm8k --responses log.jsonl --column sample_id=idx --column completion=output
  harness score --task aime24 --responses all.jsonl.gz --by run       (one run for each value)
  harness score --task bfcl --responses result/MODEL                  (a benchmark's own result files)

\b
A response is one JSON object a line (gzip, CSV and parquet work too):
  {"sample_id": "60", "epoch": 0, "completion": "... \\boxed{204}"}
'sample_id' may be replaced by "index": 17 (row of the split) or "input": "the question";
"confidence" and "usage" are optional. --column OURS=THEIRS reads files with other names.
"""


@click.command("score", epilog=EXAMPLE)
@click.option("--task", required=True, metavar="NAME", help="The task that the responses answer.")
@click.option("--responses", required=True, metavar="PATH",
              help="JSONL, JSONL.gz, CSV or parquet; or a benchmark's own result file or folder.")
@click.option("--column", "columns", multiple=True, metavar="OURS=THEIRS",
              help="Where a column has another name.")  # fmt: skip
@click.option("--where", multiple=True, metavar="COLUMN=VALUE", help="Only rows with this value.")
@click.option("--by", metavar="COLUMN", help="One run for each value of this column.")
@click.option("--label", metavar="NAME", help="The model's name in the record. [default: the file's]")
@click.option("-T", "task_args", multiple=True, metavar="KEY=VALUE", help="Argument of the task.")
@click.option("--role", "roles", multiple=True, metavar="ROLE=MODEL",
              help="A judge, for tasks whose official score asks one.")  # fmt: skip
@click.option("--role-arg", "role_args", multiple=True, metavar="KEY=VALUE",
              help="Argument of the judge's provider.")  # fmt: skip
@click.option("--mirror", metavar="DIR", help="Hub data sets as folders. [default: HARNESS_MIRROR]")
@click.option("--offline", is_flag=True, help="Only local files.")
@click.option("--again", is_flag=True, help="Score anew what is sealed already.")
@click.option("--transcripts/--no-transcripts", default=True,
              help="Keep completions with the scores, or scores and answers alone.")  # fmt: skip
@out_option
@json_option
def command(
    task: str, responses: str, columns: tuple[str, ...], where: tuple[str, ...], by: str | None,
    label: str | None, task_args: tuple[str, ...], roles: tuple[str, ...], role_args: tuple[str, ...],
    mirror: str | None, offline: bool, again: bool, transcripts: bool, out: str, as_json: bool,
) -> None:  # fmt: skip
    """Score recorded responses; no model is asked but a judge that you name.

    Samples without a response are left out and counted in a hint; a response that belongs to no
    sample, or two to the same attempt, stop the command before anything is scored.
    """
    from harness.cli.eval import run_and_report
    from harness.registry import registry
    from harness.responses import Shape, check_columns, column_values
    from harness.run.plan import Request, plan

    names = registry().match("task", task)
    if not Path(responses).exists():
        raise DataError(f"no responses file {responses}")
    held = _own_results(names, Path(responses), label)
    if not held:
        if len(names) != 1:
            raise UsageError("score takes one task, or a family with a file of its own results")
        if not Path(responses).is_file():
            raise DataError(f"{responses} is a folder; {names[0]} takes a file of responses")
        shape = Shape.of(pairs(columns, "--column"), pairs(where, "--where"))
        check_columns(Path(responses), shape)
        for value in column_values(Path(responses), by, shape) if by else [None]:
            kept = {**shape.where, by: value} if by else shape.where
            given = {"columns": shape.columns, "where": kept, "label": label or value}
            held.append((names[0], {key: found for key, found in given.items() if found}))
    cells = []
    for name, model_args in held:
        cells += plan(Request(
            task=name, method="direct", model=f"recorded/{responses}", model_args=model_args,
            task_args=pairs(task_args, "-T"), roles=pairs(roles, "--role"),
            role_args=pairs(role_args, "--role-arg"), mirror=mirror, offline=offline, again=again,
            transcripts=transcripts,
        ))  # fmt: skip
    sys.exit(run_and_report(cells, out, as_json, configuration()))


def _own_results(names: list[str], path: Path, label: str | None) -> list[tuple[str, dict[str, Any]]]:
    """The tasks that the path holds a benchmark's own results of, each with its model arguments.

    Raises:
        DataError: it holds results, and none of the tasks that were asked for.
    """
    from harness.registry import registry
    from harness.responses import results_module

    reader = registry().task(names[0]).results
    held = results_module(reader).names(path) if reader else []
    if held and not set(held) & set(names):
        raise DataError(f"{path} holds results of {', '.join(held)}")
    given = {"results": reader, **({"label": label} if label else {})}
    return [(name, {**given, "of": name}) for name in held if name in names]

"""`harness score`: recorded responses through a task's own scorer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import DataError, UsageError
from harness.cli.options import (
    Command,
    arguments,
    configuration,
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
    typed_arguments,
)

if TYPE_CHECKING:
    from harness.data.responses import Shape

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


@click.command("score", cls=Command, epilog=EXAMPLE)
@task_option
@click.option(
    "--responses",
    required=True,
    metavar="PATH",
    help="JSONL, JSONL.gz, CSV or parquet; or a benchmark's own result file or folder.",
)
@click.option(
    "--column", "columns", multiple=True, metavar="OURS=THEIRS", help="Where a column has another name."
)
@click.option("--where", multiple=True, metavar="COLUMN=VALUE", help="Only rows with this value.")
@click.option("--by", metavar="COLUMN", help="One run for each value of this column.")
@click.option("--label", metavar="NAME", help="The model's name in the record. [default: the file's]")
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
    from harness.cli.eval import run_and_report
    from harness.data.responses import Shape, results_module
    from harness.registry import registry
    from harness.run.plan import Request, plan

    names, path = registry().match("task", task), Path(responses)
    if not path.exists():
        raise DataError(f"no responses file {responses}")
    reader = registry().task(names[0]).results
    held = _own_results(names, reader, path, label)
    brings_items = getattr(results_module(reader), "brings_items", None) if held else None
    if not held:
        own = f"; its own result files: {results_module(reader).FORMATS}" if reader else ""
        if len(names) != 1:
            raise UsageError(
                f"score takes one task where {responses} is no result file of several, and "
                f"{task} is {len(names)}{own}"
            )
        shape = Shape.of(pairs(columns, "--column"), pairs(where, "--where"))
        try:
            held = [(names[0], given) for given in _rows_of(path, names[0], shape, by, label)]
        except DataError as error:
            raise DataError(f"{error}{own}") from error
    cells = []
    for name, model_args in held:
        cells += plan(
            Request(
                task=name,
                method="direct",
                model=f"recorded/{responses}",
                model_args=model_args,
                task_args=arguments(task_args, "-T"),
                roles=pairs(roles, "--role"),
                role_args=typed_arguments(role_args, "--role-arg"),
                mirror=mirror,
                offline=offline,
                overwrite=overwrite,
                transcripts=transcripts,
            )
        )
    whole = brings_items is None or not brings_items(path)
    sys.exit(run_and_report(cells, store, as_json, configuration(), figures=whole))


def _rows_of(path: Path, task: str, shape: Shape, by: str | None, label: str | None) -> list[dict[str, Any]]:
    """Model arguments for the rows of a file, or for those of each value of the column `by`.

    Raises:
        DataError: it is no file of responses.
    """
    from harness.data.responses import check_columns, column_values

    if not path.is_file():
        raise DataError(f"{path} is a folder; {task} takes a file of responses")
    check_columns(path, shape)
    made = []
    for value in column_values(path, by, shape) if by else [None]:
        kept = {**shape.where, by: value} if by else shape.where
        given = {"columns": shape.columns, "where": kept, "label": label or value}
        made.append({key: found for key, found in given.items() if found})
    return made


def _own_results(
    names: list[str], reader: str, path: Path, label: str | None
) -> list[tuple[str, dict[str, Any]]]:
    """The tasks that the path holds a benchmark's own results of, each with its model arguments.

    Raises:
        DataError: it holds results, and none of the tasks that were asked for.
    """
    from harness.data.responses import results_module

    held = results_module(reader).names(path) if reader else []
    if held and not set(held) & set(names):
        raise DataError(f"{path} holds results of {', '.join(held)}")
    given = {"results": reader, **({"label": label} if label else {})}
    return [(name, {**given, "of": name}) for name in held if name in names]

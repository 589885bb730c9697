"""Scoring: recorded responses through a task's own scorer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.api.evaluation import judged, run_cells
from harness.api.requests import as_called, names
from harness.api.runs import Runs
from harness.api.settings import STORE
from harness.base.errors import DataError, UsageError

if TYPE_CHECKING:
    from harness.api.requests import TaskLike
    from harness.data.responses import Shape
    from harness.run.plan import Cell


def score(
    task: TaskLike,
    responses: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    where: Mapping[str, str] | None = None,
    by: str | None = None,
    label: str | None = None,
    encoding: str = "",
    separator: str = "",
    header: bool = True,
    quotes: bool = True,
    task_args: Mapping[str, Any] | None = None,
    roles: Mapping[str, str] | None = None,
    role_args: Mapping[str, Any] | None = None,
    mirror: str | Path | None = None,
    offline: bool = False,
    overwrite: bool = False,
    transcripts: bool = True,
    draws: Literal["run", "none"] | None = None,
    store: str | Path = STORE,
    progress: bool = True,
) -> Runs:
    """Scores recorded responses; no model is asked but a judge that you name.

    Samples without a response are left out. A response that belongs to no sample, or two to the same attempt,
    are an error before anything is scored.

    Args:
        task: the task that the responses answer; a family where the file holds results of several.
        responses: a table (CSV, JSONL, parquet, a workbook, ...) with `sample_id` (or `index`, or `input`)
            and `completion`; or a benchmark's own result file or folder.
        columns: where a column has another name, `{"completion": "output"}`.
        where: only rows with these values.
        by: a column; one run for each of its values.
        label: the model's name in the record; the file's by default.
        encoding: of the file, where it is neither UTF-8 nor marked: "cp1252".
        separator: what stands between cells, where that isn't found.
        header: whether the first row names the columns; else they are named 1 to n.
        quotes: whether quotation marks enclose cells.
        task_args: arguments of the task.
        roles: a judge, for tasks whose official score asks one. `role_args` are its provider's arguments.
        mirror: folder of Hub data sets. `offline`: only local files.
        overwrite: score what is sealed already again.
        transcripts: keep completions with the scores, or scores and answers alone.
        draws: whether all answers share something that was drawn once (`run`), such as demonstrations, or
            not (`none`); None where you don't know, and then it is taken as drawn where runs are compared.
        store: the result store.
        progress: show progress.

    Raises:
        HarnessError: the responses can't be read or don't fit the task.

    Example:
        >>> harness.score("aime24", "answers.jsonl", columns={"completion": "output"})
    """
    cells, whole = cells_of(
        names("task", task),
        str(responses),
        columns or {},
        where or {},
        by,
        label,
        {"encoding": encoding, "separator": separator, "header": header, "quotes": quotes},
        task_args=task_args or {},
        roles=roles or {},
        role_args=role_args or {},
        mirror=str(mirror) if mirror else None,
        offline=offline,
        overwrite=overwrite,
        transcripts=transcripts,
        draws=draws,
    )
    command = as_called("score", cells, {"task_args": task_args or {}, "store": str(store)})
    return judged(run_cells(cells, store, progress=progress, command=command, whole=whole))


def cells_of(
    task: str,
    responses: str,
    columns: Mapping[str, str],
    where: Mapping[str, str],
    by: str | None,
    label: str | None,
    form: Mapping[str, Any] | None = None,
    **request: Any,
) -> tuple[list[Cell], bool]:
    """The cells that score a file, and whether figures of whole families are to be made of them. `form`
    are fields of a `Form`, and `request` further ones of the runner's request.

    Raises:
        HarnessError: as `score`.
    """
    from harness.data.content import Form
    from harness.data.responses import Shape, results_module
    from harness.registry import registry
    from harness.run.plan import Request, plan

    found, path = registry().match("task", task), Path(responses)
    if not path.exists():
        raise DataError(f"no responses file {responses}")
    reader = registry().task(found[0]).results
    held = _own_results(found, reader, path, label)
    brings_items = getattr(results_module(reader), "brings_items", None) if held else None
    if not held:
        own = f"; its own result files: {results_module(reader).FORMATS}" if reader else ""
        if len(found) != 1:
            raise UsageError(
                f"score takes one task where {responses} is no result file of several, and "
                f"{task} is {len(found)}{own}"
            )
        written = {key: value for key, value in (form or {}).items() if value != getattr(Form(), key)}
        shape = Shape.of(columns, where, **written)
        try:
            rows = _rows_of(path, found[0], shape, by, label)
            held = [(found[0], {**given, **written}) for given in rows]
        except DataError as error:
            raise DataError(f"{error}{own}") from error
    cells = []
    for name, model_args in held:
        cells += plan(
            Request(
                task=name, method="direct", model=f"recorded/{responses}", model_args=model_args, **request
            )
        )
    return cells, brings_items is None or not brings_items(path)


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
    names: Sequence[str], reader: str, path: Path, label: str | None
) -> list[tuple[str, dict[str, Any]]]:
    """The tasks that the path holds a benchmark's own results of, each with its model arguments.

    Raises:
        DataError: it holds results, and none of the tasks that were asked for.
    """
    from harness.data.responses import results_names

    held = results_names(reader, path) if reader else []
    if held and not set(held) & set(names):
        raise DataError(f"{path} holds results of {', '.join(held)}")
    given = {"results": reader, **({"label": label} if label else {})}
    return [(name, {**given, "of": name}) for name in held if name in names]

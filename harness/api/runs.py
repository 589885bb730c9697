"""What became of a grid: its runs, each with its numbers, record and attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.errors import DECLINED, HarnessError, UsageError
from harness.base.terminal import printable
from harness.display.layout import Block, Line, Shown, ShownItems, Table

if TYPE_CHECKING:
    import pandas as pd

    from harness.api.comparisons import Comparisons
    from harness.api.grids import Grids
    from harness.comparison.against import Against
    from harness.results.classes import ClassReport
    from harness.run.execute import GridResult, Result


class Run(Shown):
    """One run: a task, a method and a model with one seed. A run that failed has an `error` and no numbers.

    Attributes:
        task: name of the task.
        method: name of the method.
        model: name of the model.
        seed: from 0.
        record: everything that is kept of the run, as in its `run.json`; empty if it failed.
        error: why it failed; None if it did not.
    """

    def __init__(self, result: Result) -> None:
        cell = result.cell
        self.task, self.method = cell.task.name, cell.method.name
        self.model, self.seed = cell.model, cell.seed
        self.title = cell.title
        self.record: dict[str, Any] = result.record or {}
        self.error: HarnessError | None = result.error

    @property
    def id(self) -> str | None:
        """The run id, by which `harness show` and `harness compare` know it."""
        return self.record.get("run_id")

    @property
    def status(self) -> str:
        """`complete`, `stopped` (a budget is spent) or `failed`."""
        return str(self.record.get("status", "failed"))

    @property
    def metrics(self) -> dict[str, dict[str, Any]]:
        """By name: `value`, `stderr`, `ci` (95 %), `ci_method` and what else the record says."""
        return dict(self.record.get("metrics", {}))

    @property
    def value(self) -> float | None:
        """The primary metric; None if nothing was measured."""
        found = self._primary
        return None if found is None else float(found["value"])

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of `value`."""
        ends = (self._primary or {}).get("ci")
        return (float(ends[0]), float(ends[1])) if ends else None

    @property
    def _primary(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.metrics.get(self.record.get("primary", ""))
        return found

    @property
    def usage(self) -> dict[str, Any]:
        """Calls, tokens and USD of the whole run; a cost that is unknown is None."""
        return {key: value for key, value in self.record.get("usage", {}).items() if key != "by_purpose"}

    @property
    def samples(self) -> pd.DataFrame:
        """One row an attempt: sample_id, epoch, status, input (the question), target, answer, completion, a
        column for each metric, usage. `target` is None where the task keeps its targets private.

        Raises:
            UsageError: the run failed and has none.
        """
        from harness.results.stored import read_attempts

        if not self.record:
            raise UsageError(f"{self.title} has no attempts: {self.error}")
        frame: pd.DataFrame = read_attempts(self.record).to_pandas()
        return frame

    def class_report(self) -> ClassReport | None:
        """Precision, recall and F1 by class and on average, the confusion matrix and the pairs of classes
        that are confused most; None where answers are no classes, or the task keeps its targets private.

        Raises:
            RecordError: the sealed attempts can't be read.
        """
        from harness.results.classes import class_report, read_classes

        table = read_classes(self.record)
        return None if table is None else class_report(table)

    def to_json(self) -> dict[str, Any]:
        """The run as `harness eval --json` prints it."""
        if self.record:
            from harness.results.export import run_object

            return run_object(self.record)
        return {
            "run_id": None,
            "status": "failed",
            "task": self.task,
            "method": self.method,
            "model": self.model,
            "seed": self.seed,
            "error": str(self.error),
        }

    def blocks(self) -> list[Block]:
        return _blocks([self])


class Runs(ShownItems[Run]):
    """The runs of a grid in its order: a table where it is printed or shown in a notebook.

    Example:
        >>> runs = harness.evaluate("arc1d", ["direct", "self-consistency"], limit=50)
        >>> runs[0].value, runs[0].interval
        >>> runs.compare(baseline="direct")
    """

    def __init__(self, grid: GridResult, store: str | Path, planned: int, whole: bool = True) -> None:
        """`planned` is how many cells there were to run; `whole` says whether figures of whole families of
        tasks are made from these runs."""
        self._grid, self._whole = grid, whole
        super().__init__(map(Run, grid.results))
        self.store, self.planned = Path(store), planned

    @property
    def failed(self) -> list[Run]:
        """The runs that failed, each with its `error`."""
        return [run for run in self._items if run.error is not None]

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of the runs that have one."""
        return [run.record for run in self._items if run.record]

    @property
    def interrupted(self) -> bool:
        """Whether the grid was interrupted before its end."""
        return self._grid.interrupted

    @property
    def exit_code(self) -> int:
        """What the command line exits with: 0 done, 1 a run failed or measured nothing, 2 all were
        misconfigured, 3 a budget is spent, 130 interrupted."""
        return self._grid.exit_code

    @cached_property
    def overall(self) -> list[dict[str, Any]]:
        """Figures of whole families of tasks, where their specs name a module that makes them."""
        from harness.results.overall import overall_figures

        return overall_figures(self.records) if self._whole else []

    def compare(
        self,
        baseline: Any,
        *,
        metric: str | None = None,
        correction: str = "holm",
        allow_mixed: bool = False,
    ) -> Comparisons:
        """These runs against a baseline on the same items; the baseline comes from the store if it is not
        among them.

        Args:
            baseline: a method (name or class), a model, `method@model` or the beginning of a run id.
            metric: another metric than the task's primary one.
            correction: of p over the table: `holm` or `bh`.
            allow_mixed: compare within each comparability key where a task has several.

        Raises:
            UsageError: there is no such baseline, or the runs are not comparable; names what differs.
        """
        from harness.api.comparisons import compare_runs

        return compare_runs(self, baseline, metric, correction, allow_mixed)

    def grid(self, factors: str | Sequence[str] = ("method", "model"), *, metric: str | None = None) -> Grids:
        """How much of the differences between these runs is the method's, the model's, or theirs together.

        Args:
            factors: `method,model` (a grid for each task) or `method,model,task`.
            metric: another metric than each task's primary one.

        Raises:
            UsageError: no complete grid of two levels a factor; says what is missing.
        """
        from harness.api.grids import grid_of_runs

        return grid_of_runs(self, factors, metric)

    @cached_property
    def against(self) -> list[Against]:
        """The rows of methods that are shown next to another, each beside it; empty where it wasn't run."""
        from harness.comparison.against import against
        from harness.registry import registry

        methods = {record["method"]["name"] for record in self.records}
        known = registry().methods
        rivals = {name: known[name].against for name in methods if name in known and known[name].against}
        if not methods & {*rivals.values()}:
            return []
        return against(self.records, rivals)

    def to_json(self) -> dict[str, Any]:
        """The object that `harness eval --json` prints."""
        made: dict[str, Any] = {"schema": 1, "runs": [run.to_json() for run in self._items]}
        made |= {"overall": self.overall} if self.overall else {}
        if self.against:
            from harness.comparison.to_json import plain

            made["against"] = [
                {**plain(each.comparison), "equal_calls": each.equal_calls} for each in self.against
            ]
        return made

    def to_pandas(self) -> pd.DataFrame:
        """One row a run and metric, with the columns of `harness.load`."""
        from harness.results.index import placed_row
        from harness.results.table import frame_of

        return frame_of([placed_row(record) for record in self.records])

    def notes(self) -> list[str]:
        """What went wrong, a line each: runs that failed, were stopped or measured nothing."""
        return [note for run in self._items if (note := _note(run))]

    def blocks(self) -> list[Block]:
        return _blocks(self._items)


def declined_attempts(record: Mapping[str, Any]) -> int:
    """How many attempts got no completion for a reason that stays."""
    return sum(record["counts"].get(status, 0) for status in DECLINED)


def _note(run: Run) -> str:
    if run.error is not None:
        return f"error: {run.title}: {run.error}"
    if run.status == "stopped":
        return f"stopped: {run.title}: {run.record['reason']}"
    counts = run.record["counts"]
    without = counts["error"] + declined_attempts(run.record)
    if counts["ok"]:
        if 2 * without <= counts["attempts"]:
            return ""
        return (
            f"warning: {run.title}: {without} of {counts['attempts']} attempts have no completion "
            f"({_statuses(counts)}): the score says little of the answers"
        )
    sample, reason = _first_reason(run.record)
    return (
        f"warning: {run.title}: nothing was measured: {counts['unscored']} attempts are "
        f"unscored, {counts['error']} ended in errors and {declined_attempts(run.record)} were refused or "
        f"held back, the first as {printable(reason)}; "
        f"'harness show {run.record['run_id'][:12]} --sample {printable(sample)}' shows it"
    )


def _statuses(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {name}" for name in ("error", *DECLINED) if (n := counts.get(name, 0)))


def _first_reason(record: Mapping[str, Any]) -> tuple[str, str]:
    """Sample and reason of the first attempt of a run that wasn't scored."""
    from harness.results.stored import read_attempts

    table = read_attempts(record, ["sample_id", "status", "reason"])
    row = next(row for row in table.to_pylist() if row["status"] != "ok")
    return str(row["sample_id"]), str(row["reason"] or "no reason was given")[:200]


def _blocks(runs: Sequence[Run]) -> list[Block]:
    from harness.display.records import record_blocks

    failed = [run for run in runs if run.error is not None]
    blocks = record_blocks([run.record for run in runs if run.record])
    if failed:
        rows = [[run.task, run.method, run.model, str(run.seed), str(run.error)] for run in failed]
        blocks.append(Table(["task", "method", "model", "seed", "failed"], rows, titles=4, keep=["failed"]))
    return blocks or [Line("no runs")]

"""How a score moves with one number: the runs, the verdict, the forms that describe it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from harness.api.evaluation import interrupted, judged, run_cells
from harness.api.requests import Options, as_called, requests_of
from harness.api.settings import STORE
from harness.base.errors import UsageError, nearest
from harness.display.layout import Block, Line, ShownItems, Table

if TYPE_CHECKING:
    import pandas as pd

    from harness.api.requests import MethodLike, TaskLike
    from harness.api.runs import Runs
    from harness.comparison.sweep import Curve
    from harness.run.plan import Cell, Request


class Curves(ShownItems["Curve"]):
    """The curves of a sweep, one for each task, method and model: the verdict, the points with their
    intervals, and the forms that describe them, best AIC first.

    Attributes:
        runs: the runs behind them.
        margin: differences up to which a curve is flat, in the unit of the metric; None without one.
    """

    def __init__(self, curves: Sequence[Curve], runs: Runs, margin: float | None = None) -> None:
        super().__init__(curves)
        self.runs, self.margin = runs, margin

    def to_json(self) -> dict[str, Any]:
        """The object that `harness sweep --json` prints."""
        from harness.comparison.sweep_json import plain_sweep

        return {**self.runs.to_json(), "sweeps": [plain_sweep(curve, self.margin) for curve in self._items]}

    def to_pandas(self) -> pd.DataFrame:
        """One row a point: task, method, model, parameter, value, mean, ci_low, ci_high, seeds."""
        import pandas as pd

        return pd.DataFrame(
            {
                "task": arm.task,
                "method": arm.method,
                "model": arm.model,
                "parameter": curve.parameter,
                "value": float(value),
                "mean": float(mean),
                "ci_low": float(ends[0]),
                "ci_high": float(ends[1]),
                "seeds": len(arm.runs),
            }
            for curve in self._items
            for value, arm, mean, ends in zip(
                curve.values, curve.arms, curve.means, curve.intervals, strict=True
            )
        )

    def plot(self, path: str | Path) -> Path:
        """Draws the curves into a file: .svg, .png or .pdf.

        Raises:
            UsageError: another ending, no such folder, or matplotlib (the extra `plot`) is missing.
        """
        from harness.plots import check_plot, plot_sweep

        check_plot(str(path))
        plot_sweep(self._items, Path(path), self.margin)
        return Path(path)

    def blocks(self) -> list[Block]:
        return [block for curve in self._items for block in _blocks(curve, self.margin)] or [Line("no curve")]


def sweep(
    parameter: str,
    values: Sequence[Any],
    task: TaskLike | Sequence[TaskLike],
    method: MethodLike | Sequence[MethodLike] = "direct",
    model: str | Sequence[str] | None = None,
    *,
    metric: str | None = None,
    margin: float | None = None,
    same_seeds: bool = False,
    **options: Unpack[Options],
) -> Curves:
    """Runs a grid over one argument and says how the score moves with it: rises, falls, peaks, dips, is flat
    within `margin`, or nothing of it is shown.

    Every run is an ordinary one: it is stored, resumed and compared like any other. Where the method draws
    something per run, every value has seeds of its own, so that no draw is shared along the sweep. Forms
    (constant; logarithmic up to a peak; power with decline) describe the curve below the verdict and never
    make it.

    Args:
        parameter: of the methods or the tasks; `name.key` means that of one of several.
        values: two numbers or more.
        task: as for `evaluate`; `method` and `model` alike.
        metric: another metric than the task's primary one.
        margin: differences up to which the score is flat, above 0, in the unit of the metric. Without one it
            is never called flat.
        same_seeds: seeds 0, 1, ... at every value, as those of `evaluate`.
        options: the keywords of `evaluate`.

    Raises:
        HarnessError: as `evaluate`; or nothing has such a parameter, or a value is no number.
        KeyboardInterrupt: it was interrupted; the same call goes on.

    Example:
        >>> harness.sweep("samples", [1, 2, 4, 8], "countdown", "self-consistency", seeds=3)
    """
    requests = requests_of(task, method, model, options)
    cells = [cell for request in requests for cell in cells_of(request, parameter, values, same_seeds)[1]]
    check_asked(margin, metric, cells)
    store, command = str(options.get("store") or STORE), as_called("sweep", cells, options)
    runs = run_cells(cells, store, progress=options.get("progress", True), command=command)
    if runs.interrupted:
        raise KeyboardInterrupt(interrupted(runs))
    return curves_of(judged(runs), parameter.rpartition(".")[2], metric, margin)


def check_asked(margin: float | None, metric: str | None, cells: Sequence[Cell]) -> None:
    """Margin and metric, before anything is run.

    Raises:
        UsageError: the margin isn't above 0, or the metric can't move by more; or a task has no such metric.
    """
    from harness.results.classes import CLASS_METRICS

    if margin is not None and not margin > 0:
        raise UsageError(f"--margin {margin:g}: a margin is above 0")
    for task in {cell.task.name: cell.task for cell in cells}.values():
        name, known = metric or task.primary, task.metric_ranges
        # what is made of the attempts (pass@4, accuracy/easy) is known when they are there
        if name.isidentifier() and name not in known and name not in CLASS_METRICS:
            raise UsageError(f"{task.name} has no metric {name!r}; {nearest(name, known, 'metric')}")
        span = known.get(name)
        if margin is not None and span and span.bounded and margin >= span.width:
            raise UsageError(f"--margin {margin:g}: {name} lies between {span.low:g} and {span.high:g}")


def curves_of(runs: Runs, parameter: str, metric: str | None = None, margin: float | None = None) -> Curves:
    """The curves that runs make over a parameter.

    Raises:
        UsageError: the runs have no such metric.
        RecordError: sealed attempts can't be read or don't agree with their record.
    """
    from harness.comparison.sweep import curves
    from harness.results.index import placed_row

    rows = list({record["run_id"]: placed_row(record) for record in runs.records}.values())
    if metric and rows and not any(metric in row["metrics"] for row in rows):
        raise UsageError(f"no metric {metric!r}; there are: {', '.join(rows[0]['metrics'])}")
    return Curves(curves(rows, parameter, metric), runs, margin)


def cells_of(
    request: Request, name: str, values: Sequence[Any], same_seeds: bool = False
) -> tuple[str, list[Cell]]:
    """The swept parameter without its owner, and the cells of every value, smallest first. Methods that draw
    something per run get seeds of their own at every value, unless `same_seeds`.

    Raises:
        UsageError: fewer than two values, a value is no number, nothing in the grid has such a parameter, or
            there are more seeds than a value has of its own.
    """
    from harness.registry import registry
    from harness.run.plan import plan

    values = list(dict.fromkeys(values))
    if len(values) < 2:
        raise UsageError(f"--set {name}: a sweep takes two values or more, not {values}")
    try:
        values.sort(key=float)
    except (TypeError, ValueError):
        raise UsageError(f"--set {name}={','.join(map(str, values))}: a swept value is a number") from None
    known, short = registry(), name.rpartition(".")[2]
    owner = name.rpartition(".")[0]
    of_methods = {m: known.method(m).params for m in known.match("method", request.method)}
    of_tasks = {t: known.task(t).params for t in known.match("task", request.task)}
    if owner in of_methods or (not owner and any(short in params for params in of_methods.values())):
        field, holders = "method_args", of_methods
    elif owner in of_tasks or (not owner and any(short in params for params in of_tasks.values())):
        field, holders = "task_args", of_tasks
    else:
        every = {p for params in (*of_methods.values(), *of_tasks.values()) for p in params}
        raise UsageError(f"--set {name}: no method or task of this grid has it; {nearest(short, every)}")
    without = [each for each, params in holders.items() if short not in params]
    if without and not owner:
        raise UsageError(
            f"--set {name}: {without[0]!r} has no such parameter; sweep it alone, and "
            "measure the others with 'harness eval'"
        )
    cells = []
    for value in values:
        given: Mapping[str, Any] = {**getattr(request, field), name: value}
        changed: dict[str, Any] = {field: given}
        first = 0 if same_seeds else first_seed(float(value))
        for cell in plan(replace(request, **changed)):
            draws = cell.method.draws == "run"
            if draws and not same_seeds and request.seeds > SEEDS:
                raise UsageError(f"--seeds {request.seeds}: a value has {SEEDS} of its own; or --same-seeds")
            cells.append(replace(cell, seed=first + cell.seed) if draws else cell)
    return short, cells


#: seeds that a value has of its own
SEEDS = 1000


def first_seed(value: float) -> int:
    """The first of a value's own seeds: 16000 for k=16. It depends on nothing else, so that values added
    later leave the runs of the others as they are; what is no whole number below a million has a place above.
    """
    from harness.base.digest import digest

    million = 1_000_000
    if value.is_integer() and 0 <= value < million:
        return SEEDS * int(value)
    return SEEDS * (million + int(digest(value)[:8], 16) % million)


def _blocks(curve: Curve, margin: float | None) -> list[Block]:
    """The verdict, the points, then the forms with their parameters."""
    from harness.comparison.forms import fits
    from harness.comparison.trends import sentence, trend_of

    made, (form, reason) = fits(curve)
    names = (curve.parameter, "seeds", "mean [95 % interval]", "calls an item", "tokens in")
    rows = [
        [
            f"{value:g}",
            str(len(arm.runs)),
            f"{mean:.4f}" + (f" [{ends[0]:.4f}, {ends[1]:.4f}]" if ends[0] == ends[0] else ""),
            _number(arm.usage("calls")),
            _number(arm.usage("input_tokens")),
        ]
        for value, arm, mean, ends in zip(curve.values, curve.arms, curve.means, curve.intervals, strict=True)
    ]
    forms = [
        [
            fit.form,
            f"{fit.aic:.1f}",
            ", ".join(
                f"{name} = {value:.4g}" + _interval(fit.intervals.get(name))
                for name, value in fit.parameters.items()
            ),
        ]
        for fit in made
    ]
    return [
        Line(f"{curve.title}: {curve.metric}", "bold"),
        Line(f"verdict: {sentence(curve, trend_of(curve, margin))}"),
        Table(names, rows, right=names, keep=names),
        Table(("form", "AIC", "parameters [95 % bootstrap interval]"), forms, keep=("form", "AIC")),
        Line(f"form, a description and no verdict: {form} ({reason})"),
    ]


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.4g}"


def _interval(ends: Sequence[float] | None) -> str:
    return f" [{ends[0]:.4g}, {ends[1]:.4g}]" if ends else ""

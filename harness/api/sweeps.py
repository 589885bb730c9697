"""How a score moves with one number, or two: the runs, the verdict, the forms that describe it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload

from harness.api.evaluation import interrupted, judged, run_cells
from harness.api.requests import Options, as_called, requests_of
from harness.api.settings import STORE
from harness.api.surfaces import Surfaces
from harness.api.sweep_cells import cells_of
from harness.base.errors import UsageError, nearest
from harness.comparison.axes import AXES, Axes
from harness.display.layout import Block, Line, ShownItems, Table

if TYPE_CHECKING:
    import pandas as pd

    from harness.api.requests import MethodLike, TaskLike
    from harness.api.runs import Runs
    from harness.comparison.sweep import Curve
    from harness.run.plan import Cell


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


@overload
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
    axes: None = None,
    iso_budget: None = None,
    **options: Unpack[Options],
) -> Curves: ...
@overload
def sweep(
    parameter: tuple[str, str] | list[str],
    values: Sequence[Sequence[Any]],
    task: TaskLike | Sequence[TaskLike],
    method: MethodLike | Sequence[MethodLike] = "direct",
    model: str | Sequence[str] | None = None,
    *,
    metric: str | None = None,
    margin: float | None = None,
    same_seeds: bool = False,
    axes: Axes | None = None,
    iso_budget: float | None = None,
    **options: Unpack[Options],
) -> Surfaces: ...
def sweep(
    parameter: str | tuple[str, str] | list[str],
    values: Sequence[Any],
    task: TaskLike | Sequence[TaskLike],
    method: MethodLike | Sequence[MethodLike] = "direct",
    model: str | Sequence[str] | None = None,
    *,
    metric: str | None = None,
    margin: float | None = None,
    same_seeds: bool = False,
    axes: Axes | None = None,
    iso_budget: float | None = None,
    **options: Unpack[Options],
) -> Curves | Surfaces:
    """Runs a grid over one argument and says how the score moves with it: rises, falls, peaks, dips, is flat
    within `margin`, or nothing of it is shown. Over two arguments, every pair of values is run, and it is
    said whether the score improves with both: supports, contradicts, cannot tell, by rules fixed beforehand
    (`harness.stats.hypothesis`).

    Every run is an ordinary one: it is stored, resumed and compared like any other. Where the method draws
    something per run, every value has seeds of its own, so that no draw is shared along the sweep. Forms
    (constant; logarithmic up to a peak; power with decline) describe the curve below the verdict and never
    make it; those of two arguments are linear, logarithmic and saturating.

    Args:
        parameter: of the methods or the tasks; `name.key` means that of one of several. Two of them make a
            surface.
        values: two numbers or more; of two parameters two lists.
        task: as for `evaluate`; `method` and `model` alike.
        metric: another metric than the task's primary one.
        margin: differences up to which the score is flat, or an axis counts for nothing, above 0, in the unit
            of the metric. Without one neither is ever said.
        same_seeds: seeds 0, 1, ... at every value, as those of `evaluate`.
        axes: of a surface, `realised` (default: the tokens that runs recorded of `reasoning`, `searches` and
            `retrieved`, where they did) or `dials` (what was set).
        iso_budget: of a surface, the budget whose best split is told, above 0, in tokens, or in the unit of
            both dials. By default the middle one of the cells, where both axes are tokens.
        options: the keywords of `evaluate`.

    Raises:
        HarnessError: as `evaluate`; or nothing has such a parameter, or a value is no number.
        KeyboardInterrupt: it was interrupted; the same call goes on.

    Example:
        >>> harness.sweep("samples", [1, 2, 4, 8], "countdown", "self-consistency", seeds=3)
        >>> harness.sweep(["samples", "level"], [[1, 2, 4], [1, 2, 3]], "countdown", "self-consistency")
    """
    settings = _settings(parameter, values)
    requests = requests_of(task, method, model, options)
    cells = [cell for request in requests for cell in cells_of(request, settings, same_seeds)[1]]
    check_asked(margin, metric, cells)
    check_surface(len(settings), axes, iso_budget)
    store, command = str(options.get("store") or STORE), as_called("sweep", cells, options)
    runs = run_cells(cells, store, progress=options.get("progress", True), command=command)
    if runs.interrupted:
        raise KeyboardInterrupt(interrupted(runs))
    names = tuple(name.rpartition(".")[2] for name, _ in settings)
    return swept_of(judged(runs), names, metric, margin, axes, iso_budget)


def _settings(
    parameter: str | tuple[str, str] | list[str], values: Sequence[Any]
) -> list[tuple[str, Sequence[Any]]]:
    """Names with their values.

    Raises:
        UsageError: two parameters without a list of values for each.
    """
    if isinstance(parameter, str):
        return [(parameter, values)]
    lists = [each for each in values if isinstance(each, Sequence) and not isinstance(each, str)]
    if not len(parameter) == len(values) == len(lists):
        raise UsageError(f"{len(parameter)} parameters take as many lists of values, not {values!r}")
    return list(zip(parameter, lists, strict=True))


def check_surface(parameters: int, axes: str | None, iso_budget: float | None) -> None:
    """What only a sweep over two arguments has, before anything is run.

    Raises:
        UsageError: it is given for one argument, is no kind of axes, or is a budget that isn't above 0.
    """
    given = {"--axes": axes, "--iso-budget": iso_budget}
    named = [name for name, value in given.items() if value is not None]
    if parameters < 2 and named:
        raise UsageError(f"{named[0]} is of a sweep over two arguments; give a second --set")
    if axes is not None and axes not in AXES:
        raise UsageError(f"--axes {axes}: {' or '.join(AXES)}")
    if iso_budget is not None and not (iso_budget > 0 and math.isfinite(iso_budget)):
        raise UsageError(f"--iso-budget {iso_budget:g}: a budget is above 0")


def swept_of(
    runs: Runs,
    parameters: tuple[str, ...],
    metric: str | None = None,
    margin: float | None = None,
    axes: Axes | None = None,
    iso_budget: float | None = None,
) -> Curves | Surfaces:
    """The curves that runs make over one parameter, or the surfaces over two.

    Raises:
        UsageError: the runs have no such metric.
        RecordError: sealed attempts can't be read or don't agree with their record.
    """
    from harness.comparison.sweep import curves
    from harness.results.index import placed_row

    rows = list({record["run_id"]: placed_row(record) for record in runs.records}.values())
    if metric and rows and not any(metric in row["metrics"] for row in rows):
        raise UsageError(f"no metric {metric!r}; there are: {', '.join(rows[0]['metrics'])}")
    if len(parameters) == 1:
        return Curves(curves(rows, parameters[0], metric), runs, margin)
    from harness.comparison.surface import surfaces

    found = surfaces(rows, (parameters[0], parameters[1]), metric, axes or AXES[0])
    return Surfaces(found, runs, margin, iso_budget)


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

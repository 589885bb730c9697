"""Measuring the scaffold, not the model: stored runs, or those of a call, as grids of methods and models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api.requests import selection_of
from harness.api.settings import STORE
from harness.base.errors import UsageError
from harness.display.layout import Block, ShownItems

if TYPE_CHECKING:
    import pandas as pd

    from harness.api.requests import MethodLike, TaskLike
    from harness.api.runs import Runs
    from harness.comparison.grid import Grid


class Grids(ShownItems["Grid"]):
    """Complete grids of methods and models, each taken apart: tables where they are printed or shown in a
    notebook.

    Attributes:
        faults: records that can't be trusted, a sentence each.
        notices: what else was not looked at, such as older versions, a sentence each.
    """

    def __init__(self, made: Sequence[Grid], faults: Sequence[str] = (), notices: Sequence[str] = ()) -> None:
        super().__init__(made)
        self.faults, self.notices = list(faults), list(notices)

    def to_json(self) -> dict[str, Any]:
        """The object that `harness compare --grid --json` prints."""
        from harness.comparison.grid_json import plain_grid

        return {"schema": 1, "grids": [plain_grid(grid) for grid in self._items], "left_out": self.faults}

    def to_pandas(self) -> pd.DataFrame:
        """One row a grid and effect, in points and squared points."""
        import pandas as pd

        from harness.comparison.grid_json import plain_grid

        rows = []
        for grid in map(plain_grid, self._items):
            for effect, found in grid["components"].items():
                low, high = found.pop("ci")
                share_low, share_high = found.pop("share_ci")
                ends = {"ci_low": low, "ci_high": high, "share_low": share_low, "share_high": share_high}
                rows.append({"tasks": ", ".join(grid["items"]), "effect": effect, **found, **ends})
        return pd.DataFrame(rows)

    def blocks(self) -> list[Block]:
        from harness.display.grids import grid_blocks
        from harness.display.layout import Line

        blocks: list[Block] = []
        for grid in self._items:
            blocks += [*([Line("")] if blocks else []), *grid_blocks(grid)]
        return blocks


def grid(
    *what: str | Path,
    factors: str | Sequence[str] = ("method", "model"),
    task: TaskLike | Sequence[TaskLike] = "",
    method: MethodLike | Sequence[MethodLike] = "",
    model: str | Sequence[str] = "",
    task_args: Mapping[str, Any] | None = None,
    method_args: Mapping[str, Any] | None = None,
    metric: str | None = None,
    store: str | Path = STORE,
) -> Grids:
    """How much of the differences between stored runs is the method's, the model's, or theirs together.

    Args:
        what: beginnings of run ids, or one store; left out, every run of `store`.
        factors: `method,model` (a grid for each task) or `method,model,task`.
        task: only these: comma list of names and globs, or as for `evaluate`. `method` and `model` alike.
        task_args: only runs with these arguments. `method_args` alike.
        metric: another metric than each task's primary one.
        store: the result store.

    Raises:
        UsageError: no complete grid of two levels a factor; says what is missing.
        RecordError: sealed attempts can't be read or don't agree with their record.

    Example:
        >>> harness.grid(task="countdown")
    """
    from harness.api.comparisons import chosen_arms
    from harness.comparison.grid import grids, parse_factors

    wanted = parse_factors(factors)
    if len(what) > 1 and all(Path(name).is_dir() for name in what):
        raise UsageError("a grid is made of the runs of one store")
    selection = selection_of(task, method, model, task_args, method_args)
    arms, _, faults, notices = chosen_arms([str(each) for each in what], Path(store), selection, None)
    if not arms:
        raise UsageError(f"no runs in {', '.join(map(str, what)) or store}; 'harness eval' makes some")
    return Grids(grids(arms, wanted, metric), faults, notices)


def grid_of_runs(runs: Runs, factors: str | Sequence[str], metric: str | None) -> Grids:
    """As `Runs.grid`."""
    from harness.comparison.arms import arms_of
    from harness.comparison.grid import grids, parse_factors
    from harness.results.index import placed_row

    arms = arms_of(placed_row(record) for record in runs.records)
    if not arms:
        raise UsageError("no run to make a grid of: all of them failed")
    return Grids(grids(arms, parse_factors(factors), metric))

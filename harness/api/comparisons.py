"""Comparing: stored runs, or those of a grid, with a baseline on the same items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api.requests import names, selection_of
from harness.api.settings import STORE
from harness.base.errors import RecordError, UsageError
from harness.display.layout import Block, ShownItems

if TYPE_CHECKING:
    import pandas as pd

    from harness.api.requests import MethodLike, TaskLike
    from harness.api.runs import Runs
    from harness.comparison.arms import Arm, Row
    from harness.comparison.claims import Wanted
    from harness.comparison.paired import Comparison
    from harness.comparison.select import Selection
    from harness.plots import Kind


class Comparisons(ShownItems["Comparison"]):
    """Comparisons with a baseline, one a candidate: a table where it is printed or shown in a notebook.

    Attributes:
        arms: the subjects that were compared, the baseline among them, each with its runs.
        correction: how p is adjusted over the table, `holm` or `bh`.
        left_out: records that can't be trusted, a sentence each.
        notices: what else was not compared, such as older versions, a sentence each.
        by_key: whether tasks with several comparability keys were compared within each.
    """

    def __init__(
        self,
        made: Sequence[Comparison],
        arms: Sequence[Arm],
        correction: str,
        left_out: Sequence[str] = (),
        notices: Sequence[str] = (),
        by_key: bool = False,
    ) -> None:
        super().__init__(made)
        self.arms, self.correction = list(arms), correction
        self.left_out, self.notices, self.by_key = list(left_out), list(notices), by_key

    def to_json(self) -> dict[str, Any]:
        """The object that `harness compare --json` prints."""
        from harness.comparison.suites import suites
        from harness.comparison.to_json import plain, plain_suite

        return {
            "schema": 1,
            "correction": self.correction,
            "comparisons": [plain(comparison) for comparison in self._items],
            "suites": [plain_suite(same) for same in suites(self._items)],
            "left_out": self.left_out,
        }

    def to_pandas(self) -> pd.DataFrame:
        """One row a comparison. Values, differences and intervals are in the metric's own unit."""
        import pandas as pd

        rows = []
        for c in self._items:
            low, high = c.interval or (None, None)
            rows.append(
                {
                    "task": c.candidate.task,
                    "method": c.candidate.method,
                    "model": c.candidate.model,
                    "baseline_method": c.baseline.method,
                    "baseline_model": c.baseline.model,
                    "metric": c.metric,
                    "value": c.candidate_value,
                    "baseline_value": c.baseline_value,
                    "difference": c.value,
                    "ci_low": low,
                    "ci_high": high,
                    "p_value": c.p_value,
                    "adjusted_p": c.adjusted_p,
                    "verdict": c.verdict(),
                    "claim": c.claim,
                    "test": c.test,
                    "wins": c.difference.wins,
                    "losses": c.difference.losses,
                    "items": c.matched,
                    **{f"{name}_ratio": c.cost_ratio.get(name) for name in ("calls", "tokens", "usd")},
                }
            )
        return pd.DataFrame(rows)

    def to_markdown(self) -> str:
        """The table as Markdown; differences in points."""
        from harness.comparison.export import comparison_markdown

        return comparison_markdown(self._items)

    def to_latex(self) -> str:
        """The table as LaTeX, with booktabs; differences in points."""
        from harness.comparison.export import comparison_latex

        return comparison_latex(self._items)

    def to_csv(self) -> str:
        """One line a comparison, numbers in full and in the metric's own unit."""
        from harness.comparison.export import comparison_csv

        return comparison_csv(self._items)

    def plot(self, path: str | Path, kind: Kind | None = None) -> Path:
        """Draws the comparison into a file: .svg, .png or .pdf.

        Args:
            path: the file; what is there is replaced.
            kind: `cost` (score against cost), `difference`, `curves` (learning curves), or
                `utility` (success less the price of a person's effort, over that price). By default
                `curves` where methods train, else `cost`.

        Returns:
            The path.

        Raises:
            UsageError: another ending or kind, no such folder, or matplotlib (the extra `plot`) is missing.
        """
        from harness.plots import KINDS, check_plot, plot_comparisons

        if kind is not None and kind not in KINDS:
            raise UsageError(f"a kind of plot is one of {', '.join(KINDS)}, not {kind!r}")
        check_plot(str(path))
        plot_comparisons(self._items, self.arms, Path(path), kind)
        return Path(path)

    def flips(self, limit: int = 10) -> list[list[Any]]:
        """For each comparison the items that changed most, with what both sides said; objects of
        `harness.comparison.flips.Flip`."""
        from harness.comparison.flips import flips

        return [flips(c.candidate, c.baseline, c.metric, limit) for c in self._items]

    def blocks(self) -> list[Block]:
        from harness.display.comparisons import comparison_blocks

        return comparison_blocks(self._items, self.arms, self.by_key, self.correction)


def compare(
    *what: str | Path,
    baseline: MethodLike | None = None,
    task: TaskLike | Sequence[TaskLike] = "",
    method: MethodLike | Sequence[MethodLike] = "",
    model: str | Sequence[str] = "",
    task_args: Mapping[str, Any] | None = None,
    method_args: Mapping[str, Any] | None = None,
    metric: str | None = None,
    correction: str = "holm",
    allow_mixed: bool = False,
    wanted: Wanted = "",
    common_items: bool = False,
    store: str | Path = STORE,
) -> Comparisons:
    """Compares stored runs with a baseline on the same items, paired by content hash.

    Args:
        what: beginnings of run ids, or stores; the first is the baseline if no other is named. Left out:
            every run of `store`.
        baseline: a method (name or class), a model, `method@model` or the beginning of a run id.
        task: only these are compared: comma list of names and globs, or as for `evaluate`. `method` and
            `model` alike.
        task_args: only runs with these arguments. `method_args` alike.
        metric: another metric than the task's primary one.
        correction: of p over the table: `holm` (no false claim) or `bh` (few false ones among the claims).
        allow_mixed: compare within each comparability key where a task has several.
        wanted: what the differences shall hold for: by default new items and, where methods draw something
            per run, new seeds; `these-runs` new items alone, `fixed-items` new seeds on these items.
        common_items: compare the items that both sides have where a side lacks some.
        store: the result store.

    Raises:
        UsageError: nothing to compare, no such baseline, or runs that are not comparable; names what differs.
        RecordError: sealed attempts can't be read or don't agree with their record.

    Example:
        >>> harness.compare(baseline="direct", task="arc1d")
    """
    named = names("method", baseline) if baseline is not None else None
    selection = selection_of(task, method, model, task_args, method_args)
    arms, named, faults, notices = chosen_arms([str(each) for each in what], Path(store), selection, named)
    if not arms and faults:
        raise RecordError(f"no sound runs to compare; left out: {'; '.join(faults[:3])}")
    if not arms:
        where = ", ".join(map(str, what)) or store
        raise UsageError(f"no runs to compare in {where}; 'harness eval' makes some")
    if named is None:
        raise UsageError("compare with what? --baseline METHOD, MODEL, METHOD@MODEL or a run id")
    return _compared(arms, named, metric, correction, allow_mixed, faults, notices, wanted, common_items)


def compare_runs(
    runs: Runs, baseline: Any, metric: str | None, correction: str, allow_mixed: bool
) -> Comparisons:
    """As `Runs.compare`."""
    from harness.comparison.arms import arms_of
    from harness.comparison.select import check_baseline, is_baseline
    from harness.results.index import in_force, placed_row, read_index

    named = names("method", baseline)
    rows: list[Row] = [placed_row(record) for record in runs.records]
    if not rows:
        raise UsageError("no run to compare: all of them failed")
    arms, faults = arms_of(rows), list[str]()
    tasks = {arm.task for arm in arms}
    covered = {arm.comparability_key for arm in arms if is_baseline(arm, named)}
    if covered != {arm.comparability_key for arm in arms}:
        index = read_index(runs.store)
        faults, others = index.faults, arms_of(in_force(index.rows))
        check_baseline([*arms, *others], named)
        stored = [
            arm
            for arm in others
            if arm.task in tasks and is_baseline(arm, named) and arm.comparability_key not in covered
        ]
        keys = {arm.comparability_key for arm in arms}
        # where none is comparable, those that aren't say what differs
        arms += [arm for arm in stored if arm.comparability_key in keys] or ([] if covered else stored)
    return _compared(arms, named, metric, correction, allow_mixed, faults)


def _compared(
    arms: Sequence[Arm],
    baseline: str,
    metric: str | None,
    correction: str,
    allow_mixed: bool,
    faults: Sequence[str],
    notices: Sequence[str] = (),
    wanted: Wanted = "",
    common_items: bool = False,
) -> Comparisons:
    from harness.comparison.paired import CORRECTIONS, adjust
    from harness.comparison.select import by_key, check_baseline, mixed, nothing_beside
    from harness.comparison.training_data import unequal_training

    if correction not in CORRECTIONS:
        raise UsageError(f"correction is one of {', '.join(CORRECTIONS)}, not {correction!r}")
    try:
        check_baseline(arms, baseline)
    except UsageError as error:
        raise UsageError(f"{error}{_left_out(faults)}") from None
    apart = mixed(arms)
    if apart and not allow_mixed:
        raise UsageError(apart[0].sentence())
    made = [
        one
        for table in by_key(arms).values()
        for one in _table(table, baseline, metric, wanted, common_items)
    ]
    if not made:
        raise UsageError(f"{nothing_beside(arms, baseline)}{_left_out(faults)}")
    notices = [*notices, *unequal_training(arms)]
    return Comparisons(adjust(made, correction), arms, correction, faults, notices, bool(apart))


def _left_out(faults: Sequence[str]) -> str:
    """What an error adds that may come of what was left out."""
    more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
    return f"; left out: {faults[0]}{more}" if faults else ""


def chosen_arms(
    what: Sequence[str], store: Path, selection: Selection, baseline: str | None
) -> tuple[list[Arm], str | None, list[str], list[str]]:
    """The arms that are meant, the baseline among them; records that can't be trusted; older versions."""
    from harness.comparison.arms import arms_of
    from harness.comparison.select import newest_versions
    from harness.results.index import in_force, read_index
    from harness.results.verify import sound_attempts

    if len(what) > 1 and all(Path(name).is_dir() for name in what):
        arms, faults, notices = [], list[str](), list[str]()
        for name in what:
            index = read_index(Path(name))
            faults += index.faults
            found, older = newest_versions(selection.beside(in_force(index.rows), baseline))
            found, broken = sound_attempts(found)
            faults += broken
            notices += [f"{name}: {older}"] if older else []
            arms += arms_of(found, name)
        return arms, baseline or what[0], faults, notices
    if len(what) == 1 and Path(what[0]).is_dir():
        store, what = Path(what[0]), ()
    index = read_index(store)
    rows: Sequence[Any] = in_force(index.rows)
    if what:
        chosen: list[Any] = []
        for name in what:
            begun = [row for row in rows if row["run_id"].startswith(name)]
            if not begun:
                raise UsageError(f"{name!r} is neither a folder nor the beginning of a run id in {store}")
            chosen += begun
        rows = list({row["run_id"]: row for row in chosen}.values())
        baseline = baseline or what[0]
        found, broken = sound_attempts(selection.beside(rows, baseline))
        return arms_of(found), baseline, [*index.faults, *broken], []
    found, older = newest_versions(selection.beside(rows, baseline))
    found, broken = sound_attempts(found)
    return arms_of(found), baseline, [*index.faults, *broken], [older] if older else []


def _table(
    arms: Sequence[Arm], baseline: str, metric: str | None, wanted: Wanted, common_items: bool
) -> list[Comparison]:
    """The comparisons of one comparability key."""
    from harness.comparison.attempt_metrics import attempt_metric
    from harness.comparison.items import ItemTables
    from harness.comparison.paired import compare as compare_arms
    from harness.comparison.select import baseline_of

    made, load = [], ItemTables()
    for arm in arms:
        reference = baseline_of(arm, arms, baseline)
        if reference is not None:
            known_metric = not metric or metric in arm.runs[0]["metrics"] or attempt_metric(metric)
            if not known_metric:
                known = ", ".join(arm.runs[0]["metrics"])
                raise UsageError(f"{arm.task} has no metric {metric!r}; it has: {known}")
            made.append(
                compare_arms(arm, reference, metric, load=load, wanted=wanted, common_items=common_items)
            )
    return made

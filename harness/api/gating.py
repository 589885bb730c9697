"""The gate: is what was run still as good as a baseline, within a declared margin?"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api.settings import STORE
from harness.display.layout import Block, Line, Shown, Table

if TYPE_CHECKING:
    import pandas as pd

    from harness.gate.checks import Rules
    from harness.gate.drift import Drift
    from harness.gate.verdict import Verdict

COLOURS = {
    "ok": "green",
    "regressed": "bold red",
    "inconclusive": "yellow",
    "not comparable": "magenta",
    "invalid": "magenta",
    "no data": "magenta",
}


@dataclass(frozen=True, repr=False)
class Check(Shown):
    """The verdicts of a gate: a table where it is printed or shown in a notebook.

    Attributes:
        verdicts: one a check.
        drifts: trends over the runs of a baseline's subjects.
        left_out: records that could not be used, a sentence each.
    """

    verdicts: Sequence[Verdict]
    drifts: Sequence[Drift]
    left_out: Sequence[str] = ()

    @property
    def verdict(self) -> str:
        """The whole: ok, regressed, inconclusive, not comparable, invalid or no data."""
        from harness.gate.verdict import overall

        return overall(self.verdicts)[0]

    @property
    def exit_code(self) -> int:
        """What the command line exits with: 0 ok, 1 regressed, 3 inconclusive, 4 not comparable, 5 no data or
        invalid."""
        from harness.gate.verdict import overall

        return overall(self.verdicts)[1]

    @property
    def ok(self) -> bool:
        """Whether the gate lets it pass."""
        return self.exit_code == 0

    def to_json(self) -> dict[str, Any]:
        """The object that `harness check --json` prints."""
        from harness.gate import report

        return report.plain(self.verdicts, self.drifts)

    def to_pandas(self) -> pd.DataFrame:
        """One row a check, with the columns of the table as text."""
        import pandas as pd

        from harness.gate import report

        return pd.DataFrame(map(report.cells, self.verdicts), columns=list(report.COLUMNS))

    def to_markdown(self) -> str:
        """A table for the summary of a CI job."""
        from harness.gate import report

        return report.markdown(self.verdicts, self.drifts)

    def to_junit(self) -> str:
        """JUnit XML, as CI systems read it."""
        from harness.gate import report

        return report.junit(self.verdicts)

    def blocks(self) -> list[Block]:
        from harness.gate import report

        # the reasons are sentences, and stand below the table
        table = Table(
            report.COLUMNS[:-1],
            [report.cells(verdict)[:-1] for verdict in self.verdicts],
            right=report.COLUMNS[4:8],
            titles=4,
            keep=("verdict", "task", "method", "difference"),
            styles=COLOURS,
        )
        said = [
            f"{verdict.verdict}: {report.title(verdict)}: {report.why(verdict)}"
            for verdict in self.verdicts
            if report.why(verdict)
        ]
        said += [*report.suite_sentences(self.verdicts), *(drift.sentence() for drift in self.drifts)]
        return [table, *map(Line, said), Line(f"overall: {self.verdict}", COLOURS[self.verdict])]


def check(
    baseline: str | None = None,
    *,
    config: str | Path | None = None,
    task: str | None = None,
    method: str | None = None,
    model: str | None = None,
    margin: float | None = None,
    alpha: float | None = None,
    confirm: bool | None = None,
    allow_inconclusive: bool = False,
    offline: bool = False,
    store: str | Path = STORE,
    progress: bool = True,
) -> Check:
    """Is what was just run still as good as the baseline, within a declared margin?

    Args:
        baseline: name or file of the baseline; `main` by default.
        config: what to check and how strictly, a YAML file; `checks.yaml` if it is there.
        task: only this task. `method` and `model` alike.
        margin: the largest loss that is acceptable; 0.02 by default.
        alpha: level over all checks; 0.05 by default.
        confirm: run a first hit again with fresh seeds.
        allow_inconclusive: too little evidence passes.
        offline: confirm from the cache and local files only.
        store: the result store.
        progress: show progress of a confirmation.

    Raises:
        UsageError: no such baseline, or faulty rules.

    Example:
        >>> assert harness.check("main").ok
    """
    from harness.gate.baseline import find_baseline, read_baseline
    from harness.gate.checks import read_rules
    from harness.gate.drift import drifts
    from harness.gate.pairing import check_all
    from harness.results.index import in_force, read_index

    file = Path(config) if config else Path("checks.yaml") if Path("checks.yaml").is_file() else None
    given: dict[str, Any] = {"baseline": baseline, "margin": margin, "alpha": alpha, "confirm": confirm}
    if allow_inconclusive:
        given["fail_inconclusive"] = False
    if task or method or model:
        given["checks"] = [{"task": task or "", "method": method or "", "model": model or ""}]
    rules = read_rules(file, **given)
    reference = read_baseline(find_baseline(rules.baseline, [Path(store)]))
    index = read_index(Path(store))
    rows = in_force(index.rows)
    verdicts = check_all(reference, rows, rules)
    if rules.confirm and any(verdict.verdict == "regressed" for verdict in verdicts):
        verdicts = _confirmed(verdicts, rules, Path(store), offline, progress)
    return Check(verdicts, drifts(reference.arms, rows), index.faults)


def _confirmed(
    verdicts: Sequence[Verdict], rules: Rules, store: Path, offline: bool, progress: bool
) -> list[Verdict]:
    from harness.api.progress import watching
    from harness.api.settings import configuration
    from harness.gate.confirm import confirm
    from harness.results.environment import command_line
    from harness.results.store import Store
    from harness.run.session import Session

    if progress:
        print("a first look found a regression; running it again with fresh seeds", file=sys.stderr)
    flagged = sum(verdict.verdict == "regressed" for verdict in verdicts)
    with watching(flagged, progress) as watcher:
        settings = configuration()
        session = Session(
            Store(store), watcher, settings.get("prices", {}), settings.get("services", {}), command_line()
        )
        return confirm(verdicts, rules, session, offline)


def set_baseline(
    name: str,
    *,
    task: str = "",
    method: str = "",
    model: str = "",
    task_args: Mapping[str, Any] | None = None,
    method_args: Mapping[str, Any] | None = None,
    replace: bool = False,
    store: str | Path = STORE,
) -> Path:
    """Pools the complete runs of every subject in a store, at least three of each, as a baseline for `check`.

    Args:
        name: of the baseline.
        task: only these; a comma list of names and globs. `method` and `model` alike.
        task_args: only runs with these arguments of the task; `method_args` of the method.
        replace: set a baseline again that exists.
        store: the result store.

    Returns:
        The baseline's file.

    Raises:
        UsageError: too few runs, or it exists.
    """
    from harness.comparison.select import Selection
    from harness.gate import baseline
    from harness.results.index import read_index

    selection = Selection(task, method, model, task_args or {}, method_args or {})
    rows = selection.rows(read_index(Path(store)).rows)
    return Path(baseline.set_baseline(Path(store), name, rows, replace=replace))

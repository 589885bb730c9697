"""The gate: is what was run still as good as a baseline, within a declared margin?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api.settings import STORE
from harness.base.terminal import tell
from harness.display.layout import Block, Line, Shown, Table

if TYPE_CHECKING:
    import pandas as pd

    from harness.gate.checks import Rules
    from harness.gate.drift import Drift
    from harness.gate.ledger import Ledger
    from harness.gate.margin_runs import MarginRuns
    from harness.gate.verdict import Verdict

COLOURS = {
    "ok": "green",
    "regressed": "bold red",
    "inconclusive": "yellow",
    "no alarm": "green",
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
        notes: what the reader has to know of the gate itself, such as that no ledger can be kept.
        ledger: the folder of looks; None where it can't be written.
    """

    verdicts: Sequence[Verdict]
    drifts: Sequence[Drift]
    left_out: Sequence[str] = ()
    notes: Sequence[str] = ()
    ledger: Path | None = None

    @property
    def verdict(self) -> str:
        """The whole: ok, no alarm (nightly), regressed, inconclusive, not comparable, invalid or no data."""
        from harness.gate.verdict import overall

        return overall(self.verdicts)[0]

    @property
    def exit_code(self) -> int:
        """What the command line exits with: 0 ok or no alarm, 1 regressed, 3 inconclusive, 4 not comparable,
        5 no data or invalid."""
        from harness.gate.verdict import overall

        return overall(self.verdicts)[1]

    @property
    def ok(self) -> bool:
        """Whether the gate lets it pass."""
        return self.exit_code == 0

    def to_json(self) -> dict[str, Any]:
        """The object that `harness check --json` prints."""
        from harness.gate import report

        return report.plain(self.verdicts, self.drifts, self.notes, str(self.ledger) if self.ledger else None)

    def to_pandas(self) -> pd.DataFrame:
        """One row a check, with the columns of the table as text."""
        import pandas as pd

        from harness.gate import report

        return pd.DataFrame(map(report.cells, self.verdicts), columns=list(report.COLUMNS))

    def to_markdown(self) -> str:
        """A table for the summary of a CI job."""
        from harness.gate import report

        return report.markdown(self.verdicts, self.drifts, self.notes)

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
        said += [
            *self.notes,
            *report.suite_sentences(self.verdicts),
            *(drift.sentence() for drift in self.drifts),
        ]
        return [table, *map(Line, said), Line(f"overall: {self.verdict}", COLOURS[self.verdict])]


def check(
    baseline: str | None = None,
    *,
    config: str | Path | None = None,
    task: str | None = None,
    method: str | None = None,
    model: str | None = None,
    margin: str | float | None = None,
    alpha: float | None = None,
    runs_most: int | None = None,
    nightly: bool | None = None,
    confirm: bool | None = None,
    allow_inconclusive: bool = False,
    offline: bool = False,
    ledger: str | Path | None = None,
    store: str | Path = STORE,
    progress: bool = True,
) -> Check:
    """Is what was just run still as good as the baseline, within a declared margin?

    Every look is kept in a ledger beside the baseline. A rerun of a version is judged together with its
    earlier runs, at the level that earlier looks have left, and its first `ok` or `regressed` stands.

    Args:
        baseline: name or file of the baseline; `main` by default.
        config: what to check and how strictly, a YAML file; `checks.yaml` if it is there.
        task: only this task. `method` and `model` alike.
        margin: the largest loss that is acceptable: `"5%"` of the baseline's value, or a number in the
            metric's unit. There is no default.
        alpha: level over all checks and all looks; 0.05 by default.
        runs_most: the number of the candidate's runs over which alpha is spent; by default what the margin
            takes.
        nightly: each look is at another version, as of a model behind an alias.
        confirm: run a first hit again with fresh seeds, both sides of it.
        allow_inconclusive: too little evidence passes.
        offline: confirm from the cache and local files only.
        ledger: the folder of looks; by default `NAME.looks` beside the baseline.
        store: the result store.
        progress: show progress of a confirmation.

    Raises:
        UsageError: no such baseline, faulty rules, or no margin.

    Example:
        >>> assert harness.check("main").ok
    """
    from harness.gate.baseline import find_baseline, read_baseline
    from harness.gate.checks import read_rules
    from harness.gate.confirm import to_confirm
    from harness.gate.drift import drifts
    from harness.gate.ledger import SUFFIX, Ledger
    from harness.gate.pairing import check_all
    from harness.results.index import in_force, read_index

    file = Path(config) if config else Path("checks.yaml") if Path("checks.yaml").is_file() else None
    given: dict[str, Any] = {"baseline": baseline, "margin": margin, "alpha": alpha, "confirm": confirm}
    given |= {"runs_most": runs_most, "nightly": nightly}
    if allow_inconclusive:
        given["fail_inconclusive"] = False
    if task or method or model:
        given["checks"] = [{"task": task or "", "method": method or "", "model": model or ""}]
    rules = read_rules(file, **given)
    path = find_baseline(rules.baseline, [Path(store)])
    reference = read_baseline(path)
    looks = Ledger(Path(ledger) if ledger else path.with_suffix(SUFFIX))
    index = read_index(Path(store))
    verdicts = check_all(reference, index.rows, rules, looks)
    if rules.confirm and any(map(to_confirm, verdicts)):
        verdicts = _confirmed(verdicts, rules, looks, Path(store), offline, progress)
    return Check(
        verdicts,
        drifts(reference.arms, in_force(index.rows)),
        index.faults,
        (looks.problem,) if looks.problem else (),
        None if looks.problem else looks.folder,
    )


def _confirmed(
    verdicts: Sequence[Verdict], rules: Rules, ledger: Ledger, store: Path, offline: bool, progress: bool
) -> list[Verdict]:
    """With what was flagged run again. Fresh runs lie in a store of their own, `STORE/confirmation`, as they
    are never pooled with those that were flagged."""
    from harness.api.progress import watching
    from harness.api.settings import configuration
    from harness.gate.confirm import confirm, to_confirm
    from harness.results.environment import command_line
    from harness.results.store import Store
    from harness.run.session import Session

    if progress:
        tell("a first look found a regression; running it again with fresh seeds")
    flagged = sum(map(to_confirm, verdicts))
    with watching(flagged, progress) as watcher:
        settings = configuration()
        session = Session(
            Store(store / "confirmation"),
            watcher,
            settings.get("prices", {}),
            settings.get("services", {}),
            settings.get("human", {}).get("usd_per_hour"),
            command_line(),
        )
        return confirm(verdicts, rules, ledger, session, offline)


@dataclass(frozen=True, repr=False)
class BaselineSet(Shown):
    """A baseline that was set: its file, and what each margin takes.

    Attributes:
        path: its file.
        margins: for each subject a margin, and what it takes to show it.
        declared: whether these margins come from `checks.yaml` or a flag; else they are 5 % of each value
            above chance.
    """

    path: Path
    margins: Sequence[MarginRuns]
    declared: bool

    def to_json(self) -> dict[str, Any]:
        """The object that `harness baseline set --json` prints."""
        return {
            "schema": 1,
            "name": self.path.stem,
            "path": str(self.path),
            "declared": self.declared,
            "margins": [each.plain() for each in self.margins],
        }

    def blocks(self) -> list[Block]:
        return [Line(str(self.path)), *(Line(f"  {each.sentence()}") for each in self.margins)]


def set_baseline(
    name: str,
    *,
    task: str = "",
    method: str = "",
    model: str = "",
    task_args: Mapping[str, Any] | None = None,
    method_args: Mapping[str, Any] | None = None,
    margin: str | float | None = None,
    config: str | Path | None = None,
    replace: bool = False,
    store: str | Path = STORE,
) -> BaselineSet:
    """Pools the complete runs of every subject in a store, at least three of each, as a baseline for `check`.

    Args:
        name: of the baseline.
        task: only these; a comma list of names and globs. `method` and `model` alike.
        task_args: only runs with these arguments of the task; `method_args` of the method.
        margin: what is to be shown against it: `"5%"`, or a number in the metric's unit.
        config: a file of checks with the margins; `checks.yaml` if it is there and names this baseline.
        replace: set a baseline again that exists.
        store: the result store.

    Raises:
        UsageError: too few runs, it exists, or its runs can never show one of the declared margins; says how
            many would.
    """
    from harness.comparison.select import Selection
    from harness.gate import baseline, margin_runs
    from harness.gate.baseline import Baseline
    from harness.results.index import read_index

    selection = Selection(task, method, model, task_args or {}, method_args or {})
    rows = selection.rows(read_index(Path(store)).rows)
    rules = _rules_of(baseline.path_of(Path(store), name), margin, config)
    found: list[MarginRuns] = []

    def allow(reference: Baseline) -> None:
        if rules is not None:
            found.extend(margin_runs.margin_runs(reference, rules))
            margin_runs.refuse_what_is_never_shown(found)
        else:
            found.extend(margin_runs.first_margins(reference, lenient=True))

    path = Path(baseline.set_baseline(Path(store), name, rows, replace=replace, allow=allow))
    return BaselineSet(path, found, rules is not None)


def _rules_of(path: Path, margin: str | float | None, config: str | Path | None) -> Rules | None:
    """The rules that declare margins for a baseline, if there are any."""
    from harness.gate.checks import read_rules

    usual = Path("checks.yaml")
    if config is None and usual.is_file():
        named = read_rules(usual).baseline
        if named == path.stem or Path(named).resolve() == path.resolve():
            config = usual
    if config is None and margin is None:
        return None
    return read_rules(Path(config) if config else None, margin=margin)


@dataclass(frozen=True, repr=False)
class FirstChecks(Shown):
    """Margins for a start: 5 % of each value of a baseline above chance.

    Attributes:
        baseline: its name.
        margins: for each subject the margin, and what it takes to show it.
    """

    baseline: str
    margins: Sequence[MarginRuns]

    def to_yaml(self) -> str:
        """The text of a `checks.yaml`."""
        from harness.gate.margin_runs import checks_yaml

        return checks_yaml(self.baseline, self.margins)

    def to_json(self) -> dict[str, Any]:
        """The object that `harness baseline checks --json` prints."""
        return {
            "schema": 1,
            "baseline": self.baseline,
            "margins": [each.plain() for each in self.margins],
        }

    def blocks(self) -> list[Block]:
        return [Line(line) for line in self.to_yaml().splitlines()]


def first_checks(
    name: str = "main", *, chance: float | None = None, store: str | Path = STORE
) -> FirstChecks:
    """Margins to look over, for a `checks.yaml`: 5 % of each value of a baseline above chance.

    Args:
        name: of the baseline, or its file.
        chance: what guessing scores, in the unit of the metric; by default the metric's lowest value.
        store: the result store.

    Raises:
        UsageError: no such baseline, or a value no better than chance.
    """
    from harness.gate.baseline import find_baseline, read_baseline
    from harness.gate.margin_runs import first_margins

    reference = read_baseline(find_baseline(name, [Path(store)]))
    return FirstChecks(name, first_margins(reference, chance))

"""Rows of the board, and the sections in which they may be ranked: one for each comparability key."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from harness.base.errors import DECLINED, UsageError
from harness.comparison.arms import Arm, arms_of, shown_keys
from harness.leaderboard.records import Holdings, row_of
from harness.leaderboard.verdicts import Verdicts, claims, judged
from harness.results.ceiling import ceiling
from harness.results.fields import differing, field_of
from harness.results.ranges import MetricRange

if TYPE_CHECKING:
    from harness.comparison.grid import Grid
    from harness.comparison.items import ItemTables


@dataclass(frozen=True)
class Validation:
    """Scores on the validation split while a method trained, not on test: means over runs of the `last` one
    and of the largest, `peak`, which is optimistic because it is chosen; and the step of each run's peak."""

    last: float
    peak: float
    peak_steps: tuple[int, ...]

    @property
    def at(self) -> str:
        """`40`, or `20–60` where seeds differ."""
        low, high = min(self.peak_steps), max(self.peak_steps)
        return str(low) if low == high else f"{low}–{high}"


@dataclass(frozen=True)
class Entry:
    """One row: a subject on a task, its complete runs pooled over seeds.

    `value` is the mean of the primary metric over items, unscored and failed attempts counted as the worst
    value; `scored_only` leaves them out and is None where there are none. `rank` is a set: the best and the
    worst place that the data allow among the section's rows, 1 being best; all sets of a page hold together
    with 95 %. None where the row is alone, was stopped, is simulated or saw targets, or where there
    are too few items.
    `varying_fields` are those in which the row, or its model, differs from others of the same name.
    """

    arm: Arm
    value: float | None
    ci: tuple[float, float] | None
    ci_method: str
    scored_only: float | None = None
    rank: tuple[int, int] | None = None
    varying_fields: tuple[tuple[str, str], ...] = ()

    @property
    def variant(self) -> str:
        return ", ".join(f"{name.rpartition('.')[2]}={value}" for name, value in self.varying_fields)

    @property
    def simulated(self) -> bool:
        """Whether no model was behind the answers: `echo/...` says what it is made to say."""
        return self.arm.model.startswith("echo/")

    @property
    def stopped(self) -> bool:
        return not self.arm.complete

    @property
    def ranked(self) -> bool:
        """Whether it may have a place."""
        return not (self.simulated or self.stopped or self.ceiling)

    @property
    def ceiling(self) -> bool:
        """Whether the method saw what no method sees, as an oracle does."""
        return any(map(ceiling, self.arm.runs))

    @property
    def validation(self) -> Validation | None:
        """Scores on the validation split that the runs' learning curves hold; None where none does."""
        curves = [run["curve"] for run in self.arm.runs if run.get("curve")]
        found = [curve for curve in curves if curve["dev_last"]]
        if not found:
            return None
        last, peak = (
            sum(curve[name]["value"] for curve in found) / len(found) for name in ("dev_last", "dev_peak")
        )
        return Validation(last, peak, tuple(curve["dev_peak"]["step"] for curve in found))

    def count(self, name: str) -> int:
        """Attempts with a status, over all runs."""
        return sum(int(run["counts"].get(name, 0)) for run in self.arm.runs)

    @property
    def declined(self) -> int:
        """Attempts without a completion: refused, filtered, too long a prompt."""
        return sum(map(self.count, DECLINED))

    def access(self, name: str) -> int:
        """The largest number of labels, pool items or test inputs that a run of the row looked at."""
        return max(int(run["data_access"].get(name, 0)) for run in self.arm.runs)

    @property
    def tokens(self) -> float | None:
        """Input and output tokens per attempt."""
        parts = [self.arm.usage(name) for name in ("input_tokens", "output_tokens")]
        return None if any(part is None for part in parts) else sum(part or 0.0 for part in parts)

    @property
    def wall_s(self) -> float:
        return sum(float(run["wall_s"]) for run in self.arm.runs)


@dataclass(frozen=True)
class Section:
    """The rows of one comparability key, best first; the only rows that are ranked together.

    `varying_fields` are the fields in which the key differs from the task's other keys. `comparisons` maps a
    baseline method to the paired comparison (as `harness.comparison.to_json.plain` gives it) of every row
    that has that baseline; `notes` says why one could not be made. `grid` is the complete grid of methods and
    models among the rows, if there is one.
    """

    task: str
    key: str
    entries: list[Entry]
    varying_fields: tuple[tuple[str, str], ...] = ()
    comparisons: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    grid: Grid | None = None

    @property
    def comparability(self) -> Mapping[str, Any]:
        return self.entries[0].arm.comparability

    @property
    def metric(self) -> str:
        return self.entries[0].arm.primary

    @property
    def span(self) -> MetricRange:
        """The values that the metric can have, and which end is the good one."""
        return self.entries[0].arm.metric_range()

    @property
    def metric_title(self) -> str:
        """The metric, with a word where less is better."""
        return f"{self.metric} (lower is better)" if self.span.lower_is_better else self.metric

    @property
    def n_items(self) -> int:
        return max(int(run["n_items"]) for entry in self.entries for run in entry.arm.runs)

    @property
    def title(self) -> str:
        """What distinguishes the section from the task's others, in a few words."""
        short = [(name, value) for name, value in self.varying_fields if "digest" not in name]
        return ", ".join(
            f"{name.removeprefix('task_args.')}={value}" for name, value in short or self.varying_fields
        )

    @property
    def anchor(self) -> str:
        return f"key-{self.key[:12]}"


@dataclass(frozen=True)
class Board:
    """Everything that is shown, in a fixed order."""

    held: Holdings
    sections: list[Section]

    @property
    def tasks(self) -> list[str]:
        return sorted({section.task for section in self.sections})

    @property
    def entries(self) -> list[Entry]:
        return [entry for section in self.sections for entry in section.entries]

    @property
    def methods(self) -> list[str]:
        return sorted({entry.arm.method for entry in self.entries})

    @property
    def models(self) -> list[str]:
        return sorted({entry.arm.model for entry in self.entries})

    def of_task(self, task: str) -> list[Section]:
        return [section for section in self.sections if section.task == task]


def groups(held: Holdings) -> list[list[dict[str, Any]]]:
    """The rows of each task, ordered by task: the unit in which pages are made."""
    by_task: dict[str, list[dict[str, Any]]] = {}
    for record in held.records:
        row = row_of(record)
        by_task.setdefault(row["task"], []).append(row)
    return [by_task[task] for task in sorted(by_task)]


def page(rows: Sequence[dict[str, Any]], baselines: Sequence[str] = ()) -> list[Section]:
    """The sections of one task, whose claims are one family of tests.

    Args:
        rows: of one task.
        baselines: methods to compare with; empty for the usual ones.
    """
    from harness.comparison.items import ItemTables

    keyed: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        keyed.setdefault(row["comparability_key"], []).append(row)
    tables = ItemTables()
    entries = [_entries(keyed[key], tables) for key in sorted(keyed)]
    tested = [claims([e.arm for e in each if e.ranked], baselines, tables) for each in entries]
    return [
        replace(_section(each, found), grid=_grid_of([e.arm for e in each if e.ranked], tables))
        for each, found in zip(entries, judged(tested), strict=True)
    ]


def _grid_of(arms: Sequence[Arm], tables: ItemTables) -> Grid | None:
    """The grid of a section's rows; None where no methods and models are complete, or two rows are at one
    place of it."""
    from harness.comparison.grid import grids

    try:
        (found,) = grids(arms, load=tables) if len(arms) > 3 else (None,)
    except UsageError:
        return None
    return found


def _section(entries: Sequence[Entry], found: Verdicts) -> Section:
    """The rows of one comparability key with their places: best first, stopped ones last."""
    places = iter(found.places)
    placed = [replace(entry, rank=next(places)) if entry.ranked else entry for entry in entries]
    sign = entries[0].arm.metric_range().sign

    def order(e: Entry) -> tuple[Any, ...]:
        value = -sign * e.value if e.value is not None else math.inf
        return (
            e.stopped,
            value if found.in_order else 0,
            e.arm.method,
            e.arm.model,
            e.variant,
            e.arm.subject_key,
        )

    first = entries[0].arm
    return Section(
        first.task,
        first.comparability_key,
        sorted(placed, key=order),
        comparisons=found.comparisons,
        notes=found.notes,
    )


def _entries(rows: Sequence[dict[str, Any]], tables: ItemTables) -> list[Entry]:
    """The rows of one comparability key, pooled over seeds; of a stopped one only where none is complete."""
    whole = arms_of(row for row in rows if row["status"] == "complete")
    finished = {(arm.comparability_key, arm.subject_key) for arm in whole}
    stopped = [
        arm
        for arm in arms_of(row for row in rows if row["status"] != "complete")
        if (arm.comparability_key, arm.subject_key) not in finished
    ]
    entries = [_entry(arm, whole, tables) for arm in whole]
    return entries + [_entry(arm, stopped, tables) for arm in stopped]


def with_varying_fields(sections: Iterable[Section]) -> list[Section]:
    """The same sections, each with the fields in which its key differs from those of its task's others."""
    by_task: dict[str, list[Section]] = {}
    for each in sections:
        by_task.setdefault(each.task, []).append(each)
    made = []
    for same in by_task.values():
        keys = shown_keys(each.entries[0].arm for each in same)
        fields = dict.fromkeys(name for other in keys[1:] for name in differing(keys[0], other))
        names = _readable(fields)
        arguments = [name for name in names if name.startswith("task_args.")]
        apart = {tuple(brief(field_of(key, name)) for name in arguments) for key in keys}
        if len(apart) == len(same):
            names = arguments  # what else differs follows from them, such as the data read
        for each, key in zip(same, keys, strict=True):
            varying_fields = tuple((name, brief(field_of(key, name))) for name in names)
            made.append(replace(each, varying_fields=varying_fields))
    return sorted(made, key=lambda s: (s.task, [number_first(v) for _, v in s.varying_fields], s.key))


def brief(value: Any) -> str:
    """A value as a label shows it: hashes by their beginning."""
    text = "none" if value is None else str(value)
    return text[:12] if len(text) == 64 else text[:80]


def _readable(fields: Iterable[str]) -> list[str]:
    """Arguments before hashes: a digest says that data differ, an argument says how."""
    return sorted(fields, key=lambda name: (not name.startswith("task_args."), "digest" in name, name))


def number_first(text: str) -> tuple[int, float, str]:
    """A key that sorts numbers by value, and before words."""
    try:
        return (0, float(text), text)
    except ValueError:
        return (1, 0.0, text)


def _entry(arm: Arm, others: Sequence[Arm], tables: ItemTables) -> Entry:
    labels = tuple((name, brief(field_of(arm.subject, name))) for name in arm.distinguishing(others))
    if len(arm.runs) == 1:
        metric = arm.runs[0]["metrics"].get(arm.primary)
        if metric is None:
            return Entry(arm, None, None, "none", varying_fields=labels)
        ci = tuple(metric["ci"]) if metric["ci"] else None
        return Entry(
            arm, metric["value"], ci, metric["ci_method"], metric["scored_only"], varying_fields=labels
        )
    from harness.comparison.scores import score

    items, found = tables(arm, arm.primary), score(arm, load=tables)
    known = items.scored_only()
    scored = None if items.all_scored or not len(known) else float(known.means().mean())
    return Entry(arm, found.value, found.interval, found.ci_method, scored, varying_fields=labels)

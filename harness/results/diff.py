"""What two versions of a store's table differ in, and why: rows added, removed, and changed.

Rows are paired by task, method, model, arguments and seed; of a pair, the first identity fields that differ
are the reason why its value may have moved.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from harness.base.errors import DECLINED
from harness.base.files import read_json
from harness.results.fields import brief, differing, field_of
from harness.results.index import Index, in_force, read_index

Row = Mapping[str, Any]
Interval = tuple[float, float] | None

#: beginning of an identity field -> what it is called where it differs, the weightier first
FIELDS = {
    "comparability.task_version": "task version",
    "comparability.task_args": "task argument",
    "comparability.limit": "limit",
    "comparability.sample_id": "chosen items",
    "comparability.data_digest": "data",
    "comparability.data": "data source",
    "comparability.prompt_digest": "prompts",
    "comparability.scorer": "scorer",
    "comparability.scoring": "scoring of the harness",
    "comparability.roles": "role of the task",
    "comparability": "comparability",
    "subject.method_version": "method version",
    "subject.method_args": "method argument",
    "subject.model_revision": "model revision",
    "subject.model_args": "model argument",
    "subject.decoding": "generation setting",
    "subject.roles": "role",
    "subject.embedder": "embedder",
    "subject": "subject",
    "epochs": "attempts at an item",
    "code": "code",
}
#: fields of a reason that are named
NAMED = 3


class Reason(NamedTuple):
    """An identity field that differs; `words` says so, with both values."""

    field: str
    old: Any
    new: Any
    words: str


@dataclass(frozen=True)
class Change:
    """A row of the table that is not as it was.

    Attributes:
        kind: `added`, `removed` or `changed`.
        old, new: the rows of the index; None where there is none.
        reasons: why, the weightiest first.
        difference: new - old at the primary metric, in its unit; None unless changed.
        interval: of the difference, 95 %; None where it can't be estimated.
    """

    kind: str
    old: Row | None
    new: Row | None
    reasons: tuple[Reason, ...] = ()
    difference: float | None = None
    interval: Interval = None

    @property
    def row(self) -> Row:
        """The row that is there, the new one of two."""
        row = self.new or self.old
        assert row is not None
        return row


@dataclass(frozen=True)
class Difference:
    """Two tables: how many rows are the same, what changed, and what can't be trusted."""

    same: int
    changes: list[Change] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def independent(old: Row, new: Row) -> Interval:
    """The 95 % interval of the change of a primary metric, as if both runs had drawn their own items: wider
    than that of a paired comparison. None without standard errors."""
    errors = [row["metrics"].get(row["primary"], {}).get("stderr") for row in (old, new)]
    if errors[0] is None or errors[1] is None:
        return None
    half = 1.959964 * math.hypot(*errors)
    moved = _value(new) - _value(old)
    return moved - half, moved + half


def diff_stores(old: Path, new: Path, interval: Callable[[Row, Row], Interval] = independent) -> Difference:
    """What the rows in force of two stores differ in.

    Args:
        interval: that of the change of a pair of rows.
    """
    return diff_tables(read_index(old), read_index(new), interval)


def diff_tables(
    before: Index, after: Index, interval: Callable[[Row, Row], Interval] = independent
) -> Difference:
    """What the rows in force of two indexes differ in; as `diff_stores`."""
    left, right = in_force(before.rows), in_force(after.rows)
    pairs, gone, come = _paired(left, right)
    changes, same = [], 0
    for a, b in pairs:
        if a["result_digest"] == b["result_digest"]:
            same += 1
            continue
        reasons, moved = _reasons(a, b), _value(b) - _value(a)
        changes.append(Change("changed", a, b, tuple(reasons) or (_again(a, b),), moved, interval(a, b)))
    changes += [Change("removed", row, None, (_removed(row, after.rows, right),)) for row in gone]
    changes += [Change("added", None, row, (_unlike(row, left, "the old store"),)) for row in come]
    return Difference(same, changes, [*before.faults, *after.faults])


def _value(row: Row) -> float:
    found = row["metrics"].get(row["primary"])
    return float(found["value"]) if found else 0.0


def _name(row: Row) -> str:
    """What a row is paired by."""
    arguments = [row["comparability"]["task_args"], row["subject"]["method_args"]]
    return json.dumps([row["task"], row["method"], row["model"], row["seed"], arguments], sort_keys=True)


def _paired(left: Iterable[Row], right: Iterable[Row]) -> tuple[list[tuple[Row, Row]], list[Row], list[Row]]:
    """Pairs of rows, and those of either side that have no partner. Where several rows have one name (runs
    of other limits or decodings), those that are the same run meet first, then those that differ least."""
    waiting: dict[str, list[Row]] = {}
    for row in right:
        waiting.setdefault(_name(row), []).append(row)
    pairs, alone = [], []
    for row in sorted(
        left, key=lambda row: all(row["run_id"] != b["run_id"] for b in waiting.get(_name(row), ()))
    ):
        able = waiting.get(_name(row), [])
        if not able:
            alone.append(row)
            continue
        best = min(
            able, key=lambda b: (b["run_id"] != row["run_id"], len(differing(_identity(row), _identity(b))))
        )
        able.remove(best)
        pairs.append((row, best))
    return pairs, alone, [row for rows in waiting.values() for row in rows]


def _identity(row: Row) -> dict[str, Any]:
    return {key: row[key] for key in ("comparability", "subject", "epochs", "code") if key in row}


def _reasons(a: Row, b: Row) -> list[Reason]:
    """Why the values of a pair may differ: a correction, then the identity fields."""
    made = []
    if b["supersedes"] == a["run_id"]:
        made.append(Reason("supersedes", a["run_id"], b["run_id"], f"corrected: {_why(b)}"))
    old, new = _identity(a), _identity(b)
    fields = sorted(differing(old, new), key=_weight)
    for name in fields[:NAMED]:
        before, after = field_of(old, name), field_of(new, name)
        called = next(word for start, word in FIELDS.items() if name.startswith(start))
        last = name.rpartition(".")[2]
        exact = (
            f" {last}"
            if called.endswith(("argument", "setting", "role", "task"))
            or called in ("comparability", "subject")
            else ""
        )
        made.append(Reason(name, before, after, f"other {called}{exact} ({brief(before)} -> {brief(after)})"))
    return made


def _weight(name: str) -> int:
    return next((n for n, start in enumerate(FIELDS) if name.startswith(start)), len(FIELDS))


def _again(a: Row, b: Row) -> Reason:
    """Of two runs of one identity: they were made again, or scored by other code under the same version."""
    if a["status"] != b["status"]:
        return Reason("status", a["status"], b["status"], f"{a['status']} before, {b['status']} now")
    old, new = a["draw_digest"], b["draw_digest"]
    if None not in (old, new) and old != new:
        return Reason("draw_digest", old, new, "the same run, made again, which drew something else")
    if a["samples_digest"] == b["samples_digest"] and a["draws"] != b["draws"]:
        before, now = a["draws"] or "unknown", b["draws"] or "unknown"
        return Reason("draws", a["draws"], b["draws"], f"the same attempts; draws were {before}, are {now}")
    without = [
        f"{name} {before} -> {now}"
        for name in ("error", "unscored", *DECLINED)
        if (before := a["counts"].get(name, 0)) != (now := b["counts"].get(name, 0))
    ]
    return Reason(
        "samples_digest",
        a["samples_digest"],
        b["samples_digest"],
        "the same run, made again with other attempts" + f" ({', '.join(without)})" * bool(without),
    )


def _removed(row: Row, every: Sequence[Row], in_force_now: Sequence[Row]) -> Reason:
    """Why a row isn't there any more."""
    own = [other for other in every if other["run_id"] == row["run_id"]]
    newest = max(own, key=lambda other: other["attempt"], default=None)
    if newest is not None and newest["status"] == "retracted":
        return Reason("status", row["status"], "retracted", f"retracted: {_why(newest)}")
    by = next((other for other in in_force_now if other["supersedes"] == row["run_id"]), None)
    if by is not None:
        return Reason("supersedes", None, by["run_id"], f"corrected by run {by['run_id'][:12]}: {_why(by)}")
    return _unlike(row, in_force_now, "the new store")


def _unlike(row: Row, others: Sequence[Row], where: str) -> Reason:
    """What distinguishes a row without a partner from the nearest rows of the other store."""
    near = [
        other
        for other in others
        if (other["task"], other["method"], other["model"]) == (row["task"], row["method"], row["model"])
    ]
    same = [other for other in near if _name({**other, "seed": row["seed"]}) == _name(row)]
    if same and all(other["seed"] != row["seed"] for other in same):
        seeds = sorted({other["seed"] for other in same})
        return Reason("seed", seeds, row["seed"], f"other seeds: {where} has {', '.join(map(str, seeds))}")
    if near:
        closest = min(near, key=lambda other: len(differing(_identity(row), _identity(other))))
        unlike = sorted(differing(_identity(closest), _identity(row)), key=_weight)
        names = [n for n in unlike if "_args." in n] or unlike
        shown = ", ".join(
            f"{n.rpartition('.')[2]}={brief(field_of(_identity(closest), n))}" for n in names[:NAMED]
        )
        noun = "arguments" if "_args." in names[0] else "settings"
        return Reason(noun, shown, None, f"other {noun}: {where} has {shown}")
    for key, known in (
        ("task", {r["task"] for r in others}),
        ("method", {r["method"] for r in others}),
        ("model", {r["model"] for r in others}),
    ):
        if row[key] not in known:
            return Reason(key, None, row[key], f"{where} has no run of {key} {row[key]}")
    return Reason(
        "subject", None, row["method"], f"{where} has no run of this method with this model on this task"
    )


def _why(row: Row) -> str:
    """The reason that a correction or a retraction was given."""
    try:
        return str(read_json(row["record"]).get("reason") or "no reason is given")
    except (OSError, ValueError, AttributeError):
        return "its reason can't be read"

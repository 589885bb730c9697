"""`harness results diff`: what two versions of a table differ in, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from harness.base.terminal import printable, say, say_json, tell
from harness.cli.options import Command, json_option

if TYPE_CHECKING:
    from harness.results.diff import Change, Row

EXAMPLE = """
\b
Examples:
  harness results diff results/published results/new
  harness results diff results/main results/branch --json
"""


@click.command("diff", cls=Command, epilog=EXAMPLE)
@click.argument("old", metavar="STORE")
@click.argument("new", metavar="STORE")
@json_option
def diff(old: str, new: str, as_json: bool) -> None:
    """What the second store's results differ in from the first one's, and why.

    Rows are paired by task, method, model, arguments and seed. A changed row shows the change of its
    value with a 95 % interval (paired over the items where both runs are comparable, else as if they
    were independent) and the first fields of its identity that differ; a row that was added or removed
    shows the nearest of the other store, a correction or a retraction its reason.
    """
    from harness.results.diff import diff_stores
    from harness.results.store import existing

    found = diff_stores(existing(old), existing(new), _interval)
    for fault in found.faults:
        tell(f"invalid, left out: {fault}")
    if as_json:
        rows: dict[str, list[Any]] = {"changed": [], "removed": [], "added": []}
        for change in found.changes:
            rows[change.kind].append(_plain(change))
        say_json({"schema": 1, "same": found.same, **rows})
        return
    for change in found.changes:
        say(printable(_sentence(change)))
    counts = {
        kind: sum(change.kind == kind for change in found.changes) for kind in ("changed", "removed", "added")
    }
    say(f"{found.same} rows are the same, " + ", ".join(f"{n} {kind}" for kind, n in counts.items()))


def _interval(old: Row, new: Row) -> tuple[float, float] | None:
    """Over pairs of items where the runs are comparable, else that of independent runs."""
    from harness.comparison.arms import Arm
    from harness.comparison.paired import compare
    from harness.results.diff import independent

    if old["comparability_key"] != new["comparability_key"]:
        return independent(old, new)
    return compare(Arm((new,), "new"), Arm((old,), "old")).difference.ci


def _sentence(change: Change) -> str:
    from harness.results.labels import method_label

    row = change.row
    label = method_label(row["method"], row["subject"]["method_args"], row["subject"])
    name = f"{change.kind}: {row['task']} x {label} x {row['model']} seed {row['seed']}"
    if change.old is not None and change.new is not None:
        name += f": {row['primary']} {_value(change.old)} -> {_value(change.new)}"
        if change.interval is not None:
            low, high = change.interval
            name += f" ({change.difference:+.3f} [{low:+.3f}, {high:+.3f}])"
    else:
        name += f": {row['primary']} {_value(row)}"
    return f"{name}; {'; '.join(reason.words for reason in change.reasons)}"


def _value(row: Row) -> str:
    metric = row["metrics"].get(row["primary"])
    return f"{metric['value']:.3f}" if metric else "none"


def _plain(change: Change) -> dict[str, Any]:
    def side(row: Row | None) -> dict[str, Any] | None:
        if row is None:
            return None
        metric = row["metrics"].get(row["primary"]) or {}
        return {"run_id": row["run_id"], "value": metric.get("value"), "ci": metric.get("ci")}

    row = change.row
    return {
        "task": row["task"],
        "task_args": row["comparability"]["task_args"],
        "method": row["method"],
        "method_args": row["subject"]["method_args"],
        "model": row["model"],
        "seed": row["seed"],
        "metric": row["primary"],
        "old": side(change.old),
        "new": side(change.new),
        "difference": change.difference,
        "ci": change.interval,
        "reasons": [reason._asdict() for reason in change.reasons],
    }

"""What must hold between the fields of a record, whatever its attempts are."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from harness.results.ranges import declared_range
from harness.sample import Status
from harness.spec import MetricRange

#: how far apart two numbers may lie that are the same but for rounding
_ROUNDING = 1e-9
#: counts of attempts that are among others
_PARTS = {"no_answer": "ok", "truncated": "attempts", "user_failed": "attempts", "grader_failed": "attempts"}


def invariants(record: Mapping[str, Any]) -> list[str]:
    """What must hold between the numbers of a record; each breach as a sentence."""
    faults = []
    counts, metrics = record["counts"], record["metrics"]
    told = (
        ("task", record["task"]["name"], record["comparability"]["task"]),
        ("primary metric", record["primary"], record["comparability"]["metric"]),
        ("method", record["method"]["name"], record["subject"]["method"]),
        ("model", record["model"], record["subject"]["model"]),
    )
    faults += [f"its {what} is {a!r}, and {b!r} in its key" for what, a, b in told if a != b]
    if record["status"] == "complete" and counts["attempts"] and record["primary"] not in metrics:
        faults.append(f"complete, but without a value of {record['primary']}")
    if sum(counts.get(status, 0) for status in get_args(Status)) != counts["attempts"]:
        faults.append("ok + unscored + error + refused, filtered, overflown is not the number of attempts")
    if record["status"] == "complete" and counts["attempts"] < record["n_items"]:
        faults.append("complete, but with fewer attempts than items")
    if counts["attempts"] > record["n_items"] * record["epochs"]:
        faults.append("more attempts than items and epochs")
    for name, whole in _PARTS.items():
        if counts.get(name, 0) > counts[whole]:
            faults.append(f"more attempts are {name} than there are of {whole}")
    faults += _of_its_origin(record)
    for name, span in record["metric_ranges"].items():
        if None not in (low := span.get("low"), high := span.get("high")) and not low < high:
            faults.append(f"the range of {name} is from {low} to {high}")
    for name, metric in metrics.items():
        faults += metric_faults(name, metric, declared_range(record, name), record["n_items"])
    for family, rising in (("pass@", True), ("pass^", False)):
        series = sorted(
            (int(name.removeprefix(family)), metric["value"])
            for name, metric in metrics.items()
            if name.startswith(family) and name.removeprefix(family).isdigit()
        )
        for (k, a), (j, b) in zip(series, series[1:], strict=False):
            if (b < a - _ROUNDING) if rising else (b > a + _ROUNDING):
                faults.append(f"{family}{j} = {b} and {family}{k} = {a} are in the wrong order")
    for a in ("mrr@1", "precision@1", "hit@1"):
        for b in ("mrr@1", "precision@1", "hit@1"):
            if a in metrics and b in metrics and abs(metrics[a]["value"] - metrics[b]["value"]) > _ROUNDING:
                faults.append(f"{a} and {b} differ")
    return faults


def _of_its_origin(record: Mapping[str, Any]) -> Iterator[str]:
    """When it was made, and what it takes the place of."""
    try:
        datetime.datetime.fromisoformat(record["created_at"])
    except ValueError:
        yield f"created_at is {record['created_at']!r}, which is no time"
    itself = record["supersedes"] == record["run_id"]
    # the tombstone of a run has its id; so has a correction that only its number tells from the first record
    if itself and record["status"] != "retracted" and record["attempt"] == 1:
        yield "it supersedes itself"


def metric_faults(
    name: str, metric: Mapping[str, Any], span: MetricRange | None, n_items: int
) -> Iterator[str]:
    """A value outside its range, an interval that is none or doesn't hold its value, more items than there
    are.

    Args:
        span: the metric's range; None where none is known.
        n_items: items of the run.
    """
    value, ci = metric["value"], metric.get("ci")
    for field in ("value", "scored_only"):
        found = metric.get(field)
        if span and found is not None and not span.low - _ROUNDING <= found <= span.high + _ROUNDING:
            what = name if field == "value" else f"{name} of scored attempts"
            yield f"{what} = {found} is outside {span.low} to {span.high}"
    if ci is not None and not ci[0] - _ROUNDING <= value <= ci[1] + _ROUNDING:
        yield f"the interval of {name}, {ci[0]:.6g} to {ci[1]:.6g}, doesn't hold its value {value:.6g}"
    if (ci is None) != (metric["ci_method"] == "none"):
        yield f"{name} has {'no' if ci is None else 'an'} interval, made by {metric['ci_method']!r}"
    items = metric.get("n_items")
    if items is not None and items > n_items:
        yield f"{name} is of {items} items, and there are {n_items}"
    if (metric.get("n_clusters") or 0) > (n_items if items is None else items):
        yield f"{name} has more clusters than items"

"""Whether a metric only tells right from wrong, or has grades between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness.base.errors import RecordError
from harness.results.ranges import primary_range
from harness.results.stored import read_attempts
from harness.spec import MetricRange


def is_graded(values: Iterable[float | None], span: MetricRange) -> bool:
    """Whether any value is neither the best nor the worst one, as with a metric without bounds always."""
    return not span.bounded or any(value not in (None, span.low, span.high) for value in values)


def wrong_attempts(record: Mapping[str, Any]) -> int | None:
    """How many scored attempts of a run are wrong; None where its primary metric is graded, or the attempts
    can't be read."""
    span, counts = primary_range(record), record["counts"]
    metric = record["metrics"].get(record["primary"])
    if metric is None or not counts["ok"]:
        return None if counts["ok"] else 0
    if metric["ci_method"] == "wilson":  # the interval of one yes or no an item
        right: float = span.share(float(metric["value"])) * counts["attempts"]
        return int(counts["ok"]) - round(right)
    values = _scored(record)
    if values is None or is_graded(values, span):
        return None
    return sum(value is None or value == span.worst for value in values)


def _scored(record: Mapping[str, Any]) -> list[float | None] | None:
    primary = record["primary"]
    try:
        columns = read_attempts(record, ["status", primary]).to_pydict()
    except RecordError:
        return None
    pairs = zip(columns["status"], columns.get(primary) or [], strict=False)
    return [value for status, value in pairs if status == "ok"]

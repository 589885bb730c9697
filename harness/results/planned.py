"""What a run was planned to show, in one line beside its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.results.fields import counted
from harness.results.ranges import metric_range


def planned_text(record: Mapping[str, Any], metric: str = "") -> str:
    """`planned to see 2.0 points with 80 % (500 items, 5 seeds of 1 attempt)`; empty where no effect was
    planned for.

    Args:
        record: a record, or its row of the index.
        metric: in whose points; the primary one by default.
    """
    planned = record.get("planned") or {}
    if planned.get("effect") is None:
        return ""
    span = metric_range(record, metric or record["primary"])
    chance = planned.get("power")
    power = "" if chance is None else f" with {100 * chance:.0f} %"
    design = f"{planned.get('n_items', '?')} items"
    if planned.get("seeds"):
        design += f", {counted(planned['seeds'], 'seed')} of {counted(planned.get('epochs') or 1, 'attempt')}"
    return f"planned to see {span.points * span.width * planned['effect']:.1f} points{power} ({design})"

"""Why attempts of a run held no answer, or none that could be compared, as people and tables read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.answers.reading import REASONS

#: reason -> name of its column
COLUMNS = {reason: f"reason_{reason.replace(' ', '_')}" for reason in REASONS}


def reason_counts(record: Mapping[str, Any]) -> dict[str, int | None]:
    """Column -> attempts; None throughout in a record from before reasons were counted."""
    counted = record.get("reasons")
    return {column: None if counted is None else counted.get(reason, 0) for reason, column in COLUMNS.items()}


def reasons_text(record: Mapping[str, Any]) -> str:
    """`no statement 8, cut off 4`, most frequent first; empty where none is there or was counted."""
    counted = record.get("reasons") or {}
    return ", ".join(f"{reason} {n}" for reason, n in sorted(counted.items(), key=lambda each: -each[1]))

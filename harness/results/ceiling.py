"""Whether a run is a ceiling: an oracle that saw the items' targets, and no method's score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def saw_targets(record: Mapping[str, Any]) -> int:
    """Of how many items a run was shown the targets; 0 where a row says nothing of data access."""
    return int(record.get("data_access", {}).get("targets_seen", 0))

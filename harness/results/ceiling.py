"""Whether a run is a ceiling: an oracle that saw what no method sees, and no method's score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

#: counts of data access that make a run a ceiling, and what a person reads of each
SEEN = {"targets_seen": "saw the items' targets", "adversaries_seen": "was told which agents are adversaries"}


def ceiling(record: Mapping[str, Any]) -> str:
    """What a run saw that no method sees, `saw the items' targets`; empty where that is nothing, or a row
    says nothing of data access."""
    access = record.get("data_access") or {}
    return " and ".join(said for name, said in SEEN.items() if access.get(name))


def ceilings(records: Iterable[Mapping[str, Any]]) -> str:
    """The same of several runs together."""
    return " and ".join(sorted({*map(ceiling, records)} - {""}))

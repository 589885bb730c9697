"""What a sealed attempt sent its model first, and the tools that were offered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from harness.base.files import plain_json
from harness.results.stored import read_attempts, stored_columns

#: why nothing is known of a whole run
NO_TRANSCRIPTS = "the run was sealed with --no-transcripts"
BEFORE = "the run is from before requests were kept"
NO_CALL = "no server was asked: its model runs in this process, or the attempt made no call to it"


def request_of(row: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """The body of the first request of an attempt, as it was sent; else None and why it isn't known."""
    if "request" not in row:
        return None, BEFORE
    if row["request"] is None:
        return None, NO_TRANSCRIPTS if row["input"] is None else NO_CALL
    try:
        found = plain_json(row["request"])
    except ValueError:
        return None, "what is kept of it can't be read"
    return (found, "") if isinstance(found, dict) else (None, str(found))


def tools_of(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tools that were offered in an attempt: name, description and JSON schema of the parameters of each;
    none where nothing is known of them."""
    return _tools(row.get("tools"))


def tools_offered(record: Mapping[str, Any]) -> list[tuple[dict[str, Any], int]]:
    """Every tool that was offered in a run, in the order in which they come, with the number of attempts that
    it was offered in. Tools of one name that differ from item to item are several.

    Raises:
        RecordError: the attempts can't be read.
    """
    if "tools" not in stored_columns(record):
        return []
    # few texts differ, of which each is read once
    times = Counter(read_attempts(record, ["tools"])["tools"].to_pylist())
    tools: dict[str, dict[str, Any]] = {}
    offered: Counter[str] = Counter()
    for text, n in times.items():
        for tool in _tools(text):
            key = json.dumps(tool, sort_keys=True)
            tools[key] = tool
            offered[key] += n
    return [(tool, offered[key]) for key, tool in tools.items()]


def _tools(text: Any) -> list[dict[str, Any]]:
    try:
        found = plain_json(text) if text else []
    except ValueError:
        return []
    made = found if isinstance(found, list) else []
    return [tool for tool in made if isinstance(tool, dict) and isinstance(tool.get("name"), str)]

"""Reads recorded ToolSandbox dialogues: rows with `scenario`, `messages` and, where tools changed
something, `execution_context`; a JSON list, or one row a line. A scenario's further rows are epochs."""

from __future__ import annotations

import json
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.base.errors import DataError
from harness.data.responses import Response, read_json

FORMATS = (
    "a JSON list, or JSONL, of dialogues with scenario, messages and, where tools changed something, "
    "execution_context (plain or gzipped)"
)


def names(path: Path) -> list[str]:
    """The task that a file holds dialogues of; none if it is a file of another kind."""
    return ["toolsandbox/all"] if _rows(path) else []


def read(path: Path, name: str) -> list[Response]:
    """One response a dialogue."""
    seen: Counter[str] = Counter()
    made = []
    for n, row in enumerate(_rows(path), 1):
        key = str(row["scenario"])
        held = {"context": row.get("execution_context"), "messages": row.get("messages")}
        made.append(Response(f"row {n}", json.dumps(held), seen[key], key))
        seen[key] += 1
    return made


@lru_cache(maxsize=2)
def _rows(path: Path) -> list[dict[str, Any]]:
    kind = path.name.removesuffix(".gz")
    if not path.is_file() or not kind.endswith((".json", ".jsonl")):
        return []
    found = read_json(path, lines=kind.endswith(".jsonl"))
    able = isinstance(found, list) and all(isinstance(row, dict) and "scenario" in row for row in found)
    for n, row in enumerate(found if able else (), 1):
        if not isinstance(row.get("messages"), list) and not isinstance(row.get("execution_context"), dict):
            raise DataError(
                f"{path}: dialogue {n} ({row['scenario']}) has neither a list 'messages' nor an "
                "'execution_context'"
            )
    return found if able else []

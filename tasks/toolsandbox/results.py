"""Reads recorded ToolSandbox dialogues: rows with `scenario`, `messages` and, where tools changed
something, `execution_context`; a JSON list, or one row a line. A scenario's further rows are epochs."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.errors import DataError
from harness.responses import Response


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
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
        lines = [text] if kind.endswith(".json") else [line for line in text.split("\n") if line]
        parsed = [json.loads(line) for line in lines]
        found = parsed[0] if kind.endswith(".json") else parsed
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"can't read {path}: {error}") from error
    able = isinstance(found, list) and all(isinstance(row, dict) and "scenario" in row for row in found)
    return found if able else []

"""Reads tau-bench's own result files: a JSON list of rows (`task_id`, `trial`, `reward`, `info`, `traj`)."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.base.errors import DataError
from harness.data.responses import Response, read_json

FORMATS = (
    "a JSON list of rows with task_id, trial, reward and traj (plain or gzipped); JSON with info, tasks and "
    "simulations is tau2's: --task tau2"
)
DOMAINS = ("airline", "retail")


def names(path: Path) -> list[str]:
    """The task that a results file is of, by the policy at the head of its dialogues, as rows don't name
    it; none if it is a file of another kind.

    Raises:
        DataError: it can't be read, a row is of another form, or no dialogue shows the domain.
    """
    rows = _rows(path)
    if not rows:
        return []
    found = {domain for domain in DOMAINS for row in rows if _policy(row).startswith(f"# {domain} agent")}
    if len(found) != 1:
        raise DataError(
            f"{path}: its dialogues ('traj') don't begin with the policy of one domain, "
            f"{' or '.join(DOMAINS)}, so that its tasks are unknown"
        )
    return [f"tau-bench/{found.pop()}"]


def read(path: Path, name: str) -> list[Response]:
    """One response a row, with the recorded reward; the trial is the epoch."""
    return [
        Response(
            f"row {n}",
            json.dumps({key: row.get(key) for key in ("reward", "info", "traj")}),
            row["trial"],
            str(row["task_id"]),
        )
        for n, row in enumerate(_rows(path), 1)
    ]


def _policy(row: dict[str, Any]) -> str:
    said = row.get("traj") or [{}]
    first = said[0] if isinstance(said, list) else {}
    return str(first.get("content") if isinstance(first, dict) else "").strip().casefold()


@lru_cache(maxsize=4)
def _rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a results file; none if it is a file of another kind."""
    if not path.is_file() or not path.name.endswith((".json", ".json.gz")):
        return []
    found = read_json(path)
    if not isinstance(found, list) or not any(isinstance(row, dict) and "reward" in row for row in found):
        return []
    for n, row in enumerate(found, 1):
        fault = _fault(row)
        if fault:
            raise DataError(f"{path}: row {n} {fault}")
    return found


def _fault(row: Any) -> str | None:
    if not isinstance(row, dict):
        return "is no object"
    for key in ("task_id", "trial"):
        if not isinstance(row.get(key), int) or isinstance(row[key], bool) or row[key] < 0:
            return f"has no {key!r} from 0"
    reward = row.get("reward")
    if not isinstance(reward, int | float) or isinstance(reward, bool) or not 0 <= reward <= 1:
        return "has no 'reward' from 0 to 1"
    return None

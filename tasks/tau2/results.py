"""Reads tau2's own result files (`info`, `tasks`, `simulations`)."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.base.errors import DataError
from harness.data.responses import Response, read_json

FORMATS = (
    "JSON with info, tasks and simulations (plain or gzipped); a list of rows with task_id, trial and reward "
    "is tau-bench's: --task tau-bench"
)


def names(path: Path) -> list[str]:
    """The task that a results file is of; none if it is a file of another kind.

    Raises:
        DataError: it can't be read, or lacks what a results file has; says what.
    """
    found = _document(path)
    if not isinstance(found, dict) or not {"info", "tasks", "simulations"} <= found.keys():
        return []
    solo = "-solo" if str(_text(path, found, "agent_info", "implementation")).endswith("solo") else ""
    for n, run in enumerate(_objects(path, found, "simulations"), 1):
        if "task_id" not in run:
            raise DataError(f"{path}: simulation {n} has no 'task_id'")
        trial = run.get("trial") or 0
        if not isinstance(trial, int) or trial < 0:
            raise DataError(f"{path}: simulation {n} has a 'trial' that is no number from 0")
    if not found["simulations"]:
        raise DataError(f"{path} holds no simulations")
    _tasks(path, found)
    return [f"tau2/{_text(path, found, 'environment_info', 'domain_name')}{solo}"]


def read(path: Path, name: str) -> list[Response]:
    """One response a simulation, with the task that its file embeds; the trial is the epoch.

    Raises:
        DataError: a simulation of a task that the file doesn't embed.
    """
    found = _document(path)
    tasks = _tasks(path, found)
    made = []
    for n, run in enumerate(found["simulations"], 1):
        key = str(run["task_id"])
        if key not in tasks:
            raise DataError(f"{path}: simulation {n} is of task {key!r}, which is not among the file's tasks")
        answer = json.dumps({"simulation": run, "task": tasks[key]})
        made.append(Response(f"simulation {n}", answer, run.get("trial") or 0, key))
    return made


def _text(path: Path, found: dict[str, Any], part: str, key: str) -> str:
    holder = found["info"].get(part) if isinstance(found["info"], dict) else None
    value = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(value, str):
        raise DataError(f"{path}: its 'info' has no text {part}.{key}")
    return value


def _objects(path: Path, found: dict[str, Any], key: str) -> list[dict[str, Any]]:
    rows = found[key]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path}: its {key!r} is no list of objects")
    return rows


def _tasks(path: Path, found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    rows = _objects(path, found, "tasks")
    if not all("id" in row for row in rows):
        raise DataError(f"{path}: one of its tasks has no 'id'")
    return {str(row["id"]): row for row in rows}


@lru_cache(maxsize=4)
def _document(path: Path) -> Any:
    return read_json(path) if path.is_file() and path.name.endswith((".json", ".json.gz")) else None

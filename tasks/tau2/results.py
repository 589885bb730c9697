"""Reads tau2's own result files (`info`, `tasks`, `simulations`), and the rewards in tau-bench's."""

from __future__ import annotations

import gzip
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.errors import DataError
from harness.responses import Response


def names(path: Path) -> list[str]:
    """The task that a results file is of; none if it is a file of another kind."""
    found = _document(path)
    if not isinstance(found, dict) or not {"info", "tasks", "simulations"} <= found.keys():
        return []
    info = found["info"]
    solo = "-solo" if str(info["agent_info"]["implementation"]).endswith("solo") else ""
    return [f"tau2/{info['environment_info']['domain_name']}{solo}"]


def read(path: Path, name: str) -> list[Response]:
    """One response a simulation, with the task that its file embeds; the trial is the epoch."""
    found = _document(path)
    tasks = {str(task["id"]): task for task in found["tasks"]}
    return [
        Response(
            f"simulation {n}", json.dumps({"simulation": run, "task": tasks[str(run["task_id"])]}),
            int(run.get("trial") or 0), str(run["task_id"]),
        )
        for n, run in enumerate(found["simulations"], 1)
    ]  # fmt: skip


def tau_bench_rewards(path: Path) -> dict[str, list[float]]:
    """The rewards that a results file of the older tau-bench states, by task, in the order of trials.
    They are taken as they stand; that benchmark's tasks are not graded here.

    Raises:
        DataError: another kind of file.
    """
    found = _document(path)
    if not isinstance(found, list) or not all({"task_id", "trial", "reward"} <= row.keys() for row in found):
        raise DataError(f"{path.name} is no results file of tau-bench")
    rewards: dict[str, list[float]] = {}
    for row in sorted(found, key=lambda row: row["trial"]):
        rewards.setdefault(str(row["task_id"]), []).append(float(row["reward"]))
    return rewards


@lru_cache(maxsize=4)
def _document(path: Path) -> Any:
    if not path.is_file() or not path.name.endswith((".json", ".json.gz")):
        return None
    try:
        raw = path.read_bytes()
        return json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"can't read {path}: {error}") from error

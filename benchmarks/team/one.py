"""One run, through the harness like any other, in a store that goes afterwards."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.team.arms import Run
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session

METRICS = (
    "success", "success@0", "success@1", "success@2", "success@4", "effort", "turns", "decisions",
    "takeovers", "words_read", "words_written", "intervention_ratio", "question_precision",
    "question_recall", "recovery", "harm", "human_seconds",
)  # fmt: skip


def run(wanted: Run) -> dict[str, Any]:
    """What a run found: means of metrics and measures."""
    started = time.process_time()
    request = Request(
        wanted.cell.task,
        wanted.arm.method,
        "sim/clerk",
        task_args={"items": wanted.cell.items, **wanted.cell.args},
        method_args=dict(wanted.arm.args),
        model_args=dict(wanted.cell.agent),
        roles={"human": "sim/human"},
        role_args=dict(wanted.cell.human),
        offline=True,
    )
    (cell,) = plan(request)
    with tempfile.TemporaryDirectory() as folder:
        (result,) = run_grid(
            [replace(cell, seed=wanted.seed)], Session(Store(Path(folder) / "store"))
        ).results
    record = result.record
    if record is None or record["counts"]["ok"] != record["counts"]["attempts"]:
        raise RuntimeError(f"{wanted.name}: {result.error or record and record['counts']}")
    found = record["metrics"]
    spent = record["usage"]["by_purpose"]
    return {
        "name": wanted.name,
        "arm": wanted.arm.name,
        "cell": wanted.cell.name,
        "seed": wanted.seed,
        "metrics": {name: round(found[name]["value"], 6) for name in METRICS if name in found},
        "measures": {name: round(each["mean"], 4) for name, each in record["measures"].items()},
        "train_calls": spent.get("train", {}).get("calls", 0),
        "cpu_s": round(time.process_time() - started, 2),
    }

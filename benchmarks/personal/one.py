"""One run, through the harness like any other, in a store that goes afterwards."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.personal.arms import MODEL, USERS, Run
from harness.results.store import Store
from harness.results.stored import attempt_batches
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session


def run(wanted: Run, users: int = USERS) -> dict[str, Any]:
    """What a run found: the accuracy of each user, in the order of their names, and calls and tokens by
    purpose."""
    from dataclasses import replace

    started = time.process_time()
    args = {**wanted.cell.args, "users": users, "test": 10, "data_seed": wanted.seed}
    request = Request(
        "personal/synthetic",
        wanted.arm.method,
        "sim/person",
        task_args=args,
        method_args=dict(wanted.arm.args),
        model_args=MODEL,
        offline=True,
    )
    (cell,) = plan(request)
    with tempfile.TemporaryDirectory() as folder:
        (result,) = run_grid(
            [replace(cell, seed=wanted.seed)], Session(Store(Path(folder) / "store"))
        ).results
        if result.record is None:
            raise RuntimeError(f"{wanted.name}: {result.error}")
        right: dict[str, list[float]] = defaultdict(list)
        for batch in attempt_batches(result.record):
            for row in batch:
                if row["status"] != "ok":  # a simulation has no server that may fail
                    raise RuntimeError(
                        f"{wanted.name}: {row['sample_id']} is {row['status']}: {row['reason']}"
                    )
                right[row["group"]].append(row["accuracy"])
    spent = result.record["usage"].get("by_purpose", {})
    return {
        "name": wanted.name,
        "arm": wanted.arm.name,
        "cell": wanted.cell.name,
        "seed": wanted.seed,
        "users": [round(sum(own) / len(own), 4) for _, own in sorted(right.items())],
        "calls": {purpose: usage["calls"] for purpose, usage in spent.items()},
        "tokens": {p: usage["input_tokens"] + usage["output_tokens"] for p, usage in spent.items()},
        "persona_tokens": result.record.get("measures", {}).get("persona_tokens", {}).get("mean"),
        "cpu_s": round(time.process_time() - started, 2),
    }

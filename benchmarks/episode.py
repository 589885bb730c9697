"""What the agent loop costs: an instant agent with native tool calls in the office world.

    python benchmarks/episode.py

Every step is one move through the gateway (key, budget, ledger), one tool call, and its place in the
transcript. The CPU time of whole runs at two sizes, journal and seal included, gives the cost of a step.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness.model.provider import Call, Provider
from harness.registry import registry
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Cell, Request
from harness.run.session import Session

SIZES, STEPS, ROUNDS = (10, 60), 20, 3


class Instant(Provider):
    """Calls one tool again and again."""

    name, cacheable, connections, abilities = "echo/instant", False, 16, frozenset({"tools"})

    async def generate(self, call: Call) -> Any:
        from inspect_ai.model import ModelOutput, ModelUsage

        await asyncio.sleep(0)
        output = ModelOutput.for_tool_call(self.name, "find_people", {"name": "Ada"}, tool_call_id="call_1")
        output.usage = ModelUsage(input_tokens=8, output_tokens=1)
        return output


def cpu(items: int) -> float:
    """CPU seconds of a run over `items` episodes of STEPS steps."""
    task, method = registry().task("toolworld/single"), registry().method("direct")
    request = Request(task.name, model="echo/instant", limit=items)
    cell = Cell(task, task.arguments({"steps": STEPS}), method, {}, "echo/instant", 0, request)
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Store(Path(folder)))
        session.use(Instant())
        started = time.process_time()
        (result,) = run_grid([cell], session).results
        spent = time.process_time() - started
    if result.record is None:
        raise SystemExit(f"the run failed: {result.error}")
    assert result.record["usage"]["calls"] == items * STEPS
    return spent


def main() -> None:
    """Prints the median over rounds, in ms of CPU a step."""
    cpu(SIZES[0])  # imports
    steps = (SIZES[1] - SIZES[0]) * STEPS
    costs = [1000 * (cpu(SIZES[1]) - cpu(SIZES[0])) / steps for _ in range(ROUNDS)]
    print(
        json.dumps(
            {
                "ms_cpu_per_step": round(statistics.median(costs), 3),
                "steps": STEPS,
                "rounds": [round(cost, 3) for cost in costs],
            }
        )
    )
    sys.exit(0 if statistics.median(costs) < 2.0 else 1)


if __name__ == "__main__":
    main()

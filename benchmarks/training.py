"""What a training step costs, part by part: pocket/grid under several curricula.

    python benchmarks/training.py [--steps 8] [--preset small] [-M key=value ...]

Trains through the command's own path in a cache of its own and reads the learning curves. Seconds are wall
time, medians over steps without the first two; the share is that of the curriculum's own work: scoring,
the extra passes, and learning. It should stay below 15 percent for the curator.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path

METHODS = ("curriculum-uniform", "curriculum-learnability", "curator")
TARGET = 0.15


def curve(method: str, arguments: dict[str, str]) -> list[dict[str, float]]:
    """The costs of every step of one training."""
    from harness.results.store import Store
    from harness.run.grid import run_grid
    from harness.run.plan import Request, plan
    from harness.run.session import Session

    with tempfile.TemporaryDirectory() as folder:
        os.environ["HARNESS_CACHE"] = folder
        cells = plan(Request(task="arc1d", method=method, limit=1, method_args=arguments))
        (result,) = run_grid(cells, Session(Store(Path(folder) / "results"))).results
        if result.error:
            raise SystemExit(str(result.error))
        (path,) = Path(folder).glob("artifacts/*/curve.jsonl")
        return [json.loads(line)["cost"] for line in path.read_text().splitlines()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--preset", default="small")
    parser.add_argument("-M", dest="more", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    arguments = {"fit": "train", "preset": given.preset, "steps": str(given.steps), "dormant": "1",
                 "warm_up": "1", "measure_every": "1000", **dict(pair.split("=", 1) for pair in given.more)}
    slow = 0
    for method in METHODS:
        costs = curve(method, arguments)[2:]

        def middle(name: str, costs: list[dict[str, float]] = costs) -> float:
            return statistics.median(cost[name] for cost in costs)

        whole = middle("step_s") - middle("dev_s")
        own = middle("select_s") + middle("extra_s") + middle("curator_s")
        update = whole - own - middle("rollout_s") - middle("verify_s")
        slow += method == "curator" and own / whole > TARGET
        print(f"{method:24} step {whole:6.2f} s: rollouts {middle('rollout_s'):5.2f}, verify "
              f"{middle('verify_s'):5.2f}, update {update:5.2f}, select {middle('select_s'):6.4f}, "
              f"extra passes {middle('extra_s'):5.2f}, curator {middle('curator_s'):6.4f}; "
              f"own share {own / whole:.1%}; "
              f"{statistics.median(c['trained'] + c['discarded'] for c in costs):.0f} rollouts")
    return 1 if slow else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""How long a gate of 20 checks takes, with what it verifies: records, baseline, sealed attempts.

python benchmarks/gate.py [--items 500] [--runs 1]
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from pathlib import Path

import numpy as np

import harness
from harness.testing import seal_scores

CHECKS, BASELINE = 20, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--runs", type=int, default=1, help="of the candidate; the baseline has three")
    given = parser.parse_args()
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for task in range(CHECKS):
            rates = rng.beta(0.7, 0.7, given.items)
            for seed in range(BASELINE + given.runs):
                store = Path("results" if seed < BASELINE else "candidate")
                seal_scores(store, rng.random(given.items) < rates, task=f"task{task}", seed=seed)
        harness.set_baseline("main")
        for what in ("first look, records read and verified", "again, the same look"):
            began, wall = time.process_time(), time.perf_counter()
            checked = harness.check("main", margin="10%", store="candidate", progress=False)
            used = time.process_time() - began
            print(
                f"{len(checked.verdicts)} checks x {given.items} items x {BASELINE} + {given.runs} runs, "
                f"{what}: {used:.2f} s of CPU, {time.perf_counter() - wall:.2f} s"
            )


if __name__ == "__main__":
    main()

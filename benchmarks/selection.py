"""What choosing problems costs: 256 of 2,048 candidates of a set of 30,000, milliseconds a step.

    python benchmarks/selection.py

Per curriculum the median of 30 steps: selection alone, then observation and update. Rollouts are made up, so
that only the curriculum's own work is timed. The light curator's selection should stay below 50 ms. The
features of a problem set are made once; their seconds are printed first.
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from harness.methods.curator.curricula import CURRICULA, make
from harness.methods.curator.curriculum import Round
from harness.methods.curator.features import text_features
from harness.methods.curator.training_tasks import ProblemSet

SIZE, CANDIDATES, K, ROLLOUTS, STEPS = 30_000, 2_048, 256, 8, 30
TARGET_MS = 50


def bank() -> ProblemSet:
    rng = np.random.default_rng(0)
    digits = rng.integers(0, 10, (SIZE, 84))
    prompts = ["A" + "".join(map(str, row)) + ">" for row in digits]
    started = time.perf_counter()
    features = text_features(prompts)
    print(f"features of {SIZE} prompts: {time.perf_counter() - started:.1f} s")
    levels = np.arange(SIZE) % 3
    return ProblemSet([], prompts, levels, ["1", "2", "3"], 50.0 * levels, "made up", features)


def main() -> int:
    problems, rng = bank(), np.random.default_rng(1)
    slow = 0
    for name in CURRICULA:
        chooser = make(name, problems, candidates=CANDIDATES, dormant=0, warm_up=0)
        selects, updates = [], []
        for _ in range(STEPS):
            started = time.perf_counter()
            selection = chooser.select(K, rng, lambda rows: rng.integers(0, 2, (len(rows), ROLLOUTS)) * 1.0)
            selects.append(1000 * (time.perf_counter() - started))
            shape = (len(selection.indices), ROLLOUTS)
            rewards = rng.integers(0, 2, shape) * 1.0
            after = rng.normal(0, 1e-3, shape)
            seen = Round(selection, rewards, np.zeros(shape), after, np.ones(shape))
            started = time.perf_counter()
            chooser.observe(seen)
            chooser.update()
            updates.append(1000 * (time.perf_counter() - started))
        spent = statistics.median(selects)
        slow += name == "curator" and spent > TARGET_MS
        print(f"{name:18} select {spent:7.2f} ms   observe and update {statistics.median(updates):7.2f} ms")
    return 1 if slow else 0


if __name__ == "__main__":
    raise SystemExit(main())

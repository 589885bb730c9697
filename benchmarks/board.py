"""How long a board of 40 methods takes: loading, places, comparisons with baselines, in CPU seconds.

python benchmarks/board.py
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from harness.comparison.arms import arms_of
from harness.comparison.items import ItemTables
from harness.comparison.ranks import pair_tests
from harness.leaderboard.board import page
from harness.results.index import in_force, read_index
from harness.testing import seal_scores

METHODS, ITEMS, ROUNDS = 40, 1_319, 5


def main() -> None:
    print(f"{METHODS} methods x {ITEMS} items, CPU seconds, median of {ROUNDS} (range):")
    for runs in (1, 5):
        with tempfile.TemporaryDirectory() as folder:
            whole, pairs = measure(Path(folder), runs)
        print(
            f"  {runs} run{'s' * (runs > 1)} each: the whole section {_spread(whole)}, of which the "
            f"{METHODS * (METHODS - 1) // 2} pairs {_spread(pairs)}"
        )


def measure(root: Path, runs: int) -> tuple[list[float], list[float]]:
    """Seconds of each round for a section and for its pairs."""
    rng = np.random.default_rng(0)
    hard = rng.random(ITEMS)
    for method in range(METHODS):
        for seed in range(runs):
            scores = rng.random(ITEMS) < 0.3 + 0.5 * hard + 0.005 * method
            draws = "run" if runs > 1 else "none"
            seal_scores(root, scores, method=f"m{method:02}", seed=seed, draws=draws)
    rows = in_force(read_index(root).rows)
    page(rows)
    whole, pairs = [], []
    for _ in range(ROUNDS):
        began = time.process_time()
        (section,) = page(rows)
        whole.append(time.process_time() - began)
        tables, arms = ItemTables(), arms_of(rows)
        for arm in arms:
            tables(arm, arm.primary)
        began = time.process_time()
        pair_tests(arms, tables)
        pairs.append(time.process_time() - began)
    assert all(entry.rank for entry in section.entries)
    return whole, pairs


def _spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"


if __name__ == "__main__":
    main()

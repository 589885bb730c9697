"""What reading results costs: a comparison over a million attempts, tables of 10,000 runs.

    python benchmarks/comparison.py

Stores are simulated (`harness.testing.seal_scores`). Times are of a process of its own, from start to
end, imports included; the median of five.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 5
COMPARE = [
    "-c",
    "from harness.cli import main; main()",
    "compare",
    "{store}",
    "--baseline",
    "direct",
    "--json",
]
TABLE = ["-c", "import sys, harness.results as r; assert len(r.load(sys.argv[1])) == 10_000", "{store}"]


def attempts(root: Path) -> int:
    """Two methods on 20 tasks of 1,319 items, 5 seeds of 10 attempts each; the number of attempts."""
    import numpy as np

    from harness.testing import seal_scores

    rng, total = np.random.default_rng(0), 0
    for task in range(20):
        rates = rng.beta(0.75, 0.25, 1319)[:, None]
        for method in ("direct", "other"):
            for seed in range(5):
                scores = rng.random((1319, 10)) < rates
                seal_scores(root, scores, task=f"task-{task:02}", method=method, seed=seed, draws="run")
                total += scores.size
    return total


def records(root: Path, template: Path) -> None:
    """Ten thousand records, each sound and different."""
    from harness.results.schema import result_digest
    from harness.testing import seal_scores

    base = json.loads(Path(seal_scores(template, [1, 0, 1])["record"]).read_text())
    for n in range(10_000):
        record = copy.deepcopy(base)
        record |= {"seed": n, "run_id": hashlib.sha256(str(n).encode()).hexdigest()}
        record["result_digest"] = result_digest(record)
        folder = root / f"v1/task-{n % 20}/1/method-{n % 50}/sim__model/{record['run_id'][:12]}"
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps(record))


def seconds(arguments: list[str], store: Path) -> list[float]:
    """CPU seconds of each round, after one that fills the index."""
    command = [sys.executable, *(argument.format(store=store) for argument in arguments)]
    taken = []
    for _ in range(ROUNDS + 1):
        before = os.times()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        taken.append(
            after.children_user + after.children_system - before.children_user - before.children_system
        )
    return taken


def show(what: str, taken: list[float], target: float) -> None:
    first, *warm = taken
    print(
        f"{what}: {statistics.median(warm):.2f} s of CPU ({min(warm):.2f} to {max(warm):.2f}), "
        f"the first time {first:.2f} s; target {target:g} s"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        started = time.perf_counter()
        total = attempts(Path(place) / "attempts")
        records(Path(place) / "records", Path(place) / "template")
        print(f"made {total:,} attempts and 10,000 records in {time.perf_counter() - started:.0f} s")
        show(
            "compare 2 methods on 20 tasks x 1,319 items x 5 seeds x 10 attempts",
            seconds(COMPARE, Path(place) / "attempts"),
            1,
        )
        show("table of 10,000 runs", seconds(TABLE, Path(place) / "records"), 1)


if __name__ == "__main__":
    main()

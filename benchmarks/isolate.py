"""What `--isolate` costs a question: the trivial task of `overhead.py`, with and without it.

    python benchmarks/isolate.py

CPU of the runner and of the worker together, start-up left out, as `overhead.py` counts it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SIZES = (2_000, 12_000)
ROUNDS = 3
MOST = 300


def measure(n: int, folder: Path, isolate: bool) -> float:
    """The accuracy of `direct` on `n` trivial questions with an instant model."""
    from overhead import ANSWER

    from harness.registry import registry
    from harness.results.store import Store
    from harness.run.execute import run_grid
    from harness.run.plan import Cell, Request
    from harness.run.session import Session
    from harness.spec import Param, TaskSpec

    task = TaskSpec("trivial", "1-A", "trivial", "overhead:Trivial", params={"n": Param("n", 1)})
    model = f"echo/{ANSWER}"
    request = Request("trivial", model=model, offline=True, isolate=isolate)
    cell = Cell(task, {"n": n}, registry().method("direct"), {}, model, 0, request)
    result = run_grid([cell], Session(Store(folder / "store"))).results[0]
    if result.record is None:
        raise SystemExit(f"it failed: {result.error}")
    assert result.record.get("isolated", False) == isolate
    return float(result.record["metrics"]["accuracy"]["value"])


def child(n: int, isolate: bool) -> float:
    """CPU seconds of a run in a process of its own, with those of its worker."""
    with tempfile.TemporaryDirectory(prefix="isolate-") as folder:
        process = subprocess.Popen(
            [sys.executable, __file__, str(n), folder, "isolated" if isolate else "here"],
            cwd=folder,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "HARNESS_CACHE": f"{tempfile.gettempdir()}/overhead-cache",
            },
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"a run of {n} questions failed")
    return used.ru_utime + used.ru_stime


def main() -> None:
    few, many = SIZES
    costs: dict[bool, list[float]] = {False: [], True: []}
    starts: list[float] = []
    for _ in range(ROUNDS):
        for isolate, found in costs.items():
            small, large = child(few, isolate), child(many, isolate)
            found.append((large - small) / (many - few))
            starts += [small - few * found[-1]] if isolate else []
    here, isolated = (statistics.median(costs[way]) * 1e6 for way in (False, True))
    print(f"in this process  {here:6.0f} us a question")
    print(f"isolated         {isolated:6.0f} us a question, and {statistics.median(starts):.1f} s to start")
    met = "met" if isolated - here <= MOST else "MISSED"
    print(f"--isolate costs  {isolated - here:6.0f} us of CPU a question: {met} ({MOST} us)")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        accuracy = measure(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "isolated")
        assert accuracy == 1.0, f"accuracy {accuracy}, not 1"
    else:
        main()

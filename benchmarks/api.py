"""What the Python API adds: to a question, to an import, to the command line. All figures of one run.

    python benchmarks/api.py

A call of `harness.evaluate`, with its progress shown, is compared with the same cells planned and run by
hand, with a task of one class and a model that answers at once. Each runs in a child process of its own,
at two sizes; the difference of their CPU seconds, divided by that of their sizes, is the cost of a question
without start-up. Processes of both kinds take turns, so that a busy machine slows both.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

from startup import cpu

import harness

ANSWER = "yes"
SIZES = 2_000, 22_000
ROUNDS = 5
RUNS = 15
#: the most that a question, the import and the help may take
QUESTION_US, IMPORT_MS, HELP_MS = 100.0, 20.0, 80.0


class Trivial(harness.Task):
    """`n` short questions with one known answer."""

    def __init__(self, n: int = 10) -> None:
        self.n = n

    def load(self, data: harness.Data) -> harness.Splits:
        return harness.Splits([_sample(n) for n in range(self.n)])


def _sample(n: int) -> harness.Sample:
    return harness.Sample(harness.Question(str(n), f"Question {n}: what does the model say?"), ANSWER)


def native(n: int, store: str) -> float:
    """Plan and run by hand."""
    from harness.registry import registry
    from harness.results.store import Store
    from harness.run.execute import run_grid
    from harness.run.plan import Request, plan
    from harness.run.session import Session

    request = Request(registry().add(Trivial).name, model=f"echo/{ANSWER}", task_args={"n": n})
    result = run_grid(plan(request), Session(Store(Path(store)))).results[0]
    if result.record is None:
        raise SystemExit(f"failed: {result.error}")
    return float(result.record["metrics"]["accuracy"]["value"])


def api(n: int, store: str) -> float:
    """One call."""
    value = harness.evaluate(Trivial(n), model=f"echo/{ANSWER}", store=store)[0].value
    assert value is not None
    return value


WAYS = {"native": native, "api": api}


def child(way: str, n: int) -> float:
    """CPU milliseconds of a way on `n` questions, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="api-") as folder:
        command = [sys.executable, __file__, way, str(n), folder]
        return cpu(command, {**os.environ, "OMP_NUM_THREADS": "1", "HARNESS_CACHE": f"{folder}/cache"})[0]


def main() -> None:
    few, many = SIZES
    costs: dict[str, list[float]] = {way: [] for way in WAYS}
    for way in WAYS:
        child(way, few)  # warms bytecode and indices
    for _ in range(ROUNDS):
        for way in WAYS:
            costs[way].append(1000 * (child(way, many) - child(way, few)) / (many - few))
    for way, found in costs.items():
        print(
            f"{way:24}  {statistics.median(found):6.1f} us a question ({min(found):.0f} - {max(found):.0f})"
        )
    added = statistics.median(costs["api"]) - statistics.median(costs["native"])
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import harness": [sys.executable, "-c", "import harness"],
        "harness --help": [str(Path(sys.executable).with_name("harness")), "--help"],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(RUNS):
        for name, command in commands.items():
            taken[name].append(cpu(command, dict(os.environ))[0])
    for name, found in taken.items():
        print(f"{name:24}  {statistics.median(found):6.1f} ms ({min(found):.0f} - {max(found):.0f})")
    alone = statistics.median(taken["import harness"]) - statistics.median(taken["python -c pass"])
    for what, value, most, unit in (
        ("a question, added", added, QUESTION_US, "us"),
        ("import harness, added", alone, IMPORT_MS, "ms"),
        ("harness --help", statistics.median(taken["harness --help"]), HELP_MS, "ms"),
    ):
        print(f"{'met   ' if value <= most else 'MISSED'}  {what}: {value:.1f} {unit}, at most {most:g}")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        sys.stderr = open(os.devnull, "w")  # progress is made, and not looked at
        accuracy = WAYS[sys.argv[1]](int(sys.argv[2]), sys.argv[3])
        assert accuracy == 1.0, f"accuracy {accuracy}, not 1"
    else:
        main()

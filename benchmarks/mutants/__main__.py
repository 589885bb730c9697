"""Draws mutants of the code and tries them with the tests: python -m benchmarks.mutants, see README.md.

`record` notes which tests run which lines, `try` tries mutants that have no outcome yet, `report` prints
README.md. All of it can be stopped and goes on where it was.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from benchmarks.mutants.covering import Covering, record
from benchmarks.mutants.places import FOLDERS, ROOT, Mutant, sample
from benchmarks.mutants.report import report
from benchmarks.mutants.trials import Clone, attempt

OUTCOMES = Path(__file__).with_name("outcomes.jsonl")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=__doc__)
    parser.add_argument("what", choices=["record", "try", "report"])
    parser.add_argument("tests", nargs="*", help="record: paths of tests; all by default")
    parser.add_argument("--count", type=int, default=200, help="size of the sample")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    parser.add_argument("--most", type=float, default=240, help="seconds of tests for a mutant, as recorded")
    parser.add_argument("--again", action="store_true", help="try those again that survived")
    parser.add_argument("--only", default="", help="paths that begin so, by commas")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no mutant after so long")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "mutants", help="clones and coverage")
    parser.add_argument("--python", default=sys.executable, help="the Python that runs the tests")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    if given.what == "record":
        record(given.work / "recorded", given.python, given.tests)
    elif given.what == "try":
        _try(given)
    else:
        print(report(sample(given.count, given.work / "sample.json"), outcomes()), end="")


def outcomes() -> dict[str, dict[str, object]]:
    """The last outcome of each mutant that was tried, by its key."""
    lines = OUTCOMES.read_text("utf-8").splitlines() if OUTCOMES.exists() else []
    return {row["key"]: row for row in map(json.loads, lines)}


def _try(given: argparse.Namespace) -> None:
    changed = subprocess.run(
        ["git", "status", "--porcelain", *FOLDERS], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    if changed:
        sys.exit(f"error: the clone holds what is committed; commit or undo first:\n{changed}")
    covering, known, started = Covering(given.work / "recorded"), outcomes(), time.monotonic()
    wanted = [
        m
        for m in sample(given.count, given.work / "sample.json")
        if m.path.startswith(tuple(given.only.split(",")))
    ]
    todo = [m for m in wanted if m.key not in known]
    if given.again:
        todo += [m for m in wanted if m.key in known and known[m.key]["outcome"] != "killed"]
    clones: dict[int, Clone] = {}
    lock, numbers = threading.Lock(), count()

    def one(mutant: Mutant) -> None:
        if time.monotonic() - started > 60 * given.minutes:
            return
        here = threading.get_ident()
        if here not in clones:
            clones[here] = Clone(given.work / f"clone-{next(numbers)}", given.python)
        found = attempt(mutant, clones[here], covering, given.most)
        with lock:
            print(
                f"{found.outcome:12} {found.path} {found.scope} {found.ran}/{found.of} {found.by}", flush=True
            )
            with OUTCOMES.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found.row()) + "\n")

    with (given.work / "lock").open("w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # two at a time would share clones
        with ThreadPoolExecutor(given.jobs) as pool:
            try:
                list(pool.map(one, todo))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


if __name__ == "__main__":
    main()

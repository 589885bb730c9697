"""Runs the experiment, or goes on with it.

    python -m benchmarks.team [--jobs 2] [--hours 1] [--only "informative"]

Every finished run is a line of runs.jsonl in the results folder, which is all that tables and picture are
made from; runs that are there are not made again. `--report` makes tables and picture of what is there.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.resumable import Row, make, rows
from benchmarks.team.arms import Run, planned
from benchmarks.team.one import run

OUT = Path("results/published/team")


def main() -> None:
    from benchmarks.team import report

    parser = argparse.ArgumentParser(description="The published table of agents with a human.")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--jobs", type=int, default=1, help="runs at once, a CPU thread each")
    parser.add_argument("--hours", type=float, default=2.0, help="CPU hours after which no run is begun")
    parser.add_argument("--only", default="", help="only runs whose name contains this")
    parser.add_argument("--report", action="store_true", help="tables and picture of what is there")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    file = given.out / "runs.jsonl"
    if not given.report:
        make(file, planned(), run, _line, _say, jobs=given.jobs, hours=given.hours, only=given.only)
    report.write(rows(file), given.out)


def _line(row: Row) -> str:
    return json.dumps(row, separators=(",", ":")) + "\n"


def _say(time: str, left: int, each: Run, row: Row, spent: float) -> None:
    if left % 20 == 0:
        found = row["metrics"]["success"]
        print(f"{time}  {left} to come, {spent / 60:.1f} CPU min  {each.name}: {found:.2f}", flush=True)


if __name__ == "__main__":
    main()

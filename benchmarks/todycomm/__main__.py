"""Runs the experiment, or goes on with it.

    python -m benchmarks.todycomm [--jobs 2] [--hours 3] [--only "defaults"]

Every finished run is a line of runs.jsonl in the results folder, which is all that tables and pictures are
made from; runs that are there are not made again. `--report` makes tables and pictures of what is there.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

from benchmarks.resumable import Row, make, rows
from benchmarks.todycomm.arms import Run, planned
from benchmarks.todycomm.one import QUESTIONS, run

OUT = Path("results/published/todycomm")


def main() -> None:
    from benchmarks.todycomm import report

    parser = argparse.ArgumentParser(description="The published experiment on agents that talk over rounds.")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--jobs", type=int, default=1, help="runs at once, a CPU thread each")
    parser.add_argument("--hours", type=float, default=3.0, help="CPU hours after which no run is begun")
    parser.add_argument("--only", default="", help="only runs whose name contains this")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="measured on; fewer for a trial")
    parser.add_argument("--report", action="store_true", help="tables and pictures of what is there")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    file = given.out / "runs.jsonl"
    if not given.report:
        work = partial(run, questions=given.questions)
        make(file, planned(), work, _line, _say, jobs=given.jobs, hours=given.hours, only=given.only)
    report.write(rows(file), given.out, given.questions)


def _line(row: Row) -> str:
    return json.dumps(row, separators=(",", ":")) + "\n"


def _say(time: str, left: int, each: Run, row: Row, spent: float) -> None:
    """Every twentieth is told, as most take a second."""
    if left % 20 == 0:
        reached = row["measured"][each.cell.name]["accuracy"]
        print(
            f"{time}  {left} to come, {spent / 3600:.2f} CPU h  {each.name}: {100 * reached:.1f} %",
            flush=True,
        )


if __name__ == "__main__":
    main()

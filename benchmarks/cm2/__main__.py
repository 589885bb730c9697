"""Runs the experiment, or goes on with it.

    python -m benchmarks.cm2 [--jobs 2] [--hours 4] [--only "outcome at 6 turns"] [--policy FOLDER]

Every finished run is a line of runs.jsonl in the results folder, which is all that tables and pictures are
made from; runs that are there are not made again. `--report` makes tables and pictures of what is there.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from benchmarks.cm2 import best_of_n, report
from benchmarks.cm2.arms import STEPS, Arm, planned
from benchmarks.cm2.one import EPISODES, line, run
from benchmarks.resumable import Row, make, rows

OUT = Path("results/published/cm2")


def main() -> None:
    from harness.model.factory import POCKET

    parser = argparse.ArgumentParser(description="The published experiment on checklist rewards.")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--policy", type=Path, default=POCKET / "office")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once, a CPU thread each")
    parser.add_argument("--hours", type=float, default=4.0, help="CPU hours after which no run is begun")
    parser.add_argument("--only", default="", help="only runs whose name contains this")
    parser.add_argument("--steps", type=int, default=STEPS, help="of training; fewer for a trial")
    parser.add_argument("--episodes", type=int, default=EPISODES, help="of evaluation; fewer for a trial")
    parser.add_argument("--report", action="store_true", help="tables and pictures of what is there")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    file = given.out / "runs.jsonl"
    if not given.report:
        work = partial(run, policy=given.policy, steps=given.steps, episodes=given.episodes)
        make(file, planned(), work, line, _say, jobs=given.jobs, hours=given.hours, only=given.only)
        best_of_n.run(given.out / "best_of_n.json", given.policy, given.episodes)
    report.write(rows(file), given.out)


def _say(time: str, left: int, arm: Arm, row: Row, spent: float) -> None:
    won = row["sampled"]["success"].count("1") / len(row["sampled"]["success"])
    print(
        f"{time}  {arm.name:50} {100 * won:5.1f} %  reward {row['sampled']['reward']:.3f}  "
        f"{row['cpu_s']:.0f} CPU s",
        flush=True,
    )


if __name__ == "__main__":
    main()

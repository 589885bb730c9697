"""Runs the experiment, or goes on with it.

    python -m benchmarks.cm2 [--jobs 2] [--hours 4] [--only "outcome at 6 turns"] [--policy FOLDER]

Every finished run is a line of runs.jsonl in the results folder, which is all that tables and pictures are
made from; runs that are there are not made again. `--report` makes tables and pictures of what is there.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

from benchmarks.cm2 import best_of_n, report
from benchmarks.cm2.arms import STEPS, Arm, planned
from benchmarks.cm2.one import EPISODES, line, run

OUT = Path("results/published/cm2")


def rows(out: Path) -> list[dict[str, Any]]:
    """The finished runs; a line that a kill cut off is left out."""
    found = []
    try:
        lines = (out / "runs.jsonl").read_text("utf-8").splitlines()
    except OSError:
        return []
    for text in lines:
        try:
            found.append(json.loads(text))
        except ValueError:
            continue
    return found


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
    if not given.report:
        _run_all(given)
        best_of_n.run(given.out / "best_of_n.json", given.policy, given.episodes)
    report.write(rows(given.out), given.out)


def _run_all(given: argparse.Namespace) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    kept = rows(given.out)
    done, spent = {row["name"] for row in kept}, sum(row["cpu_s"] for row in kept)
    _whole_lines(given.out / "runs.jsonl")
    todo = [arm for arm in planned() if arm.name not in done and given.only in arm.name]
    print(f"{len(done)} runs are there, {len(todo)} to come", flush=True)
    began = time.time()
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(given.jobs, mp_context=context) as pool,
        open(given.out / "runs.jsonl", "a", encoding="utf-8") as file,
    ):
        under_way: dict[Future[dict[str, Any]], Arm] = {}
        while todo or under_way:
            while todo and len(under_way) < given.jobs and spent < given.hours * 3600:
                arm = todo.pop(0)
                under_way[pool.submit(run, arm, given.policy, given.steps, given.episodes)] = arm
            if not under_way:
                print(f"{given.hours:g} CPU hours are spent; {len(todo)} runs are left out", flush=True)
                break
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                row, arm = future.result(), under_way.pop(future)
                spent += row["cpu_s"]
                file.write(line(row))
                file.flush()
                won = row["sampled"]["success"].count("1") / len(row["sampled"]["success"])
                print(
                    f"{time.time() - began:6.0f} s  {arm.name:50} {100 * won:5.1f} %  "
                    f"reward {row['sampled']['reward']:.3f}  {row['cpu_s']:.0f} CPU s",
                    flush=True,
                )


def _whole_lines(file: Path) -> None:
    """Takes away what a kill left of a last line."""
    if file.exists():
        text = file.read_text("utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            file.write_text(whole, "utf-8")


if __name__ == "__main__":
    main()

"""Runs the experiment, or goes on with it.

    python -m benchmarks.todycomm [--jobs 2] [--hours 3] [--only "defaults"]

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

from benchmarks.todycomm.arms import Run, planned
from benchmarks.todycomm.one import QUESTIONS, run

OUT = Path("results/published/todycomm")


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
    if not given.report:
        _run_all(given)
    report.write(rows(given.out), given.out, given.questions)


def _run_all(given: argparse.Namespace) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    kept = rows(given.out)
    done, spent = {row["name"] for row in kept}, sum(row["cpu_s"] for row in kept)
    _whole_lines(given.out / "runs.jsonl")
    todo = [each for each in planned() if each.name not in done and given.only in each.name]
    print(f"{len(done)} runs are there, {len(todo)} to come", flush=True)
    began, made = time.time(), 0
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(given.jobs, mp_context=context) as pool,
        open(given.out / "runs.jsonl", "a", encoding="utf-8") as file,
    ):
        under_way: dict[Future[dict[str, Any]], Run] = {}
        while todo or under_way:
            while todo and len(under_way) < given.jobs and spent < given.hours * 3600:
                each = todo.pop(0)
                under_way[pool.submit(run, each, given.questions)] = each
            if not under_way:
                print(f"{given.hours:g} CPU hours are spent; {len(todo)} runs are left out", flush=True)
                break
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                row, each = future.result(), under_way.pop(future)
                spent += row["cpu_s"]
                file.write(json.dumps(row, separators=(",", ":")) + "\n")
                file.flush()
                made += 1
                if made % 20 == 0 or not todo:
                    reached = row["measured"][each.cell.name]["accuracy"]
                    print(
                        f"{time.time() - began:6.0f} s  {made} made, {len(todo)} to come, {spent / 3600:.2f} "
                        f"CPU h  {each.name}: {100 * reached:.1f} %",
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

"""Runs of an experiment, several at once, a line each in a file: what is there is not made again, and what a
kill cut off is made anew."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any, Protocol, TypeVar

Row = dict[str, Any]


class Named(Protocol):
    @property
    def name(self) -> str:
        """Which run it is; its row has the same under `name`."""


R = TypeVar("R", bound=Named)


def rows(file: Path) -> list[Row]:
    """The finished runs; a line that a kill cut off is left out."""
    found = []
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError:
        return []
    for text in lines:
        try:
            found.append(json.loads(text))
        except ValueError:
            continue
    return found


def make(
    file: Path,
    planned: Iterable[R],
    work: Callable[[R], Row],
    line: Callable[[Row], str],
    say: Callable[[str, int, R, Row, float], None],
    *,
    jobs: int,
    hours: float,
    only: str = "",
) -> None:
    """Makes the runs that are not there yet, each in a process with one thread, and adds their lines.

    Args:
        planned: in the order in which they are begun.
        work: makes one; can be pickled. Its row has `name` and `cpu_s`.
        line: a row as it is written.
        say: told of every finished run: the seconds since the start as text, how many are to come, the run,
            its row, and CPU seconds in all.
        jobs: runs at once.
        hours: of CPU, those of rows that are there counted in, after which none is begun.
        only: part of the names of those that are meant.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    kept = rows(file)
    done, spent = {row["name"] for row in kept}, sum(row["cpu_s"] for row in kept)
    whole_lines(file)
    todo = [each for each in planned if each.name not in done and only in each.name]
    print(f"{len(done)} runs are there, {len(todo)} to come", flush=True)
    began = time.time()
    with (
        ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool,
        open(file, "a", encoding="utf-8") as out,
    ):
        under_way: dict[Future[Row], R] = {}
        while todo or under_way:
            while todo and len(under_way) < jobs and spent < hours * 3600:
                each = todo.pop(0)
                under_way[pool.submit(work, each)] = each
            if not under_way:
                print(f"{hours:g} CPU hours are spent; {len(todo)} runs are left out", flush=True)
                break
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                row, each = future.result(), under_way.pop(future)
                spent += row["cpu_s"]
                out.write(line(row))
                out.flush()
                say(f"{time.time() - began:6.0f} s", len(todo), each, row, spent)


def whole_lines(file: Path) -> None:
    """Takes away what a kill left of a last line."""
    if file.exists():
        text = file.read_text("utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            file.write_text(whole, "utf-8")

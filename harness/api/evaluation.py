"""Measuring: the grid of tasks, methods and models, run from code that is asynchronous or not."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from harness.api.requests import Options, as_called, cells_of, requests_of
from harness.api.runs import Runs
from harness.api.settings import STORE
from harness.base.errors import HarnessWarning
from harness.base.paths import fixed
from harness.base.terminal import one_line

if TYPE_CHECKING:
    from harness.api.requests import MethodLike, TaskLike
    from harness.run.plan import Cell
    from harness.run.session import Session


def evaluate(
    task: TaskLike | Sequence[TaskLike],
    method: MethodLike | Sequence[MethodLike] = "direct",
    model: str | Sequence[str] | None = None,
    **options: Unpack[Options],
) -> Runs:
    """Measures methods on tasks with models. A run that is sealed is shown, not run again; one that was
    interrupted goes on where it stopped.

    Works in a script and in a notebook. Ctrl-C (or the notebook's stop) keeps every finished attempt, and the
    same call goes on.

    Args:
        task: a name, glob, family or comma list of them, "file.py:MyTask", a class, an instance, or a list.
        method: as `task`; `direct` by default.
        model: a name, or a list or comma list of them. Left out: HARNESS_MODEL, else `model` of
            harness.toml, else the small policy that the project ships.
        options: the keywords of `harness.api.requests.Options`: task_args, method_args, model_args, roles,
            role_args, embedder, seeds, epochs, limit, sample_id, planned_effect, temperature, top_p,
            max_tokens, system, generation, budget_calls, budget_tokens, budget_usd, budget_time,
            max_connections, max_retries, timeout, attempt_time, keep_going, probe, fail_on_error, offline,
            mirror, overwrite, transcripts, isolate, twin, store, progress.

    Returns:
        The runs in the order of the grid. Some that failed are in `.failed`, and a warning names them.

    Raises:
        HarnessError: the request can't be carried out, or every cell is misconfigured.
        KeyboardInterrupt: it was interrupted.

    Example:
        >>> runs = harness.evaluate("gsm8k", MyVote, "openai/gpt-4.1-mini", limit=200)
        >>> runs.compare(baseline="direct")
    """
    cells, store, command = _planned(task, method, model, dict(options))
    runs = run_cells(cells, store, progress=options.get("progress", True), command=command)
    if runs.interrupted:
        raise KeyboardInterrupt(interrupted(runs))
    return judged(runs)


async def evaluate_async(
    task: TaskLike | Sequence[TaskLike],
    method: MethodLike | Sequence[MethodLike] = "direct",
    model: str | Sequence[str] | None = None,
    **options: Unpack[Options],
) -> Runs:
    """`evaluate` in the loop that runs: `runs = await harness.evaluate_async("arc1d", MyVote)`.

    Data sets are read and attempts are scored on the loop's own thread, which others wait for.

    Raises:
        HarnessError: as `evaluate`.
        CancelledError: it was cancelled; every finished attempt is kept, and the same call goes on.
    """
    from harness.base import loops
    from harness.run.execute import GridResult
    from harness.run.execute import run_cells as run

    cells, store, command = _planned(task, method, model, dict(options))
    finished = GridResult([])
    with session_of(cells, store, options.get("progress", True), command) as session:
        with loops.shared():
            await run(cells, session, finished)
    if finished.interrupted:
        raise asyncio.CancelledError
    return judged(Runs(finished, store, len(cells)))


def run_cells(
    cells: Sequence[Cell],
    store: str | Path,
    *,
    progress: bool = True,
    command: str = "",
    whole: bool = True,
) -> Runs:
    """The runs of planned cells; raises for none of them, whatever became of it.

    Args:
        cells: as `harness.run.plan.plan` makes them.
        store: the result store.
        progress: whether progress is shown.
        command: what the records name as their command.
        whole: see `Runs`.

    Raises:
        UsageError: a role was given that nothing in the grid asks, or harness.toml is faulty.
    """
    from harness.run.execute import run_grid

    with session_of(cells, store, progress, command) as session:
        grid = run_grid(cells, session)
    return Runs(grid, store, len(cells), whole)


@contextmanager
def session_of(cells: Sequence[Cell], store: str | Path, progress: bool, command: str) -> Iterator[Session]:
    """A session for these cells, with what harness.toml says and progress shown."""
    from harness.api.progress import watching
    from harness.api.settings import configuration
    from harness.results.store import Store
    from harness.run.budget_check import check_priced
    from harness.run.preflight import lacking
    from harness.run.roles import check_roles
    from harness.run.session import Session

    check_roles(cells)
    settings = configuration()
    # a plugin's filters hold while it runs, and hide no warning of ours
    with fixed(), warnings.catch_warnings(), watching(len(cells), progress) as watcher:
        session = Session(
            Store(Path(store).absolute()),
            watcher,
            settings.get("prices", {}),
            settings.get("services", {}),
            settings.get("human", {}).get("usd_per_hour"),
            command,
        )
        check_priced(cells, session)
        if len(cells) > 1:  # one alone says it itself
            for lack in lacking(cells, session.services):
                session.notice(lack)
        yield session


def _planned(task: Any, method: Any, model: Any, options: dict[str, Any]) -> tuple[list[Cell], str, str]:
    """The cells, the store, and the call as the records keep it."""
    cells = cells_of(requests_of(task, method, model, options))
    return cells, str(options.get("store") or STORE), as_called("evaluate", cells, options)


def interrupted(runs: Runs) -> str:
    return (
        f"{len(runs)} of {runs.planned} runs are sealed and every finished attempt of the others is kept; "
        "the same call goes on"
    )


def judged(runs: Runs) -> Runs:
    """The runs, with a warning for each that went wrong.

    Raises:
        HarnessError: every run was misconfigured; the first one's error.
    """
    if runs.exit_code == 2:
        error = runs.failed[0].error
        assert error is not None
        raise error
    for note in runs.notes():
        warnings.warn(one_line(note.removeprefix("warning: ")), HarnessWarning, stacklevel=3)
    return runs

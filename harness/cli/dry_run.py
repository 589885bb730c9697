"""What a grid would do: its cells, calls, tokens and cost, and the smallest difference it could detect."""

from __future__ import annotations

import json
import operator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.base.errors import HarnessError
from harness.base.terminal import hint, say_json, tell
from harness.registry import load_method
from harness.run.plan import Cell
from harness.run.plugin_errors import fault, foreseen, step
from harness.sample import Splits, SplitSizes

if TYPE_CHECKING:
    from harness.comparison.planning import Noise
    from harness.run.estimate import Estimate
    from harness.run.session import Session
    from harness.task import Task

#: the difference for which the plan says what it needs, where --planned-effect names none
WANTED = 0.02


def show_plan(cells: list[Cell], store: str, as_json: bool) -> int:
    """Prints the plan. Loads the data, asks no model; the noise is that of runs stored in `store`.

    Returns:
        The exit code: 0, or 1 if some and 2 if all of the cells have no data.

    Raises:
        UsageError: a role was given that nothing in the grid asks.
    """
    from harness.api.settings import configuration
    from harness.results.index import in_force, read_index
    from harness.results.store import Store
    from harness.run.budget_check import check_priced
    from harness.run.estimate import RULE, together
    from harness.run.preflight import lacking
    from harness.run.roles import check_roles
    from harness.run.session import Session

    check_roles(cells)
    settings = configuration()
    lacks = list(lacking(cells, settings.get("services", {})))
    by_hour = settings.get("human", {}).get("usd_per_hour")
    session = Session(
        Store(Path(store)), prices=settings.get("prices", {}), usd_per_hour=by_hour, connect=False
    )
    check_priced(cells, session)
    stored = in_force(read_index(Path(store)).rows)
    loaded: dict[str, tuple[Task, Splits] | str] = {}
    noises: dict[tuple[str, bool], Noise] = {}
    from harness.run.item_choice import chosen

    shown: dict[tuple[Any, ...], dict[str, Any]] = {}
    estimates: dict[str, Estimate | str] = {}
    uses: list[Estimate] = []
    rows: list[dict[str, Any]] = []
    for cell in cells:
        key = json.dumps([cell.task.name, dict(cell.task_args)], sort_keys=True, default=str)
        if key not in loaded:
            loaded[key] = _load(cell, session)
        found = loaded[key]
        if isinstance(found, str):
            rows.append({"cell": cell.title, "error": found})
            continue
        draws = cell.method.draws == "run"
        if (key, draws) not in noises:
            noises[key, draws] = _noise(cell, stored, draws)
        try:
            with foreseen(cell):
                sizes = found[1].sizes
                items = len(chosen(cell.request, found[1].test))
        except HarnessError as error:
            rows.append({"cell": cell.title, "error": str(error)})
            continue
        subject = json.dumps([key, cell.method.name, dict(cell.method_args), cell.model], default=str)
        if subject not in estimates:  # another seed asks the same
            calls = _calls(cell, session, items * cell.request.epochs, sizes)
            made = calls if isinstance(calls, str) else _estimate(cell, session, *found, calls, items)
            estimates[subject] = made if isinstance(made, str) else _announced(cell, session) or made
        use = estimates[subject]
        if isinstance(use, str):
            rows.append({"cell": cell.title, "error": use})
            continue
        uses.append(use)
        noise = noises[key, draws]
        design = (key, draws, items, cell.request.seeds, cell.request.epochs, cell.request.planned_effect)
        if design not in shown:
            shown[design] = _detects(noise, *design[2:])
        rows.append(
            {
                "cell": cell.title,
                "items": items,
                "epochs": cell.request.epochs,
                "calls": use.calls,
                # a dialogue has as many calls as it has actions, of the agent and of the user
                "calls_are_at_least": "world" in cell.task.offers,
                **use.as_dict(),
                "seeds": cell.request.seeds,
                **shown[design],
                "noise": [f"{cell.task.name}: {line}" for line in noise.lines()],
            }
        )
    total = together(uses)
    if as_json:
        made_of = {"calls": total.calls, **total.as_dict(), "rule": RULE}
        say_json({"schema": 1, "plan": rows, "total": made_of, "lacking": lacks})
    else:
        from harness.cli.plan_table import print_plan

        print_plan(rows, total, uses)
    for lack in lacks:
        tell(f"warning: {lack}")
    for notice in session.notices:
        hint(notice)
    failed = sum("error" in row for row in rows)
    return 0 if not failed else 2 if failed == len(rows) else 1


def _load(cell: Cell, session: Session) -> tuple[Task, Splits] | str:
    """A task and its data, or why they can't be had."""
    try:
        task, splits, _ = session.load(cell)
    except HarnessError as error:
        return str(error)
    return task, splits


def _estimate(
    cell: Cell, session: Session, task: Task, splits: Splits, calls: int | None, items: int
) -> Estimate | str:
    """What the cell would use, or why it can't be run."""
    from harness.run.estimate import estimate
    from harness.run.rehearsal import rehearse

    try:
        with foreseen(cell):
            rehearsed = rehearse(cell, session, task, splits)
    except HarnessError as error:
        return str(error)
    roles = {*cell.request.roles.values()} - {cell.model}
    return estimate(
        rehearsed,
        calls,
        items * cell.request.epochs,
        lambda model: session.price(model, cell, role=model in roles),
    )


def _announced(cell: Cell, session: Session) -> str:
    """Says what the cell's `fit` would do; why it can't be done, empty where it can."""
    from harness.run.training import announce_cell

    try:
        announce_cell(cell, session)
    except HarnessError as error:
        return str(error)
    return ""


def _calls(cell: Cell, session: Session, n_questions: int, sizes: SplitSizes) -> int | str | None:
    """The calls that the method declares, None where it doesn't know, or why it can't be asked."""
    from harness.run.training import calls_of_cell

    if cell.request.isolate:  # no code of the method runs here
        return None
    try:
        method = load_method(cell.method, cell.method_args)
        with step(cell.method, "calls"):
            declared = method.calls(n_questions, sizes)
        if declared is None:
            declared = calls_of_cell(cell, session, n_questions)
        declared = None if declared is None else operator.index(declared)
        if declared is not None and declared < 0:
            raise ValueError(f"{declared} calls can't be made; are its arguments in range?")
        return declared
    except HarnessError as error:
        return str(error)
    except Exception as error:
        return str(fault(cell.method, "calls", error))


def _noise(cell: Cell, stored: list[dict[str, Any]], draws: bool) -> Noise:
    """The noise of stored runs of the cell's task, for a method that draws something per run or doesn't."""
    from harness.comparison.planning import task_noise

    return task_noise(stored, cell.task.name, cell.task.hashed(cell.task_args), draws)


def _detects(noise: Noise, items: int, seeds: int, epochs: int, effect: float | None) -> dict[str, Any]:
    """What a comparison of two such cells detects, and what the wanted effect would need."""
    from harness.stats import detectable, needed, power_of

    wanted = effect or WANTED
    if items < 2:  # one item shows no difference at all
        return {
            "smallest_detectable_difference": None,
            "of_these_runs": bool(noise.drawing) and seeds == 1,
            "effect": wanted,
            "power": None,
            "seeds_needed": None,
            "epochs_needed": None,
        }
    design = noise.design(items, seeds, epochs)
    dial: Literal["runs", "attempts"] = "runs" if noise.drawing else "attempts"
    least = needed(wanted, noise.components, design, dial)
    return {
        "smallest_detectable_difference": round(detectable(noise.components, design), 4),
        "of_these_runs": bool(noise.drawing) and seeds == 1,
        "effect": wanted,
        "power": round(power_of(wanted, noise.components, design), 3),
        "seeds_needed": least if noise.drawing else None,
        "epochs_needed": None if noise.drawing else least,
    }

"""What a grid would do: its cells, calls, and the smallest difference it could detect."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.errors import HarnessError
from harness.registry import load_method
from harness.run.plan import Cell
from harness.run.plugin_errors import fault
from harness.sample import SplitSizes

if TYPE_CHECKING:
    from harness.comparison.planning import Noise
    from harness.run.session import Session

#: the difference for which the plan says how many attempts it needs
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
    from harness.run.preflight import lacking
    from harness.run.roles import check_roles
    from harness.run.session import Session
    from harness.stats import attempts_needed, minimum_detectable_effect

    check_roles(cells)
    lacks = list(lacking(cells, configuration().get("services", {})))
    session = Session(Store(Path(store)))
    stored = in_force(read_index(Path(store)).rows)
    sizes: dict[str, Any] = {}
    noises: dict[str, Noise] = {}
    rows: list[dict[str, Any]] = []
    for cell in cells:
        key = json.dumps([cell.task.name, dict(cell.task_args)], sort_keys=True, default=str)
        if key not in sizes:
            sizes[key] = _sizes(cell, session)
        if isinstance(sizes[key], str):
            rows.append({"cell": cell.title, "error": sizes[key]})
            continue
        if key not in noises:
            noises[key] = _noise(cell, stored)
        items = min(sizes[key].test, cell.request.limit or sizes[key].test)
        calls = _calls(cell, items * cell.request.epochs, sizes[key])
        if isinstance(calls, str):
            rows.append({"cell": cell.title, "error": calls})
            continue
        seen = noises[key].variances
        noise: dict[str, Any] = {"reference_variance": seen.reference, "effect_variance": seen.effect}
        rows.append(
            {
                "cell": cell.title,
                "items": items,
                "epochs": cell.request.epochs,
                "calls": calls,
                # a dialogue has as many calls as it has actions, of the agent and of the user
                "calls_are_at_least": "world" in cell.task.offers,
                "smallest_detectable_difference": round(
                    minimum_detectable_effect(items, cell.request.epochs, seen.candidate, **noise), 4
                ),
                "epochs_for_two_points": attempts_needed(WANTED, items, seen.candidate, **noise),
                "noise": f"{cell.task.name}: {noises[key].source}",
            }
        )
    if as_json:
        print(json.dumps({"schema": 1, "plan": rows, "lacking": lacks}, ensure_ascii=False))
    else:
        _print(rows)
    for lack in lacks:
        print(f"warning: {lack}", file=sys.stderr)
    failed = sum("error" in row for row in rows)
    return 0 if not failed else 2 if failed == len(rows) else 1


def _sizes(cell: Cell, session: Session) -> SplitSizes | str:
    """The sizes of a task's splits, or why they can't be known."""
    try:
        _, splits, _ = session.load(cell)
    except HarnessError as error:
        return str(error)
    return splits.sizes


def _calls(cell: Cell, n_questions: int, sizes: SplitSizes) -> int | str | None:
    """The calls that the method declares, None where it doesn't know, or why it can't be asked."""
    try:
        declared = load_method(cell.method, cell.method_args).calls(n_questions, sizes)
        if declared is not None and declared < 0:
            raise ValueError(f"{declared} calls can't be made; are its arguments in range?")
        return declared
    except HarnessError as error:
        return str(error)
    except Exception as error:
        return str(fault(cell.method.name, cell.method.distribution, "calls", error))


def _noise(cell: Cell, stored: list[dict[str, Any]]) -> Noise:
    from harness.comparison.arms import arms_of
    from harness.comparison.planning import stored_noise
    from harness.comparison.select import by_key

    arms = arms_of(
        row
        for row in stored
        if row["task"] == cell.task.name
        and row["comparability"]["task_args"] == cell.task.hashed(cell.task_args)
    )
    tables = sorted(by_key(arms).values(), key=len)
    return stored_noise(tables[-1] if tables else [])


def _shown(row: dict[str, Any]) -> str:
    if row["calls"] is None:
        return "?"
    return f"{'at least ' if row['calls_are_at_least'] else ''}{row['calls']}"


def _print(rows: list[dict[str, Any]]) -> None:
    from harness.display.layout import print_table

    names = ("cell", "items", "epochs", "calls", "detects", "epochs for 2 points")
    made = []
    for row in rows:
        if "error" in row:
            continue
        needed = row["epochs_for_two_points"]
        made.append(
            [
                row["cell"],
                *map(
                    str,
                    (
                        row["items"],
                        row["epochs"],
                        _shown(row),
                        f"{100 * row['smallest_detectable_difference']:.1f} points",
                        "more items" if needed is None else needed,
                    ),
                ),
            ]
        )
    if made:
        print_table(names, made, right=names[1:], keep=names)
    for row in rows:
        if "error" in row:
            print(f"{row['cell']}: {row['error']}")
    total = sum(row.get("calls") or 0 for row in rows)
    unknown = sum("calls" in row and row["calls"] is None for row in rows)
    dialogues = any(row.get("calls_are_at_least") for row in rows)
    about = "at least" if dialogues or unknown else "about"
    print(
        f"{len(rows)} cell{'' if len(rows) == 1 else 's'}, {about} {total} "
        f"calls on a cold cache{': a dialogue has one for every action' if dialogues else ''}."
        + (f" For {unknown} of them ('?') the method doesn't say." if unknown else "")
    )
    print(
        "detects: the smallest paired difference seen with 80 % power at a one-sided level of 5 %; "
        "'harness power' plans with other numbers."
    )
    for source in dict.fromkeys(row["noise"] for row in rows if "noise" in row):
        print(f"noise of {source}")

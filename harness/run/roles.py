"""Which roles a grid asks: a model for any other would be named in the record and never called."""

from __future__ import annotations

from collections.abc import Iterable

from harness.base.errors import HarnessError, UsageError, nearest
from harness.registry import load_task
from harness.run import keys
from harness.run.plan import Cell
from harness.spec import ROLES


def check_roles(cells: Iterable[Cell]) -> None:
    """Whether every role that was given is asked by a task or a method of the grid. Imports the tasks, as
    their arguments decide which roles they ask; nothing is imported where no role was given.

    Raises:
        UsageError: names the role, and the nearest that is asked.
    """
    cells = [cell for cell in cells if cell.request.roles]
    asked: set[str] = set()
    for cell in cells:
        asked |= {*cell.method.needs, *cell.method.may_use} & {*ROLES} | {*cell.method.roles}
        try:
            task = load_task(cell.task, cell.task_args)
        except HarnessError:
            return  # what it would have asked is unknown; its own cell says why it can't be made
        asked |= {*cell.method.roles, *keys.task_roles(task)}
    for role in dict.fromkeys(role for cell in cells for role in cell.request.roles):
        if role not in asked:
            parts = [*(cell.task.name for cell in cells), *(cell.method.name for cell in cells)]
            names = [*dict.fromkeys(parts)]
            shown = f"{', '.join(names[:4])}{' ...' if len(names) > 4 else ''}"
            raise UsageError(
                f"--role {role}: nothing here ({shown}) asks such a role with these arguments; "
                + (nearest(role, asked, "role") if asked else "leave it out")
            )

"""Which roles a grid asks, and who plays those that no model was given for. A model for any other would be
named in the record and never called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.base.errors import HarnessError, UsageError, nearest
from harness.registry import load_task
from harness.run import keys
from harness.run.plan import Cell
from harness.run.plugin_errors import foreseen
from harness.spec import ROLES
from harness.task import Task


def played(task: Task, given: Mapping[str, str]) -> dict[str, str]:
    """The models by role that a run of the task asks: those that were given, and those that stand in for
    a role without one."""
    absent = [role for role in (*task.roles, *task.optional_roles) if role not in given]
    found = {role: given[task.stand_ins[role]] for role in absent if task.stand_ins.get(role) in given}
    return {**given, **found}


def standing_in(task: Task, given: Mapping[str, str]) -> list[str]:
    """A line for every role that another's model plays too."""
    return [
        f"{task.spec.name}: {model}, given as {task.stand_ins[role]}, is the {role} too; --role {role}=MODEL "
        "names another"
        for role, model in played(task, given).items()
        if role not in given
    ]


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
            with foreseen(cell):
                task = load_task(cell.task, cell.task_args)
                roles = keys.task_roles(task)
                absent = (roles & {*task.stand_ins}) - {*cell.request.roles}
                asked |= {*cell.method.roles, *roles} | {task.stand_ins[role] for role in absent}
        except HarnessError:
            return  # what it would have asked is unknown; its own cell says why it can't be made
    for role in dict.fromkeys(role for cell in cells for role in cell.request.roles):
        if role not in asked:
            parts = [*(cell.task.name for cell in cells), *(cell.method.name for cell in cells)]
            names = [*dict.fromkeys(parts)]
            shown = f"{', '.join(names[:4])}{' ...' if len(names) > 4 else ''}"
            raise UsageError(
                f"--role {role}: nothing here ({shown}) asks such a role with these arguments; "
                + (nearest(role, asked, "role") if asked else "leave it out")
            )

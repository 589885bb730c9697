"""What cells of a grid will lack when their turn comes, to be said before the first is paid for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from harness.base.errors import HarnessError, UsageError
from harness.base.template import doubts, fields
from harness.external.services import Services
from harness.model.budget import Budget
from harness.registry import load_task
from harness.run.plan import Cell
from harness.run.plugin_errors import foreseen
from harness.run.roles import played
from harness.sample import Question
from harness.task import Task


def lacking(cells: Iterable[Cell], settings: Mapping[str, Any]) -> Iterator[str]:
    """One line a cell that lacks a role that its task fills or, where it acts in worlds, a key or another
    thing outside; `settings` is `[services]` of harness.toml. A cell says the same itself, as its error, when
    it is run."""
    for cell in cells:
        recorded, world = cell.model.startswith("recorded/"), "world" in cell.task.offers
        if world and recorded:
            continue
        try:
            with foreseen(cell):
                task = load_task(cell.task, cell.task_args)
                absent = [role for role in task.roles if role not in played(task, cell.request.roles)]
        except HarnessError:
            continue
        if absent:
            yield f"{cell.title} can't be run: it needs --role {absent[0]}=MODEL"
            continue
        if not world:
            continue
        services = Services(
            settings=settings, offline=cell.request.offline, budget=Budget(usd=cell.request.budget_usd)
        )
        try:
            with foreseen(cell):
                task.for_run(services)
        except HarnessError as error:
            yield f"{cell.title} can't be run: {error}"
        finally:
            services.close()


def check_templates(cell: Cell, task: Task, question: Question, notice: Callable[[str], None]) -> None:
    """Whether the user's own prompts name only what the task has a value for; a field that stayed as it
    stands would be sent as text. `notice` is told what looks like a mistake.

    Raises:
        UsageError: one names a field without a value.
    """
    known = {*task.turn_fields(question)}
    for flag, template, given in (
        ("-T", cell.task.template(cell.task_args), known),
        ("-M", cell.method.template(cell.method_args), known | {"prompt"}),
    ):
        for name in sorted(fields(template) - given) if template else ():
            why = {
                "labels": f"{cell.task.name} has no closed set of labels",
                "prompt": "the task's own prompt is what it replaces; only -M prompt= can hold it",
            }.get(name, f"{cell.task.name} has no value for it")
            raise UsageError(f"{flag} prompt: {{{name}}} stands in the template, but {why}")
        for doubt in doubts(template) if template else ():
            notice(f"{flag} prompt: {doubt}")

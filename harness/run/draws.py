"""What a record says of the draws that all items of its run share."""

from __future__ import annotations

from typing import NamedTuple

from harness.base.errors import PluginError
from harness.job import Job
from harness.method import Method
from harness.run.plan import Cell
from harness.run.plugin_errors import step
from harness.spec import DRAWS


class Draws(NamedTuple):
    """`kind` is `run`, `none` or, where nobody can know, None; `digest` is of what the method told."""

    kind: str | None
    digest: str | None = None


def declared(method: Method, cell: Cell) -> str:
    """What the method says of its draws with its arguments.

    Raises:
        PluginError: it fails, or says something else.
    """
    with step(cell.method, "drawing"):
        said = method.drawing()
    if said not in DRAWS:
        raise PluginError(f"method {cell.method.name!r}: drawing() gives {said!r}, not one of {list(DRAWS)}")
    return said


def of_run(said: str, job: Job, cell: Cell) -> Draws:
    """What was declared, overruled by what happened. How recorded answers were drawn nobody knows but the
    user."""
    kind: str | None = "run" if job.drawn.shared else said
    if kind == "none" and "answers" in job.model.abilities:
        kind = cell.request.draws
    return Draws(kind, job.drawn.digest)

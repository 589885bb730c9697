"""What a record says of the draws that all items of its run share."""

from __future__ import annotations

from typing import NamedTuple

from harness.base.errors import PluginError
from harness.job import Job
from harness.method import Method
from harness.run.plan import Cell
from harness.run.plugin_errors import fault
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
    try:
        said = method.drawing()
    except Exception as error:
        raise fault(cell.method.name, cell.method.distribution, "drawing", error) from error
    if said not in DRAWS:
        raise PluginError(f"method {cell.method.name!r}: drawing() gives {said!r}, not one of {list(DRAWS)}")
    return said


def of_run(said: str, job: Job) -> Draws:
    """What was declared, overruled by what happened. Nobody can know how recorded answers were drawn."""
    if "answers" in job.model.abilities:
        return Draws(None)
    return Draws("run" if job.drawn.shared else said, job.drawn.digest)

"""What a run was planned to show, noted before it is made and kept beside its result."""

from __future__ import annotations

from typing import Any

from harness.run.plan import Cell
from harness.run.session import Session


def planned(cell: Cell, n_items: int, session: Session) -> dict[str, Any]:
    """`n_items`, `epochs` and `seeds` as they were asked for; with --planned-effect the `effect`, and the
    `power` of seeing it in a comparison of two such arms, by the noise that stored runs showed before."""
    request = cell.request
    found: dict[str, Any] = {"n_items": n_items, "epochs": request.epochs, "seeds": request.seeds}
    if request.planned_effect is None or n_items < 2:
        return found
    from harness.comparison.planning import task_noise
    from harness.stats import power_of

    arguments = cell.task.hashed(cell.task_args)
    noise = task_noise(session.before, cell.task.name, arguments, cell.method.draws == "run")
    design = noise.design(n_items, request.seeds, request.epochs)
    chance = power_of(request.planned_effect, noise.components, design)
    return {**found, "effect": request.planned_effect, "power": round(chance, 4)}

"""The hashes that say which rows may be compared, and which run this is. See ARCHITECTURE.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.base.digest import digest, set_digest
from harness.base.secrets import without_secrets
from harness.model.provider import Provider
from harness.run.plan import Cell
from harness.sample import Sample
from harness.task import Task

if TYPE_CHECKING:
    from harness.data.interactions import Interactions
    from harness.model.embed import Embedder

#: moves when the harness itself scores or aggregates in another way
SCORING = 1
PROMPTS_HASHED = 16


def comparability(
    cell: Cell,
    task: Task,
    samples: list[Sample],
    sources: list[Any],
    interactions: Interactions | None = None,
) -> dict[str, Any]:
    """What two rows must share to be compared: data, prompts, scorer; not how they were answered."""
    questions = [sample.question for sample in samples[:PROMPTS_HASHED]]
    if type(task).ask is Task.ask:
        prompts: list[Any] = [task.render(question) for question in questions]
    else:
        prompts = [[[m.role, m.text] for m in task.ask(question)] for question in questions]
    key = {
        "task": cell.task.name,
        "task_version": cell.task.comparability_version,
        "task_args": cell.task.hashed(cell.task_args),
        "data": sorted(
            ({"id": s["id"], "config": s["config"], "split": s["split"]} for s in sources), key=str
        ),
        "data_digest": set_digest(sample.digest() for sample in samples),
        "limit": cell.request.limit,
        "prompt_digest": digest(prompts),
        "scorer": cell.task.scorer,
        "metric": cell.task.primary,
        "scoring": SCORING,
    }
    if interactions is not None:
        key["interactions"] = interactions.digest()
    return key


def subject(
    cell: Cell, provider: Provider, roles: dict[str, Provider], embedder: Embedder | None
) -> dict[str, Any]:
    """What is measured: the method, the models it spends, how they decode, what data it may see."""
    found = {
        "method": cell.method.name,
        "method_version": cell.method.comparability_version,
        "method_args": cell.method.hashed(cell.method_args),
        "model": provider.name,
        "model_revision": provider.revision,
        "model_args": without_secrets(cell.request.model_args),
        "roles": {name: [role.name, role.revision] for name, role in sorted(roles.items())},
        "embedder": [embedder.name, embedder.revision] if embedder else None,
        "decoding": dict(cell.request.decoding),
        "data_access": sorted({*cell.method.needs, *cell.method.may_use} - {"world", "tools"}),
    }
    if provider.origin and provider.origin != cell.request.model_args.get("base_url"):
        found["model_origin"] = provider.origin
    if cell.request.role_args:
        found["role_args"] = without_secrets(cell.request.role_args)
    return found


def run_id(comparability_key: str, subject_key: str, cell: Cell) -> str:
    """The same inputs give the same id; that is how a run is found again and goes on."""
    return digest([comparability_key, subject_key, cell.seed, cell.request.epochs])

"""The hashes that say which rows may be compared, and which run this is. See ARCHITECTURE.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.digest import digest, file_digest, path_digest, set_digest
from harness.base.secrets import without_secrets_in
from harness.external.setup import present
from harness.model.arguments import output_arguments
from harness.model.generation import hashed
from harness.model.provider import Provider
from harness.run.code import Code
from harness.run.named_files import named_content
from harness.run.plan import Cell
from harness.sample import Sample
from harness.spec import Spec
from harness.task import Task, prompt_of, turn_of

if TYPE_CHECKING:
    from harness.data.history import Histories
    from harness.data.interactions import Interactions
    from harness.model.embed import Embedder
    from harness.search import Corpus

#: moves when the harness itself scores or aggregates in another way
SCORING = 1
PROMPTS_HASHED = 16


def comparability(
    cell: Cell,
    task: Task,
    samples: list[Sample],
    sources: list[Any],
    code: Code,
    roles: Mapping[str, Any],
    interactions: Interactions | None = None,
    history: Histories | None = None,
    corpus: Corpus | None = None,
    embedder: Embedder | None = None,
) -> dict[str, Any]:
    """What two rows must share to be compared: data, prompts, scorer, and whom the task asks (a judge, a
    simulated user; see `roles_of_task`), what its worlds search and the embedder that they search with; not
    how the items were answered.

    Of a task whose official code is installed apart (`harness setup`) that code and its data are part of the
    scorer, so that the content of what is really installed stands here: another revision, or a checkout with
    changes, is another measurement, whatever the recipe pins. Where it came from is no part of it (a clone
    and an archive of one revision are the same), and neither are the libraries below it, whose versions
    differ from machine to machine and stand in the record."""
    key: dict[str, Any] = {
        "task": cell.task.name,
        "task_version": cell.task.comparability_version or code.digest,
        "task_args": by_content(cell.task, cell.task_args),
        "data": sorted(map(_source, sources), key=str),
        "data_digest": set_digest(sample.digest() for sample in samples),
        "limit": cell.request.limit,
        "prompt_digest": prompt_digest(task, samples),
        "scorer": cell.task.scorer,
        "metric": cell.task.primary,
        "scoring": SCORING,
        "roles": dict(roles),
    }
    key |= _others(cell.task)
    if installed := present(cell.task.setup):
        key["installed"] = {cell.task.setup["name"]: installed["files"]["digest"]}
    if cell.request.sample_id:
        key["sample_id"] = list(cell.request.sample_id)
    if interactions is not None:
        key["interactions"] = interactions.digest()
    if history is not None:
        key["history"] = history.digest()
    if corpus is not None:
        key["corpus"] = corpus.digest
    if embedder is not None:
        key["embedder"] = [embedder.name, embedder.revision]
    cleaned: dict[str, Any] = without_secrets_in(key)
    return cleaned


def prompt_digest(task: Task, samples: Sequence[Sample]) -> str:
    """The digest of the prompts of the first items."""
    questions = [sample.question for sample in samples[:PROMPTS_HASHED]]
    if type(task).ask is Task.ask:
        prompts: list[Any] = [turn_of(task, question) for question in questions]
    else:
        prompts = [[[m.role, m.text] for m in prompt_of(task, question)] for question in questions]
    return digest(prompts)


def task_roles(task: Task) -> set[str]:
    """The roles that a task itself asks: what they say is part of the measurement."""
    judged = {"judge"} if task.judges else set()
    teams = {"human"} if task.teams else set()
    return {*task.roles, *task.optional_roles} | judged | teams


def roles_of_task(cell: Cell, task: Task, roles: Mapping[str, Provider]) -> dict[str, Any]:
    """Who plays the roles that the task asks, for `comparability`."""
    return {
        name: _role(cell, role, task.role_prompts.get(name, ""))
        for name, role in sorted(roles.items())
        if name in task_roles(task)
    }


def subject(
    cell: Cell,
    provider: Provider,
    roles: Mapping[str, Provider],
    embedder: Embedder | None,
    code: Code,
) -> dict[str, Any]:
    """What is measured: the method, the models it spends, how they decode, what data it may see."""
    declared = {*cell.method.needs, *cell.method.may_use, *cell.method.roles}
    found = {
        "method": cell.method.name,
        "method_version": cell.method.comparability_version or code.digest,
        "method_args": by_content(cell.method, cell.method_args),
        "model": provider.name,
        "model_revision": provider.revision,
        "model_args": _arguments(provider, cell.request.model_args),
        "roles": {name: _role(cell, role) for name, role in sorted(roles.items()) if name in declared},
        "embedder": [embedder.name, embedder.revision] if embedder and "embedder" in declared else None,
        "decoding": hashed(cell.request.decoding),
        "data_access": sorted({*cell.method.needs, *cell.method.may_use} - {"world", "tools", "corpus"}),
        **_others(cell.method),
    }
    cleaned: dict[str, Any] = without_secrets_in(found)
    return cleaned


def run_id(comparability_key: str, subject_key: str, cell: Cell, code: Mapping[str, Code]) -> str:
    """The same inputs give the same id; that is how a run is found again and goes on. The code of plugins in
    development is one of the inputs."""
    changing = {name: part.digest for name, part in code.items() if part.development}
    return digest([comparability_key, subject_key, cell.seed, cell.request.epochs, changing])


def by_content(spec: Spec, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are hashed; of one that names a file or a folder its content, whatever its name. In
    a plugin without a package nobody need say which do: a text that names a file counts with its content, and
    with the file's name, which their code may look at."""
    found = spec.hashed(arguments)
    for name, value in found.items():
        if not isinstance(value, str) or not value:
            continue
        if spec.params[name].file and Path(value).exists():
            found[name] = {"digest": path_digest(Path(value))}
        elif spec.origin != "package" and Path(value).is_file():
            found[name] = {"file": Path(value).name, "digest": file_digest(Path(value))}
        elif spec.origin != "package" and (content := named_content(value)):
            found[name] = {"value": value, "digest": content}
    return found


def _others(spec: Spec) -> dict[str, str]:
    """Whose a plugin is, where it isn't the project's own: another distribution may have the same name and
    version for something else."""
    return {f"{spec.noun}_distribution": owner} if (owner := spec.owner) else {}


def _source(read: Mapping[str, Any]) -> dict[str, Any]:
    """What was read, by its content where it is a file of the user's, else by its Hub id."""
    if read.get("digest"):
        return {"digest": read["digest"]}
    return {"id": read["id"], "config": read["config"], "split": read["split"]}


def _role(cell: Cell, role: Provider, prompt: str = "") -> dict[str, Any]:
    """Who plays a role: model, revision, arguments and, where the task words it, the prompt."""
    found = {
        "model": role.name,
        "revision": role.revision,
        "args": _arguments(role, cell.role_args(role.name)),
    }
    return {**found, "prompt": digest(prompt)} if prompt else found


def _arguments(provider: Provider, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a model that can change what it says. Where it is served is none of them, and which
    weights are served stands in its revision."""
    return dict(provider.arguments) if provider.remote else output_arguments(given)

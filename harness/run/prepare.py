"""What a cell's run is, before anything is asked: its task, models, attempts and identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.digest import digest
from harness.base.errors import UsageError
from harness.base.known_files import remember_files
from harness.base.plain import Unfit, named
from harness.data.hub import Data
from harness.external.setup import installed_otherwise
from harness.model.factory import preferences
from harness.model.provider import Provider
from harness.registry import registry
from harness.run import door, keys
from harness.run.code import Code, check_unchanged, code_of
from harness.run.item_choice import chosen
from harness.run.plan import Cell
from harness.run.plugin_errors import given
from harness.run.preflight import check_templates
from harness.run.repeats import with_repeats_grouped
from harness.run.roles import played, standing_in
from harness.run.scoring import Attempts
from harness.run.session import Session
from harness.sample import Classes, Splits
from harness.task import Task

if TYPE_CHECKING:
    from harness.model.embed import Embedder


@dataclass(frozen=True)
class Prepared:
    """A cell with all that its result depends on, and the hashes of that."""

    cell: Cell
    task: Task
    splits: Splits
    data: Data
    provider: Provider
    roles: Mapping[str, Provider]
    embedder: Embedder | None
    attempts: Attempts
    code: Mapping[str, Code]
    comparability: Mapping[str, Any]
    subject: Mapping[str, Any]
    run_id: str
    folder: Path


def prepare(cell: Cell, session: Session) -> Prepared:
    """The cell's task and data are loaded and its models opened; no model is asked.

    Raises:
        HarnessError: the cell can't be run, with the cure.
    """
    cell = _as_it_is_now(cell)
    code = {"task": code_of(cell.task), "method": code_of(cell.method)}
    provider = session.provider(cell.model, cell)
    check_abilities(cell, provider)
    session.watcher.step(cell, "load", 0, 0)
    task, splits, data = session.load(cell, code["task"].digest)
    roles = open_roles(cell, task, session)
    check_unchanged(cell.task, code["task"], loaded=False)
    if remark := installed_otherwise(cell.task.setup):
        session.notice(remark)
    for each in (provider, *roles.values()):
        each.prepare(splits)
    _check_offers(cell, task, splits, provider)
    check_templates(cell, task, splits.test[0].question, session.notice)
    attempts = _attempts(cell, provider, splits, session)
    _check_judge(cell, task, attempts, provider, session)
    if embedder := open_embedder(cell, task):
        embedder.notice = session.notice
        for line in embedder.remarks:
            session.notice(line)
    comparability = keys.comparability(
        cell,
        task,
        attempts.samples,
        data.read,
        code["task"],
        keys.roles_of_task(cell, task, roles),
        splits.interactions,
        splits.history,
        splits.corpus,
        embedder if task.embeds else None,
    )
    subject = keys.subject(cell, provider, roles, embedder, code["method"])
    remember_files(cell.task_args, comparability["task_args"])
    remember_files(cell.method_args, subject["method_args"])
    run_id = keys.run_id(digest(comparability), digest(subject), cell, code)
    return Prepared(
        cell=cell,
        task=task,
        splits=splits,
        data=data,
        provider=provider,
        roles=roles,
        embedder=embedder,
        attempts=attempts,
        code=code,
        comparability=comparability,
        subject=subject,
        run_id=run_id,
        folder=session.store.run_folder(cell, run_id, provider.name),
    )


def _as_it_is_now(cell: Cell) -> Cell:
    """The cell with the classes of files that were edited since it was planned, as of a cell before it."""
    task, method = registry().as_it_is_now(cell.task), registry().as_it_is_now(cell.method)
    if task is cell.task and method is cell.method:
        return cell
    return replace(
        cell,
        task=task,
        method=method,
        task_args=task.arguments(cell.task_args),
        method_args=method.arguments(cell.method_args),
    )


def open_roles(cell: Cell, task: Task, session: Session) -> dict[str, Provider]:
    """The open models by role; of each that plays another's role too, a line is said."""
    for line in standing_in(task, cell.request.roles):
        session.notice(line)
    return {role: session.role(name, cell) for role, name in played(task, cell.request.roles).items()}


def open_embedder(cell: Cell, task: Task) -> Embedder | None:
    """The run's embedder, where the method uses one, or the task's worlds."""
    if "embedder" not in cell.method.needs + cell.method.may_use and not task.embeds:
        return None
    from harness.model.embed import open_embedder

    return open_embedder(cell.request.embedder, cell.request.offline, cell.request.keep_going)


def check_abilities(cell: Cell, provider: Provider) -> None:
    """Whether the model can do what the method asks of it.

    Raises:
        UsageError: it can't; names methods that ask less.
    """
    needs, world = set(cell.method.needs), "world" in cell.task.offers
    wanted = cell.task.in_text
    in_words = bool(wanted) and all(cell.task_args.get(name) == value for name, value in wanted.items())
    acts = world and "tools" in cell.method.may_use and "answers" not in provider.abilities
    if acts and not in_words:
        needs.add("tools")  # to act in a world it calls them
    own = world and bool(wanted) and preferences(cell.model) == wanted  # the task's notation is all it speaks
    if (own or (acts and in_words)) and provider.single_turn:
        cure = "; --model pocket/office does" if wanted == preferences("pocket/office") else ""
        raise UsageError(f"{cell.model} holds no dialogue, as {cell.task.name} needs it{cure}")
    if own and not in_words:
        told = " ".join(f"-T {name}={value}" for name, value in wanted.items())
        raise UsageError(
            f"{cell.model} speaks the notation of {told} alone, which it gets where no other is named"
        )
    missing = [need for need in ("tools", "logprobs", "trainable") if need in needs - provider.abilities]
    if not missing:
        return
    cure = ""
    if missing == ["tools"] and world:
        fit = [
            m.name
            for m in registry().methods.values()
            if "world" in m.needs and "tools" not in (*m.needs, *m.may_use)
        ]
        cure = f"; methods that ask for calls in text: {', '.join(fit)}" if fit else ""
    raise UsageError(f"method {cell.method.name!r} needs {missing[0]}, which {cell.model} doesn't give{cure}")


def _check_offers(cell: Cell, task: Task, splits: Splits, provider: Provider) -> None:
    absent = [role for role in task.roles if role not in played(task, cell.request.roles)]
    if (
        "answers" in provider.abilities
    ):  # recorded dialogues were played; recorded answers are yet to be judged
        absent = [role for role in absent if role == "judge"]
    if absent:
        raise UsageError(f"task {cell.task.name!r} with these arguments needs --role {absent[0]}=MODEL")
    if not issubclass(type(classes := task.classes), Classes | None):
        raise given(cell.task, "", Unfit(f"classes that are {named(classes)}, not Classes or None"))
    for need in ("labelled", "pool", "dev", "interactions", "item_texts", "history", "corpus"):
        if need in cell.method.needs and not splits.size(need):
            raise UsageError(
                f"method {cell.method.name!r} needs {need}, and {cell.task.name} has none with these "
                "arguments"
            )


def _check_judge(cell: Cell, task: Task, attempts: Attempts, provider: Provider, session: Session) -> None:
    """Says how many items stay unscored because there is no judge."""
    judges = type(task).needs_judge is not Task.needs_judge
    if judges and "judge" not in cell.request.roles and "answers" not in provider.abilities:
        unjudged = sum(map(task.needs_judge, attempts.samples))
        if unjudged:
            session.notice(
                f"{cell.task.name}: {unjudged} of {len(attempts.samples)} items need a judge and "
                "stay unscored without --role judge=MODEL"
            )


def _attempts(cell: Cell, provider: Provider, splits: Splits, session: Session) -> Attempts:
    from harness.model.recorded import Recorded

    asked = chosen(cell.request, splits.test)
    try:
        samples = with_repeats_grouped(cell.task, door.samples(asked))
    except Unfit as error:
        raise given(cell.task, "", error) from None
    if isinstance(provider, Recorded) and cell.method.name == "direct":
        # a recorded run is measured on what it holds: its own samples and epochs, no more
        position = {sample.id: n for n, sample in enumerate(samples)}
        covered = sorted((position[i], epoch) for i, epoch in provider.found if i in position)
        kept = sorted({n for n, _ in covered})
        if len(kept) < len(samples):
            session.notice(
                f"{provider.name} has responses for {len(kept)} of the {len(samples)} samples of "
                f"{cell.task.name}; only these are measured"
            )
        renumber = {n: new for new, n in enumerate(kept)}
        return Attempts([samples[n] for n in kept], [(renumber[n], e) for n, e in covered])
    wanted = [(n, epoch) for epoch in range(cell.request.epochs) for n in range(len(samples))]
    return Attempts(samples, wanted)

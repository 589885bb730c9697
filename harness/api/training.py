"""Training: a method's `fit` alone, and the policy that comes of it as a folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api.evaluation import session_of
from harness.api.requests import as_called, cells_of, requests_of
from harness.api.settings import STORE
from harness.base import forks
from harness.base.concurrent import run_sync
from harness.base.errors import UsageError
from harness.display.layout import Block, Line, Shown

if TYPE_CHECKING:
    from harness.api.requests import MethodLike, TaskLike
    from harness.run.plan import Cell
    from harness.run.session import Session


@dataclass(frozen=True, repr=False)
class Policy(Shown):
    """A trained policy.

    Attributes:
        path: its folder, which transformers and vLLM load.
        task: on whose train split it learned.
        model: what was trained.
        method: what trained it.
        seed: of the training.
        roles: who played which role, such as a judge, by role.
        usage: by purpose, what the training spent: calls (rollouts), tokens, USD.
        total: the same over all purposes.
    """

    path: Path
    task: str
    model: str
    method: str
    seed: int
    usage: Mapping[str, Mapping[str, Any]]
    total: Mapping[str, Any]
    roles: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The object that `harness train --json` prints."""
        return {
            "schema": 1,
            "policy": str(self.path),
            "task": self.task,
            "model": self.model,
            "method": self.method,
            "seed": self.seed,
            "roles": dict(self.roles),
            "usage": dict(self.usage),
        }

    def blocks(self) -> list[Block]:
        from harness.display.spending import tokens

        return [
            Line(
                f"{self.path}: trained by {self.method} from {self.model}; {self.total['calls']} rollouts, "
                f"{tokens(dict(self.total))} tokens"
            )
        ]


def train(
    task: TaskLike,
    method: MethodLike,
    model: str | None = None,
    *,
    to: str | Path,
    seed: int = 0,
    task_args: Mapping[str, Any] | None = None,
    method_args: Mapping[str, Any] | None = None,
    model_args: Mapping[str, Any] | None = None,
    roles: Mapping[str, str] | None = None,
    role_args: Mapping[str, Any] | None = None,
    budget_calls: int | None = None,
    budget_tokens: int | None = None,
    budget_usd: float | None = None,
    budget_time: float | None = None,
    offline: bool = False,
    mirror: str | Path | None = None,
    store: str | Path = STORE,
    progress: bool = True,
) -> Policy:
    """Trains a method's policy and keeps it as a folder that transformers and vLLM load.

    An interrupted training goes on where it stopped; one that was finished before is copied.

    Args:
        task: whose train split is learned from.
        method: a method that trains, such as `curator`.
        model: what is trained; as for `evaluate`.
        to: the folder of the policy; a new or an empty one.
        seed: of the training.
        task_args: arguments of the task; `method_args` and `model_args` alike.
        roles: models that play a role in training, `{"judge": "openai/gpt-4.1"}`; `role_args` as for
            `evaluate`.
        budget_calls: training ends below so many rollouts. `budget_tokens`, `budget_usd` (of judges and
            simulators) and `budget_time` (seconds) alike.
        offline: only the cache and local files.
        mirror: folder of Hub data sets.
        store: the result store, beside which checkpoints are kept.
        progress: show progress.

    Raises:
        HarnessError: the method trains no policy, or can't be fitted; checkpoints are kept.
        KeyboardInterrupt: it was interrupted; the same call goes on.

    Example:
        >>> policy = harness.train("arc1d", "curator", to="policy")
        >>> harness.evaluate("arc1d", "curator", method_args={"policy": str(policy.path)})
    """
    check_folder(to)
    with _opened(
        cell_of(
            task,
            method,
            model,
            seed,
            task_args=task_args,
            method_args=method_args,
            model_args=model_args,
            roles=roles,
            role_args=role_args,
            budget_calls=budget_calls,
            budget_tokens=budget_tokens,
            budget_usd=budget_usd,
            budget_time=budget_time,
            offline=offline,
            mirror=mirror,
        ),
        store,
        progress,
    ) as (cell, session):
        return train_cell(cell, session, Path(to))


def check_folder(to: str | Path) -> None:
    """Whether a policy may be written there.

    Raises:
        UsageError: the folder is not empty.
    """
    if Path(to).exists() and any(Path(to).iterdir()):
        raise UsageError(f"--to {to}: the folder is not empty")


def cell_of(task: Any, method: Any, model: Any, seed: int, **options: Any) -> Cell:
    """The one cell that is trained; `options` are keywords of `evaluate`.

    Raises:
        UsageError: there are several.
    """
    cells = cells_of(requests_of(task, method, model, {**options, "twin": False}))
    if len(cells) != 1:
        raise UsageError(f"one task, method and model are trained at a time; these are {len(cells)}")
    return replace(cells[0], seed=seed)


@contextmanager
def _opened(cell: Cell, store: str | Path, progress: bool) -> Iterator[tuple[Cell, Session]]:
    command = as_called("train", [cell], {"seed": cell.seed})
    with session_of([cell], store, progress, command) as session:
        yield cell, session


def train_cell(cell: Cell, session: Session, to: Path) -> Policy:
    """Fits a cell and copies its policy into `to`."""
    from harness.run.plugin_errors import settings_kept
    from harness.run.training import fit_cell

    async def fit() -> Any:
        try:
            with forks.alone(), settings_kept(cell.method, session.notice):
                return await fit_cell(cell, session)
        finally:
            session.close()

    folder, ledger = run_sync(fit())
    shutil.copytree(folder, to, dirs_exist_ok=True)
    return Policy(
        to,
        cell.task.name,
        cell.model,
        cell.method.name,
        cell.seed,
        {purpose: spent.reported() for purpose, spent in sorted(ledger.by_purpose.items())},
        ledger.total.reported(),
        dict(cell.request.roles),
    )


def launch_files(cell: Cell, backend: str) -> dict[str, str]:
    """The files, by name, with which a cell's training is started on a cluster.

    Raises:
        HarnessError: the method can't be trained there.
    """
    from harness.run.training import launch_cell

    with session_of([cell], STORE, False, "") as session:
        try:
            return launch_cell(cell, session, backend)
        finally:
            session.close()

"""What the cells of one command share: open models, the cache, connection limits, loaded data, the store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from harness.base import paths
from harness.base.digest import digest
from harness.base.errors import HarnessError, PluginError, UsageError
from harness.base.secrets import without_secret_values
from harness.data.hub import Data
from harness.model.cache import Cache
from harness.model.factory import open_model
from harness.model.health import Health
from harness.model.prices import NOTHING, Price, price
from harness.model.provider import Call, Provider
from harness.registry import load_task
from harness.results.store import Store
from harness.run.code import BUILT_IN, code_of
from harness.run.plan import Cell
from harness.run.plugin_errors import fault
from harness.sample import Splits
from harness.task import Task
from harness.task_checks import check_splits

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput


class Watcher(Protocol):
    """What shows a run's progress."""

    def step(self, cell: Cell, what: str, done: int, total: int) -> None: ...

    def say(self, notice: str) -> None: ...


class Silent:
    """Shows nothing."""

    def step(self, cell: Cell, what: str, done: int, total: int) -> None:
        return None

    def say(self, notice: str) -> None:
        return None


@dataclass
class Session:
    """What the cells of one command share: open models, the cache, connection limits, the store."""

    store: Store
    watcher: Watcher = field(default_factory=Silent)
    prices: dict[str, Any] = field(default_factory=dict)
    services: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    connect: bool = True  # whether clients of models are opened, which plans do without
    notices: list[str] = field(default_factory=list)
    _providers: dict[str, Provider] = field(default_factory=dict)
    _slots: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    _health: dict[int, Health] = field(default_factory=dict)
    #: calls of one token that were made beforehand, and their answers if they came, until a run books them
    probed: dict[int, tuple[Call, ModelOutput | None]] = field(default_factory=dict)
    _cache: Cache | None = None
    _loaded: dict[str, tuple[Task, Splits, Data]] = field(default_factory=dict)

    def notice(self, text: str) -> None:
        """Says something that one should know, once."""
        text = without_secret_values(text)
        if text not in self.notices:
            self.notices.append(text)
            self.watcher.say(text)

    @cached_property
    def before(self) -> list[dict[str, Any]]:
        """The rows of the store that are in force, as they were before anything was measured."""
        from harness.results.index import in_force, read_index

        return in_force(read_index(self.store.root).rows)

    @property
    def cache(self) -> Cache:
        if self._cache is None:
            self._cache = Cache(paths.cache_dir() / "completions.sqlite")
        return self._cache

    def provider(self, name: str, cell: Cell) -> Provider:
        """An open model; opened once for the whole command."""
        return self._open(name, cell.request.model_args, cell)

    def role(self, name: str, cell: Cell) -> Provider:
        """An open model that plays a role."""
        return self._open(name, _role_arguments(cell), cell)

    def price(self, name: str, cell: Cell, role: bool = False) -> Price | None:
        """What a model of the cell takes; None where it is unknown."""
        arguments = _role_arguments(cell) if role else cell.request.model_args
        return price(name, self.prices, str(arguments.get("base_url") or ""))

    def embedder_price(self, name: str) -> Price | None:
        """What an embedder takes; None where it is unknown. All but those behind a server are free."""
        return price(name, self.prices) if name.startswith("openai/") else NOTHING

    def _open(self, name: str, arguments: Mapping[str, Any], cell: Cell) -> Provider:
        key = digest([name, dict(arguments)])
        if key not in self._providers:
            request = cell.request
            self._providers[key] = open_model(
                name,
                arguments,
                request.max_connections,
                lambda: self.cache,
                request.offline,
                self.connect,
            )
            if self._providers[key].notice:
                self.notice(self._providers[key].notice)
        return self._providers[key]

    def use(self, provider: Provider) -> None:
        """Have cells that name this model, without arguments, use an open one."""
        self._providers[digest([provider.name, {}])] = provider

    def slots(self, provider: Provider) -> asyncio.Semaphore:
        """The limit on calls at once, shared by every cell that uses the model."""
        return self._slots.setdefault(provider.name, asyncio.Semaphore(provider.connections))

    def health(self, provider: Provider, keep_going: bool = False) -> Health:
        """Whether the model can be asked, known to every cell that uses it."""
        return self._health.setdefault(id(provider), Health(keep_going))

    def load(self, cell: Cell, code: str = "") -> tuple[Task, Splits, Data]:
        """The task and its data; kept while cells of the same task, and the same code, follow each other."""
        key = digest([cell.task.name, dict(cell.task_args), cell.request.mirror, code])
        if key not in self._loaded:
            self._loaded.clear()
            task = load_task(cell.task, cell.task_args)
            data = Data.from_environment(cell.request.mirror, cell.request.offline)
            try:
                splits = task.load(data)
            except HarnessError:
                raise
            except Exception as error:
                raise fault(cell.task.name, cell.task.distribution, "load", error) from error
            if not len(splits.test):
                raise UsageError(f"task {cell.task.name!r} has no test items with these arguments")
            self._check(cell, task, splits)
            self._loaded[key] = (task, splits, data)
        return self._loaded[key]

    def _check(self, cell: Cell, task: Task, splits: Splits) -> None:
        """Whether a plugin's scorer and splits are sound: an error while it is in development, as nobody but
        its author can mend it; a notice once it is released. Built-ins are checked by their tests.

        Raises:
            PluginError: names the first fault.
        """
        if cell.task.distribution == BUILT_IN:
            return
        faults = check_splits(cell.task, task, splits)
        if faults and cell.task.private_targets:  # a fault names a target
            faults = [f"{cell.task.name}: the scorer or the splits aren't sound"]
        if faults and code_of(cell.task).development:
            more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
            raise PluginError(f"task {faults[0]}{more}; harness.testing.check_task lists every fault")
        for found in faults:
            self.notice(f"task {found}")

    def flush(self) -> None:
        """Writes what the cache still holds in memory."""
        if self._cache is not None:
            self._cache.flush()

    def close(self) -> None:
        """Ends the use of one loop and one thread; whoever goes on with the session opens them again."""
        if self._cache is not None:
            self._cache.close()
            self._cache = None
        self._slots.clear()
        self._health.clear()


def _role_arguments(cell: Cell) -> Mapping[str, Any]:
    request = cell.request
    # what says how to read a file of recorded answers says nothing to the model of a role
    shared = {} if cell.model.startswith("recorded/") else request.model_args
    return request.role_args or shared

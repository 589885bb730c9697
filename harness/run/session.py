"""What the cells of one command share: open models, the cache, the pace of calls, loaded data, the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from harness.base import paths
from harness.base.digest import digest
from harness.base.errors import PluginError, UsageError
from harness.base.plain import Unfit
from harness.base.secrets import without_secret_values
from harness.base.terminal import one_line
from harness.data.hub import Data
from harness.data.reach import Reach
from harness.model.batches.provider import has_batches
from harness.model.cache import Cache
from harness.model.factory import NO_MODEL, open_model
from harness.model.health import Health
from harness.model.identity import tell_apart
from harness.model.pace import Pace
from harness.model.prices import NOTHING, Price, price
from harness.model.provider import Call, Provider
from harness.registry import load_task
from harness.results.store import Store
from harness.run import door
from harness.run.code import BUILT_IN, code_of
from harness.run.plan import Cell
from harness.run.plugin_errors import given, settings_kept, step
from harness.sample import Splits
from harness.task import Task
from harness.task_checks import check_splits

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput


class Watcher(Protocol):
    """What shows a run's progress."""

    def step(self, cell: Cell, what: str, done: int, total: int) -> None: ...

    def say(self, notice: str) -> None:
        """Shows a notice, whose parts are printable lines."""


class Silent:
    """Shows nothing."""

    def step(self, cell: Cell, what: str, done: int, total: int) -> None:
        return None

    def say(self, notice: str) -> None:
        return None


@dataclass
class Session:
    """What the cells of one command share: open models, the cache, the pace of calls, the store."""

    store: Store
    watcher: Watcher = field(default_factory=Silent)
    prices: dict[str, Any] = field(default_factory=dict)
    services: dict[str, Any] = field(default_factory=dict)
    usd_per_hour: float | None = None  # of people
    command: str = ""
    reach: Reach = field(default_factory=Reach)
    connect: bool = True  # whether clients of models are opened, which plans do without
    notices: list[str] = field(default_factory=list)
    _providers: dict[str, Provider] = field(default_factory=dict)
    _paces: dict[str, Pace] = field(default_factory=dict)
    _health: dict[str, Health] = field(default_factory=dict)
    #: calls of one token that were made beforehand, and their answers if they came, until a run books them
    probed: dict[int, tuple[Call, ModelOutput | None]] = field(default_factory=dict)
    _cache: Cache | None = None
    _loaded: dict[str, tuple[Task, Splits, Data]] = field(default_factory=dict)

    def notice(self, text: str, *more: str) -> None:
        """Says something that one should know, once; `more` are further lines."""
        text = "\n".join(one_line(without_secret_values(each)) for each in (text, *more))
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
            self._cache = Cache(paths.cache_dir() / "completions.sqlite", notice=self.notice)
        return self._cache

    def provider(self, name: str, cell: Cell) -> Provider:
        """An open model; opened once for the whole command."""
        return self._open(name, cell.request.model_args, cell, cell.request.batch and name != NO_MODEL)

    def role(self, name: str, cell: Cell) -> Provider:
        """An open model that plays a role."""
        return self._open(name, cell.role_args(name), cell, cell.request.batch and has_batches(name))

    def price(self, name: str, cell: Cell, role: bool = False) -> Price | None:
        """What a model of the cell takes; None where it is unknown."""
        arguments = cell.role_args(name) if role else cell.request.model_args
        batch = cell.request.batch and (not role or has_batches(name))
        address = str(arguments.get("base_url") or "")
        return price(name, self.prices, address, batch, self.usd_per_hour)

    def embedder_price(self, name: str) -> Price | None:
        """What an embedder takes; None where it is unknown. All but those behind a server are free."""
        return price(name, self.prices) if name.startswith("openai/") else NOTHING

    def _open(self, name: str, arguments: Mapping[str, Any], cell: Cell, batch: bool) -> Provider:
        key = digest([name, dict(arguments), *([True] if batch else [])])
        if key not in self._providers:
            request = cell.request
            opened = open_model(
                name,
                arguments,
                request.max_connections,
                lambda: self.cache,
                request.offline,
                self.connect,
                batch,
            )
            opened.beside(self.store.root)
            if batch:
                opened.say = self.notice
            tell_apart(self._providers.values(), opened)
            self._providers[key] = opened
            if request.timeout is not None and "timeout" not in arguments and not opened.batched:
                opened.timeout = request.timeout
            for line in (opened.notice, *opened.remarks):
                if line:
                    self.notice(line)
        return self._providers[key]

    def use(self, provider: Provider) -> None:
        """Have cells that name this model, without arguments, use an open one."""
        self._providers[digest([provider.name, {}])] = provider

    def pace(self, provider: Provider, per_minute: int | None = None) -> Pace:
        """How many calls go to the model's server at once and a minute, shared by every cell that uses it at
        its server."""
        key = provider.server or provider.name
        if key not in self._paces:
            self._paces[key] = Pace.of(provider, per_minute)
        return self._paces[key]

    def health(self, provider: Provider, keep_going: bool = False) -> Health:
        """Whether the model can be asked, known to every cell that uses it."""
        key = provider.server or provider.name
        if key not in self._health:
            found = self._health[key] = Health(keep_going, self.notice, waits=provider.batched)
            if provider.batched:  # a handful that is tried first would be a batch of its own
                found.answers()
        return self._health[key]

    def begin(self) -> None:
        """A cell begins: a server that failed before may answer by now."""
        for each in self._health.values():
            each.again()

    def load(self, cell: Cell, code: str = "") -> tuple[Task, Splits, Data]:
        """The task and its data; kept while cells of the same task, and the same code, follow each other."""
        key = digest([cell.task.name, dict(cell.task_args), cell.request.mirror, code])
        if key not in self._loaded:
            self._loaded.clear()
            task = load_task(cell.task, cell.task_args)
            data = Data.from_environment(cell.request.mirror, cell.request.offline, self.reach)
            with settings_kept(cell.task, self.notice), step(cell.task, "load"):
                try:
                    splits = door.splits(task.load(data))
                except Unfit as error:
                    raise given(cell.task, "", error) from None
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
        with step(cell.task, "load"):
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
        self._paces.clear()
        self._health.clear()

"""Runs in a worker: ToolSandbox's own scenarios and evaluation behind `handle`.

Two packages that it imports only for their types, openai and langchain-core, are replaced by stand-ins.
"""

from __future__ import annotations

import datetime
import importlib.abc
import importlib.machinery
import random
import sys
import types
from typing import Any


class _StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes those packages empty modules whose every name is an empty class."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name.partition(".")[0] in ("openai", "langchain_core"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> types.ModuleType:
        if spec.name == "langchain_core.pydantic_v1":
            import pydantic.v1

            return pydantic.v1
        made = types.ModuleType(spec.name)
        made.__getattr__ = self._name  # type: ignore[method-assign]
        return made

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing to run."""

    @staticmethod
    def _name(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


sys.meta_path.insert(0, _StandIn())

from tool_sandbox.common.execution_context import ExecutionContext  # noqa: E402
from tool_sandbox.common.tool_discovery import ToolBackend  # noqa: E402
from tool_sandbox.scenarios import named_scenarios  # noqa: E402

SEED = 42  # as the official command line: tools are listed in a random order
#: rows with a time of creation, by which the day of a dialogue is known
TIMED = {"MESSAGING": ("message_id", "creation_timestamp"), "REMINDER": ("reminder_id", "creation_timestamp")}
_built: dict[float | None, dict[str, Any]] = {}
_now = datetime.datetime.now().timestamp()


def handle(request: dict[str, Any]) -> Any:
    """One request: `load` or `score`."""
    return {"load": load, "score": score}[request.pop("do")](**request)


def scenarios(clock: float | None = None) -> dict[str, Any]:
    """Every scenario by name; with `clock` as if built at that time (seconds since 1970)."""
    if clock not in _built:
        random.seed(SEED)
        with _Clock(_now if clock is None else clock):
            _built[clock] = dict(named_scenarios(preferred_tool_backend=ToolBackend.DEFAULT))
    return _built[clock]


class _Clock:
    """Within it the package's modules read a clock that stands still."""

    def __init__(self, at: float) -> None:
        moment = datetime.datetime.fromtimestamp(at)

        class Standing(datetime.datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime.datetime:
                return moment if tz is None else moment.astimezone(tz)

        self._standing = types.ModuleType("datetime")
        vars(self._standing).update(vars(datetime))
        self._standing.datetime = Standing  # type: ignore[attr-defined]
        self._modules = [module for name, module in list(sys.modules.items())
                         if name.startswith("tool_sandbox.")
                         and getattr(module, "datetime", None) is datetime]  # fmt: skip

    def __enter__(self) -> None:
        for module in self._modules:
            module.datetime = self._standing  # type: ignore[attr-defined]

    def __exit__(self, *_: Any) -> None:
        for module in self._modules:
            module.datetime = datetime  # type: ignore[attr-defined]


def load() -> list[dict[str, Any]]:
    """Name, categories and the user's opening words of every scenario."""
    rows = []
    for name, scenario in scenarios().items():
        table = scenario.starting_context.to_dict(serialize_console=False)["_dbs"]["SANDBOX"]
        said = [row["content"] for row in table if row["sender"] == "USER" and row["recipient"] == "AGENT"]
        rows.append({"id": name, "words": str(said[-1]) if said else "",
                     "categories": [str(category) for category in scenario.categories]})  # fmt: skip
    return rows


def score(
    scenario: str, context: dict[str, Any] | None = None, messages: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The official evaluation of a dialogue: its final context, or, where nothing but messages was kept
    because no tool changed anything, its messages on the scenario's starting context."""
    if context is None:
        found = scenarios()[scenario]
        context = found.starting_context.to_dict(serialize_console=False)
        guard = [row for row in context["_dbs"]["SANDBOX"] if row["sender"] is None][:1]
        context["_dbs"]["SANDBOX"] = guard + (messages or [])
    else:
        found = scenarios(_day(scenario, context))[scenario]
    result = found.evaluation.evaluate(
        execution_context=ExecutionContext.from_dict(context), max_turn_count=found.max_messages
    )
    return {"similarity": float(result.similarity), "milestone": float(result.milestone_similarity),
            "minefield": float(result.minefield_similarity), "turns": int(result.turn_count)}  # fmt: skip


def _day(scenario: str, context: dict[str, Any]) -> float | None:
    """Noon of the day on which the dialogue's scenario was built, None if nothing in it tells."""
    mine = scenarios()[scenario].starting_context.to_dict(serialize_console=False)["_dbs"]
    for table, (key, time) in TIMED.items():
        built = {row[key]: row[time] for row in mine.get(table, []) if row[key] and row[time]}
        for row in context["_dbs"].get(table, []):
            if row[key] in built and row[time]:
                at = datetime.datetime.fromtimestamp(_now + row[time] - built[row[key]])
                return at.replace(hour=12, minute=0, second=0, microsecond=0).timestamp()
    return None

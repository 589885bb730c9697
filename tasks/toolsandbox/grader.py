"""Runs in a worker: ToolSandbox's own scenarios, dialogues and evaluation behind `handle`.

A dialogue is a scenario's own `play` with the package's own roles for OpenAI's models, agent and user
simulator, in a thread that stops wherever one of them needs a completion, until the harness brings it.
The world is a global of the package, so a worker holds one dialogue at a time. Where a live dialogue
differs from an official run, the docstrings of `_Clock`, `_ids` and `reply` say so.

Two packages that it imports only for their types, openai and langchain-core, are replaced by stand-ins.
"""

from __future__ import annotations

import datetime
import importlib.abc
import importlib.machinery
import json
import queue
import random
import re
import sys
import threading
import types
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class _Fields:
    """What a stand-in's classes are: named fields, as pydantic's models have them."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def model_dump(self, **_: Any) -> dict[str, Any]:
        return {
            key: value.model_dump() if isinstance(value, _Fields) else value
            for key, value in vars(self).items()
        }


class _StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes those packages empty modules whose every name is a class of fields."""

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
        return type(name, (_Fields,), {})


sys.meta_path.insert(0, _StandIn())

from tool_sandbox.common.execution_context import (  # noqa: E402
    ExecutionContext,
    RoleType,
    get_current_context,
)
from tool_sandbox.common.tool_discovery import ToolBackend  # noqa: E402
from tool_sandbox.roles.execution_environment import ExecutionEnvironment  # noqa: E402
from tool_sandbox.roles.openai_api_agent import OpenAIAPIAgent  # noqa: E402
from tool_sandbox.roles.openai_api_user import OpenAIAPIUser  # noqa: E402
from tool_sandbox.scenarios import named_scenarios  # noqa: E402
from tool_sandbox.tools import rapid_api_search_tools as network_tools  # noqa: E402

SEED = 42  # as the official command line: tools are listed in a random order
#: its tools ask services on the network
NETWORK = network_tools.__name__
#: rows with a time of creation, by which the day of a dialogue is known
TIMED = {"MESSAGING": ("message_id", "creation_timestamp"), "REMINDER": ("reminder_id", "creation_timestamp")}
_built: dict[float | None, dict[str, Any]] = {}
_now = datetime.datetime.now().timestamp()


def handle(request: dict[str, Any]) -> Any:
    """One request: `load`, `score`, `start`, `reply` or `stop`."""
    handlers: dict[str, Callable[..., Any]] = {
        "load": load,
        "score": score,
        "start": start,
        "reply": reply,
        "stop": stop,
    }
    return handlers[request.pop("do")](**request)


def scenarios(clock: float | None = None) -> dict[str, Any]:
    """Every scenario by name; with `clock` as if built at that time (seconds since 1970)."""
    if clock not in _built:
        random.seed(SEED)
        with _Clock(_now if clock is None else clock):
            _built[clock] = dict(named_scenarios(preferred_tool_backend=ToolBackend.DEFAULT))
    return _built[clock]


def outside(what: str, **fields: Any) -> Any:
    """What the harness brings from outside; the worker puts its own in this place."""
    raise NotImplementedError


class _Answer:
    """A service's answer, as far as the tools look at it."""

    def __init__(self, found: dict[str, Any]) -> None:
        self._text = found["text"]

    def json(self) -> Any:
        return json.loads(self._text)


def _get(url: str, headers: dict[str, str], params: dict[str, Any]) -> _Answer:
    """In place of requests'; the harness adds the key."""
    kept = {name: value for name, value in headers.items() if name != "X-RapidAPI-Key"}
    found = outside("get", url=url, params=params, headers=kept)
    if "failed" in found:
        raise ConnectionError(found["failed"])
    return _Answer(found)


#: the environment that the network's tools see: without a key they refuse, as officially
_environment: dict[str, str] = {}
network_tools.requests = types.SimpleNamespace(get=_get)
network_tools.os = types.SimpleNamespace(environ=_environment)


class _Clock:
    """Within it the package's modules read a clock that stands still, or goes on by `tick` seconds with
    every reading. Officially they read the computer's, so that no dialogue can be had twice."""

    def __init__(self, at: float, tick: float = 0.0) -> None:
        begin, step, readings = datetime.datetime.fromtimestamp(at), datetime.timedelta(seconds=tick), [0]

        class Standing(datetime.datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:  # a plain datetime, so that nothing keeps this class
                moment = begin + readings[0] * step
                readings[0] += 1
                return moment if tz is None else moment.astimezone(tz)

        self._standing = types.ModuleType("datetime")
        vars(self._standing).update(vars(datetime))
        self._standing.datetime = Standing  # type: ignore[attr-defined]
        self._modules = [
            module
            for name, module in list(sys.modules.items())
            if name.startswith("tool_sandbox.") and getattr(module, "datetime", None) is datetime
        ]

    def __enter__(self) -> None:
        for module in self._modules:
            module.datetime = self._standing  # type: ignore[attr-defined]

    def __exit__(self, *_: Any) -> None:
        for module in self._modules:
            module.datetime = datetime  # type: ignore[attr-defined]


def load(clock: str | None = None) -> list[dict[str, Any]]:
    """Every scenario: its name, the user's opening words, its categories as the official summary counts
    them, and whether its base scenario has a tool that asks a service on the network. `clock` is local
    time in ISO form."""
    found = scenarios(_seconds(clock) if clock else None)
    rows: list[dict[str, Any]] = []
    for name, scenario in found.items():
        context = scenario.starting_context
        categories = [str(category).lower() for category in scenario.categories]
        if any(category.endswith("_scrambled") for category in categories):
            categories.remove("three_distraction_tools")  # officially counted as scrambled alone
        said = [
            row["content"]
            for row in context.to_dict(serialize_console=False)["_dbs"]["SANDBOX"]
            if row["sender"] == "USER" and row["recipient"] == "AGENT"
        ]
        own = {context.name_to_tool[tool].__module__ for tool in context.tool_allow_list}
        rows.append(
            {
                "id": name,
                "words": str(said[-1]) if said else "",
                "categories": categories,
                "network": NETWORK in own,
            }
        )
    bases = {row["id"]: row for row in rows if "no_distraction_tools" in row["categories"]}
    for row in rows:
        base = max((name for name in bases if row["id"].startswith(name)), key=len)
        row["base"], row["network"] = base, bases[base]["network"]
    return rows


def score(
    scenario: str,
    context: dict[str, Any] | None = None,
    messages: list[dict[str, Any]] | None = None,
    clock: str | None = None,
) -> dict[str, Any]:
    """The official evaluation of a dialogue: its final context, or, where nothing but messages was kept
    because no tool changed anything, its messages on the scenario's starting context. `clock` is when a
    live dialogue began."""
    if context is None:
        found = scenarios()[scenario]
        context = found.starting_context.to_dict(serialize_console=False)
        guard = [row for row in context["_dbs"]["SANDBOX"] if row["sender"] is None][:1]
        context["_dbs"]["SANDBOX"] = guard + (messages or [])
    else:
        found = scenarios(_seconds(clock) if clock else _day(scenario, context))[scenario]
    result = found.evaluation.evaluate(
        execution_context=ExecutionContext.from_dict(context), max_turn_count=found.max_messages
    )
    return {
        "similarity": float(result.similarity),
        "milestone": float(result.milestone_similarity),
        "minefield": float(result.minefield_similarity),
        "turns": int(result.turn_count),
    }


def _seconds(clock: str) -> float:
    return datetime.datetime.fromisoformat(clock).timestamp()


def _day(scenario: str, context: dict[str, Any]) -> float | None:
    """Noon of the day on which the dialogue's scenario was built, None if nothing in it says so."""
    mine = scenarios()[scenario].starting_context.to_dict(serialize_console=False)["_dbs"]
    for table, (key, time) in TIMED.items():
        built = {row[key]: row[time] for row in mine.get(table, []) if row[key] and row[time]}
        for row in context["_dbs"].get(table, []):
            if row[key] in built and row[time]:
                at = datetime.datetime.fromtimestamp(_now + row[time] - built[row[key]])
                return at.replace(hour=12, minute=0, second=0, microsecond=0).timestamp()
    return None


# -- dialogues -------------------------------------------------------------------------------------


class _Stopped(BaseException):
    """The harness ends this dialogue."""


@contextmanager
def _ids(seed: str) -> Iterator[None]:
    """Within it the ids that tools give to new rows follow from `seed`; officially they are random."""
    draw = random.Random(seed)
    modules = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith("tool_sandbox.tools.") and hasattr(module, "uuid4")
    ]
    for module in modules:
        vars(module)["uuid4"] = lambda: uuid.UUID(int=draw.getrandbits(128), version=4)
    try:
        yield
    finally:
        for module in modules:
            vars(module)["uuid4"] = uuid.uuid4


def _unaddressed(value: Any) -> Any:
    """The value with `0x...` for the addresses in memory that texts of errors hold, as no two runs have the
    same."""
    if isinstance(value, str):
        return re.sub(r"\b0x[0-9a-fA-F]{6,}", "0x...", value)
    if isinstance(value, dict):
        return {key: _unaddressed(each) for key, each in value.items()}
    return [_unaddressed(each) for each in value] if isinstance(value, list) else value


class _Dialogue(threading.Thread):
    """One scenario being played. `wanted` holds what it waits for, or its end; `brought` what it gets."""

    def __init__(self, scenario: str, clock: str) -> None:
        super().__init__(daemon=True)
        self.wanted: queue.Queue[dict[str, Any]] = queue.Queue()
        self.brought: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._name, self._at = scenario, _seconds(clock)
        self._scenario = scenarios(self._at)[scenario]

    def run(self) -> None:
        roles = {
            RoleType.USER: _User(self),
            RoleType.AGENT: _Agent(self),
            RoleType.EXECUTION_ENVIRONMENT: ExecutionEnvironment(),
        }
        exception = None
        try:
            with _Clock(self._at, tick=0.001), _ids(self._name):
                self._scenario.play(roles, self._name)
        except _Stopped:
            return
        except MemoryError:
            self.wanted.put({"failed": "the worker is out of memory", "broken": False})
            return
        except Exception as error:  # officially the scenario's end, whose similarity is then 0
            exception = f"{type(error).__name__}: {error}"[:2000]
        context = get_current_context().to_dict(serialize_console=False)
        self.wanted.put({"done": _unaddressed({"context": context, "exception": exception})})

    def completion(self, who: str, messages: list[dict[str, Any]], tools: Any, failed: set[str]) -> Any:
        """What a role's model says, in the form of OpenAI's client."""
        offered = list(tools) if isinstance(tools, list) else []
        messages = _unaddressed(messages)
        self.wanted.put(
            {
                "who": who,
                "tools": offered,
                "messages": [
                    {
                        "official": message,
                        "role": message["role"],
                        "content": message["content"],
                        "id": message.get("tool_call_id"),
                        "failed": message.get("tool_call_id") in failed,
                    }
                    for message in messages
                ],
            }
        )
        brought = self.brought.get()
        if brought is None:
            raise _Stopped
        calls = [
            _Fields(id=call["id"], function=_Fields(name=call["name"], arguments=call["arguments"]))
            for call in brought["calls"]
        ]
        return _Fields(choices=[_Fields(message=_Fields(content=brought["text"], tool_calls=calls or None))])


class _Agent(OpenAIAPIAgent):  # type: ignore[misc]
    """The official agent for models with function calling, whose completions the harness brings."""

    def __init__(self, dialogue: _Dialogue) -> None:
        self._dialogue = dialogue

    def model_inference(self, openai_messages: Any, openai_tools: Any) -> Any:
        failed = {m.openai_tool_call_id for m in self.get_messages() if m.tool_call_exception is not None}
        return self._dialogue.completion("agent", openai_messages, openai_tools, failed)


class _User(OpenAIAPIUser):  # type: ignore[misc]
    """The official user simulator: its instructions, its examples and its one tool, which ends the
    dialogue. The model behind it is the run's role `user`; officially it is gpt-4o-2024-05-13."""

    def __init__(self, dialogue: _Dialogue) -> None:
        self._dialogue = dialogue

    def model_inference(self, openai_messages: Any, openai_tools: Any) -> Any:
        return self._dialogue.completion("user", openai_messages, openai_tools, set())


_playing: list[_Dialogue] = []


def start(scenario: str, clock: str, network: bool = False) -> dict[str, Any]:
    """Begins a dialogue at a local time and runs it until it needs a completion; one before it ends. With
    `network` its tools reach their services through the harness."""
    stop()
    _environment.clear()
    if network:
        _environment["RAPID_API_KEY"] = "held by the harness"
    _playing.append(_Dialogue(scenario, clock))
    _playing[0].start()
    return _playing[0].wanted.get()


def reply(text: str | None, calls: list[dict[str, Any]]) -> dict[str, Any]:
    """Brings a completion and runs on: `who` (agent or user) has the next turn, or the dialogue is `done`.

    The official code turns calls into Python and executes it, so their ids must be identifiers; the
    name must be a known tool's and the arguments JSON, else it raises. What is said beside calls the
    package does not keep.
    """
    _playing[0].brought.put({"text": text, "calls": calls})
    return _playing[0].wanted.get()


def stop() -> None:
    """Ends the dialogue if it is not over."""
    while _playing:
        dialogue = _playing.pop()
        dialogue.brought.put(None)
        dialogue.join()

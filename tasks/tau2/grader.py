"""Runs in a worker: tau2's own tasks, dialogues and evaluator behind `handle`.

A dialogue is tau2's own orchestrator with its own agent and user simulator, in a thread that stops
wherever one of them wants a completion, until the harness brings it. litellm is never called, so a
stand-in takes its place: the import is quick and looks nothing up on the network.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import queue
import sys
import threading
import types
from typing import Any


class _StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes `litellm` and everything below it an empty module whose every name is an exception class."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name.partition(".")[0] == "litellm":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> types.ModuleType:
        made = types.ModuleType(spec.name)
        made.__getattr__ = self._name  # type: ignore[method-assign]
        return made

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing to run."""

    @staticmethod
    def _name(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Exception,), {})


sys.meta_path.insert(0, _StandIn())
os.environ["TAU2_DATA_DIR"] = os.path.join(sys.path[0], "data")  # read at import

from tau2.agent import llm_agent  # noqa: E402
from tau2.data_model.message import AssistantMessage, ToolCall  # noqa: E402
from tau2.data_model.simulation import SimulationRun  # noqa: E402
from tau2.data_model.tasks import Task  # noqa: E402
from tau2.evaluator import evaluator_nl_assertions  # noqa: E402
from tau2.evaluator.evaluator import EvaluationType, evaluate_simulation  # noqa: E402
from tau2.orchestrator.orchestrator import Orchestrator  # noqa: E402
from tau2.registry import registry  # noqa: E402
from tau2.user import user_simulator  # noqa: E402


def _no_judge(*_: Any, **__: Any) -> Any:
    raise RuntimeError("natural-language assertions need a judge, which recorded results don't have")


evaluator_nl_assertions.generate = _no_judge


def handle(request: dict[str, Any]) -> Any:
    """One request: `load`, `score`, `start`, `reply` or `stop`."""
    return {"load": load, "score": score, "start": start, "reply": reply, "stop": stop}[
        request.pop("do")
    ](**request)


def load(domain: str, split: str = "base") -> list[dict[str, Any]]:
    """The tasks of a domain's split, as JSON."""
    tasks = registry.get_tasks_loader(domain)(split)
    return [{"id": str(task.id), "words": str(task.user_scenario), "task": task.model_dump(mode="json")}
            for task in tasks]  # fmt: skip


def score(
    domain: str, task: dict[str, Any], simulation: dict[str, Any], solo: bool = False
) -> dict[str, Any]:
    """The official reward and its components. Replayed tool outputs may differ from recorded ones, as
    the code that made them was older."""
    found = evaluate_simulation(
        simulation=SimulationRun.model_validate(simulation), task=Task.model_validate(task),
        evaluation_type=EvaluationType.ALL, solo_mode=solo, domain=domain, strict_replay=False,
    )  # fmt: skip
    parts = {getattr(key, "value", str(key)): value for key, value in (found.reward_breakdown or {}).items()}
    return {"reward": float(found.reward), "parts": parts}


# -- dialogues -------------------------------------------------------------------------------------

MAX_STEPS = 200  # the official command line's; the class has another default
_here = threading.local()


class _Dialogue(threading.Thread):
    """One simulation. `wanted` holds what it waits for, or its end; `brought` what it gets."""

    def __init__(self, domain: str, task: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self.wanted: queue.Queue[dict[str, Any]] = queue.Queue()
        self.brought: queue.Queue[dict[str, Any]] = queue.Queue()
        self._domain, self._task = domain, Task.model_validate(task)

    def run(self) -> None:
        _here.dialogue = self
        try:
            environment = registry.get_env_constructor(self._domain)()
            try:
                tools = environment.get_user_tools(include=self._task.user_tools) or None
            except Exception:  # the domain's users have none
                tools = None
            agent = llm_agent.LLMAgent(
                tools=environment.get_tools(), domain_policy=environment.get_policy(), llm="agent",
                llm_args={},
            )  # fmt: skip
            user = user_simulator.UserSimulator(
                tools=tools, instructions=str(self._task.user_scenario), llm="user", llm_args={}
            )
            found = Orchestrator(
                domain=self._domain, agent=agent, user=user, environment=environment, task=self._task,
                max_steps=MAX_STEPS,
            ).run()  # fmt: skip
            self.wanted.put({"done": found.model_dump(mode="json")})
        except BaseException as error:
            self.wanted.put({"failed": f"{type(error).__name__}: {error}"})


_dialogues: dict[str, _Dialogue] = {}


def _from_harness(model: str, messages: Any, tools: Any = None, **_: Any) -> AssistantMessage:
    """In place of tau2's `generate`: the completion that the harness brings."""
    dialogue = _here.dialogue
    dialogue.wanted.put({
        "who": model, "tools": [tool.openai_schema["function"] for tool in tools or []],
        "messages": [_plain(message) for message in messages],
    })  # fmt: skip
    brought = dialogue.brought.get()
    if "stop" in brought:
        raise RuntimeError("stopped")
    calls = [ToolCall(id=call["id"], name=call["name"], arguments=call["arguments"])
             for call in brought["calls"]]  # fmt: skip
    return AssistantMessage(role="assistant", content=brought["text"] or None, tool_calls=calls or None)


llm_agent.generate = _from_harness
user_simulator.generate = _from_harness


def _plain(message: Any) -> dict[str, Any]:
    made = {"role": message.role, "content": message.content or ""}
    if message.role == "tool":
        return {**made, "id": message.id}
    calls = getattr(message, "tool_calls", None) or []
    return {**made, "calls": [{"id": c.id, "name": c.name, "arguments": c.arguments} for c in calls]}


def start(session: str, domain: str, task: dict[str, Any]) -> dict[str, Any]:
    """Begins a dialogue and runs it until it wants a completion."""
    _dialogues[session] = _Dialogue(domain, task)
    _dialogues[session].start()
    return _dialogues[session].wanted.get()


def reply(session: str, text: str, calls: list[dict[str, Any]]) -> dict[str, Any]:
    """Brings a completion and runs on: `who` (agent or user) wants the next, or the dialogue is `done`."""
    _dialogues[session].brought.put({"text": text, "calls": calls})
    return _dialogues[session].wanted.get()


def stop(session: str) -> None:
    """Ends a dialogue that is not over."""
    dialogue = _dialogues.pop(session, None)
    if dialogue is not None:
        dialogue.brought.put({"stop": True})

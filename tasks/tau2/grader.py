"""Runs in a worker: tau2's own tasks, dialogues and evaluator behind `handle`.

A dialogue is tau2's own orchestrator with its own agent and user simulator, in a thread that stops
wherever one of them needs a completion, until the harness brings it. No model's SDK is ever called, so
stand-ins take their places: the import is quick and looks nothing up on the network. What finds a bank's
documents from outside, an embedding model or a shell, comes through `outside`.

So that a dialogue can be repeated, searches take no time (the package shows agents how many milliseconds
they took) and new ids follow from the task's.
"""

from __future__ import annotations

import datetime
import importlib.abc
import importlib.machinery
import json
import os
import queue
import random
import subprocess
import sys
import threading
import types
import uuid
from collections.abc import Callable
from typing import Any


def outside(what: str, **fields: Any) -> Any:
    """What the harness brings from outside; the worker puts its own in this place."""
    raise NotImplementedError


class _StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes `NAMES` and everything below them empty modules whose every name is an exception class."""

    NAMES = ("litellm", "openai", "requests")

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name.partition(".")[0] in self.NAMES:
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
from tau2.data_model.simulation import SimulationRun, TerminationReason, TextRunConfig  # noqa: E402
from tau2.data_model.tasks import RewardType, Task  # noqa: E402
from tau2.domains.telecom import tools as telecom_tools  # noqa: E402
from tau2.evaluator import evaluator_nl_assertions  # noqa: E402
from tau2.evaluator.evaluator import EvaluationType, evaluate_simulation  # noqa: E402
from tau2.knowledge import pipeline, sandbox_manager  # noqa: E402
from tau2.knowledge.embedders import openai_embedder  # noqa: E402
from tau2.orchestrator.orchestrator import Orchestrator  # noqa: E402
from tau2.registry import registry  # noqa: E402
from tau2.runner import build  # noqa: E402
from tau2.user import user_simulator  # noqa: E402
from tau2.utils.llm_utils import to_litellm_messages  # noqa: E402


def handle(request: dict[str, Any]) -> Any:
    """One request: `load`, `judge`, `score`, `start`, `reply` or `stop`."""
    handlers: dict[str, Callable[..., Any]] = {
        "load": load,
        "judge": judge,
        "score": score,
        "start": start,
        "reply": reply,
        "stop": stop,
    }
    return handlers[request.pop("do")](**request)


def load(domain: str, split: str = "base", solo: bool = False) -> list[dict[str, Any]]:
    """The tasks of a domain's split, as JSON; solo, those that can be done without a user."""
    tasks = registry.get_tasks_loader(domain)(split)
    if solo:
        tasks = [task for task in tasks if llm_agent.LLMSoloAgent.check_valid_task(task)]
    return [
        {
            "id": str(task.id),
            "words": str(task.ticket if solo else task.user_scenario),
            "task": _dated(task.model_dump(mode="json")),
        }
        for task in tasks
    ]


BEGIN = datetime.datetime(2025, 1, 1)


def _dated(task: dict[str, Any]) -> dict[str, Any]:
    """The task with earlier messages of a fixed time; the package dates them when it reads them."""
    history = (task.get("initial_state") or {}).get("message_history") or []
    for n, message in enumerate(history):
        message["timestamp"] = (BEGIN - datetime.timedelta(seconds=len(history) - n)).isoformat()
    return task


def _settings(domain: str, task: Task, retrieval: str) -> dict[str, Any]:
    """What the official builder adds to an environment: how the documents of banking are searched."""
    config = TextRunConfig(domain=domain, retrieval_config=retrieval or None)
    return dict(build._build_env_kwargs(config, task))


# -- rewards ---------------------------------------------------------------------------------------


class JudgeMissing(Exception):
    """The evaluator needs its judge."""

    def __init__(self, messages: list[Any]) -> None:
        super().__init__("natural-language assertions need a judge: --role judge=MODEL")
        self.messages = messages


_judged: list[str | None] = [None]  # what the judge said, of the request under way


def _judge(messages: list[Any], **_: Any) -> AssistantMessage:
    """In place of the evaluator's `generate`."""
    if _judged[0] is None:
        raise JudgeMissing(messages)
    return AssistantMessage(role="assistant", content=_judged[0])


evaluator_nl_assertions.generate = _judge


def judge(
    task: dict[str, Any], simulation: dict[str, Any], judged: str | None = None
) -> list[dict[str, Any]] | None:
    """The messages that the official evaluator asks its judge; None where the reward needs none, or
    where `judged` is an answer that it can use.

    Raises:
        Exception: `judged` is no such answer.
    """
    wanted, run = Task.model_validate(task), SimulationRun.model_validate(simulation)
    criteria = wanted.evaluation_criteria
    in_order = (TerminationReason.AGENT_STOP, TerminationReason.USER_STOP)
    if (
        criteria is None
        or run.termination_reason not in in_order
        or not criteria.nl_assertions
        or RewardType.NL_ASSERTION not in criteria.reward_basis
    ):
        return None
    _judged[0] = judged
    try:
        found = evaluator_nl_assertions.NLAssertionsEvaluator.calculate_reward(wanted, run.messages)
    except JudgeMissing as asks:
        return [_plain(message) for message in asks.messages]
    _check_verdicts(found, wanted)
    return None


def score(
    domain: str,
    task: dict[str, Any],
    simulation: dict[str, Any],
    solo: bool = False,
    retrieval: str = "",
    judged: str | None = None,
    strict: bool = False,
) -> dict[str, Any]:
    """The official reward and its components. Replayed tool outputs must be the recorded ones if `strict`,
    as in a live run; those of recorded results may come from older code.

    Raises:
        Exception: there is no reward.
    """
    wanted, run, _judged[0] = Task.model_validate(task), SimulationRun.model_validate(simulation), judged
    found = evaluate_simulation(
        simulation=run,
        task=wanted,
        evaluation_type=EvaluationType.ALL,
        solo_mode=solo,
        domain=domain,
        strict_replay=strict,
        env_kwargs=_settings(domain, wanted, retrieval),
    )
    _check_verdicts(found, wanted)
    parts = {getattr(key, "value", str(key)): value for key, value in (found.reward_breakdown or {}).items()}
    end = getattr(run.termination_reason, "value", run.termination_reason)
    return {"reward": float(found.reward), "parts": parts, "end": str(end)}


def _check_verdicts(found: Any, task: Task) -> None:
    """The official code passes over assertions that the judge left out; an empty reply would be a pass."""
    if found.nl_assertions is None or task.evaluation_criteria is None:
        return
    wanted = len(task.evaluation_criteria.nl_assertions or [])
    if len(found.nl_assertions) != wanted:
        raise ValueError(f"the judge gave {len(found.nl_assertions)} verdicts on {wanted} assertions")


# -- dialogues -------------------------------------------------------------------------------------

MAX_STEPS = 200  # the official command line's; the class has another default
_here = threading.local()


class _Dialogue(threading.Thread):
    """One simulation. `wanted` holds what it waits for, or its end; `brought` what it gets."""

    def __init__(self, domain: str, task: dict[str, Any], solo: bool, retrieval: str) -> None:
        super().__init__(daemon=True)
        self.wanted: queue.Queue[dict[str, Any]] = queue.Queue()
        self.brought: queue.Queue[dict[str, Any]] = queue.Queue()
        self._domain, self._task = domain, Task.model_validate(task)
        self.draw = random.Random(self._task.id)
        self._solo, self._retrieval = solo, retrieval

    def run(self) -> None:
        _here.dialogue = self
        task, solo = self._task, self._solo
        try:
            environment = build.build_environment(
                self._domain, solo_mode=solo, env_kwargs=_settings(self._domain, task, self._retrieval)
            )
            agent = build.build_agent(
                "llm_agent_solo" if solo else "llm_agent",
                environment,
                llm="agent",
                llm_args={},
                task=task,
                solo_mode=solo,
            )
            # the official builder passes arguments that its own stand-in for a user doesn't take
            user = (
                user_simulator.DummyUser()
                if solo
                else build.build_user("user_simulator", environment, task, llm="user", llm_args={})
            )
            found = Orchestrator(
                domain=self._domain,
                agent=agent,
                user=user,
                environment=environment,
                task=task,
                max_steps=MAX_STEPS,
                solo_mode=solo,
            ).run()
            self.wanted.put({"done": _undated(found.model_dump(mode="json"))})
        except BaseException as error:
            broken = isinstance(error, OSError | ImportError)
            self.wanted.put({"failed": f"{type(error).__name__}: {error}", "broken": broken})


def _undated(simulation: dict[str, Any]) -> dict[str, Any]:
    """The simulation without what differs between two equal ones: a message a second, a fixed id."""
    for n, message in enumerate(simulation["messages"]):
        message["timestamp"] = (BEGIN + datetime.timedelta(seconds=n)).isoformat()
    end = BEGIN + datetime.timedelta(seconds=len(simulation["messages"]))
    dates = {"timestamp": end, "start_time": BEGIN, "end_time": end}
    return (
        simulation
        | {name: date.isoformat() for name, date in dates.items() if simulation.get(name)}
        | {"id": f"{simulation['task_id']}", "duration": (end - BEGIN).total_seconds()}
    )


_dialogues: dict[str, _Dialogue] = {}


def _from_harness(model: str, messages: Any, tools: Any = None, **_: Any) -> AssistantMessage:
    """In place of tau2's `generate`: the completion that the harness brings."""
    dialogue = _here.dialogue
    dialogue.wanted.put(
        {
            "who": model,
            "tools": [tool.openai_schema for tool in tools or []],
            "messages": [_plain(message) for message in messages],
        }
    )
    brought = dialogue.brought.get()
    if "stop" in brought:
        raise RuntimeError("stopped")
    calls = [
        ToolCall(id=call["id"], name=call["name"], arguments=json.loads(call["arguments"]))
        for call in brought["calls"]
    ]
    return AssistantMessage(role="assistant", content=brought["text"], tool_calls=calls or None)


llm_agent.generate = _from_harness
user_simulator.generate = _from_harness


# -- what is outside -------------------------------------------------------------------------------


def _next_id() -> uuid.UUID:
    """In place of `uuid.uuid4`."""
    dialogue = getattr(_here, "dialogue", None)  # an evaluation has none
    return uuid.UUID(int=dialogue.draw.getrandbits(128), version=4) if dialogue else uuid.uuid4()


class _Embeddings:
    """In place of OpenAI's client."""

    def __init__(self, **_: Any) -> None:
        self.embeddings = self

    def create(self, input: list[str], model: str) -> Any:
        rows = outside("embed", embedder=f"openai/{model}", texts=input)
        return types.SimpleNamespace(data=[types.SimpleNamespace(embedding=row) for row in rows])


def _run(command: list[str], timeout: float, cwd: str, **_: Any) -> Any:
    """In place of `subprocess.run` with the package's own sandbox: the harness's, stricter one. What the
    package itself refuses (absolute paths, `..`, `~`) never gets here."""
    ran = outside("shell", command=command[-1], folder=cwd, seconds=timeout)
    if ran["code"] is None:
        raise subprocess.TimeoutExpired(command, timeout)
    return types.SimpleNamespace(returncode=ran["code"], stdout=ran["stdout"], stderr=ran["stderr"])


telecom_tools.uuid = types.SimpleNamespace(uuid4=_next_id)
pipeline.time = types.SimpleNamespace(perf_counter=lambda: 0.0)
openai_embedder.OpenAI = _Embeddings
sandbox_manager.subprocess = types.SimpleNamespace(run=_run, TimeoutExpired=subprocess.TimeoutExpired)
sandbox_manager._check_sandbox_dependencies = lambda force=False: None


def _plain(message: Any) -> dict[str, Any]:
    """A message, and as `official` what a server is sent of it: litellm leaves out what is None."""
    (entry,) = to_litellm_messages([message])
    entry = {name: value for name, value in entry.items() if value is not None}
    made = {"role": message.role, "content": message.content or "", "official": entry}
    if message.role == "tool":
        return {**made, "id": message.id, "failed": bool(message.error)}
    calls = getattr(message, "tool_calls", None) or []
    return {**made, "calls": [{"id": c.id, "name": c.name, "arguments": c.arguments} for c in calls]}


def start(
    session: str, domain: str, task: dict[str, Any], solo: bool = False, retrieval: str = ""
) -> dict[str, Any]:
    """Begins a dialogue and runs it until it needs a completion."""
    _dialogues[session] = _Dialogue(domain, task, solo, retrieval)
    _dialogues[session].start()
    return _dialogues[session].wanted.get()


def reply(session: str, text: str | None, calls: list[dict[str, Any]]) -> dict[str, Any]:
    """Brings a completion and runs on: `who` (agent or user) has the next turn, or the dialogue is `done`."""
    _dialogues[session].brought.put({"text": text, "calls": calls})
    return _dialogues[session].wanted.get()


def stop(session: str) -> None:
    """Ends a dialogue that is not over."""
    dialogue = _dialogues.pop(session, None)
    if dialogue is not None:
        dialogue.brought.put({"stop": True})

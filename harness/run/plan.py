"""What will be run: a grid of cells, each checked before anything heavy is loaded."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from harness.base.errors import HarnessError, UsageError
from harness.base.secrets import remember
from harness.data.hub import Data
from harness.model.argument_types import typed_arguments
from harness.model.backoff import MAX_RETRIES
from harness.model.factory import NO_MODEL, preferences
from harness.model.generation import check_ranges
from harness.model.pace import AUTO
from harness.model.provider import PEOPLE
from harness.registry import registry, settled
from harness.results.labels import with_arguments
from harness.spec import ROLES, MethodSpec, TaskSpec

LOG = logging.getLogger("harness.run")


#: the least value of a request's number
LEAST = {
    **{"seeds": 1, "epochs": 1, "limit": 1, "max_connections": 1, "requests_per_minute": 1},
    "max_retries": 0,
    **{"budget_calls": 0, "budget_tokens": 0, "budget_usd": 0, "budget_time": 0},
}


#: seeds, and attempts at an item
MOST = 100_000


@dataclass(frozen=True)
class Request:
    """What the user asked for; the keys of `--config run.yaml` are these."""

    task: str
    method: str = "direct"
    model: str | None = None  # None: the task's `default_model`
    task_args: Mapping[str, Any] = field(default_factory=dict)
    method_args: Mapping[str, Any] = field(default_factory=dict)
    model_args: Mapping[str, Any] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    role_args: Mapping[str, Any] = field(default_factory=dict)
    embedder: str = "lsa"
    seeds: int = 1
    epochs: int = 1
    limit: int | None = None
    sample_id: Sequence[str] = ()
    decoding: Mapping[str, Any] = field(default_factory=dict)
    budget_calls: int | None = None
    budget_tokens: int | None = None
    budget_usd: float | None = None
    budget_time: float | None = None
    max_connections: int | str | None = None  # `auto`: as many as the server takes
    requests_per_minute: int | None = None
    prompt_cache: bool = True  # whether providers are asked to keep beginnings that prompts share
    batch: bool = False  # whether calls go in batches of the provider
    max_retries: int = MAX_RETRIES
    timeout: float | None = None
    attempt_time: float | None = None
    offline: bool = False
    mirror: str | None = None
    overwrite: bool = False
    probe: bool = True
    keep_going: bool = False
    fail_on_error: float | None = None  # attempts, or below 1 a share of them
    transcripts: bool = True
    draws: str | None = None  # of recorded answers, whose method can't say it: `run` or `none`
    planned_effect: float | None = None
    twin: bool = True  # whether the runs that a method wants beside its own are added
    isolate: bool = False  # whether method code runs in a process of its own, apart from all else

    def __post_init__(self) -> None:
        given = self.sample_id.split(",") if isinstance(self.sample_id, str) else self.sample_id
        names = sorted({name for each in given or () if (name := str(each).strip())})
        object.__setattr__(self, "sample_id", tuple(names))
        object.__setattr__(self, "model_args", typed_arguments(self.model_args or {}, "--model-arg"))
        object.__setattr__(self, "role_args", typed_arguments(self.role_args or {}, "--role-arg"))


@dataclass(frozen=True)
class Cell:
    """One (task, method, model, seed), with everything that its result may depend on."""

    task: TaskSpec
    task_args: Mapping[str, Any]
    method: MethodSpec
    method_args: Mapping[str, Any]
    model: str
    seed: int
    request: Request

    def role_args(self, model: str) -> Mapping[str, Any]:
        """The arguments of the provider of a role's model: the run's model's where none were given for it."""
        # what says how to read a file, or how a simulation behaves, says nothing to another model; people and
        # simulations know none of a model's
        own = model in PEOPLE or model.startswith(("sim/", "recorded/"))
        shared = not self.model.startswith("recorded/") and (model == self.model or not own)
        return self.request.role_args or (self.request.model_args if shared else {})

    @property
    def title(self) -> str:
        """What people read: where a run has a twin beside it, with the argument that tells them apart."""
        seed = f" seed {self.seed}" if self.request.seeds > 1 else ""
        twin = self.method.twin
        own = {name: value for name in twin if (value := self.method_args[name]) != twin[name]}
        return f"{self.task.name} x {with_arguments(self.method.name, own)} x {self.model}{seed}"


def plan(request: Request) -> list[Cell]:
    """The cells of a grid, in a fixed order.

    Raises:
        UsageError: an unknown name or argument, a number out of range, or a method that needs what
            the task, the model or the run doesn't offer; says what would fit.
    """
    for name, least in LEAST.items():
        value = getattr(request, name)
        if name == "max_connections" and value == AUTO:
            continue
        if isinstance(value, str):
            raise UsageError(f"--{name.replace('_', '-')} is a number or {AUTO}, not {value!r}")
        if value is not None and not value >= least:  # not a number either
            raise UsageError(f"--{name.replace('_', '-')} must be at least {least}, not {value}")
    for name in ("timeout", "attempt_time"):
        value = getattr(request, name)
        if value is not None and not (0 < value < float("inf")):
            raise UsageError(f"--{name.replace('_', '-')} must be above 0 seconds, not {value}")
    if request.planned_effect is not None and not 0 < request.planned_effect <= 1:
        raise UsageError(
            "--planned-effect is a share of the metric's range, above 0 and at most 1 (0.02 is two points), "
            f"not {request.planned_effect}"
        )
    for given in (request.model_args, request.role_args, request.decoding):
        remember(given)
    for given in (request.task_args, request.method_args):  # of which one may be called `key`
        remember(given, of_model=False)
    if request.fail_on_error is not None and not request.fail_on_error > 0:
        raise UsageError(
            "--fail-on-error is a number of attempts (1 and more) or a share of them (below 1), not "
            f"{request.fail_on_error:g}"
        )
    for name in ("seeds", "epochs"):
        if getattr(request, name) > MOST:
            raise UsageError(f"--{name} must be at most {MOST:,}, not {getattr(request, name)}")
    check_ranges(request.decoding)
    known = registry()
    tasks = [known.task(name) for name in known.match("task", request.task)]
    methods = _methods(request)
    named = [name.strip() for name in (request.model or "").split(",") if name.strip()]
    if request.model is not None and not named:
        raise UsageError("no model given; 'harness list models' shows the families")
    models = {task.name: named or [task.default_model] for task in tasks}
    task_args = _split_args(request.task_args, tasks, "task")
    method_args = _split_args(request.method_args, methods, "method")
    firsts = [task_arguments(task, task_args[task.name], models[task.name][0]) for task in tasks]
    tasks = [_settled(task, first, request) for task, first in zip(tasks, firsts, strict=True)]
    cells = []
    fitting = _fitting(tasks, methods, request)
    for task, method, model in ((t, m, each) for t, m in product(tasks, methods) for each in models[t.name]):
        if (task.name, method.name) not in fitting:
            continue
        if not method.model:
            if model != models[task.name][0]:
                continue
            model = NO_MODEL
        arguments = task_arguments(task, task_args[task.name], model)
        own = method.arguments(method_args[method.name])
        if "world" in task.offers and method.template(own):
            raise UsageError(
                f"{method.name}: a prompt of your own is for tasks that ask in one text, and {task.name!r} "
                "is a world to act in; --system TEXT adds to what an agent is told"
            )
        for chosen in (own, *(_twin(method, own) if request.twin else ())):
            for seed in range(request.seeds):
                cells.append(Cell(task, arguments, method, chosen, model, seed, request))
    return cells


def _settled(task: TaskSpec, arguments: Mapping[str, Any], request: Request) -> TaskSpec:
    """The task as it is with its arguments; as it was where it can't be loaded, which its cells will say."""
    if not task.unsettled:
        return task
    try:
        return settled(task, arguments, Data.from_environment(request.mirror, request.offline))
    except HarnessError as error:
        LOG.debug("%s is not settled: %s", task.name, error)
        return task


def _methods(request: Request) -> list[MethodSpec]:
    """The specs of the methods; where they are isolated, no code of theirs runs here.

    Raises:
        UsageError: no such method, or one that can't be isolated.
    """
    known = registry()
    if not request.isolate:
        return [known.method(name) for name in known.match("method", request.method)]
    from harness.run.isolation.opening import check_isolable, described

    found = [known.method(name) for name in known.match("method", described(request.method))]
    for spec in found:
        check_isolable(spec)
    return found


def _twin(method: MethodSpec, own: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The arguments of the run that a method wants beside one with arguments `own`; empty where that is
    it."""
    first = next(iter(method.twin), None)
    if first is None or own[first] == method.twin[first]:
        return []
    return [{**own, **method.twin}]


def task_arguments(task: TaskSpec, given: Mapping[str, Any], model: str) -> dict[str, Any]:
    """A task's arguments, with what the model prefers where the user has chosen nothing.

    Raises:
        UsageError: an argument that the task doesn't know, or a value that doesn't fit.
    """
    given = dict(given)
    for name, value in preferences(model).items():
        param = task.params.get(name)
        if param and value in param.choices and given.get(name, "auto") == "auto":
            given[name] = value
    arguments = task.arguments(given)
    if arguments.get("style") == "auto":
        arguments["style"] = "neutral"
    return arguments


def _split_args(
    given: Mapping[str, Any], specs: Sequence[TaskSpec] | Sequence[MethodSpec], noun: str
) -> dict[str, dict[str, Any]]:
    """`name.key=value` goes to one task or method of the grid, `key=value` to all that know it."""
    arguments: dict[str, dict[str, Any]] = {spec.name: {} for spec in specs}
    for key, value in given.items():
        owner, _, short = key.rpartition(".")
        if owner:
            if owner not in arguments:
                raise UsageError(f"-{noun[0].upper()} {key}: no {noun} {owner!r} in this grid")
            arguments[owner][short] = value
            continue
        takers = [spec.name for spec in specs if key in spec.params]
        if not takers:
            specs[0].arguments({key: value})  # raises with the nearest valid name
        for name in takers:
            arguments[name][key] = value
    return arguments


def _fitting(
    tasks: Sequence[TaskSpec], methods: Sequence[MethodSpec], request: Request
) -> set[tuple[str, str]]:
    """The pairs of a grid that fit. Others are left out with a warning, as long as every task and every
    method of the grid has a pair left.

    Raises:
        UsageError: as `check_fit`, for a task or a method that nothing in the grid fits.
    """
    faults: dict[tuple[str, str], UsageError] = {}
    for task, method in product(tasks, methods):
        try:
            check_fit(task, method, request)
        except UsageError as error:
            faults[task.name, method.name] = error
    fitting = {(t.name, m.name) for t, m in product(tasks, methods)} - set(faults)
    for (task_name, method_name), fault in faults.items():
        if all(task_name != t for t, _ in fitting) or all(method_name != m for _, m in fitting):
            raise fault
        LOG.warning("left out: %s x %s: %s", task_name, method_name, str(fault).partition(";")[0])
    return fitting


def check_fit(task: TaskSpec, method: MethodSpec, request: Request) -> None:
    """Whether the method gets what it needs.

    Raises:
        UsageError: names what is missing and the nearest tasks or methods that fit.
    """
    if task.unsettled:  # nobody knows what it offers, as it can't be loaded
        return
    offered = {*task.offers, "test_inputs"} | set(request.roles)
    offered |= {"embedder"} if request.embedder else set()
    offered |= {"tools", "logprobs", "trainable"}  # the model's; checked when it is opened
    missing = [need for need in method.needs if need not in offered]
    known = registry()
    if "world" in task.offers and "world" not in method.needs + method.may_use:
        able = [m.name for m in known.methods.values() if "world" in m.needs + m.may_use]
        raise UsageError(
            f"task {task.name!r} is a world to act in, which method {method.name!r} doesn't; "
            f"methods that do: {', '.join(able) or 'none'}"
        )
    if not missing:
        return
    if missing[0] in (*ROLES, *method.roles):
        raise UsageError(f"method {method.name!r} needs --role {missing[0]}=MODEL")
    tasks = [t.name for t in known.tasks.values() if set(missing) <= set(t.offers)][:4]
    methods = [m.name for m in known.methods.values() if set(m.needs) <= offered][:4]
    raise UsageError(
        f"method {method.name!r} needs {' and '.join(missing)}, which task {task.name!r} doesn't "
        f"offer; tasks that do: {', '.join(tasks) or 'none'}; methods that fit this task: "
        f"{', '.join(methods) or 'none'}"
    )

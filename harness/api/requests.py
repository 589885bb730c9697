"""The words of a request: keywords as they are given in Python, checked and put together for the runner."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from harness.base.errors import UsageError, nearest
from harness.base.template import given_in_python
from harness.model.pace import AUTO

if TYPE_CHECKING:
    from harness.comparison.select import Selection
    from harness.method import Method
    from harness.run.plan import Cell, Request
    from harness.task import Task

    #: a task or a method: a name, glob, family or comma list of them, "file.py:Class", a class, an instance
    TaskLike = str | Task | type[Task]
    MethodLike = str | Method | type[Method]


class Options(TypedDict, total=False):
    """The keywords of `evaluate` beside task, method and model. All are optional.

    Attributes:
        task_args: arguments of the task, `{"level": 1}`; `name.key` gives one to a single task of several.
        method_args: arguments of the method, as `task_args`.
        model_args: arguments of the model's provider.
        roles: models that play a role, `{"judge": "openai/gpt-4.1"}`.
        role_args: arguments of the roles' provider; left out, those of `model_args`, but for people
            and simulations.
        embedder: lsa (the default), tfidf, minilm, st/NAME, file:..., openai/MODEL.
        seeds: independent runs, with seeds 0 to seeds - 1.
        epochs: attempts on every item.
        limit: only the first so many items.
        sample_id: only these items: ids and globs.
        planned_effect: the difference that this is to show, such as 0.02, a share of the metric's range; kept
            with the runs and shown beside them.
        temperature: of sampling.
        top_p: nucleus sampling.
        max_tokens: longest completion, in tokens.
        system: a system message before every prompt to the model.
        generation: any setting of a model call, `{"stop_seqs": ["\\n"]}`; None sends none.
        budget_calls: a run ends after so many model calls.
        budget_tokens: a run ends below so many tokens, of prompts and answers.
        budget_usd: a run ends below this cost in USD; every model that it asks needs a price.
        budget_time: a run ends after so many seconds; calls under way are given up.
        max_connections: calls at once to a model; "auto", of hosted ones the default: as many as it takes.
        requests_per_minute: requests to a model a minute at most.
        prompt_cache: have providers keep long beginnings that prompts share (the default).
        batch: send calls in the provider's batches: at a lower price, within a day.
        max_retries: retries of a call that failed in passing.
        timeout: longest time of one request to a model, in seconds.
        attempt_time: longest time of an attempt at an item, in seconds, which then is an error.
        keep_going: count calls that no other can mend (key, model, quota), and those to a server that has
            done nothing but fail for a minute, as errors; else they end a model's cells.
        probe: ask every model for one token before the grid starts (the default).
        fail_on_error: a run ends at so many attempts in error, or below 1 at this share of all.
        offline: only the cache and local files.
        mirror: folder of Hub data sets; `HARNESS_MIRROR` where it is left out.
        overwrite: run what is sealed already again.
        transcripts: keep completions and traces with the scores (the default), or scores and answers alone.
        isolate: run method code in a process of its own, without a way to data, store or targets.
        twin: add the run that a method wants beside its own, such as a clean one (the default).
        store: the result store, a folder; `results` by default.
        progress: show progress (the default), or nothing at all.
    """

    task_args: Mapping[str, Any]
    method_args: Mapping[str, Any]
    model_args: Mapping[str, Any]
    roles: Mapping[str, str]
    role_args: Mapping[str, Any]
    embedder: str
    seeds: int
    epochs: int
    limit: int | None
    sample_id: str | Sequence[str]
    planned_effect: float | None
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    system: str | None
    generation: Mapping[str, Any]
    budget_calls: int | None
    budget_tokens: int | None
    budget_usd: float | None
    budget_time: float | None
    max_connections: int | Literal["auto"] | None
    requests_per_minute: int | None
    prompt_cache: bool
    batch: bool
    max_retries: int
    timeout: float | None
    attempt_time: float | None
    keep_going: bool
    probe: bool
    fail_on_error: float | None
    offline: bool
    mirror: str | Path | None
    overwrite: bool
    transcripts: bool
    isolate: bool
    twin: bool
    store: str | Path
    progress: bool


#: what each keyword takes
_MAPPINGS = {"task_args", "method_args", "model_args", "roles", "role_args", "generation"}
_WHOLE = {
    "seeds",
    "epochs",
    "limit",
    "max_tokens",
    "budget_calls",
    "budget_tokens",
    "max_connections",
    "requests_per_minute",
    "max_retries",
}
_NUMBERS = {
    *("planned_effect", "temperature", "top_p", "budget_usd", "budget_time", "fail_on_error"),
    *("timeout", "attempt_time"),
}
_FLAGS = {"keep_going", "probe", "offline", "overwrite", "transcripts", "isolate", "twin", "progress"}
_FLAGS |= {"prompt_cache", "batch"}
#: what keywords were called before
FORMER = {
    "max_calls": "budget_calls",
    "max_cost": "budget_usd",
    "budget_cost": "budget_usd",
    "max_time": "budget_time",
}
#: how each of these is called among the generation settings
_SAMPLING = {
    **{name: name for name in ("temperature", "top_p", "max_tokens")},
    "system": "system_message",
}


def check_options(options: Mapping[str, Any], more: Iterable[str] = ()) -> None:
    """Whether keywords are known and of the right type; `more` are those of the caller.

    Raises:
        UsageError: one is not; names the nearest, or what is wanted.
    """
    known = {*Options.__annotations__, *more}
    for name, value in options.items():
        if name not in known:
            if FORMER.get(name) in known:
                raise UsageError(f"the keyword {name!r} is called {FORMER[name]!r} now")
            raise UsageError(f"unknown keyword {name!r}; {nearest(name, known, 'keyword')}")
        if value is None or (name == "max_connections" and value == AUTO):
            continue
        for names, kind, wanted in (
            (_MAPPINGS, Mapping, "a dict"),
            (_WHOLE, int, "a whole number"),
            (_NUMBERS, (int, float), "a number"),
            (_FLAGS, bool, "True or False"),
        ):
            flag = isinstance(value, bool) and kind is not bool
            if name in names and (flag or not isinstance(value, kind)):  # type: ignore[arg-type]
                raise UsageError(f"{name} is {wanted}, not {value!r}")


def requests_of(
    task: TaskLike | Sequence[TaskLike],
    method: MethodLike | Sequence[MethodLike],
    model: str | Sequence[str] | None,
    options: Mapping[str, Any],
) -> list[Request]:
    """The runner's requests for keywords of `Options`: one, or several where objects of one class with
    different arguments are given.

    Raises:
        UsageError: a keyword is unknown or of another type; a name, file or class can't be read.
    """
    from harness.api.settings import configuration, default_model
    from harness.model.generation import generation_settings
    from harness.run.plan import Request

    check_options(options)
    given = {name: value for name, value in options.items() if value is not None}
    for name in ("store", "progress"):
        given.pop(name, None)
    system = str(given.get("system", ""))
    if system.startswith("@") and os.path.isfile(system[1:]):
        raise UsageError(f"system={system!r} would be sent as it stands; {given_in_python(system)}")
    decoding = generation_settings(given.pop("generation", {}))
    for name, setting in _SAMPLING.items():
        if name in given and decoding.setdefault(setting, given[name]) != given.pop(name):
            raise UsageError(f"{name} and generation[{setting!r}] contradict each other")
    if "mirror" in given:
        given["mirror"] = str(given["mirror"])
    models = names("model", model) if model is not None else default_model(configuration())
    task_args, method_args = given.pop("task_args", {}), given.pop("method_args", {})
    return [
        Request(
            task=tasks,
            task_args={**task_args, **of_tasks},
            method=methods,
            method_args={**method_args, **of_methods},
            model=models,
            decoding=decoding,
            **given,
        )
        for tasks, of_tasks in _groups("task", task)
        for methods, of_methods in _groups("method", method)
    ]


def cells_of(requests: Iterable[Request]) -> list[Cell]:
    """The cells of all requests.

    Raises:
        UsageError: as `harness.run.plan.plan`.
    """
    from harness.run.plan import plan

    return [cell for request in requests for cell in plan(request)]


def selection_of(
    task: Any,
    method: Any,
    model: Any,
    task_args: Mapping[str, Any] | None,
    method_args: Mapping[str, Any] | None,
) -> Selection:
    """Which stored runs are meant; tasks, methods and models as `names` takes them."""
    from harness.comparison.select import Selection

    return Selection(
        names("task", task),
        names("method", method),
        names("model", model),
        task_args or {},
        method_args or {},
    )


def names(noun: str, given: Any) -> str:
    """The comma list of names that `given` stands for: a string as it is, a list of anything, and a class or
    an object by the name under which the registry has it from now on.

    Raises:
        UsageError: it is none of these, or the list is empty.
    """
    return ",".join(name for name, _ in named(noun, given))


def named(noun: str, given: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """Each name (or pattern) that `given` stands for, with the arguments that an object was made with."""
    if isinstance(given, str):
        return [(given, {})]
    if isinstance(given, Iterable):
        found = [one for each in given for one in named(noun, each)]
        if not found:
            raise UsageError(f"no {noun} given")
        return found
    if noun == "model":
        raise UsageError(f"a model is a name, as 'openai/gpt-4.1-mini', not {given!r}")
    from harness.plugins.classes import given_arguments
    from harness.registry import registry

    name = registry().add(given).name
    return [(name, {} if isinstance(given, type) else given_arguments(given))]


def _groups(noun: str, given: Any) -> list[tuple[str, dict[str, Any]]]:
    """Comma lists of names, with arguments by `name.key`. No list has a name twice, as both would have the
    same arguments."""
    groups: list[dict[str, Mapping[str, Any]]] = []
    for name, arguments in named(noun, given):
        if not any(group.get(name) == arguments for group in groups):
            free = next((group for group in groups if name not in group), None)
            if free is None:
                groups.append({name: arguments})
            else:
                free[name] = arguments
    return [
        (
            ",".join(group),
            {f"{name}.{key}": value for name, arguments in group.items() for key, value in arguments.items()},
        )
        for group in groups
    ]


def as_called(function: str, cells: Sequence[Cell], options: Mapping[str, Any]) -> str:
    """A call as a record keeps it, without secrets and the folders of files."""
    from harness.base.known_files import without_folders
    from harness.base.secrets import without_secrets

    arguments: dict[str, Any] = {
        "task": ",".join(dict.fromkeys(cell.task.name for cell in cells)),
        "method": ",".join(dict.fromkeys(cell.method.name for cell in cells)),
        "model": ",".join(dict.fromkeys(cell.model for cell in cells)),
        **without_secrets(options),
    }
    arguments.pop("progress", None)
    given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return without_folders(f"harness.{function}({given})")

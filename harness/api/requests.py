"""The words of a request: keywords as they are given in Python, checked and put together for the runner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from harness.base.errors import UsageError, nearest

if TYPE_CHECKING:
    from harness.method import Method
    from harness.run.plan import Request
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
        role_args: arguments of the roles' provider; those of `model_args` where it is left out.
        embedder: lsa (the default), tfidf, minilm, st/NAME, file:..., openai/MODEL.
        seeds: independent runs, with seeds 0 to seeds - 1.
        epochs: attempts on every item.
        limit: only the first so many items.
        temperature: of sampling.
        top_p: nucleus sampling.
        max_tokens: longest completion, in tokens.
        generation: any other setting of a model call, `{"stop_seqs": ["\\n"]}`.
        budget_calls: a run stops at so many model calls.
        budget_tokens: a run stops at so many tokens.
        budget_cost: a run stops at this cost in USD.
        budget_time: a run stops after so many seconds.
        max_connections: calls at once to a model.
        max_retries: retries of a call that failed in passing.
        offline: only the cache and local files.
        mirror: folder of Hub data sets; `HARNESS_MIRROR` where it is left out.
        overwrite: run anew what is sealed already.
        transcripts: keep completions and traces with the scores (the default), or scores and answers alone.
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
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    generation: Mapping[str, Any]
    budget_calls: int | None
    budget_tokens: int | None
    budget_cost: float | None
    budget_time: float | None
    max_connections: int | None
    max_retries: int
    offline: bool
    mirror: str | Path | None
    overwrite: bool
    transcripts: bool
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
    "max_retries",
}
_NUMBERS = {"temperature", "top_p", "budget_cost", "budget_time"}
_FLAGS = {"offline", "overwrite", "transcripts", "progress"}
_SAMPLING = ("temperature", "top_p", "max_tokens")


def check_options(options: Mapping[str, Any], more: Iterable[str] = ()) -> None:
    """Whether keywords are known and of the right type; `more` are those of the caller.

    Raises:
        UsageError: one is not; names the nearest, or what is wanted.
    """
    known = {*Options.__annotations__, *more}
    for name, value in options.items():
        if name not in known:
            raise UsageError(f"unknown keyword {name!r}; {nearest(name, known, 'keyword')}")
        if value is None:
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


def request_of(
    task: TaskLike | Sequence[TaskLike],
    method: MethodLike | Sequence[MethodLike],
    model: str | Sequence[str] | None,
    options: Mapping[str, Any],
) -> Request:
    """The runner's request for keywords of `Options`.

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
    decoding = generation_settings(given.pop("generation", {}))
    decoding |= {name: given.pop(name) for name in _SAMPLING if name in given}
    if "mirror" in given:
        given["mirror"] = str(given["mirror"])
    return Request(
        task=names("task", task),
        method=names("method", method),
        model=names("model", model) if model is not None else default_model(configuration()),
        decoding=decoding,
        **given,
    )


def names(noun: str, given: Any) -> str:
    """The comma list of names that `given` stands for: a string as it is, a list of anything, and a class or
    an instance by the name under which the registry has it from now on.

    Raises:
        UsageError: it is none of these, or the list is empty.
    """
    if isinstance(given, str):
        return given
    if isinstance(given, Iterable):
        found = ",".join(names(noun, each) for each in given)
        if not found:
            raise UsageError(f"no {noun} given")
        return found
    if noun == "model":
        raise UsageError(f"a model is a name, as 'openai/gpt-4.1-mini', not {given!r}")
    from harness.registry import registry

    return str(registry().add(given).name)


def as_called(function: str, task: str, method: str, model: str, options: Mapping[str, Any]) -> str:
    """A call as a record keeps it, without secrets."""
    from harness.base.secrets import without_secrets

    told: dict[str, Any] = {"task": task, "method": method, "model": model, **without_secrets(options)}
    told.pop("progress", None)
    return f"harness.{function}({', '.join(f'{name}={value!r}' for name, value in told.items())})"

"""The request that inspect-ai's providers really make, and which settings of a call it holds."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

#: settings that a provider may leave out, and the fields under which one sends them, without `_` and capitals
FIELDS = {
    "temperature": ("temperature",),
    "top_p": ("topp", "p"),
    "top_k": ("topk", "k"),
    "max_tokens": ("maxtokens", "maxcompletiontokens", "maxoutputtokens", "maxnewtokens"),
    "stop_seqs": ("stop", "stopsequences", "stopseqs"),
    "frequency_penalty": ("frequencypenalty",),
    "presence_penalty": ("presencepenalty",),
    "logit_bias": ("logitbias",),
    "seed": ("seed", "randomseed"),
    "logprobs": ("logprobs", "responselogprobs", "message.outputtext.logprobs"),
    "top_logprobs": ("toplogprobs", "logprobs"),
    "prompt_logprobs": ("promptlogprobs",),
    "verbosity": ("verbosity",),
    "effort": ("effort",),
    "reasoning_effort": (
        *("reasoningeffort", "effort", "thinking", "thinkinglevel", "thinkingbudget", "thinkingconfig"),
        *("budgettokens", "reasoning"),
    ),
    "reasoning_tokens": ("budgettokens", "thinkingbudget", "reasoning", "thinking"),
    "reasoning_mode": ("mode",),
    "response_schema": (
        *("responseformat", "responseschema", "responsejsonschema", "outputformat", "format"),
        *("outputconfig", "jsonschema"),
    ),
    "modalities": ("modalities", "responsemodalities"),
}
#: rules of a schema that inspect-ai leaves out for servers that may not know them
RULES = {"pattern", "minLength", "maxLength", "minimum", "maximum", "examples"}

_SEEN: ContextVar[list[Any] | None] = ContextVar("requests", default=None)


def watched(model: Any) -> Any:
    """An inspect-ai model whose requests are seen by `seen`."""
    generate = model.api.generate

    @functools.wraps(generate)
    async def seeing(*args: Any, **more: Any) -> Any:
        answer = await generate(*args, **more)
        found = _SEEN.get()
        if found is not None and isinstance(answer, tuple):
            found.append(getattr(answer[1], "request", None))
        return answer

    model.api.generate = seeing
    return model


def seen() -> list[Any]:
    """The requests that this task makes from now on, as they come."""
    found: list[Any] = []
    _SEEN.set(found)
    return found


def unsent(request: Any, settings: Mapping[str, Any]) -> set[str]:
    """The settings that a request doesn't hold; none where nobody knows what it holds."""
    if not isinstance(request, Mapping) or not request:
        return set()
    there = {*_fields(request)}
    lost = {name for name in settings if name in FIELDS and not there & {*FIELDS[name]}}
    for name in ("extra_body", "extra_headers"):
        own = {*(settings.get(name) or {})} - {"prompt_cache_key"}  # which the harness adds
        if own and not there & {_plain(key) for key in own}:
            lost.add(name)
    if "response_schema" in settings and "response_schema" not in lost:
        wanted = {*_names(settings["response_schema"])} & RULES
        lost |= {f"response_schema.{name}" for name in wanted if _plain(name) not in there}
    return lost


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from map(str, value)
        for inner in value.values():
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


def _fields(value: Any) -> Iterator[str]:
    """Names of fields that are set, and texts in lists, such as what is asked to be included."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if inner is None or name in ("messages", "input", "contents", "system", "tools"):
                continue
            yield _plain(name)
            yield from _fields(inner)
    elif isinstance(value, list | tuple):
        for each in value:
            if isinstance(each, str):
                yield _plain(each)
            else:
                yield from _fields(each)


def _plain(name: Any) -> str:
    return str(name).replace("_", "").lower()

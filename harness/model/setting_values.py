"""A generation setting as people write it, in the type of its field: text stays text where text is wanted."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

from harness.base.documents import load_yaml
from harness.base.errors import UsageError
from harness.base.values import typed

#: fields of a request that have a setting of their own, and it
OF_SETTINGS = {
    **{name: name for name in ("temperature", "top_p", "top_k", "seed", "logprobs", "top_logprobs")},
    **{name: name for name in ("frequency_penalty", "presence_penalty", "logit_bias", "reasoning_effort")},
    **{name: "max_tokens" for name in ("max_tokens", "max_completion_tokens", "max_output_tokens")},
    **{
        "stop": "stop_seqs",
        "prompt_logprobs": "prompt_logprobs",
        "parallel_tool_calls": "parallel_tool_calls",
    },
}
#: fields of a request that the harness itself writes
OF_HARNESS = ("model", "messages", "prompt", "input", "tools", "tool_choice", "n", "best_of", "stream")


def read_setting(written: str, name: str, value: Any) -> Any:
    """A value of the field `name` of GenerateConfig, as JSON knows it; None where none is to be sent.

    Text is read by the field's type: `none` is none, but where it is a level of the field's own (then `null`
    is); a list of texts takes one text, or `[a, b]`, and its texts stay as they are written.

    Args:
        written: the setting's name as it was given, for messages.
        value: text as it was typed, or a value of YAML or Python.

    Raises:
        UsageError: the field takes no such value.
    """
    from inspect_ai.model import GenerateConfig
    from pydantic import ValidationError

    kinds, words = _kinds(GenerateConfig.model_fields[name].annotation)
    where = f"-G {written}"
    if isinstance(value, str) and name != "system_message":
        value = _of_text(where, name, str(value), kinds, words)
    if value is None:
        return None
    _check_kind(where, value, kinds, words)
    if name == "stop_seqs":
        value = _texts(where, value)
    elif name == "extra_headers":
        value = _headers(where, value)
    elif name == "extra_body":
        _check_body(where, value)
    elif name == "response_schema" and isinstance(value, Mapping) and "json_schema" not in value:
        value = {"name": "answer", "json_schema": value}  # the schema alone
    elif name == "modalities" and isinstance(value, str):
        value = [value]
    try:
        config = GenerateConfig(**{name: value})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:] if isinstance(part, str))
        raise UsageError(f"{where}={_shown(value)}: {f'{place}: ' * bool(place)}{first['msg']}") from None
    made = config.model_dump(mode="json", include={name}, exclude_none=True)[name]
    if name == "response_schema" and (lost := _lost(value, made)):
        raise UsageError(
            f"{where}: {lost!r} is no part of the schemas that are sent; leave it out, or give the server's "
            "own form as -G extra_body='{response_format: ...}'"
        )
    return made


def _kinds(annotation: Any) -> tuple[set[Any], set[str]]:
    """The types that a field takes, and the words."""
    kinds: set[Any] = set()
    words: set[str] = set()
    for part in get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,):
        origin = get_origin(part)
        if origin is Literal:
            words |= {str(word) for word in get_args(part)}
        elif origin in (Union, types.UnionType):
            more, others = _kinds(part)
            kinds, words = kinds | more, words | others
        else:
            kinds.add(origin or part)
    return kinds, words


def _of_text(where: str, name: str, text: str, kinds: set[Any], words: set[str]) -> Any:
    import yaml

    bare = text.strip()
    if bare in words:
        return bare
    if bare.lower() in ("none", "null"):
        return None
    if name == "stop_seqs" and bare[:1] not in ("[", '"', "'"):
        if "," in bare.strip(","):
            raise UsageError(f"{where}={text}: several are written [a, b], one with a comma in quotes")
        return text
    if kinds <= {int, float, bool, type(None)}:
        return typed(bare)
    try:
        found = load_yaml(text)  # in any case: it has an end
        if name in ("stop_seqs", "extra_headers"):
            return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  # makes texts alone
        return found
    except yaml.YAMLError as error:
        raise UsageError(f"{where}: broken YAML: {' '.join(str(error).split())[:200]}") from None


def _check_kind(where: str, value: Any, kinds: set[Any], words: set[str]) -> None:
    """What pydantic would take for something else: a truth value as a number, a number as a truth value."""
    wanted = ""
    if kinds <= {int, float, type(None)} and kinds & {int, float} and isinstance(value, bool):
        wanted = "a number"
    elif kinds <= {bool, type(None)} and not isinstance(value, bool) and value not in words:
        wanted = "true or false" if bool in kinds else f"one of {', '.join(sorted(words))}"
    if wanted:
        raise UsageError(f"{where}={_shown(value)}: {wanted} is wanted")


def _texts(where: str, value: Any) -> list[str]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not listed:
        raise UsageError(f"{where}={_shown(value)}: a text is wanted; several are written [a, b]")
    for each in listed:
        if isinstance(each, bool) or not isinstance(each, str | int) or each == "":
            raise UsageError(f"{where}: {_shown(each)} is no text to stop at; write it in quotes")
    return [str(each) for each in listed]


def _headers(where: str, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{where}: names with texts are wanted, as '{{X-Team: evals}}'")
    made = {}
    for name, text in value.items():
        if isinstance(text, bool) or not isinstance(text, str | int):
            raise UsageError(f"{where}: the value of {name} is no text; write it in quotes")
        made[str(name)] = str(text)
        if any(ord(c) < 32 or ord(c) == 127 for c in f"{name}{text}") or not str(name).strip():
            raise UsageError(f"{where}: {name!r} is no header: a name and a text on one line are wanted")
    return made


def _check_body(where: str, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise UsageError(f"{where}: names with values are wanted, as '{{min_p: 0.05}}'")
    for name in value:
        if name in OF_HARNESS:
            raise UsageError(f"{where}: the harness itself writes {name!r}")
        if name in OF_SETTINGS:
            raise UsageError(f"{where}: {name!r} is a setting of its own: -G {OF_SETTINGS[name]}=VALUE")


def _lost(given: Any, made: Any) -> str:
    """The first key of a schema that is not there any more."""
    if isinstance(given, Mapping) and isinstance(made, Mapping):
        for key, value in given.items():
            if key not in made and value is not None:
                return str(key)
            if found := _lost(value, made.get(key)):
                return found
    if isinstance(given, list) and isinstance(made, list):
        return next((found for a, b in zip(given, made, strict=False) if (found := _lost(a, b))), "")
    return ""


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)

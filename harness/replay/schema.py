"""Whether arguments fit a tool's JSON schema: what is missing, unexpected, of another type or not a choice.

Checked are required and unexpected keys, types and enums, in nested objects and arrays too; keywords such as
`pattern` or `minimum` are not. A key that a schema doesn't name is refused unless `additionalProperties`
allows it; an object without `properties` may hold anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

#: kinds of fault, as the error names them
KINDS = ("required", "unexpected", "type", "enum")

_IS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        not isinstance(value, bool)
        and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
    ),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


def faults(schema: Mapping[str, Any], value: Any) -> dict[str, list[str]]:
    """What is wrong with a value under a schema, by kind; empty where it fits. An entry names the place in
    the value (`a.b[0]`) and, for types and enums, what is wanted."""
    found: dict[str, list[str]] = {}
    _check(schema, value, "", found)
    return {kind: found[kind] for kind in KINDS if kind in found}


def _check(schema: Mapping[str, Any], value: Any, place: str, found: dict[str, list[str]]) -> None:
    branches = [each for name in ("anyOf", "oneOf") for each in schema.get(name) or ()]
    if branches and all(faults(branch, value) for branch in branches):
        wanted = " or ".join(str(branch.get("type", "another shape")) for branch in branches)
        found.setdefault("type", []).append(f"{place}: {wanted} wanted")
        return
    if (wanted_type := schema.get("type")) is not None:
        types = wanted_type if isinstance(wanted_type, list) else [wanted_type]
        if not any(_IS[each](value) if each in _IS else True for each in types):
            found.setdefault("type", []).append(f"{place}: {' or '.join(map(str, types))} wanted")
            return
    choices = schema.get("enum")
    if choices is not None and not any(value == each and type(value) is type(each) for each in choices):
        found.setdefault("enum", []).append(f"{place}: one of {', '.join(map(str, choices))} wanted")
    if isinstance(value, dict):
        _check_object(schema, value, place, found)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for number, each in enumerate(value):
            _check(schema["items"], each, f"{place}[{number}]", found)


def _check_object(
    schema: Mapping[str, Any], value: Mapping[str, Any], place: str, found: dict[str, list[str]]
) -> None:
    known = schema.get("properties")
    named = {name: f"{place}.{name}" if place else name for name in [*value, *(schema.get("required") or ())]}
    for name in schema.get("required") or ():
        if name not in value:
            found.setdefault("required", []).append(named[name])
    other = schema.get("additionalProperties")
    for name, each in value.items():
        if known is not None and name in known:
            _check(known[name], each, named[name], found)
        elif isinstance(other, Mapping):
            _check(other, each, named[name], found)
        elif other is False or (other is None and known is not None):
            found.setdefault("unexpected", []).append(named[name])

"""Whether arguments fit a tool's JSON schema: what is missing, unexpected, of another type or not a choice.

Checked are required and unexpected keys, types and enums, in nested objects and arrays too; keywords such as
`pattern` or `minimum` are not. A key that neither a schema nor one of its alternatives (`anyOf`, `oneOf`)
names is refused unless `additionalProperties` allows it; an object without `properties` may hold anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


def _check(
    schema: Mapping[str, Any], value: Any, place: str, found: dict[str, list[str]], *, within: bool = False
) -> None:
    """`within`: the schema is an alternative in another, which may name further keys of the same object."""
    branches = _branches(schema)
    tried: list[dict[str, list[str]]] = [{} for _ in branches]
    for branch, wrong in zip(branches, tried, strict=True):
        _check(branch, value, place, wrong, within=True)
    if branches and all(tried):
        types = [each for branch in branches if isinstance(each := branch.get("type"), str)]
        if tried == [{"type": [f"{place}: {each} wanted"]} for each in types]:  # none but for its type
            found.setdefault("type", []).append(f"{place}: {' or '.join(types)} wanted")
            return
        # what the alternative that it comes closest to finds wrong
        for kind, entries in min(tried, key=_distance).items():
            found.setdefault(kind, []).extend(entries)
        return
    if (wanted_type := schema.get("type")) is not None:
        types = wanted_type if isinstance(wanted_type, list) else [wanted_type]
        if not any(_IS[each](value) if each in _IS else True for each in types):
            found.setdefault("type", []).append(f"{place}: {' or '.join(map(str, types))} wanted")
            return
    choices = schema.get("enum")
    if choices is not None and not any(_same(value, each) for each in choices):
        found.setdefault("enum", []).append(f"{place}: one of {', '.join(map(str, choices))} wanted")
    if isinstance(value, dict):
        _check_object(schema, value, place, found, within)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for number, each in enumerate(value):
            _check(schema["items"], each, f"{place}[{number}]", found)


def _check_object(
    schema: Mapping[str, Any],
    value: Mapping[str, Any],
    place: str,
    found: dict[str, list[str]],
    within: bool,
) -> None:
    known = schema.get("properties")
    elsewhere = _names_in_branches(schema)
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
        elif name not in elsewhere and (
            other is False or (other is None and known is not None and not within)
        ):
            found.setdefault("unexpected", []).append(named[name])


def _distance(wrong: Mapping[str, Sequence[str]]) -> tuple[int, int]:
    return len(wrong.get("required", ())), sum(map(len, wrong.values()))


def _branches(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for name in ("anyOf", "oneOf") for each in schema.get(name) or ()]


def _names_in_branches(schema: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    for branch in _branches(schema):
        found |= {*(branch.get("properties") or ())} | _names_in_branches(branch)
    return found


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON has it: 1 is 1.0, and true is not 1."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)

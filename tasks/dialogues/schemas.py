"""Tools as files declare them, and as a model is offered them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.base.errors import DataError

if TYPE_CHECKING:
    from inspect_ai.tool import ToolInfo

#: types of Python that stand in schemas made from its code, as JSON has them
_TYPES = {
    "str": "string",
    "text": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "dict": "object",
    "list": "array",
    "tuple": "array",
    "set": "array",
    "none": "null",
}
JSON_TYPES = frozenset({"string", "integer", "number", "boolean", "array", "object", "null"})
_OFFERED = (
    "format",
    "description",
    "default",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "examples",
)


def tool_of(given: Any, where: str) -> dict[str, Any]:
    """A tool as `{name, description, parameters}`, its parameters a JSON schema of an object.

    Raises:
        DataError: it has another shape.
    """
    named = given.get("function", given) if isinstance(given, dict) else None
    name = named.get("name") if isinstance(named, dict) else None
    if not isinstance(named, dict) or not isinstance(name, str) or not name:
        raise DataError(f"{where}: a tool without a name; {{'function': {{'name', 'parameters'}}}} is wanted")
    parameters = named.get("parameters")
    if parameters is None:
        parameters = {"type": "object", "properties": {}}
    if not isinstance(parameters, dict) or parameters.get("type", "object") not in ("object", "dict"):
        raise DataError(f"{where}: the parameters of the tool {name!r} are no JSON schema of an object")
    schema = _schema(parameters, f"{where}: the tool {name!r}", parameters)
    schema = {**schema, "type": "object", "properties": schema.get("properties", {})}
    return {"name": name, "description": str(named.get("description") or ""), "parameters": schema}


def _schema(given: Any, where: str, root: Mapping[str, Any], seen: tuple[str, ...] = ()) -> dict[str, Any]:
    """What we check and offer of a JSON schema, with what it refers to (`$ref`) and takes in (`allOf`) in its
    place; other keywords are left out.

    Args:
        root: what references start from.
        seen: references that are being followed: within themselves they hold anything.
    """
    if given is True:
        return {}
    if not isinstance(given, dict):
        raise DataError(f"{where} has a schema that is no object: {str(given)[:60]}")
    if isinstance(name := given.get("$ref"), str):
        if name in seen:
            return {}
        beside = {key: value for key, value in given.items() if key != "$ref"}
        return _schema({**_referred(name, where, root), **beside}, where, root, (*seen, name))
    within = partial(_schema, where=where, root=root, seen=seen)
    made = {key: given[key] for key in _OFFERED if key in given}
    if (kind := _type(given.get("type"))) is not None:
        made["type"] = kind
    if given.get("enum") is not None:
        made["enum"] = _list_of(given["enum"], "enum", where)
    elif "const" in given:
        made["enum"] = [given["const"]]
    if given.get("nullable") is True:  # OpenAPI
        if "type" in made:
            made["type"] = [*([made["type"]] if isinstance(made["type"], str) else made["type"]), "null"]
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
    if (required := given.get("required")) is not None and not isinstance(required, bool):
        made["required"] = [str(each) for each in _list_of(required, "required", where)]
    if isinstance(given.get("items"), dict):
        made["items"] = within(given["items"])
    if (inner := given.get("properties")) is not None:
        if not isinstance(inner, dict):
            raise DataError(f"{where} has 'properties' that are no object")
        made["properties"] = {name: within(each) for name, each in inner.items()}
    for part in _list_of(given.get("allOf") or [], "allOf", where):
        _take_in(made, within(part))
    if "properties" in made and not given.get("anyOf") and not given.get("oneOf"):
        for name in made.get("required", ()):
            if name not in made["properties"]:
                raise DataError(f"{where} requires {name!r}, which its 'properties' don't hold")
    branches = [*(given.get("anyOf") or ()), *(given.get("oneOf") or ())]
    if branches:
        made["anyOf"] = [within(each) for each in branches]
    other = given.get("additionalProperties")
    if other is not None:
        made["additionalProperties"] = other if isinstance(other, bool) else within(other)
    elif given.get("patternProperties"):  # names that we don't check
        made["additionalProperties"] = True
    return made


def _referred(name: str, where: str, root: Mapping[str, Any]) -> dict[str, Any]:
    found: Any = root
    for part in name.removeprefix("#").split("/")[1:]:
        found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    if not name.startswith("#") or not isinstance(found, dict):
        raise DataError(f"{where} refers to {name[:60]!r}, which its parameters don't hold; write it out")
    return found


def _take_in(made: dict[str, Any], part: Mapping[str, Any]) -> None:
    """A schema that must hold beside another (`allOf`)."""
    for key, value in part.items():
        if key == "properties":
            made[key] = {**value, **made.get(key, {})}
        elif key == "required":
            made[key] = [*made.get(key, ()), *(each for each in value if each not in made.get(key, ()))]
        else:
            made.setdefault(key, value)


def _list_of(value: Any, name: str, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise DataError(f"{where} has {name!r} that is no list")
    return value


def _type(given: Any) -> str | list[str] | None:
    """A type as JSON schemas name it; None where it is unknown, so that any value fits."""
    if isinstance(given, list):
        kinds = [_type(each) for each in given]
        return [each for each in kinds if isinstance(each, str)] if all(kinds) else None
    if not isinstance(given, str):
        return None
    word = re.split(r"[\s,\[]", given.strip(), maxsplit=1)[0].lower()
    word = _TYPES.get(word, word)
    return word if word in JSON_TYPES else None


def offered(tools: Sequence[Mapping[str, Any]], where: str) -> list[ToolInfo]:
    """The tools as a model is offered them.

    Raises:
        DataError: a schema that no model can be offered.
    """
    from inspect_ai.tool import ToolInfo, ToolParams
    from pydantic import ValidationError

    made = []
    for tool in tools:
        try:
            parameters = ToolParams.model_validate(tool["parameters"])
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise DataError(f"{where}: the tool {tool['name']!r}, {place}: {first['msg']}") from None
        made.append(ToolInfo(name=tool["name"], description=tool["description"], parameters=parameters))
    return made

"""Reads a parameter from an annotation: its type, whether None is allowed, its choices and its help."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, replace
from typing import Any

from harness.base.errors import PluginError, UsageError
from harness.spec import TYPES, Param, is_data

_CURE = f"types of parameters: {', '.join(TYPES)}, Literal[...] for choices, each also | None"


@dataclass(frozen=True)
class Declared:
    """A field of `Params` or a parameter of `__init__`. `default` is MISSING where there is none."""

    name: str
    annotation: Any
    default: Any
    metadata: Mapping[str, Any]


def types_of(owner: Any, place: str) -> dict[str, Any]:
    """The annotations of a class or function, read.

    Raises:
        PluginError: one names something that isn't there.
    """
    try:
        return typing.get_type_hints(owner, include_extras=True)
    except (NameError, TypeError, AttributeError) as error:
        raise PluginError(f"{place}: the types of its parameters can't be read: {error}; {_CURE}") from None


def read_param(declared: Declared, place: str) -> Param:
    """The parameter.

    Help, choices, `file` and `template` come from a dataclass field's metadata, or from
    `Annotated[int, "help"]` and `Annotated[int, {"help": ..., "choices": ..., "file": True}]`.

    Raises:
        PluginError: it has another type, or a default that doesn't fit.
    """
    name, annotation, metadata = declared.name, declared.annotation, dict(declared.metadata)
    if typing.get_origin(annotation) is typing.Annotated:
        annotation, *notes = typing.get_args(annotation)
        for note in notes:
            metadata |= {"help": note} if isinstance(note, str) else note if isinstance(note, Mapping) else {}
    required = declared.default is MISSING
    default = None if required else declared.default
    if isinstance(default, tuple):
        default = list(default)
    if annotation is None and required:
        raise PluginError(f"{place}: parameter {name!r} has neither a type nor a default; {_CURE}")
    kind, optional, choices = ("", False, ()) if annotation is None else _kind(annotation)
    if kind is None:
        shown = getattr(annotation, "__name__", annotation)
        raise PluginError(f"{place}: parameter {name!r} has type {shown}; {_CURE}")
    param = Param(
        name,
        default,
        str(metadata.get("help", "")),
        tuple(metadata.get("choices", choices)),
        bool(metadata.get("later", False)),
        bool(metadata.get("file", False)),
        kind,
        optional or (not required and default is None),
        required,
        bool(metadata.get("template", False)),
    )
    if required:
        return param
    if param.kind == "any" and not is_data(default):
        raise PluginError(
            f"{place}: parameter {name!r} has the default {default!r}, which is no data; {_CURE}"
        )
    try:
        return replace(param, default=param.read(default))  # as a given one is: 1 of a float is 1.0
    except UsageError as error:
        raise PluginError(f"{place}: the default of a parameter doesn't fit its type: {error}") from None


def _kind(annotation: Any) -> tuple[str | None, bool, tuple[Any, ...]]:
    """Its name in `TYPES` (None: it has none), whether None is allowed, and the choices."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any:
        return "any", False, ()
    if isinstance(annotation, type) and annotation in (int, float, str, bool, list, dict):
        return annotation.__name__, False, ()
    if annotation is tuple or origin is tuple:
        return "list", False, ()
    if origin is list:
        inner = getattr(parts[0], "__name__", "")
        return f"list[{inner}]" if f"list[{inner}]" in TYPES else "list", False, ()
    if origin is dict:
        return "dict", False, ()
    if origin is typing.Literal:
        chosen = tuple(part for part in parts if part is not None)
        kinds = {type(part).__name__ for part in chosen}
        return (kinds.pop() if len(kinds) == 1 else "any"), len(chosen) < len(parts), chosen
    if origin in (typing.Union, types.UnionType):
        kept = [part for part in parts if part is not type(None)]
        if len(kept) == 1:
            kind, _, choices = _kind(kept[0])
            return kind, True, choices
        several = {_kind(part)[0] for part in kept}
        if None not in several:
            return ("float" if several == {"int", "float"} else "any"), len(kept) < len(parts), ()
    return None, False, ()

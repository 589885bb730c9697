"""The spec that a class declares by its attributes, its parameters, and objects made of it."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from harness.base.errors import HarnessError, PluginError, UsageError
from harness.plugins.base import Plugin
from harness.plugins.fields import KEYS, checked_spec
from harness.plugins.params import Declared, read_param, types_of
from harness.spec import Param, Spec

P = TypeVar("P", bound=Plugin[Any])
#: what a class says of itself alone, never of the classes that are made from it
_OWN = ("version", "summary")
NAME = re.compile(r"[A-Za-z0-9][\w.+/@-]*")
_PLAIN = (str, int, float, bool, list, tuple, dict, type(None))


def spec_of(cls: type[Plugin[Any]]) -> Spec:
    """The spec that the class attributes declare, checked as those of a TOML file are.

    `name` is by default the class's in small letters with hyphens, `summary` the first line of its
    docstring, `fits` whether it has a `fit` of its own; without `version` it is in development.

    Raises:
        PluginError: an attribute or a parameter is not valid; one line that names the class and its file.
    """
    kind, base = cls.spec_type, _base(cls)
    path = source_file(cls)
    place = f"{Path(path).name}:{cls.__qualname__}" if path else f"{cls.__module__}:{cls.__qualname__}"
    given = {key: value for key in KEYS[kind] if (value := _declared(cls, base, key)) is not MISSING}
    given["entry"] = place
    name = vars(cls).get("name") or kebab(cls.__name__)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PluginError(
            f"{place}: a {kind.noun} is named with letters, digits and . + / @ - _, not {name!r}"
        )
    given.setdefault("summary", _summary(cls, base))
    given["params"] = params_of(cls, place)
    if "fits" in KEYS[kind]:
        given.setdefault("fits", getattr(cls, "fit", None) is not getattr(base, "fit", None))
    return checked_spec(
        kind,
        name,
        given,
        where=place,
        released=False,
        folder=str(Path(path).parent) if path else "",
        origin="file" if path else "cell",
        path=path,
        implementation=cls,
    )


def kebab(name: str) -> str:
    """The name of a class in small letters with hyphens: `MyVote` is `my-vote`."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])|_+", "-", name.strip("_"))
    return words.lower()


def source_file(cls: type) -> str:
    """The file that a class was written in; empty for one of a notebook's cell or a prompt."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if not file or not Path(file).is_file():
        return ""
    path = str(Path(file).resolve())
    if cls.__module__ != "__main__":
        return path
    # that of a notebook may name a file that started it, but its functions are from elsewhere
    written = {each.__code__.co_filename for each in vars(cls).values() if inspect.isfunction(each)}
    return path if not written or any(str(Path(name).resolve()) == path for name in written) else ""


def _base(cls: type[Plugin[Any]]) -> type:
    """`Task` or `Method`: the class that says which kind of spec it has."""
    return next(each for each in cls.__mro__ if "spec_type" in vars(each))


def _declared(cls: type, base: type, key: str) -> Any:
    """What the class, or for most keys one that it is made from, sets `key` to."""
    if key in ("params", "entry"):
        return MISSING
    for each in cls.__mro__ if key not in _OWN else (cls,):
        if each is base:
            break
        value = vars(each).get(key, MISSING)
        if value is not MISSING and not callable(value) and not inspect.isdatadescriptor(value):
            return value if not isinstance(value, classmethod | staticmethod) else MISSING
    return MISSING


def _summary(cls: type, base: type) -> str:
    for each in cls.__mro__:
        if each is base:
            break
        lines = (vars(each).get("__doc__") or "").strip().splitlines()
        if lines and not is_dataclass(each):  # a dataclass without docstring gets its signature
            return lines[0].rstrip(".")
    return cls.__name__


# -- parameters ---------------------------------------------------------------------------------------


def takes(cls: type[Plugin[Any]]) -> Literal["nothing", "spec", "parameters"]:
    """How `__init__` takes arguments: not at all, as (spec, args), or as parameters of its own."""
    if cls.__init__ is Plugin.__init__:
        return "nothing"
    names = list(inspect.signature(cls.__init__).parameters.values())[1:]
    if [each.name for each in names[:2]] == ["spec", "args"]:
        return "spec"
    if names and names[0].kind is inspect.Parameter.VAR_POSITIONAL:
        return "spec"  # it hands on what it gets
    return "parameters"


def params_class(cls: type[Plugin[Any]]) -> Any:
    """The nested class `Params`, as a dataclass; None where there is none.

    Raises:
        PluginError: it can't be made a dataclass.
    """
    own = getattr(cls, "Params", None)
    if own is None or not isinstance(own, type):
        return None
    if not is_dataclass(own) or "__dataclass_fields__" not in vars(own):
        try:
            dataclass(own)
        except (TypeError, ValueError) as error:
            raise PluginError(f"{cls.__name__}.Params: {error}") from None
    return own


def params_of(cls: type[Plugin[Any]], place: str) -> dict[str, Param]:
    """The parameters of a class, in their order.

    Raises:
        PluginError: one has a type that no parameter can have, or a default that doesn't fit.
    """
    signature = _signature(cls) if takes(cls) == "parameters" else []
    own = params_class(cls)
    if own is not None and signature:
        raise PluginError(f"{place} declares parameters twice: in Params and in __init__; keep one of them")
    declared = signature
    if own is not None:
        hints = types_of(own, place)
        declared = [
            Declared(
                field.name,
                hints.get(field.name),
                field.default_factory() if field.default_factory is not MISSING else field.default,
                field.metadata,
            )
            for field in fields(own)
            if field.init
        ]
    return {each.name: read_param(each, place) for each in declared}


def _signature(cls: type[Plugin[Any]]) -> list[Declared]:
    hints = types_of(cls.__init__, cls.__qualname__)
    return [
        Declared(
            each.name,
            hints.get(each.name),
            MISSING if each.default is inspect.Parameter.empty else each.default,
            {},
        )
        for each in list(inspect.signature(cls.__init__).parameters.values())[1:]
        if each.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    ]


def given_arguments(plugin: Plugin[Any]) -> dict[str, Any]:
    """The arguments that an object was made with.

    Raises:
        UsageError: they can't be given by name.
    """
    cls, held = type(plugin), vars(plugin)
    if "_given" not in held:
        return dict(held.get("args", {}))
    given, named = held["_given"]
    if takes(cls) == "parameters":
        try:
            bound = inspect.signature(cls.__init__).bind(plugin, *given, **named)
        except TypeError as error:
            raise UsageError(f"{cls.__name__}: {error}") from None
        return dict(list(bound.arguments.items())[1:])
    if given:
        raise UsageError(f"{cls.__name__}: give arguments by name, as in {cls.__name__}(n=5)")
    return dict(named)


# -- objects ------------------------------------------------------------------------------------------


def make(cls: type[P], spec: Spec, args: Mapping[str, Any]) -> P:
    """An object of the class, with its spec and its arguments, which are complete.

    Raises:
        Exception: whatever its `__init__` raises.
    """
    how = takes(cls)
    if how == "spec":
        return cls(spec, args)
    made = cls.__new__(cls)
    made.spec, made.args = spec, dict(args)
    del made.__dict__["_given"]
    if how == "parameters":
        inits = {each.name for each in _signature(cls)}
        cls.__init__(made, **{name: value for name, value in args.items() if not inits or name in inits})
    return made


def check_remade(plugin: Plugin[Any]) -> None:
    """Whether an object made by hand can be made again from its class and arguments, as every run does.

    Raises:
        UsageError: it can't, or a new one would differ; names the attribute.
    """
    cls = type(plugin)
    name = cls.__name__
    try:
        fresh = make(cls, plugin.spec, plugin.args)
    except HarnessError:
        raise
    except Exception as error:
        raise UsageError(
            f"{name} can't be made again from its arguments: {type(error).__name__}: {error}"
        ) from None
    own = {key: value for key, value in vars(plugin).items() if not key.startswith("_")}
    for key, value in own.items():
        if key in ("spec", "args", "params") or not isinstance(value, _PLAIN):
            continue
        if vars(fresh).get(key, MISSING) != value:
            raise UsageError(
                f"{name}: attribute {key!r} was set to {value!r} from outside, and a run makes its object "
                "again from class and arguments; make it a parameter"
            )

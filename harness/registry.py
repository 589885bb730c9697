"""Tasks and methods by name: those that are installed, and those of a file or a class of this process."""

from __future__ import annotations

import fnmatch
import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from harness.base.errors import PluginError, UsageError, nearest, typed_reason
from harness.plugins.guard import guarded
from harness.plugins.installed import build, installed_specs, plain
from harness.spec import OURS, MethodSpec, Spec, TaskSpec

if TYPE_CHECKING:
    from harness.data.hub import Data
    from harness.method import Method
    from harness.plugins.base import Plugin
    from harness.task import Task

#: ends the name of a spec that stands for any: other packages have the members of `inspect/*`
OPEN = "/*"
S = TypeVar("S", bound=Spec)
P = TypeVar("P", "Task", "Method")


class Specs(Mapping[str, S], Generic[S]):
    """Specs by name. Each stays plain data, as the index holds it, until it is looked up: a list of
    a thousand builds none."""

    def __init__(self, kind: type[S]) -> None:
        self.plain: dict[str, dict[str, Any]] = {}
        self.kind = kind
        #: why a name stands for nothing: several installed plugins have it
        self.clashes: dict[str, str] = {}
        self._built: dict[str, S] = {}

    def take(self, specs: Iterable[dict[str, Any]]) -> list[str]:
        """Holds the specs of installed packages, but for those whose name another has, too: nobody can know
        which of them is meant. A line for whoever shares names with whom."""
        held: dict[str, list[dict[str, Any]]] = {}
        for spec in specs:
            held.setdefault(spec["name"], []).append(spec)
        shared: dict[str, list[str]] = {}
        for name, found in held.items():
            if len(found) == 1:
                self.plain[name] = found[0]
            else:
                shared.setdefault(_owners(found), []).append(name)
        lines = []
        for owners, names in shared.items():
            shown = f"{', '.join(names[:4])}{f' and {len(names) - 4} more' if len(names) > 4 else ''}"
            lines.append(f"{self.kind.noun} {shown}: {owners}")
            self.clashes |= {name: f"{self.kind.noun} {name!r}: {owners}" for name in names}
        return lines

    def add(self, spec: S) -> S:
        """Holds the spec of a class of this process, in place of an earlier one from the same file or cell.

        Raises:
            UsageError: another plugin has its name.
        """
        if spec.name in self.clashes:
            raise UsageError(self.clashes[spec.name])
        held = self.plain.get(spec.name)
        gone = held and held["origin"] == "file" and not Path(held["path"]).exists()
        if held and not gone and (held["origin"], held["path"]) != (spec.origin, spec.path):
            whose = held["entry"] if held["origin"] != "package" else "an installed one"
            other = f"my-{spec.name}"
            raise UsageError(
                f"{spec.entry}: {whose} has the name {spec.name!r} too; give the class another, as in "
                f"name = {other!r}"
            )
        self.plain[spec.name], self._built[spec.name] = plain(spec), spec
        return spec

    def __getitem__(self, name: str) -> S:
        if name not in self._built:
            self._built[name] = build(self.kind, self.plain[name])
        return self._built[name]

    def __contains__(self, name: object) -> bool:
        return name in self.plain

    def __iter__(self) -> Iterator[str]:
        return iter(self.plain)

    def __len__(self) -> int:
        return len(self.plain)


class Registry:
    """Every task and method that is installed or was added in this process, by name."""

    def __init__(self, specs: list[dict[str, Any]], faults: list[str]) -> None:
        self.tasks = Specs(TaskSpec)
        self.methods = Specs(MethodSpec)
        self.faults = faults
        for specs_of, found in ((self.tasks, "task"), (self.methods, "method")):
            faults += specs_of.take([spec for spec in specs if spec["kind"] == found])

    def task(self, name: str) -> TaskSpec:
        """The spec of a task, by name or as `file.py:Class`.

        Raises:
            UsageError: no such task; names the nearest.
            PluginError: the file can't be imported, or its class declares no valid spec.
        """
        return self._find(self.tasks, name)

    def method(self, name: str) -> MethodSpec:
        """The spec of a method, by name or as `file.py:Class`.

        Raises:
            UsageError: no such method; names the nearest.
            PluginError: the file can't be imported, or its class declares no valid spec.
        """
        return self._find(self.methods, name)

    def add(self, plugin: type[Plugin[Any]] | Plugin[Any]) -> Spec:
        """The spec of a class, or of an object's class, under which it is known from now on. A class that an
        installed package declares has the spec that stands there. The arguments of an object are those of
        `harness.plugins.classes.given_arguments`.

        Raises:
            UsageError: it is no task or method, an installed one or one of another file has its name, or the
                object can't be made again from its class and arguments.
            PluginError: it declares no valid spec.
        """
        from harness.plugins.base import Plugin
        from harness.plugins.classes import check_remade, spec_of

        cls = plugin if isinstance(plugin, type) else type(plugin)
        if not issubclass(cls, Plugin) or "spec_type" in vars(cls):  # neither is `Task` itself
            raise UsageError(
                f"{plugin!r} is no task or method; give a name, 'file.py:Class', or a subclass of "
                "harness.Task or harness.Method"
            )
        installed = self._installed(cls)
        with guarded(
            lambda error: f"{cls.__module__}:{cls.__qualname__} declares no spec: {typed_reason(error)}"
        ):
            spec = installed or spec_of(cls)
        if isinstance(plugin, Plugin):
            if installed is not None:
                plugin.__dict__.setdefault("spec", installed)
            check_remade(plugin)
        if installed is not None:
            return installed
        return (
            self.tasks.add(spec) if isinstance(spec, TaskSpec) else self.methods.add(cast(MethodSpec, spec))
        )

    def as_it_is_now(self, spec: S) -> S:
        """The spec of a class that was named as `file.py:Class`, imported again if its code has changed;
        any other as it is.

        Raises:
            PluginError: the file can't be imported any more.
            UsageError: the class is gone from it.
        """
        from harness.plugins.files import from_address

        if not from_address(spec):
            return spec
        specs = cast("Specs[S]", self.tasks if isinstance(spec, TaskSpec) else self.methods)
        assert spec.implementation is not None
        return self._find(specs, f"{spec.path}:{spec.implementation.__qualname__}")

    def family(self, name: str) -> list[str]:
        """The tasks `name/...`, sorted."""
        return _members(self.tasks, name)

    def match(self, noun: str, pattern: str) -> list[str]:
        """Names that a comma list of names, families, globs and `file.py:Class` stands for, in the order
        given. A family's name leaves out what its specs set apart.

        Raises:
            UsageError: a part matches nothing; names the nearest.
            PluginError: a file can't be imported, or its class declares no valid spec.
        """
        specs: Specs[Any] = self.tasks if noun == "task" else self.methods
        chosen: dict[str, None] = {}
        for part in filter(None, (piece.strip() for piece in pattern.split(","))):
            if _is_address(part):
                found = [self._find(specs, part).name]
            elif any(sign in part for sign in "*?["):
                found = sorted(name for name in fnmatch.filter(specs, part) if not name.endswith(OPEN))
                if not found:
                    raise UsageError(f"no {noun} matches {part!r}; 'harness list {noun}s' shows all")
            else:  # a family's name stands for its members
                members = (
                    []
                    if part in specs
                    else [name for name in _members(specs, part) if not getattr(specs[name], "apart", False)]
                )
                found = members or [self._find(specs, part).name]
            chosen.update(dict.fromkeys(found))
        if not chosen:
            raise UsageError(f"no {noun} given; 'harness list {noun}s' shows all")
        return list(chosen)

    def _find(self, specs: Specs[S], name: str) -> S:
        noun = specs.kind.noun
        if _is_address(name):
            from harness.plugins.files import class_at

            return cast(S, self.add(class_at(name, noun)))
        if name in specs and not name.endswith(OPEN):
            return specs[name]
        if name in specs.clashes:
            raise UsageError(specs.clashes[name])
        family = f"{name.partition('/')[0]}{OPEN}"
        if family in specs and name.partition("/")[2] not in ("", "*"):
            spec = specs[family]
            return replace(spec, name=name, settings={**spec.settings, "name": name.partition("/")[2]})
        broken = f" (a plugin could not be read: {self.faults[0]})" if self.faults else ""
        raise UsageError(f"unknown {noun} {name!r}; {nearest(name, specs, noun)}{broken}")

    def _installed(self, cls: type[Plugin[Any]]) -> Spec | None:
        """The spec of an installed package that has this class as its entry.

        Raises:
            UsageError: there are several.
        """
        specs: Specs[Any] = self.tasks if cls.spec_type is TaskSpec else self.methods
        entry = f"{cls.__module__}:{cls.__qualname__}"
        names = [
            name
            for name, plain in specs.plain.items()
            if plain["entry"] == entry and plain["origin"] == "package"
        ]
        if len(names) > 1:
            raise UsageError(
                f"{cls.__name__} is the class of several {specs.kind.noun}s; give one of their names: "
                f"{', '.join(names)}"
            )
        return specs[names[0]] if names else None


def _owners(found: Sequence[Mapping[str, Any]]) -> str:
    """Who has the same name, and what is to be done."""
    distributions = [*dict.fromkeys(spec["distribution"] or spec["package"] for spec in found)]
    if len(distributions) == 1:
        places = " and ".join(dict.fromkeys(spec["folder"] for spec in found))
        return f"{distributions[0]} declares it more than once, in {places}; one of them needs another name"
    packages = {spec["distribution"] or spec["package"]: spec["package"] for spec in found}
    named = " and ".join(f"{name} (package {packages[name]})" for name in distributions)
    others = [name for name in distributions if name != OURS]
    return f"{named} both have it; uninstall one: pip uninstall {' or '.join(others)}"


def _is_address(name: str) -> bool:
    """Whether a name is `file.py` or `file.py:Class`."""
    return name.endswith(".py") or ".py:" in name


def _members(specs: Iterable[str], family: str) -> list[str]:
    return sorted(n for n in specs if n.startswith(f"{family}/") and not n.endswith(OPEN))


def load_task(spec: TaskSpec, args: Mapping[str, Any]) -> Task:
    """The task's implementation, imported now.

    Raises:
        PluginError: it can't be imported or isn't a Task; names the distribution.
    """
    from harness.task import Task

    return _load(spec, args, Task, ("load",))


def settled(spec: TaskSpec, args: Mapping[str, Any], data: Data) -> TaskSpec:
    """The spec of a task as it is with these arguments. Most specs say all of it themselves; of a task that
    `settles`, its function is asked: `settles(spec, args, data)` gives the spec, with `settled`.

    Args:
        args: every argument of the task.

    Raises:
        HarnessError: it can't be said, because the task can't be loaded either.
    """
    if not spec.unsettled:
        return spec
    module, _, name = spec.settles.partition(":")
    with guarded(lambda error: f"{spec.name!r} can't be settled: {typed_reason(error)}"):
        found: TaskSpec = getattr(importlib.import_module(module), name)(spec, args, data)
    return found


def load_method(spec: MethodSpec, args: Mapping[str, Any]) -> Method:
    """The method's implementation, imported now.

    Raises:
        PluginError: it can't be imported or isn't a Method; names the distribution.
    """
    from harness.method import Method

    return _load(spec, args, Method, ("answer", "answer_all"))


def _load(spec: Spec, args: Mapping[str, Any], base: type[P], wanted: tuple[str, ...]) -> P:
    from harness.plugins.classes import make

    module_name, _, attribute = spec.entry.partition(":")
    whose = f" (distribution {spec.distribution or spec.package})" if spec.origin == "package" else ""
    owner = f"{spec.name!r}{whose}"
    implementation: Any = spec.implementation
    if implementation is None:
        with guarded(lambda error: f"{owner} can't load {spec.entry}: {typed_reason(error)}"):
            implementation = getattr(importlib.import_module(module_name), attribute)
    with guarded(lambda error: f"{owner}: {spec.entry} can't be made: {typed_reason(error)}"):
        if not (isinstance(implementation, type) and issubclass(implementation, base)):
            raise PluginError(f"{owner}: {spec.entry} is not a subclass of harness {base.__name__}")
        if all(getattr(implementation, name) is getattr(base, name) for name in wanted):
            raise PluginError(f"{owner}: {spec.entry} doesn't define {wanted[0]}()")
        return make(implementation, spec, args)


@cache
def registry() -> Registry:
    """The registry of this process."""
    return Registry(*installed_specs())

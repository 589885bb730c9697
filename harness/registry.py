"""Finds plugins without importing them.

An entry point in the group `harness.plugins` names a package; every `task.toml` and `method.toml`
below its folder declares specs. Built-ins are found the same way. The parsed specs are remembered
in a small index that is trusted only while every file keeps its size and modification time.
"""

from __future__ import annotations

import fnmatch
import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from harness.base import paths
from harness.base.errors import HarnessError, PluginError, UsageError, nearest
from harness.spec import DataPin, MethodSpec, Param, Spec, TaskSpec, read_specs

if TYPE_CHECKING:
    from harness.method import Method
    from harness.task import Task

GROUP = "harness.plugins"
INDEX_FORMAT = 6
#: ends the name of a spec that stands for any: other packages have the members of `inspect/*`
OPEN = "/*"
S = TypeVar("S", bound=Spec)
P = TypeVar("P", "Task", "Method")


class Specs(Mapping[str, S]):
    """Specs by name. Each stays plain data, as the index holds it, until it is looked up: a list of
    a thousand builds none."""

    def __init__(self, kind: type[S]) -> None:
        self.plain: dict[str, dict[str, Any]] = {}
        self._kind = kind
        self._built: dict[str, S] = {}

    def __getitem__(self, name: str) -> S:
        if name not in self._built:
            self._built[name] = _build(self._kind, self.plain[name])
        return self._built[name]

    def __contains__(self, name: object) -> bool:
        return name in self.plain

    def __iter__(self) -> Iterator[str]:
        return iter(self.plain)

    def __len__(self) -> int:
        return len(self.plain)


class Registry:
    """Every task and method that is installed, by name."""

    def __init__(self, specs: list[dict[str, Any]], faults: list[str]) -> None:
        self.tasks = Specs(TaskSpec)
        self.methods = Specs(MethodSpec)
        self.faults = faults
        for spec in specs:
            known = (self.tasks if spec["kind"] == "task" else self.methods).plain
            first = known.setdefault(spec["name"], spec)
            if first is not spec:
                faults.append(
                    f"{spec['name']!r} of {spec['distribution']} is hidden by that of {first['distribution']}"
                )

    def task(self, name: str) -> TaskSpec:
        """The spec of a task.

        Raises:
            UsageError: no such task; names the nearest.
        """
        return _find(self.tasks, name, "task", self.faults)

    def method(self, name: str) -> MethodSpec:
        """The spec of a method.

        Raises:
            UsageError: no such method; names the nearest.
        """
        return _find(self.methods, name, "method", self.faults)

    def family(self, name: str) -> list[str]:
        """The tasks `name/...`, sorted."""
        return _members(self.tasks, name)

    def match(self, noun: str, pattern: str) -> list[str]:
        """Names that a comma list of names, families and globs stands for, in the order given. A family's
        name leaves out what its specs set apart.

        Raises:
            UsageError: a part matches nothing; names the nearest.
        """
        specs: Mapping[str, Spec] = self.tasks if noun == "task" else self.methods
        chosen: dict[str, None] = {}
        for part in filter(None, (piece.strip() for piece in pattern.split(","))):
            if any(sign in part for sign in "*?["):
                found = sorted(name for name in fnmatch.filter(specs, part) if not name.endswith(OPEN))
                if not found:
                    raise UsageError(f"no {noun} matches {part!r}; 'harness list {noun}s' shows all")
            else:  # a family's name stands for its members
                members = (
                    []
                    if part in specs
                    else [name for name in _members(specs, part) if not getattr(specs[name], "apart", False)]
                )
                found = members or [_find(specs, part, noun, self.faults).name]
            chosen.update(dict.fromkeys(found))
        if not chosen:
            raise UsageError(f"no {noun} given; 'harness list {noun}s' shows all")
        return list(chosen)


def _members(specs: Iterable[str], family: str) -> list[str]:
    return sorted(n for n in specs if n.startswith(f"{family}/") and not n.endswith(OPEN))


def _find(specs: Mapping[str, S], name: str, noun: str, faults: list[str]) -> S:
    if name in specs and not name.endswith(OPEN):
        return specs[name]
    family = f"{name.partition('/')[0]}{OPEN}"
    if family in specs and name.partition("/")[2] not in ("", "*"):
        spec = specs[family]
        return replace(spec, name=name, settings={**spec.settings, "name": name.partition("/")[2]})
    broken = f" (a plugin could not be read: {faults[0]})" if faults else ""
    raise UsageError(f"unknown {noun} {name!r}; {nearest(name, specs, noun)}{broken}")


def load_task(spec: TaskSpec, args: Mapping[str, Any]) -> Task:
    """The task's implementation, imported now.

    Raises:
        PluginError: it can't be imported or isn't a Task; names the distribution.
    """
    from harness.task import Task

    return _load(spec, args, Task, ("load",))


def load_method(spec: MethodSpec, args: Mapping[str, Any]) -> Method:
    """The method's implementation, imported now.

    Raises:
        PluginError: it can't be imported or isn't a Method; names the distribution.
    """
    from harness.method import Method

    return _load(spec, args, Method, ("answer", "answer_all"))


def _load(spec: Spec, args: Mapping[str, Any], base: type[P], wanted: tuple[str, ...]) -> P:
    module_name, _, attribute = spec.entry.partition(":")
    owner = f"{spec.name!r} (distribution {spec.distribution or spec.package})"
    try:
        implementation = getattr(importlib.import_module(module_name), attribute)
    except Exception as error:
        raise PluginError(f"{owner} can't load {spec.entry}: {_in_one_line(error)}") from error
    if not (isinstance(implementation, type) and issubclass(implementation, base)):
        raise PluginError(f"{owner}: {spec.entry} is not a subclass of harness {base.__name__}")
    if all(getattr(implementation, name) is getattr(base, name) for name in wanted):
        raise PluginError(f"{owner}: {spec.entry} doesn't define {wanted[0]}()")
    try:
        made: P = implementation(spec, args)  # type: ignore[arg-type]
    except HarnessError:
        raise
    except Exception as error:
        raise PluginError(f"{owner}: {spec.entry} can't be made: {_in_one_line(error)}") from error
    return made


def _in_one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


@cache
def registry() -> Registry:
    """The registry of this process."""
    specs: list[dict[str, Any]] = []
    faults: list[str] = []
    for package, distribution, folder in _plugin_packages():
        if folder:
            specs += _specs_below(package, distribution, folder, faults)
        else:
            faults.append(
                f"distribution {distribution} names the package {package!r}, which isn't there; "
                "install it anew"
            )
    return Registry(specs, faults)


def _plugin_packages() -> list[tuple[str, str, str]]:
    """(package, distribution, folder) of every plugin; no folder where the package isn't there.
    Scanning the metadata of all installed distributions costs some 40 ms, so the answer is kept while
    no folder of sys.path changes."""
    stamp = [[path, os.stat(path).st_mtime_ns] for path in sys.path if os.path.isdir(path)]
    index = paths.cache_dir() / "plugins.json"
    remembered = _read_json(index)
    if remembered.get("stamp") == stamp and remembered.get("format") == INDEX_FORMAT:
        return [(p, d, f) for p, d, f in remembered["packages"]]
    from importlib.metadata import entry_points

    packages = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.value):
        top, *below = point.value.split(".")
        found = importlib.util.find_spec(top)
        folder = ""
        if found and found.submodule_search_locations:
            folder = os.path.join(next(iter(found.submodule_search_locations)), *below)
        packages.append((point.value, point.dist.name if point.dist else "", folder))
    packages = list(dict.fromkeys(packages))
    _write_json(index, {"format": INDEX_FORMAT, "stamp": stamp, "packages": packages})
    return packages


def _specs_below(package: str, distribution: str, folder: str, faults: list[str]) -> list[dict[str, Any]]:
    """The specs of a package as plain data: from the index, else from the files."""
    files = sorted(_spec_files(folder))
    stamp = [[path, status.st_mtime_ns, status.st_size] for path, status in files]
    index = paths.cache_dir() / f"specs-{package}.json"
    remembered = _read_json(index)
    if remembered.get("stamp") == stamp and remembered.get("format") == INDEX_FORMAT:
        found: list[dict[str, Any]] = remembered["specs"]
        return found
    import tomllib

    specs: list[dict[str, Any]] = []
    sound = True
    for path, _ in files:
        kind = Path(path).stem
        try:
            document = tomllib.loads(Path(path).read_text("utf-8"))
            read = read_specs(
                kind, document, package=package, distribution=distribution, folder=str(Path(path).parent)
            )
            specs += [json.loads(json.dumps({"kind": kind, **asdict(spec)})) for spec in read]
        except (PluginError, OSError, ValueError, TypeError, AttributeError) as error:
            faults.append(f"{path} (distribution {distribution or package}): {error}")
            sound = False
    if sound:
        _write_json(index, {"format": INDEX_FORMAT, "stamp": stamp, "specs": specs})
    return specs


def _spec_files(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir() and not entry.name.startswith((".", "__")):
            yield from _spec_files(entry.path)
        elif entry.name in ("task.toml", "method.toml"):
            yield entry.path, entry.stat()


def _build(kind: type[S], plain: Mapping[str, Any]) -> S:
    """The spec whose `asdict` is `plain`."""
    fields = {key: value for key, value in plain.items() if key != "kind"}
    fields["params"] = {
        key: Param(**{**param, "choices": tuple(param["choices"])}) for key, param in plain["params"].items()
    }
    for words in ("offers", "needs", "may_use"):
        if words in fields:
            fields[words] = tuple(fields[words])
    if "data" in fields:
        fields["data"] = {key: DataPin(**pin) for key, pin in plain["data"].items()}
    return kind(**fields)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_json(path: Path, value: Any) -> None:
    try:  # an index that can't be written only costs time
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(value), "utf-8")
        temporary.replace(path)
    except (OSError, TypeError):
        pass

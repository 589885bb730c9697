"""Finds the specs of installed packages without importing them.

An entry point in the group `harness.plugins` names a package; every `task.toml` and `method.toml`
below its folder declares specs. Built-ins are found the same way. The parsed specs are remembered
in a small index that is trusted only while every file keeps its size and modification time.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from harness.base import paths
from harness.base.documents import load_json, load_toml
from harness.base.errors import PluginError
from harness.plugins.toml import read_specs
from harness.spec import DataPin, MetricRange, Param, Spec

GROUP = "harness.plugins"
INDEX_FORMAT = 9
#: the distribution that the built-ins come with, and its name before it had a release
OURS, FORMERLY = "method-harness", "harness"
S = TypeVar("S", bound=Spec)


def installed_specs() -> tuple[list[dict[str, Any]], list[str]]:
    """Every spec of every installed package as plain data, and a line for each that can't be read."""
    specs: list[dict[str, Any]] = []
    faults: list[str] = []
    for package, distribution, folder in _found_packages():
        if os.path.isdir(folder):
            specs += _specs_below(package, distribution, folder, faults)
        else:
            faults.append(_missing(package, distribution))
    return specs, faults


def _missing(package: str, distribution: str) -> str:
    """What is to be done where a distribution names a package that isn't there."""
    if distribution == FORMERLY and not package.startswith("harness."):
        return (
            f"an older installation under the name {FORMERLY!r} is still there; remove it: "
            f"pip uninstall {FORMERLY}"
        )
    if distribution == OURS:
        return (
            f"{package} is missing from this installation; in a clone {package.replace('.', '/')} is a link "
            "to a folder (git config core.symlinks true, then check it out again), otherwise: "
            f"pip install --force-reinstall {OURS}"
        )
    found = importlib.util.find_spec(package.partition(".")[0])
    if found and found.origin:
        return (
            f"distribution {distribution} names the package {package!r}, which is hidden by {found.origin}; "
            "rename that, or the package"
        )
    return (
        f"distribution {distribution} names the package {package!r}, which isn't there; install it again: "
        f"pip install --force-reinstall {distribution}"
    )


def plain(spec: Spec) -> dict[str, Any]:
    """A spec as the index and lists hold it."""
    made: dict[str, Any] = json.loads(json.dumps({"kind": spec.noun, **asdict(spec)}))
    return made


def build(kind: type[S], plain: Mapping[str, Any]) -> S:
    """The spec that `plain` was made of."""
    fields = {key: value for key, value in plain.items() if key != "kind"}
    fields["params"] = {
        key: Param(**{**param, "choices": tuple(param["choices"])}) for key, param in plain["params"].items()
    }
    for words in ("offers", "needs", "may_use", "roles", "files"):
        if words in fields:
            fields[words] = tuple(fields[words])
    if "data" in fields:
        fields["data"] = {key: DataPin(**pin) for key, pin in plain["data"].items()}
        fields["ranges"] = {key: MetricRange(**limits) for key, limits in plain["ranges"].items()}
    return kind(**fields)


def _found_packages() -> list[tuple[str, str, str]]:
    """(package, distribution, folder) of every plugin; the folder may not be there.
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


def packages_of_plugins() -> list[tuple[str, Path]]:
    """(distribution, folder) of every installed package that is a plugin, or that holds one."""
    found = [
        (package.count("."), owner, Path(folder)) for package, owner, folder in _found_packages() if folder
    ]
    return [(owner, folder.parents[depth - 1] if depth else folder) for depth, owner, folder in found]


def _specs_below(package: str, distribution: str, folder: str, faults: list[str]) -> list[dict[str, Any]]:
    """The specs of a package as plain data: from the index, else from the files."""
    files = sorted(_spec_files(folder))
    if not files:
        faults.append(
            f"no task.toml or method.toml in {folder} (distribution {distribution or package}); a wheel has "
            "them where they are named as package data"
        )
    stamp = [[path, status.st_mtime_ns, status.st_size] for path, status in files]
    index = paths.cache_dir() / f"specs-{package}.json"
    remembered = _read_json(index)
    if remembered.get("stamp") == stamp and remembered.get("format") == INDEX_FORMAT:
        found: list[dict[str, Any]] = remembered["specs"]
        return found
    specs: list[dict[str, Any]] = []
    sound = True
    for path, _ in files:
        kind = Path(path).stem
        try:
            document = load_toml(Path(path).read_text("utf-8"))
            read = read_specs(
                kind, document, package=package, distribution=distribution, folder=str(Path(path).parent)
            )
            specs += map(plain, read)
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


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = load_json(path.read_text("utf-8"))
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

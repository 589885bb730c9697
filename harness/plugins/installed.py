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
from harness.base.errors import PluginError, typed_reason
from harness.plugins.toml import read_specs
from harness.spec import FORMERLY, OURS, DataPin, MetricRange, Param, Spec

GROUP = "harness.plugins"
INDEX_FORMAT = 10
S = TypeVar("S", bound=Spec)


def installed_specs() -> tuple[list[dict[str, Any]], list[str]]:
    """Every spec of every installed package as plain data, and a line for each that can't be read."""
    specs: list[dict[str, Any]] = []
    faults: list[str] = []
    for package, distribution, folder in _found_packages(faults):
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
    if ":" in package:
        return (
            f"distribution {distribution} names {package!r}, which is no package; an entry point of {GROUP} "
            "is the package below which task.toml and method.toml lie"
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


def _found_packages(faults: list[str]) -> list[tuple[str, str, str]]:
    """(package, distribution, folder) of every plugin; the folder may not be there. Installations that can't
    be read are among the `faults`.

    Scanning the metadata of all installed distributions costs some 40 ms, so the answer is kept while
    no folder of sys.path changes."""
    stamp = [[path, os.stat(path).st_mtime_ns] for path in sys.path if os.path.isdir(path)]
    index = paths.cache_dir() / "plugins.json"
    remembered = _read_json(index)
    if remembered.get("stamp") == stamp and remembered.get("format") == INDEX_FORMAT:
        return [(p, d, f) for p, d, f in remembered["packages"]]
    packages = []
    known = len(faults)
    for package, distribution in sorted(_entry_points(faults)):
        try:
            packages.append((package, distribution, _folder(package)))
        except Exception as error:  # a finder of another installation
            faults.append(
                f"distribution {distribution} names {package!r}, which can't be looked for: "
                f"{typed_reason(error)}"
            )
    packages = list(dict.fromkeys(packages))
    if len(faults) == known:
        _write_json(index, {"format": INDEX_FORMAT, "stamp": stamp, "packages": packages})
    return packages


def packages_of_plugins() -> list[tuple[str, Path]]:
    """(distribution, folder) of every installed package that is a plugin, or that holds one."""
    found = [
        (package.count("."), owner, Path(folder)) for package, owner, folder in _found_packages([]) if folder
    ]
    return [(owner, folder.parents[depth - 1] if depth else folder) for depth, owner, folder in found]


def _entry_points(faults: list[str]) -> Iterator[tuple[str, str]]:
    """(package, distribution) of every entry point of ours."""
    from importlib.metadata import distributions, entry_points

    try:
        for point in entry_points(group=GROUP):
            yield point.value, (point.dist.name if point.dist else "") or ""
        return
    except Exception:  # of one installation; the others are read one by one
        pass
    for each in distributions():
        try:
            found = [point.value for point in each.entry_points if point.group == GROUP]
        except Exception as error:
            faults.append(
                f"{getattr(each, '_path', 'an installation')} is damaged ({typed_reason(error)}); "
                "install it again"
            )
            continue
        for value in found:
            yield value, each.metadata["Name"] or ""


def _folder(package: str) -> str:
    """Where a package lies; empty where there is none of that name."""
    top, *below = package.split(".")
    found = importlib.util.find_spec(top)
    if not found or not found.submodule_search_locations:
        return ""
    return os.path.join(next(iter(found.submodule_search_locations)), *below)


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
        except Exception as error:
            text = (
                str(error) if isinstance(error, PluginError | OSError | ValueError) else typed_reason(error)
            )
            faults.append(f"{path} (distribution {distribution or package}): {text}")
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

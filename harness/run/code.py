"""The code that a cell runs, as a digest: what ran is what the number stands for.

For a plugin that is released, `N-X` stays the word for comparability, and its digest is kept beside it. A
plugin in development (an editable install, a file, a class from a notebook) changes without a version, so
its digest is part of the run id and of every artefact: edited code never shows an old number, and an
interrupted run never goes on with other code.

What is hashed: of a plugin of its own distribution every file of its package; of a built-in, or of a file,
the module and what it imports from its own folder or package, with the files beside it that it names.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from harness.base.digest import digest, file_digest
from harness.base.errors import PluginError
from harness.base.files import files_below
from harness.plugins.files import from_address
from harness.run import live_code
from harness.run.imports import closure
from harness.run.module_origin import below, built_in, is_installed
from harness.run.named_files import named_files
from harness.spec import OURS, Spec

BUILT_IN = OURS
_STARTED = time.time()
#: the content of files whose modules a cell may have imported, by their place
_known: dict[str, str] = {}


@dataclass(frozen=True)
class Code:
    """SHA-256 of the source, whether it may change without a new version, and the files that the code may
    read at any time, which are not loaded at its start."""

    digest: str
    development: bool
    read: Mapping[str, str] = field(default_factory=dict, compare=False)

    def as_dict(self) -> dict[str, Any]:
        return {"digest": self.digest, "development": self.development}


def code_of(spec: Spec) -> Code:
    """The code behind a spec, as it is on disk now (or in memory, for a class that was handed over).

    Modules of it that were imported before a later change on disk are forgotten, so that what is loaded
    next is what was hashed.
    """
    if spec.implementation is not None and in_memory(spec):
        return Code(live_code.digest_of(spec.implementation), True)
    files = files_of(spec)
    digests = {name: file_digest(path) for name, path in files.items()}
    development = spec.origin != "package" or in_development(spec.distribution)
    if spec.origin == "package":  # a file is imported again by whoever loads it
        _forget_changed(files, digests)
        if development:
            _drop_bytecode(files.values())
    read = {name: content for name, content in digests.items() if files[name].suffix != ".py"}
    return Code(digest(digests), development, read)


def in_memory(spec: Spec) -> bool:
    """Whether the class was handed over, so that what counts is what it is in memory."""
    return spec.implementation is not None and spec.origin != "package" and not from_address(spec)


def check_unchanged(spec: Spec, code: Code, *, loaded: bool) -> None:
    """Whether the code on disk is still what was hashed: all of it until it is loaded, and then what may be
    read at any time, prompts and other data.

    Raises:
        PluginError: it was edited.
    """
    if not code.development or in_memory(spec):
        return
    now = code_of(spec)
    if not loaded and now.digest != code.digest:
        raise PluginError(f"{spec.name} was edited while it was loaded; run the same command again")
    changed = sorted(
        name for name in code.read.keys() | now.read.keys() if code.read.get(name) != now.read.get(name)
    )
    if changed:
        raise PluginError(
            f"{changed[0]} of {spec.name} changed while the run went, and its answers may be of both "
            "versions; run the same command again (what a method writes belongs into job.files.dir)"
        )


@cache
def in_development(distribution: str) -> bool:
    """Whether a distribution is installed in editable form."""
    import json
    from importlib.metadata import distributions

    # a checkout's own egg-info may stand before what pip noted, as where `python -m harness` is run in it
    found = (
        [each.read_text("direct_url.json") for each in distributions(name=distribution)]
        if distribution
        else []
    )
    if not found:
        return True  # found through the path alone: nothing says which version it is
    return any(json.loads(text or "{}").get("dir_info", {}).get("editable") for text in found)


def files_of(spec: Spec) -> dict[str, Path]:
    """The files that are hashed, by a name that holds on every machine."""
    if spec.origin == "file":
        path = Path(spec.path)
        named = {name: path.parent / name for name in spec.files}
        return {**named, **closure({path.stem: path}, _own_module, _named)}
    module = spec.entry.partition(":")[0]
    folder = Path(spec.folder)
    if spec.distribution == BUILT_IN:
        files = {f"{kind}.toml": folder / f"{kind}.toml" for kind in ("task", "method")}
        found = closure({module: _located(module)}, built_in)
        return {name: path for name, path in {**files, **found}.items() if path.is_file()}
    return files_below(package_folder(spec))


def package_folder(spec: Spec) -> Path:
    """The folder of the top package of a plugin."""
    folder = Path(spec.folder)
    for parent in (folder, *folder.parents):
        if parent.name == spec.package.rpartition(".")[2] and not (parent.parent / "__init__.py").exists():
            return parent
    return folder


def _located(module: str) -> Path | None:
    """The file of a module, found along sys.path without importing anything."""
    return below([*(Path(entry or ".") for entry in sys.path), Path(__file__).parents[2]], module)


def _own_module(module: str, folder: Path) -> Path | None:
    """A module of the user's own, beside the file or on the path, or a built-in that it is made from; not
    one of an installed package."""
    if module.partition(".")[0] in (*sys.stdlib_module_names, "harness"):
        return built_in(module) if module.startswith(("harness.tasks.", "harness.methods.")) else None
    path = below([folder], module) or _located(module)
    return None if path is None or is_installed(path) else path


def _named(text: str, folder: Path) -> dict[str, Path]:
    """What a text in a file of the user's names beside it or in the working folder."""
    return named_files(text, [folder, Path.cwd()])


def _forget_changed(files: Mapping[str, Path], digests: Mapping[str, str]) -> None:
    """Forgets the imported modules of these files if one of the files changed since they were imported."""
    places = {os.path.realpath(path): digests[name] for name, path in files.items()}
    changed = any(_changed(place, content) for place, content in places.items())
    _known.update(places)
    if not changed:  # looking through every module takes a tenth of a second
        return
    for name, module in list(sys.modules.items()):
        place = getattr(module, "__file__", None)
        if place and os.path.realpath(place) in places:
            del sys.modules[name]
            package, _, last = name.rpartition(".")
            if package in sys.modules:  # `from package import module` looks here first
                vars(sys.modules[package]).pop(last, None)


def _drop_bytecode(files: Iterable[Path]) -> None:
    """Removes compiled files that are older than their source. Python recognizes them by second and size
    alone, and would run the code from before an edit within the same second."""
    for path in files:
        if path.suffix == ".py":
            compiled = Path(importlib.util.cache_from_source(str(path)))
            with contextlib.suppress(OSError):
                if compiled.stat().st_mtime_ns < path.stat().st_mtime_ns:
                    compiled.unlink()


def _changed(place: str, content: str) -> bool:
    if place in _known:
        return _known[place] != content
    return Path(place).stat().st_mtime > _STARTED

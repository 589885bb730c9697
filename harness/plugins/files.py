"""A task or a method in one file, `path/to/file.py:Class`: imported again whenever its code has changed."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import traceback
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.base.errors import UsageError, nearest, typed_reason
from harness.plugins.base import Plugin
from harness.plugins.guard import guarded
from harness.spec import Spec

_ADDRESS = re.compile(r"(?P<file>.+\.py)(?::(?P<attribute>[A-Za-z_][\w.]*))?")


#: begins the names of modules that were imported from `file.py:Class`
MODULE_PREFIX = "harness_file_"


@dataclass
class _Loaded:
    """A module and the content of the files that it was made from, as digests by path."""

    module: ModuleType
    files: dict[Path, str] = field(default_factory=dict)


_LOADED: dict[Path, _Loaded] = {}


def is_address(name: str) -> bool:
    """Whether a name is `file.py` or `file.py:Class` rather than that of an installed plugin."""
    return _ADDRESS.fullmatch(name) is not None


def from_address(spec: Spec) -> bool:
    """Whether a class was imported from `file.py:Class` by its name, rather than handed over."""
    return spec.implementation is not None and spec.implementation.__module__.startswith(MODULE_PREFIX)


def class_at(address: str, noun: str) -> type[Plugin[Any]]:
    """The class of a task or method (`noun`) at `file.py:Class`; of `file.py` where it holds one alone.

    Raises:
        UsageError: no such file or class, or several; names them.
        PluginError: the file can't be imported; names file and line.
    """
    file, attribute = read_address(address, noun)
    return class_in(load_module(Path(file)), attribute, noun, file)


def read_address(address: str, noun: str) -> tuple[str, str]:
    """The file of `file.py:Class` and the name of the class, which is empty where none is given.

    Raises:
        UsageError: it is no such address, or there is no such file.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise UsageError(f"{address!r} is not path/to/file.py:Class")
    if not Path(match["file"]).is_file():
        raise UsageError(f"no file {match['file']}; give a {noun} as path/to/file.py:Class")
    return match["file"], match["attribute"] or ""


def class_in(module: ModuleType, attribute: str, noun: str, file: str) -> type[Plugin[Any]]:
    """The class of a task or method (`noun`) that a module holds under this name; the only one where none is
    given.

    Args:
        file: what the module is called in messages.

    Raises:
        UsageError: there is none, or there are several; names them.
    """
    own = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Plugin)
        and value.spec_type.noun == noun
        and value.__module__ == module.__name__
        and not name.startswith("_")
    }
    if attribute:
        return _named(module, attribute, list(own), noun, file)
    leaves = [c for c in own.values() if not any(c in each.__mro__[1:] for each in own.values())]
    if len(leaves) != 1:
        several = f"{len(own)} {noun}s: {', '.join(own)}; name one, as in" if own else f"no {noun};"
        example = f" {file}:{next(iter(own))}" if own else f" a subclass of harness.{noun.title()} is one"
        raise UsageError(f"{file} holds {several}{example}")
    return leaves[0]


def _named(module: ModuleType, attribute: str, own: list[str], noun: str, file: str) -> type[Plugin[Any]]:
    found: Any = module
    for part in attribute.split("."):
        found = getattr(found, part, None)
    if found is None:
        cure = nearest(attribute, own, noun) if own else f"it holds no {noun}"
        raise UsageError(f"{file} has no {attribute}; {cure}")
    if not (isinstance(found, type) and issubclass(found, Plugin) and found.spec_type.noun == noun):
        other = found.spec_type.noun if isinstance(found, type) and issubclass(found, Plugin) else None
        said = f"a {other}, not a {noun}" if other else f"not a subclass of harness.{noun.title()}"
        raise UsageError(f"{file}:{attribute} is {said}")
    return found


def load_module(path: Path) -> ModuleType:
    """The module of a file. It is imported again once the file, or a module beside it that it imports at its
    top, has another content than before; otherwise it is the same object.

    Raises:
        PluginError: it can't be imported; one line with file and line.
    """
    path = path.resolve()
    known = _LOADED.get(path)
    if known is not None and all(_digest(file) == content for file, content in known.files.items()):
        sys.modules[known.module.__name__] = known.module
        _forget_later_imports(path.parent)
        return known.module
    _LOADED.pop(path, None)
    _forget_neighbours(path.parent)
    place = sha256(str(path).encode()).hexdigest()[:8]
    name = f"{MODULE_PREFIX}{re.sub(r'[^A-Za-z0-9]', '_', path.stem)}_{place}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    loaded = _Loaded(importlib.util.module_from_spec(spec), {path: _digest(path)})
    sys.modules[name] = loaded.module
    folder, quiet = str(path.parent), sys.dont_write_bytecode
    sys.path.insert(0, folder)
    # a cached .pyc is recognized by second and size alone: an edit within a second would be missed
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        with guarded(lambda error: _explained(error, path)):
            exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), vars(loaded.module))
    except BaseException:
        sys.modules.pop(name, None)
        raise
    finally:
        sys.dont_write_bytecode = quiet
        if folder in sys.path:
            sys.path.remove(folder)
    loaded.files |= {file: _digest(file) for file in _neighbours(path.parent).values()}
    _LOADED[path] = loaded
    return loaded.module


def code_files(path: Path) -> list[Path]:
    """The files whose content a loaded file's module was made from: itself and the modules beside it that
    it imports; sorted. Only itself before it was loaded."""
    known = _LOADED.get(path.resolve())
    return sorted(known.files) if known else [path.resolve()]


def _neighbours(folder: Path) -> dict[str, Path]:
    """The imported modules that lie in a folder under their own names, and their files."""
    found = {}
    within = f"{folder}{os.sep}"
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or not str(file).startswith(within) or name.partition(".")[0] in ("harness", "__main__"):
            continue
        place = folder.joinpath(*name.split("."))
        if Path(file) in (place.with_name(place.name + ".py"), place / "__init__.py"):
            found[name] = Path(file)
    return found


def _forget_neighbours(folder: Path) -> None:
    """Has the modules beside a file be imported again: those that were, whatever they import themselves, and
    those of other folders that hide them by their names."""
    for name in _neighbours(folder):
        del sys.modules[name]
    here = {each.stem for each in folder.glob("*.py")} | {
        each.parent.name for each in folder.glob("*/__init__.py")
    }
    elsewhere = {file for loaded in _LOADED.values() for file in loaded.files}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in here and file and Path(file) in elsewhere:
            del sys.modules[name]


def _forget_later_imports(folder: Path) -> None:
    """Forgets modules beside a file that were imported within a function: of which content, nobody knows."""
    known = {file for loaded in _LOADED.values() for file in loaded.files}
    for name, file in _neighbours(folder).items():
        if file not in known:
            del sys.modules[name]


def _digest(file: Path) -> str:
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""


def _explained(error: BaseException, path: Path) -> str:
    """An error of an import with its place: the last one in the user's own files."""
    what = typed_reason(error)
    if isinstance(error, SyntaxError) and error.filename:
        file, line = Path(error.filename), error.lineno or 0
        what = f"{type(error).__name__}: {error.msg}"
    else:
        frames = traceback.extract_tb(error.__traceback__)
        own = [each for each in frames if Path(each.filename).is_relative_to(path.parent)]
        file, line = (Path(own[-1].filename), own[-1].lineno or 0) if own else (path, 1)
    return f"{file.name}:{line}: {what} (while {path.name} was imported)"

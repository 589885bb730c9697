"""What a worker of `--isolate` may read: Python, installed packages, the harness without its tasks, and the
method's own code. Everything else isn't there for it, wherever it lies."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import harness
from harness.base import paths
from harness.base.errors import UsageError
from harness.external.workers import walls
from harness.plugins.installed import packages_of_plugins
from harness.run.code import BUILT_IN, files_of, package_folder
from harness.spec import MethodSpec, TaskSpec

#: the name of the module that a method's own file becomes
MODULE = "harness_file_isolated"
_HARNESS = Path(harness.__file__).resolve().parent
#: what of the harness makes, or shows, what methods are judged by
_JUDGING = [_HARNESS / name for name in ("tasks", "leaderboard")]
#: what libraries ask of the machine
_SYSTEM = [
    *("/dev/null", "/dev/zero", "/dev/urandom", "/etc/localtime", "/etc/ld.so.cache", "/usr/share/zoneinfo"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu"),
]


@dataclass(frozen=True)
class Reach:
    """Files and folders that may be read, folders of which the names may be read, files of modules by name
    where they are found by no search, and where installed packages lie."""

    readable: list[str]
    listed: list[str]
    places: dict[str, str]
    path: list[str]


def reach_of(
    method: MethodSpec, arguments: Mapping[str, Any], task: TaskSpec | None, apart: Iterable[Path]
) -> Reach:
    """What the code of a method may read.

    Args:
        arguments: the method's, of which those that name a file may be read.
        task: what it is measured on; None where its spec alone is asked for.
        apart: the store and the data of the run, which stay out of reach even where they lie within
            something that may be read.

    Raises:
        UsageError: the method's code can't be kept apart from the task's, or from what may not be read.
    """
    kept = [path.resolve() for path in (*apart, paths.cache_dir(), *_JUDGING, *_of_others(method, task))]
    own = _own(method)
    files = [Path(value) for name, value in arguments.items() if _names_a_file(method, name, value)]
    mine = [*(own.values() if method.origin == "file" else (path.parent for path in own.values())), *files]
    for path in mine:
        real = path.resolve()
        if any(real.is_relative_to(each) or each.is_relative_to(real) for each in kept):
            raise UsageError(
                f"--isolate can't keep {path.name} of method {method.name!r} apart from the task, its data "
                "or the store; put the method where none of them is"
            )
    site, python = _site(), _python()
    roots = {path: [*kept, *site] for path in (*python, *map(Path, walls.LIBRARIES[:-1]))}
    roots |= {path: kept for path in (*site, *_HARNESS.iterdir())}
    readable = [part for root, without in roots.items() for part in _parts(root.resolve(), without)]
    readable += mine
    return Reach(
        [*dict.fromkeys(map(str, readable)), *_SYSTEM],
        [str(path) for path in (*python, *site, _HARNESS)],
        {"harness": str(_HARNESS / "__init__.py"), **{name: str(path) for name, path in own.items()}},
        [str(path) for path in site],
    )


def _own(method: MethodSpec) -> dict[str, Path]:
    """The files of the method's own modules by name; of a package its first."""
    if method.origin == "file":
        path = Path(method.path).resolve()
        beside = {
            name: each
            for name, each in files_of(method).items()
            if each.suffix == ".py"
            and name not in method.files
            and each.resolve().is_relative_to(path.parent)
        }
        return {MODULE: path, **{name: each for name, each in beside.items() if each.resolve() != path}}
    if method.distribution == BUILT_IN:
        return {}
    folder = package_folder(method)
    return {folder.name: folder / "__init__.py"}


def _of_others(method: MethodSpec, task: TaskSpec | None) -> list[Path]:
    """Packages of other distributions that are plugins, and the task's own files.

    Raises:
        UsageError: the method's package is the task's.
    """
    found = [
        folder for owner, folder in packages_of_plugins() if owner not in (BUILT_IN, method.distribution)
    ]
    if task is not None and task.name.startswith("inspect/"):
        found += _of_inspect(method)
    if task is None or task.distribution == BUILT_IN:
        return found
    if task.origin == "package" and task.distribution == method.distribution:
        raise UsageError(
            f"--isolate: method {method.name!r} and task {task.name!r} come from one distribution "
            f"({task.distribution}), whose files tell what the task asks; move the method to another"
        )
    return [*found, *files_of(task).values()]


def _of_inspect(method: MethodSpec) -> list[Path]:
    """Packages that bring tasks of inspect-ai, with their data."""
    from importlib.metadata import entry_points
    from importlib.util import find_spec

    points = [
        each
        for each in entry_points(group="inspect_ai")
        if each.dist and each.dist.name != method.distribution
    ]
    found = [find_spec(each.value.partition(":")[0].partition(".")[0]) for each in points]
    return [
        Path(next(iter(each.submodule_search_locations or ()), each.origin))  # a package, or a module alone
        for each in found
        if each and each.origin
    ]


def _names_a_file(method: MethodSpec, name: str, value: Any) -> bool:
    """Whether the user gave a file; a method's own default gives it none."""
    param = method.params.get(name)
    own = param is None or not param.file or value == param.default
    return not own and isinstance(value, str) and bool(value) and Path(value).exists()


def from_anywhere(method: MethodSpec, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with the files that they name where these lie, as the worker has a folder of its own."""
    return {
        name: str(Path(value).absolute()) if _names_a_file(method, name, value) else value
        for name, value in arguments.items()
    }


def _python() -> list[Path]:
    """Where Python's own library lies."""
    known = sysconfig.get_paths()
    return list(dict.fromkeys(Path(known[key]).resolve() for key in ("stdlib", "platstdlib")))


def _site() -> list[Path]:
    """Where packages are installed, for this Python and for the machine's."""
    known = {Path(sysconfig.get_paths()[key]) for key in ("purelib", "platlib")}
    known |= {Path(entry) for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")}
    return sorted({path.resolve() for path in known if path.is_dir()})


def _parts(root: Path, without: Iterable[Path]) -> list[Path]:
    """A file or folder, or the parts of it that neither are nor hold what is kept apart."""
    near = [path for path in without if path.is_relative_to(root) or root.is_relative_to(path)]
    if any(root.is_relative_to(path) for path in near):
        return []
    if not near or not root.is_dir():
        return [root] if root.exists() else []
    inner = [entry for entry in sorted(root.iterdir()) if not entry.is_symlink()]
    return [part for entry in inner for part in _parts(entry, near)]

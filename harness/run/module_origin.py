"""Whose a module is: the user's, Python's, an installed package's, or the harness's own."""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from functools import cache
from pathlib import Path

from harness.base.digest import digest, file_digest
from harness.run.imports import closure

#: contracts that put words before a model or decide on a score; built-ins are hashed with those they import
CONTRACTS = (
    "harness.annotate",
    "harness.answers",
    "harness.episode",
    "harness.method",
    "harness.task",
    "harness.world",
)
_ROOT = Path(__file__).parents[2]


def is_python(module: str) -> bool:
    """Whether a module belongs to Python itself."""
    return module.partition(".")[0] in sys.stdlib_module_names and module.partition(".")[0] != "__main__"


def is_own(module: str) -> bool:
    """Whether a module is the user's: not of Python, an installed package or the harness."""
    top = module.partition(".")[0]
    if top in ("", "__main__"):
        return True
    if is_python(module) or top == "harness":
        return False
    known = sys.modules.get(module)
    place = getattr(known, "__file__", None)
    if known is None:
        try:
            found = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            return False
        place = found.origin if found else None
    return place is None or not is_installed(Path(place))


def is_installed(path: Path) -> bool:
    """Whether a file lies where packages, or Python itself, are installed."""
    if "site-packages" in path.parts or "dist-packages" in path.parts:
        return True
    return any(path.is_relative_to(place) for place in _installed())


@cache
def _installed() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    return tuple({Path(paths[key]).resolve() for key in ("purelib", "platlib", "stdlib", "platstdlib")})


def below(folders: list[Path], module: str) -> Path | None:
    """The file of a module in one of these folders."""
    parts = module.split(".")
    for folder in folders:
        base = folder.joinpath(*parts)
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
    return None


def built_in(module: str, folder: Path | None = None) -> Path | None:
    """A module of the harness that a plugin is hashed with: a built-in, or a contract that it imports."""
    if module.startswith(("harness.tasks.", "harness.methods.")) or module in CONTRACTS:
        return below([_ROOT], module)
    return None


@cache
def built_in_digest(module: str) -> str | None:
    """The digest of a built-in's code, for a class that is made from it; None for any other module."""
    if not module.startswith(("harness.tasks.", "harness.methods.")):
        return None
    return digest(
        {name: file_digest(path) for name, path in closure({module: built_in(module)}, built_in).items()}
    )

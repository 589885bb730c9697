"""What a module imports and which files it names, read from its source without running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

#: a text in the code that may be the name of a file beside it
_FILE = re.compile(r"[\w.-]+(/[\w.-]+)*\.\w{1,10}")

#: functions that write to what they are called on or given first, and modes of `open` that write
WRITERS = frozenset({"write_text", "write_bytes", "touch", "mkdir", "to_csv", "to_parquet", "savefig"})
MODES = frozenset(mode + more for mode in "wax" for more in ("", "b", "t", "+", "b+", "+b")) | {"r+"}


def closure(
    start: Mapping[str, Path | None],
    find: Callable[[str, Path], Path | None],
    named: Callable[[str, Path], Mapping[str, Path]] | None = None,
) -> dict[str, Path]:
    """The modules of `start` and all that they import, as far as `find` gives a file for them, with the files
    beside them that their texts name (a script for a worker, a prompt). Imports within functions count.

    Args:
        start: files by the names of their modules.
        find: the file of a module by its name and the folder of the module that imports it; None where it
            doesn't count.
        named: the files that a text in a module of that folder names; by default the one beside it.
    """
    named = named or _beside
    found: dict[str, Path] = {}
    waiting = [(name, path) for name, path in start.items() if path is not None]
    while waiting:
        name, path = waiting.pop()
        if name in found:
            continue
        found[name] = path
        if path.suffix != ".py":
            continue
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        status = path.stat()
        imported, texts = _read(path, package, status.st_mtime_ns, status.st_size)
        for module in imported:
            beside = find(module, path.parent)
            if beside is not None:
                waiting.append((module, beside))
        for text in texts:
            waiting += [
                (f"{package or name}/{each}", file) for each, file in named(text, path.parent).items()
            ]
    return found


def _beside(text: str, folder: Path) -> dict[str, Path]:
    plain = _FILE.fullmatch(text) and ".." not in text
    return {text: folder / text} if plain and (folder / text).is_file() else {}


@lru_cache(maxsize=4096)
def _read(path: Path, package: str, modified: int, size: int) -> tuple[list[str], list[str]]:
    """The modules that a source may import, and its texts that may name a file; nothing of a broken one,
    which says so when it is imported."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return [], []
    return sorted(_imported(tree, package)), sorted(set(_texts(tree)))


def _imported(tree: ast.AST, package: str) -> set[str]:
    """The modules that a source may import; of `from a import b` both `a` and `a.b`, and packages above."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join(filter(None, [*above, base]))
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    whole = {".".join(name.split(".")[:n]) for name in names for n in range(1, name.count(".") + 2)}
    return {name for name in whole if name}


def _texts(tree: ast.AST) -> Iterator[str]:
    written = _written(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in written:
            text = node.value
            if 1 < len(text) < 200 and not text[0].isspace() and "\n" not in text:
                yield text


def _written(tree: ast.AST) -> set[str]:
    """The texts in expressions that the code writes to, as in `open("log.txt", "a")` and, after
    `log = Path("log.txt")`, in `log.write_text(...)`: what a run makes is none of its causes."""
    places: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            modes = [each.value for each in given if isinstance(each, ast.Constant)]
            if called in WRITERS or (called == "open" and any(mode in MODES for mode in modes)):
                places += [node.func, *node.args[:1]]
    names = {_last(node) for place in places for node in ast.walk(place)} - {"", "open", *WRITERS}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(_last(target) in names for target in node.targets):
            places.append(node.value)
    constants = (node for place in places for node in ast.walk(place) if isinstance(node, ast.Constant))
    return {node.value for node in constants if isinstance(node.value, str)}


def _last(node: ast.AST) -> str:
    """The name of a variable or an attribute."""
    return getattr(node, "attr", getattr(node, "id", ""))

"""What a setup really installed: written into its folder, and read wherever the installation is used.

The *content* of an installation is the official code and data: the files that were taken from a checkout,
else those of the first requirement. Libraries below it are named with their versions, and are no part of it:
they are other files on every platform.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from harness.base.digest import digest, file_digest
from harness.base.files import read_json, write_file
from harness.external.checkout import UNKNOWN

FILE = "installed.json"
SCHEMA = 1


def write(folder: Path, recipe: Mapping[str, Any], checkout: Mapping[str, Any] | None) -> dict[str, Any]:
    """Writes the manifest of an installation; `checkout` is as `harness.external.checkout.state` says it."""
    made: dict[str, Any] = {
        "schema": SCHEMA,
        "name": recipe["name"],
        "distributions": {each.name: each.version for each in _distributions(folder)},
        "files": files(folder, recipe),
    }
    if checkout is not None:
        made["checkout"] = dict(checkout)
    write_file(folder / FILE, (json.dumps(made, indent=1, sort_keys=True) + "\n").encode())
    return made


def read(folder: Path) -> dict[str, Any] | None:
    """The manifest of an installation; None where there is none, or it can't be read."""
    try:
        found = read_json(folder / FILE)
    except (OSError, ValueError):
        return None
    sound = isinstance(found, dict) and found.get("schema") == SCHEMA and isinstance(found.get("files"), dict)
    return found if sound else None


def present(folder: Path, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What is installed now, for a record: the manifest with the files as they are on disk, and whether they
    were `altered` after the setup. Empty where nothing is installed."""
    found = read(folder)
    if found is None:
        return {}
    now = files(folder, recipe)
    kept = {key: value for key, value in found.items() if key not in ("schema", "name", "files")}
    return {**kept, "files": now, "altered": now != found["files"]}


def version(recipe: Mapping[str, Any], manifest: Mapping[str, Any]) -> tuple[str, bool]:
    """The version of the official package that is really there, as data sources name it, and whether it is
    what the recipe pins."""
    if taken := manifest.get("checkout"):
        pinned = bool(taken["as_wanted"]) and not taken["changed"] and not manifest.get("altered")
        return str(taken["revision"]), pinned
    name = _name(recipe)
    found = {_plain(each): known for each, known in manifest.get("distributions", {}).items()}
    told = f"{name}=={found[_plain(name)]}" if _plain(name) in found else UNKNOWN
    return told, told == recipe["requirements"][0] and not manifest.get("altered")


def files(folder: Path, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The official code and data: how many files, how many bytes, and one digest of names and bytes."""
    found = {str(path.relative_to(folder)): path for path in _content(folder, recipe)}
    return {
        "count": len(found),
        "bytes": sum(path.stat().st_size for path in found.values()),
        "digest": digest({name: file_digest(path) for name, path in found.items()}),
    }


def _content(folder: Path, recipe: Mapping[str, Any]) -> Iterator[Path]:
    if "checkout" in recipe:
        for place in recipe["checkout"]["take"].values():
            yield from filter(_counts, (folder / place).rglob("*"))
        return
    for each in _distributions(folder):
        if _plain(each.name) == _plain(_name(recipe)):
            listed = (folder / str(path) for path in each.files or () if ".dist-info" not in str(path))
            yield from filter(_counts, listed)


def _counts(path: Path) -> bool:
    """Whether a file is one that came, and not one that Python made of it."""
    return path.is_file() and "__pycache__" not in path.parts


def _distributions(folder: Path) -> list[Distribution]:
    return sorted(distributions(path=[str(folder)]), key=lambda each: each.name.lower())


def _name(recipe: Mapping[str, Any]) -> str:
    """The name of the first requirement's distribution."""
    return re.split(r"[^\w.-]", recipe["requirements"][0].strip(), maxsplit=1)[0]


def _plain(name: str) -> str:
    """A distribution's name in its one spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()

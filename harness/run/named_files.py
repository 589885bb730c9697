"""Files that a text in the code names: a prompt, a script for a worker, a folder of templates.

Nobody knows whether a text is a path; one that names what exists is taken for one, and its content counts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from harness.base.digest import digest, file_digest

_PATH = re.compile(r"/?[\w.-]+(/[\w.-]+)*/?")
#: a file is named with its ending: a word alone is rarely one
_ENDING = re.compile(r"\.\w{1,10}$")
#: a larger folder is data, which a task reads and its own digest covers
_MOST_FILES, _MOST_BYTES = 200, 1 << 22


def named_files(text: str, folders: Iterable[Path]) -> dict[str, Path]:
    """The file that a text names in one of these folders, or those of the small folder that it names or
    begins with (`f"prompts/{name}.txt"`), by names that hold on every machine."""
    if not 1 < len(text) < 200 or not _PATH.fullmatch(text):
        return {}
    inner = text.strip("/")
    for folder in folders:
        for place in (folder / inner, Path(text)) if text.startswith("/") else (folder / inner,):
            if _ENDING.search(inner) and place.is_file():
                return {text: place}
        for beginning in (inner, inner.rpartition("/")[0]):
            if beginning and beginning.strip("./") and (folder / beginning).is_dir():
                return {f"{beginning}/{name}": path for name, path in _small(folder / beginning).items()}
    return {}


def named_content(text: str) -> str | None:
    """A digest of what a text names in the working folder; None where it names nothing."""
    found = named_files(text, [Path.cwd()])
    return digest({name: file_digest(path) for name, path in sorted(found.items())}) if found else None


def _small(folder: Path) -> dict[str, Path]:
    """The files below a folder; nothing of a large one, of a result store or of code."""
    found: dict[str, Path] = {}
    size = 0
    for place, folders, files in os.walk(folder):
        if ".running" in folders or "run.json" in files or "__init__.py" in files:
            return {}
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        for name in files:
            path = Path(place, name)
            if name.startswith(".") or not path.is_file():
                continue
            found[str(path.relative_to(folder))] = path
            size += path.stat().st_size
            if len(found) > _MOST_FILES or size > _MOST_BYTES:
                return {}
    return found

"""Files by their content: what a record says of a user's file, and where it was last seen on this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.base import paths
from harness.base.digest import path_digest
from harness.base.errors import UsageError

#: an absolute path, one that starts in the folder above or the home, or one that ends in a file's name
_FOLDERS = re.compile(
    r"(?<![\w.:/~-])(?P<kind>recorded/|file:)?(?:(?:~|\.{1,2})?/(?:[^\s'\",=/]+/)*|(?:[\w.-]+/)+"
    r"(?=[\w.-]+\.(?:csv|tsv|txt|psv|jsonl?|ndjson|parquet|feather|xlsx|inter|item|npy)\b))(?=[^\s'\",=/]+)"
)


def without_folders(text: str) -> str:
    """A command in which files are named without their folders: those are the user's own business."""
    return _FOLDERS.sub(lambda found: found["kind"] or "", text)


def named_by_content(arguments: Mapping[str, Any], hashed: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as a record keeps them: of a file its name, for people, and its digest.

    Args:
        hashed: the same arguments as the hashes of a run name them, a file as `{"digest": ...}`.
    """
    shown = dict(arguments)
    for name, value in arguments.items():
        content = hashed.get(name)
        if isinstance(value, str) and isinstance(content, Mapping) and set(content) in ({"digest"}, _NAMED):
            shown[name] = {"file": Path(value).name, "digest": content["digest"]}
    return shown


_NAMED = {"file", "digest"}


def remember_files(arguments: Mapping[str, Any], hashed: Mapping[str, Any]) -> None:
    """Notes where the files that arguments name lie, each by its content; see `named_by_content`."""
    for name, content in hashed.items():
        if isinstance(content, Mapping) and "digest" in content and set(content) <= _NAMED:
            remember(Path(str(arguments[name])), content["digest"])


def remember(path: Path, digest: str) -> None:
    """Notes where a content lies, so that a record can be scored again. A cache: it may be deleted."""
    note = _note(digest)
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(str(path.resolve()), "utf-8")
    except OSError:  # a cache that can't be written costs a hint
        pass


def located(arguments: Mapping[str, Any], flag: str) -> dict[str, Any]:
    """Arguments of a record with the paths at which its files lie here: where they were last seen, else in
    the working folder.

    Raises:
        UsageError: a file isn't found; says which.
    """
    found = dict(arguments)
    for name, value in arguments.items():
        if not (isinstance(value, Mapping) and "digest" in value and set(value) <= _NAMED):
            continue
        label, digest = str(value.get("file", "")), str(value["digest"])
        places = [Path(label)] if label else []
        if _note(digest).is_file():
            places.insert(0, Path(_note(digest).read_text("utf-8")))
        place = next((each for each in places if each.exists() and path_digest(each) == digest), None)
        if place is None:
            raise UsageError(
                f"{flag} {name} was the file {label or digest[:12]}, which isn't found by its content; copy "
                "it into the working folder as it was"
            )
        found[name] = str(place)
    return found


def _note(digest: str) -> Path:
    return paths.cache_dir() / "files" / digest

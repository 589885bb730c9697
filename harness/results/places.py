"""Where the records of a store lie, as the disk has them now: every folder is looked at, and what can't be
looked at is said."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from harness.base.errors import UsageError
from harness.base.files import Stamp, stamp_of

#: folders between `v1` and a run's: task, its N, method, model, run
DEPTH = 5
#: the folder of an attempt at a run
RUN = re.compile(r"[0-9a-f]{12}(?:-([0-9]{1,9}))?")
#: what only a store has
MARKS = ("v1", ".running", ".index", "baselines", "confirmation")


class Place(NamedTuple):
    """A folder, by its path in the store, that holds a record, or should. `stamp` is of the record's file;
    `fault` says why there is none that could be read."""

    folder: str
    stamp: Stamp
    fault: str = ""


def existing(root: str | Path) -> Path:
    """The folder of a store that is read, where a mistyped name must not pass as a store without runs.

    Raises:
        UsageError: there is no such folder, it is no store, or it can't be read.
    """
    path = Path(root)
    if not path.is_dir():
        raise UsageError(f"no result store at {root}; 'harness eval' makes one, --store names another")
    try:
        held = os.listdir(path)
        if (path / "v1").is_dir():
            os.listdir(path / "v1")
        elif "v1" in held:
            raise NotADirectoryError(20, "v1 in it is no folder")
    except OSError as error:
        raise UsageError(f"the result store {root} can't be read: {error.strerror}") from None
    if held and not set(MARKS) & set(held):
        raise UsageError(f"{root} is no result store: it has no folder v1; --store names another")
    return path


def number_of(folder: Path) -> int:
    """The number of the attempt in a run's folder."""
    return int(folder.name.partition("-")[2] or 1)


def beside(folder: str | Path, name: str) -> str:
    """The path of a file that a record names: of its own folder, or of that of an earlier attempt."""
    if name.startswith("../"):
        return f"{str(folder).rpartition('/')[0]}/{name[3:]}"
    return f"{folder}/{name}"


def places(root: Path) -> Iterator[Place]:
    """Every place of a record in a store, in a fixed order. One that goes while it is looked at is none."""
    yield from _below(str(root), "v1", DEPTH)


def _below(root: str, folder: str, depth: int) -> Iterator[Place]:
    path = f"{root}/{folder}"
    try:
        with os.scandir(path) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError as error:
        yield Place(folder, [], f"{path} can't be read: {error.strerror}")
        return
    for entry in entries:
        inner = f"{folder}/{entry.name}"
        try:
            is_folder = entry.is_dir()
        except OSError as error:
            yield Place(inner, [], f"{entry.path} can't be read: {error.strerror}")
            continue
        if is_folder and depth > 1:
            yield from _below(root, inner, depth - 1)
        elif is_folder:
            yield from _record(entry.path, entry.name, inner)


def _record(path: str, name: str, folder: str) -> Iterator[Place]:
    record = f"{path}/run.json"
    try:
        status = os.stat(record)
        fault = "" if stat.S_ISREG(status.st_mode) else f"{record} can't be read: it is no regular file"
        yield Place(folder, stamp_of(status), fault)
    except FileNotFoundError:
        # sealed folders come and go whole, so that one without its record was damaged
        if os.path.lexists(record) or (RUN.fullmatch(name) and os.path.isdir(path)):
            yield Place(folder, [], f"{path} has no run.json; restore it or remove the folder")
    except OSError as error:
        yield Place(folder, [], f"{record} can't be read: {error.strerror}")

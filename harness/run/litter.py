"""What killed processes left behind in a store and in the cache's folder: known by the lock that nobody holds
any longer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.base import paths
from harness.base.locks import abandoned, remove_abandoned
from harness.results.places import RUN
from harness.results.store import Store
from harness.run.journal import ATTEMPTS, about, outlived

#: seconds after which a file that was being written is not any longer, and checkpoints are given up
WRITING, CHECKPOINTS = 3600.0, 30 * 86400.0


@dataclass(frozen=True)
class Litter:
    """A file or folder that is of no use, and why."""

    path: Path
    what: str


def litter(root: Path, cache: Path | None = None) -> Iterator[Litter]:
    """What could be removed from a store and from the cache's folder; nothing that a process holds."""
    cache = paths.cache_dir() if cache is None else cache
    yield from _of_store(Store(root))
    for path in _in(cache / "artifacts"):
        if path.suffix == ".part" and abandoned(path):
            yield Litter(path, "an artefact that was not finished")
    for path in [*_in(cache / "artifacts"), *_in(cache / "running")]:
        if path.suffix == ".lock" and abandoned(path):
            yield Litter(path, "a lock that nobody holds")
    for path in _in(cache / "workspaces"):
        lock = path.with_suffix(".lock")
        if path.is_dir() and _age(path) > CHECKPOINTS and (abandoned(lock) or not lock.exists()):
            yield Litter(path, "checkpoints of a training that nobody went on with for 30 days")
        elif path.suffix == ".lock" and not path.with_suffix("").exists() and abandoned(path):
            yield Litter(path, "a lock that nobody holds")


def clean(root: Path, cache: Path | None = None) -> list[Litter]:
    """Removes what `litter` finds; what is gone."""
    return [found for found in litter(root, cache) if remove_abandoned(found.path)]


def _of_store(store: Store) -> Iterator[Litter]:
    for path in _in(store.root / ".running"):
        if path.name.startswith("seal-") and abandoned(path):
            yield Litter(path, "an attempt that was not sealed; its journal is kept")
        elif path.suffix == ".parquet" and abandoned(path):
            yield Litter(path, "attempts that were not sealed; their journal is kept")
        elif RUN.fullmatch(path.name) and (what := _dead(store, path)):
            yield Litter(path, what)
    for folder in (store.root / ".index", store.root / "baselines", *_looks(store.root)):
        for path in _in(folder):
            if path.suffix == ".part" and _age(path) > WRITING and abandoned(path):
                yield Litter(path, "a file that was not written to its end")


def _dead(store: Store, folder: Path) -> str:
    """Why the journal of a run is of no use; empty where it is, or a process writes it."""
    lock = folder / "lock"
    if lock.exists() and not abandoned(lock):
        return ""
    said = about(folder)
    run, attempt = said.get("run"), said.get("attempt")
    if not (folder / ATTEMPTS).exists() and _age(folder) > WRITING:
        return "a journal without an attempt"
    if not isinstance(run, str) or type(attempt) is not int or Path(run).is_absolute() or ".." in run:
        return ""
    if outlived(store, store.root / run, attempt):
        return "the journal of a run that is sealed"
    return ""


def _looks(root: Path) -> list[Path]:
    return [path for path in _in(root / "baselines") if path.suffix == ".looks"]


def _in(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _age(path: Path) -> float:
    """Seconds since a file, or anything in a folder, was changed."""
    last = 0.0
    with suppress(OSError):
        last = max(each.lstat().st_mtime for each in (path, *(_in(path) if path.is_dir() else ())))
    return time.time() - last

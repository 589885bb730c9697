"""`job.files`: where a method writes. Artefacts are found by their inputs, checkpoints outlive a kill."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.base import paths
from harness.base.digest import digest
from harness.base.errors import UsageError


@dataclass
class Artifact:
    """A folder that `fit` fills once. `exists` says that it is filled already and must not change;
    else `path` is an empty folder to fill."""

    path: Path
    exists: bool


class Files:
    """The folders of one method in one run.

    Args:
        method: its name, for messages.
        identity: what besides a caller's key decides whether two artefacts are the same: the method's
            name and version, and the digest of its code while it is in development.
        root: where artefacts and checkpoints lie; the cache's folder where it isn't given.
    """

    def __init__(self, method: str, identity: Any, root: Path | None = None) -> None:
        self._method, self._identity, self._root = method, identity, root
        self._dir: Path | None = None

    @property
    def dir(self) -> Path:
        """A folder for this run's own files; it goes when the run is sealed."""
        if self._dir is None:
            self._dir = Path(tempfile.mkdtemp(prefix="harness-"))
        return self._dir

    @contextmanager
    def artifact(self, key: Any) -> Iterator[Artifact]:
        """The folder of what `fit` makes from the inputs `key` (anything with a JSON form).

            with job.files.artifact([self.args, job.seed]) as made:
                if not made.exists:
                    train(made.path)
            load(made.path)

        A folder gets its final name, which `made.path` is after the block, in one step when the block
        ends without an exception; what a killed or failed `fit` leaves is never taken for finished.
        """
        final = self._place("artifacts", key)
        if final.is_dir():
            yield Artifact(final, True)
            return
        final.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f"{final.name[:12]}-", suffix=".part", dir=final.parent))
        made = Artifact(part, False)
        try:
            yield made
            try:
                part.rename(final)
            except OSError:
                if not final.is_dir():  # else another process was faster with the same
                    raise
            made.path = final
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def has(self, key: Any) -> bool:
        """Whether there is an artefact of the inputs `key` already."""
        return self.find(key) is not None

    def find(self, key: Any) -> Path | None:
        """The folder of the artefact of the inputs `key`; None where there is none yet."""
        place = self._place("artifacts", key)
        return place if place.is_dir() else None

    @contextmanager
    def workspace(self, key: Any) -> Iterator[Path]:
        """A folder for the checkpoints of a long `fit` from the inputs `key`. Unlike an artefact it is there
        again after a kill or a failure; it goes when the block ends without an exception.

        Raises:
            UsageError: another process works in it.
        """
        path = self._place("workspaces", key)
        path.mkdir(parents=True, exist_ok=True)
        with open(path.with_suffix(".lock"), "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(
                    f"another process fits {self._method!r} with the same inputs; wait for it, its result "
                    "will be found"
                ) from None
            yield path
            shutil.rmtree(path, ignore_errors=True)

    def _place(self, kind: str, key: Any) -> Path:
        return (self._root or paths.cache_dir()) / kind / digest([*self._identity, key])

    def close(self) -> None:
        """Removes the run's own folder."""
        if self._dir is not None:
            shutil.rmtree(self._dir, ignore_errors=True)

"""`job.files`: where a method writes. Artefacts are found by their inputs, checkpoints outlive a kill."""

from __future__ import annotations

import json
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.base import paths
from harness.base.digest import digest, file_digest
from harness.base.errors import UsageError
from harness.base.files import stamp_of
from harness.base.locks import Lock, own, own_folder

#: the digest of an artefact's other files
MANIFEST = ".artifact.json"
#: artefacts that this process found sound, each with its files as they were
_known: dict[Path, Any] = {}


class _Nested(Exception):
    """This very process makes the same already."""


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
        #: is told what one should know
        self.notice: Callable[[str], None] = lambda text: None
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
        ends without an exception; what a killed or failed `fit` leaves is never taken for finished. It
        carries the digest of its files: one that was damaged since is made again. While another process
        makes the same, it is waited for.
        """
        final = self._place("artifacts", key)
        if (found := self._sound(final)) is not None:
            yield Artifact(found, True)
            return
        lock = Lock(final.with_suffix(".lock"))
        try:
            lock.wait_here(self._wait)
        except _Nested:
            pass
        try:
            if (found := self._sound(final)) is not None:  # whoever was waited for has made it
                yield Artifact(found, True)
                return
            with own_folder(final.parent, f"{final.name[:12]}-", ".part") as part:
                made = Artifact(part, False)
                yield made
                (part / MANIFEST).write_text(json.dumps({"digest": _digest(part)}), "utf-8")
                try:
                    part.rename(final)
                except OSError:
                    if not final.is_dir():  # else another process was faster with the same
                        raise
                made.path = final
        finally:
            lock.release(remove=True)

    def _wait(self, owner: str) -> None:
        if own(owner):
            raise _Nested
        self.notice(f"{owner} makes what {self._method!r} needs from the same inputs; waiting for it")

    def _sound(self, folder: Path) -> Path | None:
        """The folder of an artefact; None where there is none, or one that was damaged, which goes."""
        if not folder.is_dir():
            return None
        try:
            held = json.loads((folder / MANIFEST).read_text("utf-8"))["digest"]
        except FileNotFoundError:  # of an earlier version
            return folder
        except (OSError, ValueError, KeyError, TypeError):
            held = ""
        if _known.get(folder) == (stamps := _stamps(folder)):
            return folder
        if _digest(folder) == held:
            _known[folder] = stamps
            return folder
        self.notice(f"what {self._method!r} made before is damaged, and made again: {folder}")
        gone = folder.with_name(f"{folder.name[:12]}-{uuid.uuid4().hex}.part")
        with suppress(OSError):
            folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
        return None

    def has(self, key: Any) -> bool:
        """Whether there is an artefact of the inputs `key` already."""
        return self.find(key) is not None

    def find(self, key: Any) -> Path | None:
        """The folder of the artefact of the inputs `key`; None where there is none yet."""
        return self._sound(self._place("artifacts", key))

    @contextmanager
    def workspace(self, key: Any) -> Iterator[Path]:
        """A folder for the checkpoints of a long `fit` from the inputs `key`. Unlike an artefact it is there
        again after a kill or a failure; it goes when the block ends without an exception.

        Raises:
            UsageError: another process works in it.
        """
        path = self._place("workspaces", key)
        path.mkdir(parents=True, exist_ok=True)
        lock = Lock(path.with_suffix(".lock"))
        if owner := lock.take():
            raise UsageError(
                f"another process fits {self._method!r} with the same inputs ({owner}); wait for it, its "
                "result will be found"
            )
        try:
            yield path
            shutil.rmtree(path, ignore_errors=True)
        finally:
            lock.release(remove=not path.exists())

    def _place(self, kind: str, key: Any) -> Path:
        return (self._root or paths.cache_dir()) / kind / digest([*self._identity, key])

    def close(self) -> None:
        """Removes the run's own folder."""
        if self._dir is not None:
            shutil.rmtree(self._dir, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)


def _digest(folder: Path) -> str:
    """What an artefact is: the names and bytes of its files, but for its manifest."""
    return digest({path.relative_to(folder).as_posix(): file_digest(path) for path in _files(folder)})


def _stamps(folder: Path) -> list[Any]:
    return [[str(path), stamp_of(path.stat())] for path in (*_files(folder), folder / MANIFEST)]

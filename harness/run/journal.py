"""The attempts of a run while it goes: one JSON line each, on disk before the next is asked for."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from harness.base.errors import RecordError
from harness.base.secrets import json_without_secrets


class Journal:
    """`samples.jsonl` of one run, held by one process at a time.

    Every attempt is written with one system call, so that killing the process loses none that was
    finished; fsync, which guards against a power cut, comes once a second at most.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = open(folder / "lock", "a+")
        except OSError as error:
            raise RecordError(f"can't write to {folder}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.seek(0)
            owner = self._lock.read().strip() or "unknown"
            self._lock.close()
            raise RecordError(
                f"this cell is being written by another process (pid {owner}); wait for it, or "
                "choose another store with --store"
            ) from None
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()
        self.folder, self.path = folder, folder / "samples.jsonl"
        self.places: dict[tuple[int, int], tuple[int, int]] = {}
        #: what attempts spent that failed and are asked again
        self.given_up: list[dict[str, Any]] = []
        #: digests of the code that made the attempts, by part; empty where nothing says it
        self.code: dict[str, str] = self._about().get("code") or {}
        self._end = self._recover()
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        self._synced = time.monotonic()

    def _recover(self) -> int:
        """Finds the attempts of an earlier, interrupted run; cuts off a half-written last line."""
        if not self.path.exists():
            return 0
        end = 0
        with open(self.path, "rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                try:
                    attempt = json.loads(line)
                    key = (int(attempt["n"]), int(attempt["epoch"]))
                except (ValueError, KeyError, TypeError):
                    break
                if attempt["status"] == "error":
                    self.places.pop(key, None)  # asked again
                    self.given_up.append(attempt.get("usage") or {})
                else:
                    self.places[key] = (end, len(line))
                end += len(line)
        os.truncate(self.path, end)
        return end

    def describe(self, title: str, wanted: int, code: Mapping[str, str]) -> None:
        """Says what the run is and how many attempts it wants, for those who look on, and which code makes
        them."""
        self.code = dict(code)
        about = json.dumps({"title": title, "wanted": wanted, "code": self.code})
        with contextlib.suppress(OSError):  # a full disk is reported where something would be lost
            (self.folder / "about.json").write_text(json_without_secrets(about), "utf-8")

    def _about(self) -> dict[str, Any]:
        return self._read("about.json")

    def append(self, attempt: dict[str, Any]) -> None:
        """Keep one attempt; `n` is the sample's position in its split.

        Raises:
            RecordError: the disk is full or gone; everything written before stays.
        """
        text = json.dumps(attempt, ensure_ascii=True, separators=(",", ":"))
        line = json_without_secrets(text).encode() + b"\n"
        try:
            written = os.pwrite(self._file, line, self._end)
            if written != len(line):
                raise OSError(28, "No space left on device")
            if time.monotonic() - self._synced > 1.0:
                os.fsync(self._file)
                self._synced = time.monotonic()
        except OSError as error:
            os.ftruncate(self._file, self._end)
            raise RecordError(
                f"can't write to {self.path}: {error.strerror}; nothing finished is "
                "lost, run the same command to go on"
            ) from error
        self.places[attempt["n"], attempt["epoch"]] = (self._end, len(line))
        self._end += len(line)

    def attempts(self) -> Iterator[dict[str, Any]]:
        """Every attempt, ordered by sample and epoch, read from disk one at a time."""
        for _, (start, length) in sorted(self.places.items()):
            yield json.loads(os.pread(self._file, length, start))

    def keep_fit(self, spent: dict[str, Any]) -> None:
        """Keep what `fit` spent, looked at, learned and drew, for a run that is killed between its last
        answer and its seal and doesn't fit again."""
        part = self.folder / "fit.part"
        try:
            part.write_text(json_without_secrets(json.dumps(spent)), "utf-8")
            part.replace(self.folder / "fit.json")
        except OSError as error:
            raise RecordError(f"can't write to {self.folder}: {error.strerror}") from error

    def keep_lost(self, spent: dict[str, Any]) -> None:
        """Keep what was paid, or may have been, for attempts that aren't finished, by all processes."""
        part = self.folder / "lost.part"
        try:
            part.write_text(json.dumps(spent), "utf-8")
            part.replace(self.folder / "lost.json")
        except OSError as error:
            raise RecordError(f"can't write to {self.folder}: {error.strerror}") from error

    def lost(self) -> dict[str, Any]:
        """What `keep_lost` kept; empty if nothing was."""
        return self._read("lost.json")

    def fit(self) -> dict[str, Any]:
        """What `fit` spent, looked at, learned and drew; empty if it didn't end."""
        return self._read("fit.json")

    def _read(self, name: str) -> dict[str, Any]:
        try:
            found = json.loads((self.folder / name).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def keep_served(self, served: Mapping[str, Any]) -> None:
        """Keep what came to and from the models so far: attempts don't say it. One that can't be written
        is no reason to stop, as it is written again with whatever comes next."""
        with contextlib.suppress(OSError):
            (self.folder / "served.json").write_text(json_without_secrets(json.dumps(served)), "utf-8")

    def served(self) -> dict[str, Any]:
        """What `keep_served` kept; empty if nothing was."""
        try:
            found = json.loads((self.folder / "served.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def clear(self) -> None:
        """Begin again: none of what was written is found by whoever goes on later."""
        os.ftruncate(self._file, 0)
        self._end = 0
        self.places.clear()
        self.given_up.clear()
        for name in ("fit.json", "served.json", "lost.json"):
            (self.folder / name).unlink(missing_ok=True)

    def remove(self) -> None:
        """Forget the journal, once the run is sealed."""
        for name in (
            *("samples.jsonl", "about.json", "fit.json", "fit.part", "served.json", "lost.json", "lost.part"),
            "lock",
        ):
            (self.folder / name).unlink(missing_ok=True)
        try:
            self.folder.rmdir()
        except OSError:
            pass

    def close(self) -> None:
        os.close(self._file)
        self._lock.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

"""Which batches were submitted and not yet answered, on disk, so that no call of theirs is paid for twice."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from harness.base import paths
from harness.base.digest import digest

#: days that providers keep the answers of a batch
KEPT = 28


class Submitted:
    """Of one model at one server: a file a batch. Its first line names the calls, each other line one whose
    answer somebody has."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._of: dict[str, str] = {}  # batch by call
        self._left: dict[str, set[str]] = {}  # calls by batch
        for path in sorted(self._folder.glob("*.jsonl")):
            try:
                first, *answered = path.read_text("utf-8").splitlines()
                found = json.loads(first)
                if found["owner"] != owner:
                    continue
                if time.time() - float(found["time"]) > KEPT * 86400:
                    path.unlink()
                    continue
                self._keep(str(found["batch"]), {str(call) for call in found["calls"]} - {*answered})
            except (OSError, ValueError, KeyError, TypeError):
                continue

    @property
    def _folder(self) -> Path:
        return paths.cache_dir() / "batches"

    def batch_of(self, call: str) -> str | None:
        """The batch that holds the answer to a call, or will."""
        return self._of.get(call)

    def calls_of(self, batch: str) -> list[str]:
        """The calls of a batch whose answers nobody has."""
        return sorted(self._left.get(batch, ()))

    def add(self, batch: str, calls: Iterable[str]) -> None:
        """Notes a batch that was submitted."""
        self._keep(batch, calls)
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(batch)
        part = path.with_suffix(".part")
        about = {"owner": self._owner, "batch": batch, "time": time.time(), "calls": self.calls_of(batch)}
        part.write_text(json.dumps(about) + "\n", "utf-8")
        os.replace(part, path)

    def answered(self, call: str) -> None:
        """Somebody has the answer to a call; a batch of which this was the last is forgotten."""
        batch = self._of.pop(call, None)
        if batch is None:
            return
        self._left[batch].discard(call)
        if not self._left[batch]:
            self.forget(batch)
            return
        with self._path(batch).open("a", encoding="utf-8") as file:
            file.write(f"{call}\n")

    def forget(self, batch: str) -> None:
        """Nobody can or need ask for a batch any more."""
        for call in self._left.pop(batch, ()):
            if self._of.get(call) == batch:
                del self._of[call]
        self._path(batch).unlink(missing_ok=True)

    def _keep(self, batch: str, calls: Iterable[str]) -> None:
        left = self._left.setdefault(batch, set())
        for call in calls:
            left.add(call)
            self._of[call] = batch

    def _path(self, batch: str) -> Path:
        return self._folder / f"{digest([self._owner, batch])[:32]}.jsonl"

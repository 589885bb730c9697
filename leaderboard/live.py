"""The site over HTTP on this machine, rebuilt as runs are sealed, with the progress of those that go."""

from __future__ import annotations

import fcntl
import json
import tempfile
import threading
from pathlib import Path
from typing import Any

from harness.base.errors import DECLINED, HarnessError
from harness.base.files import check_file, read_json
from harness.base.terminal import say
from harness.human.queue import FOLDER, Queue
from harness.leaderboard.server import server
from harness.leaderboard.site import Options, Verified, build
from harness.results.store import Store

EVERY_S = 2.0


class Live:
    """A site in a folder of its own that follows a store; `version` moves with every build."""

    def __init__(self, root: Path, options: Options, target: Path) -> None:
        self.root, self.options, self.target = root, options, target
        self.version, self.fault = 0, ""
        self._stamp: object = None
        self._verified = Verified()
        self._journals = _Journals()
        self._queue = Queue(root / FOLDER)

    def follow(self) -> bool:
        """Rebuilds the site if a record came, went or changed; whether it did.

        Raises:
            UsageError: there is no store.
        """
        stamp = self._look()
        if stamp == self._stamp:
            return False
        if self._stamp is not None and not set(self._stamp) <= set(stamp):  # type: ignore[call-overload]
            self._verified = Verified()  # a record was changed or removed: trust none of the old ones
        build(self.root, self.target, self.options, self._verified)
        self._stamp = stamp
        self.version += 1
        return True

    def state(self) -> dict[str, Any]:
        """What the pages ask for: the version, every run in progress, and how many requests wait for a person
        and where they are answered."""
        return {
            "version": self.version,
            "fault": self.fault,
            "running": self._journals.read(self.root),
            "people": {"waiting": self._queue.open(), "address": self._queue.served_at()},
        }

    def _look(self) -> tuple[tuple[str, int, int], ...]:
        found = []
        for folder in Store(self.root).folders():
            for name in ("run.json", "samples.parquet", "curve.jsonl"):
                try:
                    status = (folder / name).stat()
                except OSError:
                    continue
                found.append((f"{folder}/{name}", status.st_mtime_ns, status.st_size))
        return tuple(found)


class _Journals:
    """Counts of the attempts in journals; each line is read once."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[int, dict[tuple[int, int], str]]] = {}

    def read(self, root: Path) -> list[dict[str, Any]]:
        running = []
        paths = sorted((root / ".running").glob("*/samples.jsonl"))
        self._seen = {path: kept for path, kept in self._seen.items() if path in paths}
        for path in paths:
            said = _about(path.parent)
            try:
                statuses = self._statuses(path)
            except OSError:
                statuses = self._seen.get(path, (0, {}))[1]
            values = list(statuses.values())
            running.append(
                {
                    "id": path.parent.name,
                    "title": str(said.get("title", "")),
                    "wanted": said.get("wanted"),
                    "attempts": len(values),
                    "unscored": values.count("unscored"),
                    "error": values.count("error"),
                    "declined": sum(value in DECLINED for value in values),
                    "writing": _locked(path.with_name("lock")),
                }
            )
        return running

    def _statuses(self, path: Path) -> dict[tuple[int, int], str]:
        end, statuses = self._seen.get(path, (0, {}))
        if check_file(path).st_size < end:
            end, statuses = 0, {}
        with open(path, "rb") as lines:
            lines.seek(end)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                end += len(line)
                try:
                    attempt = json.loads(line)
                    statuses[attempt["n"], attempt["epoch"]] = str(attempt["status"])
                except (ValueError, KeyError, TypeError, RecursionError):
                    continue
        self._seen[path] = (end, statuses)
        return statuses


def _about(folder: Path) -> dict[str, Any]:
    try:
        found = read_json(folder / "about.json")
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _locked(path: Path) -> bool:
    """Whether a process holds the lock of a journal."""
    try:
        with open(path) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(lock, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def serve(root: Path, options: Options, port: int) -> None:
    """Serves until it is interrupted.

    Raises:
        UsageError: no store at `root`, or the port is taken.
    """
    with tempfile.TemporaryDirectory(prefix="harness-site-") as folder:
        live = Live(root, options, Path(folder))
        live.follow()
        http = server(live, port)
        threading.Thread(target=http.serve_forever, daemon=True).start()
        say(f"http://127.0.0.1:{http.server_port}/ shows {root}; Ctrl-C ends it")
        wait = threading.Event()
        try:
            while not wait.wait(EVERY_S):
                try:
                    live.follow()
                    live.fault = ""
                except (HarnessError, OSError) as error:  # a store in motion: look again
                    live.fault = str(error)
        except KeyboardInterrupt:
            pass
        finally:
            http.shutdown()
            http.server_close()

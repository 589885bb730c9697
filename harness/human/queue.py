"""A folder in which requests to people wait for a reply, whoever is there when.

An evaluation puts a request there and waits; a page takes replies (`harness human serve`). Neither needs the
other to run: every request, the moment when it was first shown and every reply is a file, put in place in one
step, so that killing either side loses nothing. A request is named by a digest of what is asked for which
attempt: who asks it again finds its reply.

    requests/ID.json   what is asked
    waiting/ID.ASKER.json
                       a process waits for it (`askers/`, a file that it locks), or why it doesn't any more
    shown/ID.json      when it was first shown
    replies/ID.json    the reply and the seconds that it took
    serving.json       the address of the page that is served
    token              what the page's address must hold
"""

from __future__ import annotations

import json
import os
import secrets
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.base.errors import RecordError
from harness.base.files import read_file, read_json, sync_folder, write_file
from harness.base.locks import AGAIN, Lock, abandoned
from harness.base.secrets import json_without_secrets
from harness.human.shown import Shown

#: bytes of a request, and of a reply
LARGEST = 1 << 24
LONGEST_REPLY = 1 << 20
#: how often the page's lock is tried: who looks whether it is held holds it for a moment
LOOKS = 3
#: the name of the folder in a store
FOLDER = ".human"


@dataclass(frozen=True)
class Said:
    """A reply: its text, and the seconds from when the request was first shown; None where it never was."""

    text: str
    seconds: float | None


@dataclass(frozen=True)
class Waiting:
    """A request that has no reply yet. `asked` is when it was put there, in seconds since 1970; `gone` says
    why nobody waits for it now, empty where somebody does."""

    id: str
    shown: Shown
    model: str
    asked: float
    gone: str


class Taken(Exception):
    """A reply that doesn't count; the message says why, for the person who gave it."""


class Queue:
    """The folder of one store. The side that asks holds `asker` as long as its process lives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._asker: Lock | None = None

    # -- asking --------------------------------------------------------------------------------------

    def ask(self, id: str, shown: Shown, model: str) -> None:
        """Puts a request there, with this process as one that waits for it. When it was first shown, and what
        was said to it, stays; of one that everybody had given up its time begins anew.

        Raises:
            RecordError: the folder can't be written.
        """
        try:
            self._make()
            if self._given_up(id):
                self._remove(id, "shown")
            write_file(self._waiter(id), _json({}))
            at = self._read("requests", id).get("at", time.time())
            write_file(self._path("requests", id), _json({"model": model, "at": at, "shown": shown.plain()}))
        except OSError as error:
            raise RecordError(f"{self.folder} can't be written: {error.strerror or error}") from error

    def asks(self, id: str) -> bool:
        """Whether a request still stands there, which somebody may have removed."""
        return self._path("requests", id).is_file()

    def said(self, id: str) -> Said | None:
        """The reply to a request; None while there is none."""
        found = self._read("replies", id)
        if "reply" not in found:
            return None
        seconds = found.get("seconds")
        return Said(str(found["reply"]), float(seconds) if isinstance(seconds, int | float) else None)

    def give_up(self, id: str, why: str) -> None:
        """This process waits no more for the reply; others may. One that came first stays."""
        with suppress(OSError):
            write_file(self._waiter(id), _json({"gone": why}))

    def done(self, id: str) -> None:
        """The reply was read. It stays, so that who asks the same again, or waits for it too, finds it."""
        self._forget(id)

    # -- answering -----------------------------------------------------------------------------------

    def waiting(self) -> list[Waiting]:
        """Every request without a reply, the oldest first. What was given up by processes that have ended
        since is removed."""
        found, waiters = [], self._waiters()
        for path in _listed(self.folder / "requests"):
            id = path.stem
            known = self._read("requests", id)
            if not known or self.said(id) is not None:
                continue
            gone = _gone(waiters.get(id, {}))
            if gone is None:
                self._forget(id)
                continue
            with suppress(KeyError, TypeError, ValueError):  # what others put there
                shown = Shown.read(known["shown"])
                found.append(Waiting(id, shown, str(known["model"]), float(known["at"]), gone))
        return sorted(found, key=lambda each: (each.asked, each.id))

    def open(self) -> int:
        """How many requests somebody waits for."""
        return sum(not each.gone for each in self.waiting())

    def show(self, id: str) -> float:
        """Notes that a request is shown; the seconds since it first was."""
        now = time.time()
        with suppress(FileExistsError):
            self._put_first("shown", id, {"at": now})
        return max(0.0, now - (self._shown_at(id) or now))

    def reply(self, id: str, text: str) -> Said:
        """Takes a reply. Of two people the first counts.

        Raises:
            Taken: it doesn't count: somebody was first, or nobody waits for it any more.
            OSError: it can't be written.
        """
        if (before := self.said(id)) is None:
            if not self._read("requests", id) or self._given_up(id):
                raise Taken("Nobody waits for this any more.")
            now, first = time.time(), self._shown_at(id)
            said = Said(text, None if first is None else max(0.0, now - first))
            with suppress(FileExistsError):
                self._put_first("replies", id, {"reply": text, "seconds": said.seconds, "at": now})
                return said
            before = self.said(id)
        raise Taken(f"Somebody has answered this before: {before.text if before else ''}")

    def forget(self, id: str) -> None:
        """Removes a request for which no process that runs waits."""
        if self._read("requests", id) and not any(alive for alive, _ in self._waiters().get(id, {}).values()):
            self._forget(id)

    # -- the page ------------------------------------------------------------------------------------

    def token(self) -> str:
        """What the address of the page must hold; the same for every process that serves it.

        Raises:
            OSError: the folder can't be written.
        """
        self._make()
        path = self.folder / "token"
        with suppress(FileExistsError):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(handle, "w") as file:
                file.write(secrets.token_urlsafe(24))
        return read_file(path, 1000).decode("utf-8", "replace").strip()

    def serve(self, address: str) -> Lock:
        """Notes where the page is served, as long as the lock that comes back is held.

        Raises:
            RecordError: another process serves it; says which and where.
            OSError: the folder can't be written.
        """
        self._make()
        lock = Lock(self.folder / "serving.lock")
        for _ in range(LOOKS):
            owner = lock.take()
            if owner is None:
                break
            time.sleep(AGAIN)
        else:
            raise RecordError(f"{owner} serves this already, at {self.served_at() or 'another address'}")
        write_file(self.folder / "serving.json", _json({"address": address}))
        return lock

    def served_at(self) -> str:
        """The address at which the page is served now, without its token; empty where it isn't."""
        lock = self.folder / "serving.lock"
        if not lock.is_file() or abandoned(lock):
            return ""
        return str(_object(self.folder / "serving.json").get("address", ""))

    # -- files ---------------------------------------------------------------------------------------

    def _make(self) -> None:
        for part in ("requests", "waiting", "shown", "replies", "askers"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        with suppress(OSError):
            self.folder.chmod(0o700)

    def _path(self, part: str, id: str) -> Path:
        return self.folder / part / f"{id}.json"

    def _read(self, part: str, id: str) -> Mapping[str, Any]:
        return _object(self._path(part, id)) if id.isalnum() else {}

    def _waiter(self, id: str) -> Path:
        """Where it stands that this process waits for a request."""
        return self.folder / "waiting" / f"{id}.{self._self()}.json"

    def _waiters(self) -> dict[str, dict[Path, tuple[bool, str]]]:
        """Who waits, or waited, for each request: whether the process runs, and why it gave up, empty
        where it didn't."""
        found: dict[str, dict[Path, tuple[bool, str]]] = {}
        for path in sorted(_listed(self.folder / "waiting")):
            id, _, asker = path.stem.partition(".")
            gone = str(_object(path).get("gone", ""))
            found.setdefault(id, {})[path] = self._alive(asker), gone
        return found

    def _given_up(self, id: str) -> bool:
        """Whether everybody who waited for a request gave it up."""
        waiters = self._waiters().get(id, {}).values()
        return bool(waiters) and all(gone for _, gone in waiters)

    def _forget(self, id: str) -> None:
        """Removes a request, and who waited for it; what was said to it stays."""
        self._remove(id, "requests", "shown")
        for path in (self.folder / "waiting").glob(f"{id}.*.json"):
            path.unlink(missing_ok=True)

    def _remove(self, id: str, *parts: str) -> None:
        for part in parts:
            with suppress(OSError):
                self._path(part, id).unlink()

    def _shown_at(self, id: str) -> float | None:
        at = self._read("shown", id).get("at")
        return float(at) if isinstance(at, int | float) else None

    def _put_first(self, part: str, id: str, value: Mapping[str, Any]) -> None:
        """Puts a file in place in one step, whole and on the disk, if there is none.

        Raises:
            FileExistsError: there is one.
        """
        path = self._path(part, id)
        made = path.with_name(f".{id}-{uuid.uuid4().hex[:12]}.part")
        try:
            with open(made, "wb") as file:
                file.write(_json(value))
                file.flush()
                os.fsync(file.fileno())
            os.link(made, path)
        finally:
            made.unlink(missing_ok=True)
        sync_folder(path.parent)

    def _self(self) -> str:
        """The name of this process among those that ask."""
        if self._asker is None:
            for old in _listed(self.folder / "askers", ".lock"):
                if abandoned(old):
                    old.unlink(missing_ok=True)
            lock = Lock(self.folder / "askers" / f"{uuid.uuid4().hex}.lock")
            lock.wait_here(lambda owner: None)  # who looks whether it is held holds it for a moment
            self._asker = lock
        return self._asker.path.stem

    def _alive(self, asker: str) -> bool:
        path = self.folder / "askers" / f"{asker}.lock"
        return asker.isalnum() and path.is_file() and not abandoned(path)


def _gone(waiters: Mapping[Path, tuple[bool, str]]) -> str | None:
    """Why nobody waits for a request; empty where somebody does, None where nobody will again."""
    if any(alive and not gone for alive, gone in waiters.values()):
        return ""
    if not waiters or any(not alive and not gone for alive, gone in waiters.values()):
        return "not running"
    return next((gone for alive, gone in waiters.values() if alive), None)


def _listed(folder: Path, suffix: str = ".json") -> list[Path]:
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [folder / name for name in names if name.endswith(suffix) and not name.startswith(".")]


def _object(path: Path) -> Mapping[str, Any]:
    """The JSON object in a file; an empty one where there is none that can be read."""
    try:
        found = read_json(path, LARGEST)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _json(value: Mapping[str, Any]) -> bytes:
    return json_without_secrets(json.dumps(value)).encode("utf-8")

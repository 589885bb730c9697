"""Completions kept by content, and what their models were: SQLite in WAL mode, commits in batches."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from harness.base.errors import CacheFailed
from harness.base.secrets import json_without_secrets, without_secret_values

#: of the database; 0 is of when the address of a server was part of keys
FORMAT = 1

#: seconds that another process may hold the cache at a time
PATIENCE = 30.0


class Cache:
    """Key (64 hex digits) to JSON text. Safe for several processes at once.

    A value that was damaged is none, and said so once. What can't be written stays in memory, so that those
    who paid for it have it; `problem` then says why, and nobody should begin what will be paid for.

    Args:
        notice: is told what one should know.
    """

    def __init__(
        self,
        path: Path,
        batch: int = 64,
        seconds: float = 1.0,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._path, self._notice = path, notice
        #: why what waits can't be written; None while it can
        self.problem: CacheFailed | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            new = not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'completions'").fetchone()
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS completions (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID"
            )
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS identities (name TEXT, args TEXT, address TEXT, value TEXT, "
                "at REAL, PRIMARY KEY (name, args, address)) WITHOUT ROWID"
            )
            # beside the values and not with them, so that earlier versions go on with the same file
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS digests (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID"
            )
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS requests (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID"
            )
            if new:
                self._db.execute(f"PRAGMA user_version = {FORMAT}")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error
        #: whether completions may be here under keys that held the address of a server
        self.older = version < FORMAT
        self._waiting: dict[str, str] = {}
        self._requests: dict[str, str] = {}
        self._batch, self._seconds, self._last = batch, seconds, time.monotonic()

    def get(self, key: str) -> str | None:
        """The value, None if there is none.

        Raises:
            CacheFailed: the cache can't be read.
        """
        if key in self._waiting:
            return self._waiting[key]
        try:
            row = self._db.execute(
                "SELECT c.value, d.value FROM completions c LEFT JOIN digests d ON d.key = c.key "
                "WHERE c.key = ?",
                (key,),
            ).fetchone()
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        if row is None:
            return None
        value, digest = row
        if isinstance(value, str) and digest in (None, _digest(value)):
            return value
        self.damaged(key)
        return None

    def damaged(self, key: str) -> None:
        """Forget a value of which nothing can be made, and say so."""
        self._notice(f"the cache {self._path} holds a damaged answer, which is asked for again")
        self.drop(key)

    def put(self, key: str, value: str) -> None:
        """Keep a value; the first one kept for a key stays."""
        self._waiting.setdefault(key, json_without_secrets(value))
        if len(self._waiting) >= self._batch or time.monotonic() - self._last > self._seconds:
            self.flush()

    def put_request(self, key: str, value: str) -> None:
        """Keep the request by which the value of a key was got; written with the next value."""
        self._requests[key] = json_without_secrets(value)

    def request(self, key: str) -> str | None:
        """The request by which the value of a key was got; None if it wasn't kept.

        Raises:
            CacheFailed: the cache can't be read.
        """
        if key in self._requests:
            return self._requests[key]
        try:
            row = self._db.execute("SELECT value FROM requests WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        return row[0] if row and isinstance(row[0], str) else None

    def drop(self, key: str) -> None:
        """Forget what was kept for a key."""
        self._waiting.pop(key, None)
        self._requests.pop(key, None)
        try:
            for table in ("completions", "digests", "requests"):
                self._db.execute(f"DELETE FROM {table} WHERE key = ?", (key,))  # noqa: S608  # names from here
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def keep_identity(self, name: str, args: str, address: str, value: str) -> None:
        """Keep what the client of a model reported: the newest replaces what was kept for the same model,
        digest of arguments and address of its server (empty where none was named)."""
        row = (name, args, without_secret_values(address), json_without_secrets(value), time.time())
        try:
            self._db.execute("INSERT OR REPLACE INTO identities VALUES (?, ?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            self.problem = self._unusable(error)

    def keep_run(self, run_id: str) -> None:
        """Keep that every completion of a run is here."""
        self.keep_identity(f"run {run_id}", "", "", "")

    def has_run(self, run_id: str) -> bool:
        """Whether every completion of a run is here."""
        return self.identity(f"run {run_id}", "", "") is not None

    def identity(self, name: str, args: str, address: str) -> str | None:
        """What was last kept for a model: with the same arguments if there is such, else with others; at
        `address`, or wherever it was if that is empty. None if nothing was."""
        try:
            row = self._db.execute(
                "SELECT value FROM identities WHERE name = ? AND (? = '' OR address = ?) "
                "ORDER BY args = ? DESC, at DESC LIMIT 1",
                (name, address, address, args),
            ).fetchone()
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        return row[0] if row else None

    def identities(self, name: str) -> list[str]:
        """All that was kept for a model, the newest last."""
        try:
            rows = self._db.execute("SELECT value FROM identities WHERE name = ? ORDER BY at", (name,))
            return [value for (value,) in rows]
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def flush(self) -> None:
        """Write what waits. Where that fails it still waits, and `problem` says why."""
        if self._waiting:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                for key, value in self._waiting.items():
                    new = self._db.execute("INSERT OR IGNORE INTO completions VALUES (?, ?)", (key, value))
                    if new.rowcount:
                        self._db.execute(
                            "INSERT OR REPLACE INTO digests VALUES (?, ?)", (key, _digest(value))
                        )
                self._db.executemany("INSERT OR IGNORE INTO requests VALUES (?, ?)", self._requests.items())
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                self.problem = self._unusable(error)
                return
            self._waiting.clear()
            self._requests.clear()
        self.problem, self._last = None, time.monotonic()

    def close(self) -> None:
        """Write what waits, and end. What couldn't be written is said: it will be paid for again."""
        self.flush()
        if self._waiting:
            self._notice(f"{len(self._waiting)} answers are not kept: {self.problem}")
        with suppress(sqlite3.Error):
            self._db.close()

    def _unusable(self, error: Exception) -> CacheFailed:
        held = getattr(error, "sqlite_errorcode", 0) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        cure = "end the process that holds it" if held else "make room, move it away"
        return CacheFailed(
            f"the cache {self._path} can't be used ({error}); {cure} or set HARNESS_CACHE to another folder"
        )


def _digest(value: str) -> str:
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

"""Completions kept by content, and what their models were: SQLite in WAL mode, commits in batches."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from harness.base.errors import HarnessError
from harness.base.secrets import json_without_secrets, without_secret_values

#: of the database; 0 is of when the address of a server was part of keys
FORMAT = 1


class Cache:
    """Key (64 hex digits) to JSON text. Safe for several processes at once."""

    def __init__(self, path: Path, batch: int = 64, seconds: float = 1.0) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
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
            if new:
                self._db.execute(f"PRAGMA user_version = {FORMAT}")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error
        #: whether completions may be here under keys that held the address of a server
        self.older = version < FORMAT
        self._waiting: dict[str, str] = {}
        self._batch, self._seconds, self._last = batch, seconds, time.monotonic()

    def get(self, key: str) -> str | None:
        """The value, None if there is none."""
        if key in self._waiting:
            return self._waiting[key]
        try:
            row = self._db.execute("SELECT value FROM completions WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        return row[0] if row else None

    def put(self, key: str, value: str) -> None:
        """Keep a value; the first one kept for a key stays."""
        self._waiting.setdefault(key, json_without_secrets(value))
        if len(self._waiting) >= self._batch or time.monotonic() - self._last > self._seconds:
            self.flush()

    def drop(self, key: str) -> None:
        """Forget what was kept for a key."""
        self._waiting.pop(key, None)
        try:
            self._db.execute("DELETE FROM completions WHERE key = ?", (key,))
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def keep_identity(self, name: str, args: str, address: str, value: str) -> None:
        """Keep what the client of a model reported: the newest replaces what was kept for the same model,
        digest of arguments and address of its server (empty where none was named)."""
        row = (name, args, without_secret_values(address), json_without_secrets(value), time.time())
        try:
            self._db.execute("INSERT OR REPLACE INTO identities VALUES (?, ?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

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
        """Write what waits."""
        if self._waiting:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.executemany(
                    "INSERT OR IGNORE INTO completions VALUES (?, ?)", list(self._waiting.items())
                )
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                raise self._unusable(error) from error
            self._waiting.clear()
        self._last = time.monotonic()

    def close(self) -> None:
        self.flush()
        self._db.close()

    def _unusable(self, error: Exception) -> HarnessError:
        return HarnessError(
            f"the cache {self._path} can't be used ({error}); move it away or set "
            "HARNESS_CACHE to another folder"
        )

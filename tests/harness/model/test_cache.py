"""The completion cache: content by key, several processes, damaged files."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from harness.base.errors import CacheFailed, HarnessError
from harness.model.cache import Cache

WRITER = """
import sys
from contextlib import closing
from pathlib import Path
from harness.model.cache import Cache
cache = Cache(Path(sys.argv[1]), batch=5)
for number in range(300):
    cache.put(f"{sys.argv[2]}{number}", "value")
    cache.put(f"shared{number}", "value")
    cache.get(f"shared{number}")
cache.close()
"""


def test_values_are_there_at_once_and_after_a_restart(tmp_path):
    cache = Cache(tmp_path / "deep" / "cache.sqlite")
    assert cache.get("a") is None
    cache.put("a", "first")
    cache.put("a", "second")
    assert cache.get("a") == "first"
    cache.close()
    again = Cache(tmp_path / "deep" / "cache.sqlite")
    again.put("a", "third")
    again.flush()
    assert again.get("a") == "first"
    again.close()


def test_what_one_process_flushed_another_sees(tmp_path):
    one, two = Cache(tmp_path / "c", batch=1), Cache(tmp_path / "c")
    one.put("a", "x")
    assert two.get("a") == "x"
    one.close(), two.close()


def test_processes_share_a_file(tmp_path):
    path = tmp_path / "cache.sqlite"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, path, name], stderr=subprocess.PIPE, text=True)
        for name in "ab"
    ]
    for writer in writers:
        assert (writer.communicate(timeout=60)[1], writer.returncode) == ("", 0)
    cache = Cache(path)
    for prefix in ("a", "b", "shared"):
        assert all(cache.get(f"{prefix}{number}") == "value" for number in range(300))
    cache.close()


def one_line(caught, path):
    message = str(caught.value)
    assert str(path) in message and "move it away" in message and "\n" not in message


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "cache.sqlite"
    path.write_bytes(b"this is no database, whatever its name says" * 50)
    with pytest.raises(HarnessError) as caught:
        Cache(path)
    one_line(caught, path)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "cache.sqlite"
    with pytest.raises(HarnessError) as caught:
        Cache(path)
    one_line(caught, path)


def test_damage_behind_a_sound_header(tmp_path):
    path = tmp_path / "cache.sqlite"
    cache = Cache(path)
    for number in range(2000):
        cache.put(f"{number:064d}", "v" * 300)
    cache.close()
    raw = bytearray(path.read_bytes())
    raw[4096:] = b"\xff" * (len(raw) - 4096)
    path.write_bytes(raw)
    damaged = Cache(path)
    with pytest.raises(HarnessError) as caught:
        damaged.get("0" * 64)
    one_line(caught, path)
    damaged.put("k", "v")
    damaged.flush()  # it stays in memory for whoever paid for it
    assert damaged.get("k") == "v" and len(str(damaged.problem).splitlines()) == 1
    assert isinstance(damaged.problem, CacheFailed) and str(path) in str(damaged.problem)


def test_a_database_of_before_may_hold_keys_with_addresses_and_a_new_one_none(tmp_path):
    with closing(sqlite3.connect(tmp_path / "old.sqlite")) as old:
        old.execute("CREATE TABLE completions (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
    assert Cache(tmp_path / "old.sqlite").older and Cache(tmp_path / "old.sqlite").older
    assert not Cache(tmp_path / "new.sqlite").older and not Cache(tmp_path / "new.sqlite").older


def test_a_cache_that_another_process_holds_is_said(tmp_path, monkeypatch):
    path, says = (
        tmp_path / "c.sqlite",
        "database is locked.*; end the process that holds it or set HARNESS_CACHE",
    )
    monkeypatch.setattr("harness.model.cache.PATIENCE", 0.01)
    with closing(Cache(path)) as cache, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        cache.put("a", "1")
        cache.flush()
        assert cache.get("a") == "1"
        with pytest.raises(CacheFailed, match=says):
            raise cache.problem
        other.execute("ROLLBACK")
        cache.flush()
        assert cache.problem is None and Cache(path).get("a") == "1"

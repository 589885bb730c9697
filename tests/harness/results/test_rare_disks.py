"""Failures of a disk that hardly ever come: each ends in one line, at once, and what was there stays."""

import errno
import os
from pathlib import Path

import pytest

from harness.base.errors import RecordError, UsageError
from harness.base.files import read_file, sync_folder, write_file
from harness.results import kept
from harness.results import store as stores
from harness.results.record import retract
from harness.results.store import Store
from harness.run.journal import Journal
from harness.testing import seal_scores

#: as often a place is tried here, so that tests are short
TRIES = 3


@pytest.fixture(autouse=True)
def _few_tries(monkeypatch):
    monkeypatch.setattr(stores, "MOST_TRIES", TRIES)


def failing(number, times=10**9, counted=None, then=None):
    """A function that fails so often with this error, and does as `then` does after it."""
    left = [times]

    def call(*arguments, **options):
        if counted is not None:
            counted.append(arguments)
        if left[0]:
            left[0] -= 1
            raise OSError(number, os.strerror(number))
        return then(*arguments, **options)

    return call


@pytest.mark.parametrize("number, tries", [(errno.ENOSPC, 1), (errno.EXDEV, 1), (errno.EEXIST, TRIES)])
def test_a_rename_that_fails_ends_the_seal(tmp_path, monkeypatch, number, tries):
    counted = []
    monkeypatch.setattr(Path, "rename", failing(number, counted=counted))
    with pytest.raises(RecordError, match="can't seal the run in .*every attempt is kept"):
        seal_scores(tmp_path, [1, 0])
    assert len(counted) == tries and not list(tmp_path.rglob("run.json"))
    assert not list((tmp_path / ".running").iterdir())


@pytest.mark.parametrize("number", [errno.EEXIST, errno.ENOTEMPTY])
@pytest.mark.parametrize("times, sealed", [(TRIES - 1, True), (TRIES, False)])
def test_a_place_that_was_taken_meanwhile_is_tried_again(tmp_path, monkeypatch, number, times, sealed):
    monkeypatch.setattr(Path, "rename", failing(number, times, then=Path.rename))
    if sealed:
        assert seal_scores(tmp_path, [1, 0])["status"] == "complete"
    else:
        with pytest.raises(RecordError, match="can't seal"):
            seal_scores(tmp_path, [1, 0])


def test_a_retraction_that_cannot_be_written_leaves_the_record(tmp_path, monkeypatch):
    made = seal_scores(tmp_path, [1, 0])
    store = Store(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "sealing", failing(errno.EROFS))
        with pytest.raises(RecordError, match=f"can't retract {made['run_id'][:12]}: Read-only file system"):
            retract(store, store.find(made["run_id"]), "wrong", "test")
    assert store.find(made["run_id"])["status"] == "complete"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch, call):
    path = tmp_path / "kept"
    write_file(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(*{"fsync": (os, "fsync"), "replace": (Path, "replace")}[call], failing(errno.EIO))
        with pytest.raises(OSError, match="Input/output"):
            write_file(path, b"new")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["kept"]
    write_file(path, b"new")
    assert path.read_bytes() == b"new" and os.listdir(tmp_path) == ["kept"]


@pytest.mark.parametrize("number, raised", [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)])
def test_a_folder_is_synced_where_the_file_system_can(tmp_path, monkeypatch, number, raised):
    closed, close = [], os.close
    monkeypatch.setattr(os, "fsync", failing(number))
    monkeypatch.setattr(os, "close", lambda handle: (closed.append(handle), close(handle)))
    if raised:
        with pytest.raises(OSError, match="Input/output"):
            sync_folder(tmp_path)
    else:
        sync_folder(tmp_path)
    assert len(closed) == 1
    sync_folder(tmp_path / "none")


@pytest.mark.parametrize("size, taken", [(9, True), (10, True), (11, False)])
def test_a_file_is_read_up_to_a_size(tmp_path, size, taken):
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    if taken:
        assert read_file(path, 10) == b"x" * size
    else:
        with pytest.raises(OSError, match="more than 10 bytes"):
            read_file(path, 10)


@pytest.mark.parametrize("name", ["keep_fit", "keep_lost"])
def test_a_journal_on_a_full_disk_says_so(tmp_path, monkeypatch, name):
    journal = Journal(tmp_path / "run")
    getattr(journal, name)({"calls": 1})
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", failing(errno.ENOSPC))
        with pytest.raises(RecordError, match="can't write to .*: No space left on device"):
            getattr(journal, name)({"calls": 2})
    assert {"keep_fit": journal.fit, "keep_lost": journal.lost}[name]() == {"calls": 1}


def test_a_key_that_cannot_be_kept_holds_for_this_process(tmp_path, monkeypatch):
    made = kept._key.__wrapped__
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", failing(errno.EPERM))
        assert len(made(tmp_path / "a")) == 32 and os.listdir(tmp_path / "a") == []
    first = made(tmp_path / "b")
    assert made(tmp_path / "b") == first == (tmp_path / "b" / "index.key").read_bytes()
    (tmp_path / "b" / "index.key").write_bytes(b"short")
    second = made(tmp_path / "b")
    assert (
        len(second) == 32 and made(tmp_path / "b") == second and os.listdir(tmp_path / "b") == ["index.key"]
    )


def test_the_beginning_of_several_runs_names_none(tmp_path):
    ids = sorted(seal_scores(tmp_path, [1, 0], seed=seed)["run_id"][:12] for seed in range(20))
    store = Store(tmp_path)
    first = ids[0]
    shared = next(first[:n] for n in range(11, -1, -1) if sum(each.startswith(first[:n]) for each in ids) > 1)
    same = [each for each in ids if each.startswith(shared)]
    with pytest.raises(UsageError) as caught:
        store.find(shared)
    assert str(caught.value) == (f"{shared!r} is the beginning of {len(same)} runs: {', '.join(same[:5])}")
    with pytest.raises(UsageError, match="is the beginning of 20 runs: .*"):
        store.find("")
    alone = next(n for n in range(1, 13) if sum(each.startswith(first[:n]) for each in ids) == 1)
    assert store.find(first[:alone])["run_id"][:12] == first
    with pytest.raises(UsageError, match=f"no run 'ffffffffffff' in {tmp_path}"):
        store.find("f" * 12)


def test_the_newest_attempt_is_found_and_one_by_its_number(tmp_path):
    made = [seal_scores(tmp_path, [1, 0])["run_id"] for _ in range(11)]
    store, run = Store(tmp_path), made[0]
    assert store.find(run)["attempt"] == 11 and store.find(f"{run[:12]}-10")["attempt"] == 10
    assert store.find(f"{run[:12]}-1")["attempt"] == 1 and store.find(run[:20])["attempt"] == 11
    for wrong in (
        f"{run[:12]}x",
        f"{run[:-1]}x",
        f"{run}0",
        f"{run[:12]}-0",
        f"{run[:12]}-12",
        f"{run[:8]}-1",
    ):
        with pytest.raises(UsageError, match=f"no run '{wrong}'"):
            store.find(wrong)

"""A file that is put in place whole: whatever ended an earlier write, no part of it stays."""

import os
import threading
from pathlib import Path

import pytest

from harness.base.files import write_file


def killed(path, event):
    """A child that is killed at the first `event` on the file's part."""
    child = os.fork()
    if not child:

        def end(*_, **__):
            os._exit(9)

        setattr(*{"sync": (os, "fsync", end), "move": (Path, "replace", end)}[event])
        write_file(path, b"half of it, and longer than the next")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.parametrize("event", ["sync", "move"])
def test_the_next_write_takes_what_a_killed_one_left(tmp_path, event):
    path = tmp_path / "manifest.json"
    write_file(path, b"old")
    killed(path, event)
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 2
    write_file(path, b"new")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"manifest.json": b"new"}


def test_many_writers_of_one_file_leave_one_of_their_texts_whole(tmp_path):
    path, texts, seen = tmp_path / "a", [bytes([97 + n]) * 50_000 for n in range(8)], []
    threads = [threading.Thread(target=lambda t=t: [write_file(path, t) for _ in range(20)]) for t in texts]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if path.exists():
            seen.append(path.read_bytes())
    assert seen and set(seen) <= set(texts) and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_nothing_is_written_through_what_lies_in_its_place(tmp_path, kind):
    other, part = tmp_path / "theirs", tmp_path / ".a.part"
    other.write_text("theirs")
    {"link": lambda: part.symlink_to(other), "pipe": lambda: os.mkfifo(part), "folder": part.mkdir}[kind]()
    with pytest.raises(OSError):
        write_file(tmp_path / "a", b"ours")
    assert other.read_text() == "theirs" and not (tmp_path / "a").exists()

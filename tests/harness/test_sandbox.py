"""Commands that a model wrote reach one folder and nothing else. Needs bubblewrap."""

import asyncio
import os
import shutil
import subprocess
import time

import pytest

from harness import sandbox
from harness.errors import UsageError
from harness.sample import Question
from harness.services import Opening, Services
from harness.workers import SCRATCH
from harness.world import WorldFailed

needs_bubblewrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "INDEX.txt").write_text("fees are on page 3\n")
    return tmp_path


def run(folder, command, seconds=20.0):
    return asyncio.run(sandbox.run(command, folder, seconds))


@needs_bubblewrap
def test_a_folder_can_be_read_with_the_usual_tools(folder):
    assert run(folder, "cat INDEX.txt | grep -c fees && pwd").stdout == "1\n/data\n"
    assert run(folder, "ls; awk '{print $5}' INDEX.txt").stdout == "INDEX.txt\n3\n"
    ended = run(folder, "ls nothing")
    assert ended.code == 2 and "nothing" in ended.stderr
    assert run(folder, "[[ 1 == 1 ]] && echo 'a \"b\" $0'").stdout == 'a "b" $0\n'


@needs_bubblewrap
@pytest.mark.parametrize(
    "command",
    ["touch new", "rm INDEX.txt", "echo x > INDEX.txt", "cat /etc/passwd", "ls /home /root /tmp /work",
     "exec 3<>/dev/tcp/127.0.0.1/{port}", "test -n \"$SECRET\"", "kill -9 {pid}", "cat /proc/{pid}/environ",
     "mkdir /data/x", "mount -t tmpfs none /data"],
)  # fmt: skip
def test_nothing_else_can_be_reached(folder, command, monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    done = run(folder, command.format(port=22, pid=os.getpid()))
    assert done.code not in (0, None)
    assert os.listdir(folder) == ["INDEX.txt"]


@needs_bubblewrap
def test_what_does_not_end_or_prints_without_end_is_cut_off(folder):
    started = time.monotonic()
    assert run(folder, "sleep 1234 & sleep 1234; echo x", 0.5).code is None
    assert run(folder, "yes", 0.5).code is None
    assert len(run(folder, "head -c 3000000 /dev/zero").stdout) == sandbox.OUTPUT_BYTES
    assert run(folder, "head -c 3G /dev/zero | tail").code != 0  # more memory than there is
    assert time.monotonic() - started < 20
    assert "sleep 1234" not in subprocess.run(["ps", "ax"], capture_output=True, text=True).stdout


def test_without_bubblewrap_the_cure_is_named(folder, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="apt install bubblewrap"):
        run(folder, "ls")
    with pytest.raises(UsageError, match="bubblewrap"):
        Services().check(Opening(shell=True), "the task")


@needs_bubblewrap
def test_workers_have_commands_run_in_their_own_folders_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    own = tmp_path / f"{SCRATCH}abc" / "data"
    own.mkdir(parents=True)

    def ask(folder, shell=True):
        wanted = {"what": "shell", "command": "echo done", "folder": str(folder), "seconds": 5}
        return asyncio.run(Services().serve(Opening(shell=shell), Question("q", ""), wanted))

    assert ask(own) == {"code": 0, "stdout": "done\n", "stderr": ""}
    (tmp_path / f"{SCRATCH}abc" / "out").symlink_to("/")
    for folder in ("/", tmp_path, "/etc", tmp_path / f"{SCRATCH}abc" / "out" / "etc"):
        with pytest.raises(WorldFailed, match="doesn't allow"):
            ask(folder)
    with pytest.raises(WorldFailed, match="doesn't allow"):
        ask(own, shell=False)

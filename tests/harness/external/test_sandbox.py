"""Commands that a model wrote reach one folder and nothing else. Needs bubblewrap."""

import asyncio
import os
import select
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from harness.base.errors import UsageError, WorldFailed
from harness.external import sandbox
from harness.external.cgroup import limited
from harness.external.services import Opening, Services
from harness.sample import Question

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
    [
        "touch new",
        "rm INDEX.txt",
        "echo x > INDEX.txt",
        "cat /etc/passwd",
        "ls /home /root /tmp /work",
        "exec 3<>/dev/tcp/127.0.0.1/{port}",
        'test -n "$SECRET"',
        "kill -9 {pid}",
        "cat /proc/{pid}/environ",
        "mkdir /data/x",
        "mount -t tmpfs none /data",
        "touch /x",
        "touch /dev/x",
        "touch /dev/shm/x",
    ],
)
def test_nothing_else_can_be_reached(folder, command, monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    victim = subprocess.Popen(["sleep", "60"])
    try:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            done = run(folder, command.format(port=port, pid=victim.pid))
            assert not select.select([listening], [], [], 0)[0]
        assert done.code not in (0, None) and victim.poll() is None
    finally:
        victim.kill()
        victim.wait()
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
def test_where_no_sandbox_can_be_made_that_is_said(folder, monkeypatch, tmp_path):
    useless = tmp_path / "bin"
    useless.mkdir()
    (useless / "bwrap").write_text("#!/bin/sh\necho 'bwrap: no permission to make a namespace' >&2\nexit 1\n")
    (useless / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(useless))
    with pytest.raises(UsageError, match="no permission to make a namespace.*user namespaces"):
        Services().check(Opening(shell=True), "the task")


@needs_bubblewrap
def test_workers_have_commands_run_in_their_own_folders_alone(tmp_path):
    scratch, other = tmp_path / "mine", tmp_path / "other"
    for place in (scratch / "data", other):
        place.mkdir(parents=True)
    (scratch / "out").symlink_to("/")

    def ask(folder, shell=True, seconds=5):
        wanted = {"what": "shell", "command": "echo done", "folder": str(folder), "seconds": seconds}
        return asyncio.run(Services().serve(Opening(shell=shell), Question("q", ""), wanted, scratch))

    assert ask(scratch / "data") == ask(scratch, seconds=1e9) == {"code": 0, "stdout": "done\n", "stderr": ""}
    for folder in ("/", tmp_path, "/etc", other, scratch / "out" / "etc", scratch / ".." / "other"):
        with pytest.raises(WorldFailed, match="doesn't allow"):
            ask(folder)
    with pytest.raises(WorldFailed, match="doesn't allow"):
        ask(scratch / "data", shell=False)


@needs_bubblewrap
def test_processes_have_a_largest_number_which_binds_root_too(folder):
    with limited(3) as before:
        if not before:
            pytest.skip("no group of processes can be made here")
    tries = "for (1..300) { $p = fork; if (!defined $p) { print $_; exit } "
    tries += "if (!$p) { close STDOUT; close STDERR; sleep 60; exit } }"
    done = run(folder, f"perl -e '{tries}'")
    assert done.code == 0 and 50 < int(done.stdout) <= sandbox.PROCESSES
    assert run(folder, "cat INDEX.txt").stdout == "fees are on page 3\n"
    assert not [each for each in Path("/sys/fs/cgroup").glob("**/harness-*") if each.is_dir()]

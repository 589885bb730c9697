"""A fixture that holds locks as another process does."""

import subprocess
import sys

import pytest

HOLD = """
import fcntl, os, sys
handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(handle, fcntl.LOCK_EX)
os.write(handle, b"4711 on elsewhere")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder():
    """Holds a lock in a process of its own, until it is killed."""
    held = []

    def hold(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-S", "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout.readline() == b"held\n"
        held.append(process)
        return process

    yield hold
    for process in held:
        process.kill()
        process.communicate()

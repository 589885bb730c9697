"""What all tests share."""

import fcntl
import os
import signal

import hypothesis
import pytest

from harness.base.errors import HarnessError
from harness.external.setup import install
from harness.plugins import installed
from tests.warm import Warm

# how long an example takes says something of the machine, nothing of the code
hypothesis.settings.register_profile("steady", deadline=None)
hypothesis.settings.load_profile("steady")

# a shell without job control starts what runs in the background deaf to Ctrl-C, and so all that tests start
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def warm():
    """Starts Python processes that need not import the harness: see tests/warm.py."""
    made = Warm()
    yield made
    made.close()


@pytest.fixture(scope="session", autouse=True)
def _index():
    """A cache of a test's own begins with the index of specs that an earlier one has; what has changed since
    is read again, as ever."""
    read, write, known = installed._read_json, installed._write_json, {}

    def kept(path, value):
        known[path.name] = value
        write(path, value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(installed, "_read_json", lambda path: read(path) or known.get(path.name, {}))
        patch.setattr(installed, "_write_json", kept)
        yield


@pytest.fixture(scope="session")
def bfcl(tmp_path_factory):
    """Where the official package of BFCL is installed, as `harness setup bfcl` does it: the folder `setup` of
    a cache, one for all processes of the tests."""
    place = tmp_path_factory.getbasetemp()
    place = place.parent if "PYTEST_XDIST_WORKER" in os.environ else place
    with pytest.MonkeyPatch.context() as patch, open(place / "bfcl.lock", "w") as lock:
        patch.setenv("HARNESS_CACHE", str(place / "bfcl"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            install("bfcl")
        except HarnessError as error:
            pytest.skip(f"bfcl-eval can't be installed here: {error}")
    return place / "bfcl" / "setup"


@pytest.fixture(autouse=True)
def _width(monkeypatch):
    """Tables are as wide as in a pipe, whatever a library has said of the terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)

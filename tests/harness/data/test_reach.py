"""A Hub that can't be reached is waited for once a command."""

import socket
import threading
import time

import pytest
from huggingface_hub import constants

from harness.base.errors import DataError
from harness.data import reach
from harness.data.hub import Data
from harness.data.reach import Reach
from harness.spec import DataPin


@pytest.fixture
def silent(monkeypatch):
    """A server that takes connections and says nothing; what it counts are those."""
    listening = socket.create_server(("127.0.0.1", 0))
    came = []

    def accept():
        while True:
            try:
                came.append(listening.accept()[0])
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(reach, "SECONDS", 0.2)
    yield came
    listening.close()
    for connection in came:
        connection.close()


def test_one_wait_a_command_and_the_cure_in_every_line(silent):
    known, began = Reach(), time.monotonic()
    for name in ("no/such-set", "another/set", "no/such-set"):
        with pytest.raises(DataError) as caught:
            Data(reach=known).rows(DataPin(name), ["text"])
        line = str(caught.value)
        assert "the Hub can't be reached" in line and f"DIR/{name}" in line and "\n" not in line
    assert len(silent) == 1 and time.monotonic() - began < 10  # most of it imports
    assert not constants.HF_HUB_OFFLINE  # whoever comes next may ask


def test_a_hub_that_falls_silent_is_not_asked_again(monkeypatch):
    known, asked = Reach(), []
    monkeypatch.setattr(reach, "_silence", lambda address: "")

    def fails(*given):
        asked.append(constants.HF_HUB_OFFLINE)
        raise DataError("can't read it") from ConnectionError("broken off")

    for _ in range(2):
        with pytest.raises(DataError, match=r"can't be reached \(broken off\)"):
            Data(reach=known)._asked(fails, DataPin("no/such-set"))
    assert asked == [False, True]


def test_an_error_of_another_kind_stays_what_it_is(monkeypatch):
    known = Reach()
    monkeypatch.setattr(reach, "_silence", lambda address: "")

    def fails(*given):
        raise DataError("no such split")

    with pytest.raises(DataError, match="no such split"):
        Data(reach=known)._asked(fails, DataPin("no/such-set"))
    assert not known.down


def test_a_mirror_and_offline_ask_nobody(silent, tmp_path):
    (tmp_path / "no/such-set").mkdir(parents=True)
    for data in (Data(mirror=tmp_path), Data(offline=True)):
        with pytest.raises(DataError):
            data.rows(DataPin("no/such-set"), ["text"])
    assert not silent

"""What a worker may say: as long as a line may be, and no longer."""

import pytest

from harness.run.isolation import worker
from harness.run.isolation.worker import Worker

MIB = 1 << 20


@pytest.fixture
def told():
    """A worker that was not started, what it was heard to say, and how it ended."""
    heard, ended = [], []
    return Worker("method 'x'", heard.append, ended.append), heard, ended


def test_a_line_may_have_64_mib_and_no_more(told):
    made, heard, ended = told
    piece = bytes(MIB)
    for _ in range(64):
        made.data_received(piece)
    assert not ended and not heard
    made.data_received(b"x")
    assert len(ended) == 1 and "a message is longer than 64 MiB" in str(ended[0])


def test_a_message_is_heard_whole_whatever_pieces_it_comes_in(told, monkeypatch):
    monkeypatch.setattr(worker, "LINE", 16)
    made, heard, ended = told
    for piece in (b'{"a"', b": 1}\n{", b'"b": 22', b"2222}\n"):
        made.data_received(piece)
    assert heard == [{"a": 1}, {"b": 222222}] and not ended

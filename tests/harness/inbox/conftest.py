"""A queue with requests in it, and the page served."""

import threading
from contextlib import contextmanager

import pytest

from harness.human.queue import Queue
from harness.human.shown import Shown
from harness.human.wording import Request
from harness.inbox.server import server


@pytest.fixture
def queue(tmp_path):
    return Queue(tmp_path / "q")


@pytest.fixture
def put(queue):
    """Puts a request there: `put(id, text, kind="question", ...)`."""

    def put(id, text, kind="question", action=None, choices=(), sample="s1", dialogue=(), brief="A secret."):
        request = Request(kind, text, action, choices).write()
        queue.ask(id, Shown(sample, 0, brief, tuple(dialogue), request), "browser")

    return put


@contextmanager
def serving(queue, port=0):
    http = server(queue, port)
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield http
    finally:
        http.shutdown()
        http.server_close()


@pytest.fixture
def http(queue):
    with serving(queue) as found:
        yield found

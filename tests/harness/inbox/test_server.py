"""The page over HTTP: who may ask, what may be said, and what a person is told."""

import http.client
import io
import json
import sys

import pytest

from harness.base.errors import UsageError
from harness.base.local_server import LocalServer
from harness.human.queue import Queue
from harness.inbox.server import serve, server


@pytest.fixture
def ask(http, queue):
    """`ask(method, path, said)`: status and answer, of one who has the token; headers can be replaced."""
    port = http.server_port

    def ask(method, path, said=None, **headers):
        known = {
            "Host": f"127.0.0.1:{port}",
            "Cookie": f"harness-human-{port}={queue.token()}",
            "Origin": f"http://127.0.0.1:{port}",
            "Content-Type": "application/json",
        }
        known |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = _connection(port)
        body = said if isinstance(said, bytes) else None if said is None else json.dumps(said).encode()
        connection.request(method, path, body, {k: v for k, v in known.items() if v is not None})
        came = connection.getresponse()
        content = came.read()
        connection.close()
        if came.getheader("Content-Type") == "application/json":
            content = json.loads(content)
        return came.status, content, came.headers

    return ask


def _connection(port):
    return http.client.HTTPConnection("127.0.0.1", port, timeout=20)


def test_the_token_opens_the_page_and_is_gone_from_its_address(ask, queue, http):
    status, content, headers = ask("GET", f"/?token={queue.token()}", Cookie=None)
    assert (status, headers["Location"]) == (303, "/")
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    status, content, headers = ask("GET", "/", Cookie=cookie.partition(";")[0])
    assert status == 200 and b"<script" in content
    assert (
        "script-src 'self'" in headers["Content-Security-Policy"] and headers["Cache-Control"] == "no-store"
    )


@pytest.mark.parametrize(
    "path", ["/", "/page.js", "/waiting.json", "/request.json?id=a1", "/?token=wrong", "/?token="]
)
@pytest.mark.parametrize("cookie", [None, "harness-human-1=x", "\x00;=;"])
def test_without_the_token_nothing_is_shown(ask, put, path, cookie):
    put("a1", "Which day?")
    status, content, _ = ask("GET", path, Cookie=cookie)
    assert status == 403 and b"token" in content and b"Which day" not in content


def test_another_page_can_neither_read_nor_post(ask, put, queue, http):
    put("a1", "Which day?")
    said = {"id": "a1", "text": "x"}
    assert ask("GET", "/waiting.json", Host="evil.example")[0] == 403
    for origin in (
        None,
        "null",
        "http://evil.example",
        f"https://127.0.0.1:{http.server_port}",
        "http://127.0.0.1:1",
    ):
        assert ask("POST", "/reply", said, Origin=origin)[0] == 403
    assert ask("POST", "/reply", said, Cookie=None)[0] == 403
    assert ask("POST", "/reply", said, Content_Type="text/plain")[0] == 400
    assert queue.said("a1") is None
    assert ask("POST", "/reply", said, Origin=f"http://localhost:{http.server_port}")[0] == 200


def test_what_waits_is_listed_and_shown_in_parts(ask, put):
    put(
        "a1",
        "Which\nday?\x1b[2J",
        choices=("Mon\x07", "Tue"),
        dialogue=(("The assistant", "Hi\x00"), ("You", "Hm")),
    )
    put("a2", "", "approval", ("pay", {"to": "\x7f\u202e"}))
    found = ask("GET", "/waiting.json")[1]["waiting"]
    assert [(each["id"], each["kind"], each["title"], each["gone"]) for each in found] == [
        ("a1", "question", "Which day?\\x1b[2J", ""),
        ("a2", "approval", "", ""),
    ]
    one = ask("GET", "/request.json?id=a1")[1]
    assert one["text"] == "Which\nday?\\x1b[2J" and one["choices"] == ["Mon\\x07", "Tue"]
    assert one["dialogue"] == [["The assistant", "Hi\\x00"], ["You", "Hm"]] and one["brief"] == "A secret."
    two = ask("GET", "/request.json?id=a2")[1]
    assert two["action"].isprintable() and json.loads(two["action"])["arguments"] == {"to": "\x7f\u202e"}


def test_a_reply_is_cleaned_checked_and_timed(ask, put, queue):
    put("a1", "", "approval", ("pay", {}))
    assert ask("POST", "/shown", {"id": "a1"})[1]["seconds"] == 0
    status, told, _ = ask("POST", "/reply", {"id": "a1", "text": "yes please"})
    assert status == 422 and "can't be read" in told["error"] and queue.said("a1") is None
    status, told, _ = ask("POST", "/reply", {"id": "a1", "text": "reject: \x1bno\r\nway\x00 "})
    assert status == 200 and told["seconds"] >= 0
    assert queue.said("a1").text == "reject: no\nway"
    assert ask("GET", "/waiting.json")[1] == {"waiting": []}


def test_the_second_of_two_people_is_told_what_counts(ask, put, queue):
    put("a1", "Which day?")
    assert ask("POST", "/reply", {"id": "a1", "text": "Monday"})[0] == 200
    status, told, _ = ask("POST", "/reply", {"id": "a1", "text": "Tuesday"})
    assert status == 410 and "Monday" in told["error"] and queue.said("a1").text == "Monday"


def test_what_is_gone_says_so(ask, put, queue):
    put("a1", "Which day?")
    queue.give_up("a1", "The time is over.")
    assert ask("GET", "/waiting.json")[1]["waiting"][0]["gone"] == "The time is over."
    status, told, _ = ask("POST", "/reply", {"id": "a1", "text": "Monday"})
    assert status == 409 and "Nobody waits" in told["error"]
    for path, said in (("/shown", {"id": "zz"}), ("/reply", {"id": "zz", "text": "x"})):
        status, told, _ = ask("POST", path, said)
        assert status == 410 and "Nobody waits" in told["error"]
    assert ask("GET", "/request.json?id=zz")[0] == 410


@pytest.mark.parametrize(
    "said",
    [b"", b"{", b"[]", b'{"id": 1}', b"{}", b'{"id": "a1"}', b'{"id": "\\ud800", "text": "x"}', b"\xff"],
)
def test_what_cannot_be_read_is_refused_in_one_line(ask, put, queue, said):
    put("a1", "Which day?")
    status, told, _ = ask("POST", "/reply", said)
    assert status == 400 and told["error"] and queue.said("a1") is None


def test_only_what_is_known_can_be_asked(ask):
    assert ask("GET", "/../token")[0] == 404 and ask("GET", "/token")[0] == 404
    assert ask("POST", "/waiting.json", {})[0] == 404
    assert ask("PUT", "/reply", {})[0] == 501
    status, content, _ = ask("HEAD", "/")
    assert status == 200 and content == b""
    assert ask("POST", "/reply", b"", Content_Length=str(10**9))[0] == 400


def test_a_port_that_is_taken_is_said(http, tmp_path):
    with pytest.raises(UsageError, match="--port names another"):
        server(Queue(tmp_path / "other"), http.server_port)


def test_the_address_is_in_a_file_as_soon_as_it_is_served(queue, monkeypatch):
    raw, seen = io.BytesIO(), []

    def serves(self, **how):
        seen.append(raw.getvalue().decode())
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalServer, "serve_forever", serves)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(raw)))
    serve(queue, 0, show=False)
    assert queue.token() in seen[0]

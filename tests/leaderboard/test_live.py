"""The live view: rebuilt as runs are sealed, with the progress of those that go; for this machine only."""

import http.client
import json
import socket
import struct
import threading

import pytest

from harness.leaderboard.live import Live
from harness.leaderboard.server import server
from harness.leaderboard.site import Options
from harness.run.journal import Journal


@pytest.fixture
def live(tmp_path, seal_run):
    seal_run(tmp_path / "results", [1.0, 0.0])
    (tmp_path / "site").mkdir()
    return Live(tmp_path / "results", Options(), tmp_path / "site")


@pytest.fixture
def ask(live):
    live.follow()
    http_server = server(live, 0)
    threading.Thread(target=http_server.serve_forever, args=(0.02,), daemon=True).start()

    def ask(path, host="localhost", method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", http_server.server_port, timeout=10)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    ask.port = http_server.server_port
    yield ask
    http_server.shutdown()
    http_server.server_close()


def attempt(n, status="ok"):
    return {"n": n, "epoch": 0, "status": status}


def test_it_follows_the_store(live, seal_run):
    assert live.follow() and live.version == 1
    assert not live.follow() and live.version == 1
    record = seal_run(live.root, [1.0, 1.0], method="vote")
    assert live.follow() and live.version == 2
    page = live.target / f"runs/{record['run_id'][:12]}.html"
    assert page.exists() and "vote" in (live.target / "index.html").read_text()
    with open(record["record"], "a") as file:
        file.write(" \n")
    assert live.follow() and page.exists()
    with open(record["samples_path"], "ab") as file:
        file.write(b"x")
    assert live.follow() and not page.exists()


def test_it_shows_runs_in_progress(live):
    assert live.state()["running"] == []
    with Journal(live.root / ".running" / "abc") as journal:
        journal.describe("sums x direct", 4, {})
        for n, status in enumerate(("ok", "error", "unscored", "refused", "context_overflow")):
            journal.append(attempt(n, status))
        (found,) = live.state()["running"]
        assert found == {
            "id": "abc",
            "title": "sums x direct",
            "wanted": 4,
            "attempts": 5,
            "unscored": 1,
            "error": 1,
            "declined": 2,
            "writing": True,
        }
        journal.append(attempt(1))  # asked again, and well
        (found,) = live.state()["running"]
        assert found["attempts"] == 5 and found["error"] == 0
    (found,) = live.state()["running"]
    assert not found["writing"]
    with Journal(live.root / ".running" / "abc") as journal:
        journal.remove()
    assert live.state()["running"] == [] and not (live.root / ".running" / "abc").exists()


def test_pages_are_served_with_the_live_script(ask, live):
    status, page = ask("/")
    assert status == 200 and '<script src="/live.js" defer>' in page
    assert "live.js" not in (live.target / "index.html").read_text()
    assert json.loads(ask("/live.json")[1])["version"] == 1
    assert ask("/live.js")[0] == 200 and ask("/assets/site.css")[0] == 200


#: what is asked (method, path, host) and the status of the answer
ASKED = [
    ("GET", "/", "localhost", 200),
    ("GET", "/", "localhost:8000", 200),
    ("GET", "/index.html?a=b#c", "127.0.0.1", 200),
    ("HEAD", "/", "localhost", 200),
    ("HEAD", "/live.json", "localhost", 200),
    ("HEAD", "/none", "localhost", 404),
    ("GET", "/", "evil.example", 403),
    ("HEAD", "/", "evil.example", 403),
    ("GET", "/live.json", "evil.example", 403),
    ("GET", "/", "localhost.evil.example", 403),
    ("GET", "/", "localhost@evil.example", 403),
    ("GET", "/", "[", 403),
    ("GET", "/", "", 403),
    ("GET", "/%00", "localhost", 404),
    ("HEAD", "/%00", "localhost", 404),
    ("GET", "/index.html%00.css", "localhost", 404),
    ("GET", "/%ff%fe", "localhost", 404),
    ("GET", "/" + "a" * 300, "localhost", 404),
    ("GET", "/" + "a/" * 20_000, "localhost", 404),
    ("GET", "/" + "a" * 70_000, "localhost", 414),
    ("GET", "/../results/v1/", "localhost", 404),
    ("GET", "/%2e%2e/results/v1/", "localhost", 404),
    ("GET", "/..%2f..%2f..%2f..%2f..%2fetc/passwd", "localhost", 404),
    ("GET", "//etc/passwd", "localhost", 404),
    ("GET", "/%2fetc%2fpasswd", "localhost", 404),
    ("GET", "/out", "localhost", 404),  # a link that leads away
    ("GET", "/assets/", "localhost", 404),  # a folder without a page
    ("GET", "http://evil.example/index.html", "localhost", 404),
    ("GET", "*", "localhost", 404),
    ("POST", "/", "localhost", 501),
    ("PUT", "/index.html", "localhost", 501),
    ("DELETE", "/index.html", "localhost", 501),
    ("OPTIONS", "*", "localhost", 501),
    ("TRACE", "/", "localhost", 501),
    ("CONNECT", "evil.example:80", "localhost", 501),
    ("BREW", "/", "localhost", 501),
]


def test_it_answers_to_this_machine_and_stays_in_its_folder(ask, live, capfd):
    (live.target / "out").symlink_to("/etc/hostname")
    for method, path, host, status in ASKED:
        found, body = ask(path, host, method)
        assert found == status, (method, path[:60], host)
        assert "root:" not in body and not (method == "HEAD" and body)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x00\xff",
        b"GET / HTTP/9.9\r\n\r\n",
    ],
)
def test_a_client_that_leaves_or_speaks_otherwise_is_no_ones_business(live, ask, sent, capfd):
    with socket.create_connection(("127.0.0.1", ask.port)) as client:
        client.sendall(sent)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert ask("/")[0] == 200
    assert capfd.readouterr() == ("", "")

"""The live view: rebuilt as runs are sealed, with the progress of those that go; for this machine only."""

import http.client
import json
import threading

import pytest

from harness.leaderboard.live import Live, server
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

    def ask(path, host="localhost"):
        connection = http.client.HTTPConnection("127.0.0.1", http_server.server_port, timeout=10)
        connection.request("GET", path, headers={"Host": f"{host}:{http_server.server_port}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

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


def test_it_answers_to_this_machine_and_stays_in_its_folder(ask):
    assert ask("/", host="evil.example")[0] == 403
    assert ask("/live.json", host="evil.example")[0] == 403
    assert ask("/../results/v1/")[0] == 404
    assert ask("/%2e%2e/results/v1/")[0] == 404

"""Ctrl-C while agents wait for a service that doesn't answer."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

HARNESS = Path(sys.executable).with_name("harness")


class Silent(BaseHTTPRequestHandler):
    """Takes requests and answers none of them."""

    def log_message(self, *arguments):
        return None

    def do_GET(self):
        self.server.asked.append(self.path)
        self.server.over.wait(120)


@pytest.fixture
def silent():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    server.asked, server.over = [], threading.Event()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


def test_it_ends_at_once_and_leaves_no_process_and_no_key(serve, silent, bfcl, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "setup").symlink_to(bfcl)
    players = {"agent": lambda messages: ("", [("search_engine_query", json.dumps({"keywords": "x"}))])}
    (tmp_path / "harness.toml").write_text(
        f'[services."serpapi.com"]\nurl = "http://127.0.0.1:{silent.server_port}"\n'
    )
    command = [
        HARNESS,
        "eval",
        "--task",
        "bfcl/web_search_base",
        "--limit",
        "4",
        "--model",
        "openai-api/local/agent",
        "--model-arg",
        "api_key=none",
        "--model-arg",
        f"base_url=http://127.0.0.1:{serve(players).server_port}/v1",
    ]
    environment = {**os.environ, "SERPAPI_API_KEY": "topsecret"}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 90
    while len(silent.asked) < 4:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.send_signal(signal.SIGINT)
    _, output = process.communicate(timeout=30)
    assert process.returncode == 130 and "run the same command to go on" in output
    assert "Traceback" not in output and "topsecret" not in output
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and "setup" not in path.parts]
    assert kept and not any(b"topsecret" in path.read_bytes() for path in kept)

"""The installed command, as a callable of the tests, and a server of scripted models."""

import hashlib
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

HARNESS = Path(sys.executable).with_name("harness")


@pytest.fixture(scope="session")
def harness(tmp_path_factory, warm):
    """`harness(folder, *arguments, code=0)`: runs the command in a folder, expects the exit code."""
    cache = tmp_path_factory.mktemp("cache")

    def run(folder, *arguments, code=0):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HARNESS_")}
        done = warm.run([HARNESS, *arguments], folder, {**kept, "HARNESS_CACHE": str(cache)})
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr[-2000:]}"
        assert "Traceback" not in done.stderr
        return done

    return run


class Server(ThreadingHTTPServer):
    """OpenAI's protocol, spoken by `players`: for every model a function of the messages, which gives text
    and calls as (name, arguments), or bytes in place of an answer, after which the connection is closed.
    `answered` holds a digest of every request that got its answer. With `hold` set, requests beyond that many
    wait, unanswered, until `stop()` closes everything."""

    daemon_threads = True
    request_queue_size = 128  # as many may knock at once
    allow_reuse_address = True

    def __init__(self, players, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.players = players
        self.answered, self.lock, self.hold, self.held, self.dead = [], threading.Lock(), None, 0, False
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request, client_address):
        """Clients that are killed are what the tests are about."""

    def stop(self):
        self.dead = True
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        return None

    def do_POST(self):
        server, raw = self.server, self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(raw)
        probe = body.get("max_tokens") == 1  # whether the model can be asked: no call of the run
        with server.lock:
            held = not probe and server.hold is not None and len(server.answered) >= server.hold
            if not held and not probe:
                server.answered.append(hashlib.sha256(raw).hexdigest())
            server.held += held
        if held or server.dead:
            while not server.dead:
                time.sleep(0.02)
            self.close_connection = True
            return
        text, calls = ("Hi", []) if probe else server.players[body["model"]](body["messages"])
        if isinstance(text, bytes):
            self.wfile.write(text)
            self.close_connection = True
            return
        stem = hashlib.sha256(raw).hexdigest()[:12]
        message = {"role": "assistant", "content": text}
        if calls:
            message["tool_calls"] = [
                {"id": f"{stem}-{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
                for n, (name, arguments) in enumerate(calls)
            ]
        answer = json.dumps(
            {
                "id": stem,
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [
                    {"index": 0, "finish_reason": "tool_calls" if calls else "stop", "message": message}
                ],
                "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


@pytest.fixture
def serve():
    """`serve(players, port=0)`: such a server, stopped after the test."""
    made = []

    def start(players, port=0):
        made.append(Server(players, port))
        return made[-1]

    yield start
    for server in made:
        if not server.dead:
            server.stop()

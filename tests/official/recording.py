"""A server that speaks OpenAI's protocol for scripted models and records what it is asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: a request's body to the message of the answer
Player = Callable[[dict[str, Any]], dict[str, Any]]


class Recorder(ThreadingHTTPServer):
    """`requests` holds path, headers and body of every request, in the order of their coming. `player` says
    what the model answers."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, player: Player) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.player, self.requests, self.lock = player, list[dict[str, Any]](), threading.Lock()
        self.faults: list[Exception] = []
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def taken(self) -> list[dict[str, Any]]:
        """What was recorded since the last time."""
        with self.lock:
            found, self.requests = self.requests, []
        if self.faults:
            raise self.faults[0]
        return found

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        return None

    def do_POST(self) -> None:
        server: Recorder = self.server  # type: ignore[assignment]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.requests.append({"path": self.path, "headers": dict(self.headers), "body": body})
        try:
            message = server.player(body)
        except Exception as error:  # the script is at fault, and the test says so
            server.faults.append(error)
            self.send_error(400)
            return
        answer = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "tool_calls" if message.get("tool_calls") else "stop",
                    "message": {"role": "assistant", **message},
                }
            ],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        }
        raw = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

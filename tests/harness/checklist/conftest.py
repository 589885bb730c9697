"""A real OpenAI-compatible server on a loopback port, whose replies a test writes."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.model.budget import Budget
from harness.model.cache import Cache
from harness.model.factory import open_model
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.pace import Pace


class Server(ThreadingHTTPServer):
    """`reply(prompt)`, of the text of all messages, is a completion, a status of an error, or "sleep";
    `requests` are the bodies it got."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests, self.lock, self.reply = [], threading.Lock(), lambda prompt: judgement(True)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    @property
    def prompts(self):
        return [body["messages"][-1]["content"] for body in self.requests]

    def handle_error(self, request, client_address):
        """A client that hung up is what the tests provoke."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        return None

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append(body)
            reply = self.server.reply("\n".join(message["content"] for message in body["messages"]))
        status = 200
        if reply == "sleep":
            time.sleep(2.5)
        if isinstance(reply, int):
            status, answer = reply, {"error": {"message": "injected", "type": "x", "code": "x"}}
        else:
            message = {"role": "assistant", "content": reply}
            answer = {
                "id": "1",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
            }
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def judgement(answer, **other):
    fields = ("understanding", "focus_analysis", "condition_analysis", "failure_analysis")
    return json.dumps({**dict.fromkeys(fields, "..."), "answer": answer, **other})


@pytest.fixture
def server():
    made = Server()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def open_judge(server, tmp_path):
    """Opens the server as a model: `open_judge(ledger=..., ...)`."""

    def opened(timeout=30, **settings):
        args = {"base_url": server.url, "api_key": "none", "timeout": timeout}
        provider = open_model("openai-api/local/judge", args, 8)
        given = {"ledger": Ledger(), "budget": Budget(), "first_wait": 0.01, "max_retries": 0, **settings}
        cache = Cache(tmp_path / "cache.sqlite")
        return Model(provider, cache=cache, pace=Pace(8), **given)

    return opened

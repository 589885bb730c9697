"""The command line in this process, in a folder of its own, and a server of models."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import pytest

from harness.cli import main
from harness.registry import registry


class Done(NamedTuple):
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def errors(self):
        """The lines that say what went wrong."""
        return [line for line in self.err.splitlines() if line.startswith(("error: ", "warning: "))]


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Runs `harness ...` as the entry point does."""
    for name in ("HARNESS_MODEL", "HARNESS_MIRROR", "HARNESS_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    registry.cache_clear()

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["harness", *arguments])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        return Done(code, *capsys.readouterr())

    yield run
    registry.cache_clear()


class Endpoint(ThreadingHTTPServer):
    """An OpenAI-compatible server: `reply(body)` is the text of a completion, a message, or a refusal as a
    pair of status and code; `usage` is what it says of its tokens (None for nothing), `served` the name of
    the model in its answers (None for the one asked for), `tells` what it has at other paths. A text's
    embedding is its length and its number of vowels."""

    daemon_threads = True
    request_queue_size = 64  # clients beyond it would wait a second for their turn

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), _Answers)
        self.requests, self.probes, self.looks = [], [], []
        self.heads, self.paths = [], []
        self.served, self.tells, self.software = None, {}, "BaseHTTP"
        self.usage = {"prompt_tokens": 1000, "completion_tokens": 500}
        self.reply, self.more_headers = (lambda body: "1+1"), {}
        self.address = f"http://127.0.0.1:{self.server_port}/v1"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        return None

    def version_string(self):
        return self.server.software

    def do_GET(self):
        self.server.looks.append(self.path)
        answer = self.server.tells.get(self.path)
        sent = json.dumps(answer).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        probe = 1 in (body.get("max_tokens"), body.get("max_output_tokens"))
        (self.server.probes if probe else self.server.requests).append(body)
        self.server.heads.append(dict(self.headers))
        self.server.paths.append(self.path)
        status = 200
        if self.path.endswith("/embeddings"):
            answer = {"object": "list", "model": body["model"], "data": list(map(_vector, *_texts(body)))}
            answer["usage"] = {"prompt_tokens": sum(map(len, body["input"]))}
        elif self.path.endswith("/v1/completions"):
            choice = {"index": 0, "finish_reason": "stop", "text": self.server.reply(body), "logprobs": None}
            answer = {"id": "1", "object": "text_completion", "created": 1, "model": body["model"]}
            answer |= {"choices": [choice], "usage": self.server.usage}
        elif self.path.endswith("/responses"):
            answer = _response(body["model"], self.server)
        else:
            message = self.server.reply(body)
            if isinstance(message, str):
                message = {"role": "assistant", "content": message}
            if isinstance(message, tuple):
                status, code = message
                key = self.headers["Authorization"]
                answer = {"error": {"message": f"refused: {code} ({key})", "type": "x", "code": code}}
            else:
                answer = {
                    "id": "1",
                    "object": "chat.completion",
                    "created": 1,
                    "model": self.server.served or body["model"],
                    "choices": [
                        {"index": 0, "finish_reason": message.pop("ending", "stop"), "message": message}
                    ],
                }
                if self.server.usage is not None:
                    answer["usage"] = self.server.usage
        sent = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        for name, value in self.server.more_headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(sent)


def _response(model, server):
    """What the newer of OpenAI's two protocols calls a completion."""
    text = {"type": "output_text", "text": server.reply(None), "annotations": []}
    message = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [text]}
    answer = {
        "id": "r",
        "object": "response",
        "created_at": 1,
        "model": model,
        "status": "completed",
        "output": [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    if server.usage is not None:
        answer["usage"] = {
            ours: server.usage[theirs]
            for ours, theirs in (("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens"))
            if theirs in server.usage
        }
        if "prompt_tokens_details" in server.usage:
            answer["usage"]["input_tokens_details"] = server.usage["prompt_tokens_details"]
    return answer


def _texts(body):
    return range(len(body["input"])), body["input"]


def _vector(index, text):
    vector = [float(len(text)), float(sum(map(text.count, "aeiou"))), 1.0]
    return {"object": "embedding", "index": index, "embedding": vector}


@pytest.fixture
def endpoint():
    made = Endpoint()
    yield made
    made.stop()


@pytest.fixture
def endpoints():
    """Makes as many endpoints as a test wants."""
    made = []

    def another(**settings):
        made.append(Endpoint())
        for name, value in settings.items():
            setattr(made[-1], name, value)
        return made[-1]

    yield another
    for each in made:
        each.stop()

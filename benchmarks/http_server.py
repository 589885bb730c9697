"""A chat server for benchmarks: one answer for everybody, after a fixed time, and counts of calls."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "bench",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": None,
            "message": {"role": "assistant", "content": "lol", "refusal": None, "tool_calls": []},
        }
    ],
    "usage": {
        "prompt_tokens": 12,
        "completion_tokens": 1,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 0},
    },
}


class Counts:
    """Calls, and how many were under way on average between the first and the last."""

    def __init__(self) -> None:
        self.calls = self.busy = self.most = 0
        self.area, self.first, self.last = 0.0, 0.0, 0.0

    def step(self, by: int) -> None:
        now = time.perf_counter()
        self.first = self.first or now
        self.area += self.busy * (now - (self.last or now))
        self.busy, self.last = self.busy + by, now
        self.calls += by > 0
        self.most = max(self.most, self.busy)

    def report(self) -> bytes:
        seconds = self.last - self.first
        found = {"calls": self.calls, "seconds": seconds, "most": self.most}
        found["in_flight"] = self.area / seconds if seconds else 0.0
        self.__init__()  # type: ignore[misc]
        return json.dumps(found).encode()


class Connection(asyncio.Protocol):
    """A POST is answered after `delay` seconds; a GET gives the counts and begins them anew."""

    def __init__(self, counts: Counts, delay: float) -> None:
        self.counts, self.delay, self.held = counts, delay, b""
        self.answer = _response(json.dumps(ANSWER).encode())
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.held += data
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            head = self.held[:end].lower()
            _, found, rest = head.partition(b"content-length:")
            length = int(rest.split(b"\r\n", 1)[0]) if found else 0
            if len(self.held) < end + 4 + length:
                return
            body, self.held = self.held[end + 4 : end + 4 + length], self.held[end + 4 + length :]
            if head.startswith(b"get"):
                self.transport.write(_response(self.counts.report()))
                continue
            if b'"max_tokens":1,' in body or b'"max_tokens":1}' in body:  # it asks whether anybody is here
                self.transport.write(self.answer)
                continue
            self.counts.step(1)
            if self.delay:
                asyncio.get_running_loop().call_later(self.delay, self.finish)
            else:
                self.finish()

    def finish(self) -> None:
        self.counts.step(-1)
        self.transport.write(self.answer)


def _response(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def serve(delay: float) -> None:
    """Serves until it is killed; the port is the first line of its output."""
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(counts, delay), "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))

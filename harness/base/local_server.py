"""HTTP for this machine alone, as the site of a store and the page for people are served."""

from __future__ import annotations

import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from harness.base.errors import UsageError
from harness.base.terminal import tell

#: names of this machine by which a server may be asked
LOCAL = ("127.0.0.1", "localhost")


class LocalHandler(BaseHTTPRequestHandler):
    """Answers that nobody keeps, and that are of the kind that they say."""

    timeout = 30  # seconds that a client may be silent
    server_version, sys_version = "harness", ""

    def asked_locally(self) -> bool:
        """Whether the client asks by a name of this machine; else it is told so. A page elsewhere must not
        read results through a name that it points at this machine."""
        if name_in(self.headers.get("Host", "")) in LOCAL:
            return True
        self.send_error(403, "ask for localhost")
        return False

    def send_content(self, content: bytes, kind: str, status: int = 200, **headers: str) -> None:
        """The whole answer; of a HEAD its headers alone."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: what is served is of no interest, and the terminal belongs to messages."""


def name_in(host: str) -> str | None:
    """The name in a header `Host`, without a port."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


class LocalServer(ThreadingHTTPServer):
    """Says nothing of clients that leave in the middle of an answer, and of faults one line."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            tell(f"a request failed: {type(error).__name__}: {error}")


def local_server(handler: Callable[..., BaseHTTPRequestHandler], port: int) -> LocalServer:
    """A server on the loopback interface; port 0 takes a free one.

    Raises:
        UsageError: the port is taken.
    """
    try:
        return LocalServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise UsageError(f"can't listen on port {port}: {error.strerror}; --port names another") from None

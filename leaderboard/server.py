"""The files of a site over HTTP: for this machine alone, and nothing beside them."""

from __future__ import annotations

import json
import sys
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from harness.base.errors import UsageError
from harness.base.terminal import tell
from harness.leaderboard.pages import FOLDER

if TYPE_CHECKING:
    from harness.leaderboard.live import Live

LOCAL = ("127.0.0.1", "localhost")
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".csv": "text/csv; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".tex": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
}
SCRIPT = b'<script src="/live.js" defer></script>\n</head>'


class Handler(BaseHTTPRequestHandler):
    """Files of the site, the live script in every page, and `live.json`; for this machine alone. GET and HEAD
    are all that it knows, and folders are not listed."""

    timeout = 30  # seconds that a client may be silent
    server_version, sys_version = "harness", ""

    def __init__(self, *args: Any, live: Live, **kwargs: Any) -> None:
        self.live = live
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        # a page elsewhere must not read results through a name that it points at this machine
        if _name_in(self.headers.get("Host", "")) not in LOCAL:
            self.send_error(403, "ask for localhost")
            return
        try:
            found = self._found(self.path.partition("?")[0].partition("#")[0])
        except OSError:  # the site is just being built again
            found = None
        if found is None:
            self.send_error(404)
            return
        content, kind = found
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_HEAD = do_GET

    def _found(self, path: str) -> tuple[bytes, str] | None:
        """The content at a path and its type; None where there is none."""
        if path == "/live.json":
            return json.dumps(self.live.state()).encode(), "application/json"
        if path == "/live.js":
            return (FOLDER / "assets" / "live.js").read_bytes(), "text/javascript"
        file = _inside(self.live.target, unquote(path, errors="replace"))
        if file is None:
            return None
        content = file.read_bytes()
        if file.suffix == ".html":
            return content.replace(b"</head>", SCRIPT, 1), "text/html; charset=utf-8"
        return content, TYPES.get(file.suffix, "application/octet-stream")

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: what is served is of no interest, and the terminal belongs to messages."""


def _name_in(host: str) -> str | None:
    """The name in a header `Host`, without a port."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _inside(folder: Path, path: str) -> Path | None:
    """The file at a path below a folder, or its index page; None where there is none there."""
    if "\0" in path or not path.startswith("/"):
        return None
    root = folder.resolve()
    try:
        file = (root / path.lstrip("/")).resolve()
        if file.is_dir():
            file /= "index.html"
        return file if file.is_relative_to(root) and file.is_file() else None
    except (OSError, ValueError):  # a name that is too long, or no name at all
        return None


class Server(ThreadingHTTPServer):
    """Says nothing of clients that leave in the middle of an answer, and of faults one line."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            tell(f"a request failed: {type(error).__name__}: {error}")


def server(live: Live, port: int) -> Server:
    """A server on the loopback interface; port 0 takes a free one.

    Raises:
        UsageError: the port is taken.
    """
    try:
        return Server(("127.0.0.1", port), partial(Handler, live=live))
    except OSError as error:
        raise UsageError(f"can't listen on port {port}: {error.strerror}; --port names another") from None

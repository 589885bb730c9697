"""The files of a site over HTTP: for this machine alone, and nothing beside them."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from harness.base.local_server import LocalHandler, LocalServer, local_server
from harness.leaderboard.pages import FOLDER

if TYPE_CHECKING:
    from harness.leaderboard.live import Live

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


class Handler(LocalHandler):
    """Files of the site, the live script in every page, and `live.json`; for this machine alone. GET and HEAD
    are all that it knows, and folders are not listed."""

    def __init__(self, *args: Any, live: Live, **kwargs: Any) -> None:
        self.live = live
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        if not self.asked_locally():
            return
        try:
            found = self._found(self.path.partition("?")[0].partition("#")[0])
        except OSError:  # the site is just being built again
            found = None
        if found is None:
            self.send_error(404)
            return
        self.send_content(*found)

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


def server(live: Live, port: int) -> LocalServer:
    """A server on the loopback interface; port 0 takes a free one.

    Raises:
        UsageError: the port is taken.
    """
    return local_server(partial(Handler, live=live), port)

"""The page over HTTP, for this machine alone and for whoever has its address with the token in it.

It holds nothing: what waits, when it was first shown and what was said are files of the queue, so that it may
be killed and started again while a page is open.
"""

from __future__ import annotations

import hmac
import json
from functools import partial
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from harness.base.errors import HarnessError, RecordError
from harness.base.files import plain_json
from harness.base.local_server import LOCAL, LocalHandler, LocalServer, local_server
from harness.base.terminal import json_text, one_line, printable_lines, say
from harness.human.queue import LONGEST_REPLY, Queue, Taken, Waiting
from harness.human.typed import cleaned

ASSETS = Path(__file__).parent / "assets"
FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
}
JSON = "application/json"
NO_TOKEN = b"This page needs its whole address, with the token: 'harness human serve' prints it.\n"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Refused(Exception):
    """A request that can't be carried out: a status and a line for the person."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status


class Handler(LocalHandler):
    """The page, what waits, and what is said to it. Who has no token is told so; a page of another origin can
    post nothing."""

    def __init__(self, *args: Any, queue: Queue, token: str, **kwargs: Any) -> None:
        self.queue, self.token = queue, token
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        if not self.asked_locally():
            return
        path, _, query = self.path.partition("?")
        fields = {name: values[0] for name, values in parse_qs(query).items()}
        given = fields.get("token", "")
        if path == "/" and given and self._right(given):
            cookie = f"{self._cookie}={self.token}; HttpOnly; SameSite=Strict; Path=/"
            self.send_content(b"", "text/plain", 303, Location="/", Set_Cookie=cookie)
        elif not self._known():
            self.send_content(NO_TOKEN, "text/plain; charset=utf-8", 403)
        elif path in FILES:
            name, kind = FILES[path]
            self.send_content((ASSETS / name).read_bytes(), kind)
        elif path == "/waiting.json":
            found = [_line(each) for each in self.queue.waiting()]
            self._send({"waiting": found})
        elif path == "/request.json":
            self._carry_out(lambda said: self._request(said["id"]), fields)
        else:
            self.send_error(404)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        if not self.asked_locally():
            return
        if not self._known() or not self._own_origin():
            self.send_content(NO_TOKEN, "text/plain; charset=utf-8", 403)
            return
        act = {"/shown": self._shown, "/reply": self._reply, "/forget": self._forget}.get(self.path)
        if act is None:
            self.send_error(404)
            return
        try:
            length = int(self.headers.get("Content-Length", ""))
            if not 0 <= length <= LONGEST_REPLY or self.headers.get_content_type() != JSON:
                raise ValueError("its length or type")
            said = plain_json(self.rfile.read(length))
            if not isinstance(said, dict) or not all(isinstance(text, str) for text in said.values()):
                raise ValueError("it is no object of texts")
        except ValueError as error:
            self._send({"error": one_line(f"this can't be read: {error}")}, 400)
            return
        self._carry_out(act, said)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Referrer-Policy", "no-referrer")
        super().end_headers()

    # -- what is asked for ---------------------------------------------------------------------------

    def _carry_out(self, act: Any, said: dict[str, str]) -> None:
        try:
            self._send(act(said))
        except Refused as refusal:
            self._send({"error": printable_lines(str(refusal))}, refusal.status)
        except KeyError as error:
            self._send({"error": one_line(f"it lacks {error}")}, 400)
        except (OSError, HarnessError) as error:
            self._send({"error": one_line(f"this can't be kept: {error}")}, 500)

    def _waiting(self, id: str) -> Waiting:
        found = next((each for each in self.queue.waiting() if each.id == id), None)
        if found is None:
            before = self.queue.said(id)
            raise Refused(410, f"Answered: {before.text}" if before else "Nobody waits for this any more.")
        return found

    def _request(self, id: str) -> dict[str, Any]:
        found = self._waiting(id)
        parts = found.shown.parts()
        action = json_text(json.loads(parts["action"])) if parts["action"] else ""
        dialogue = [[who, printable_lines(text)] for who, text in found.shown.dialogue]
        return {
            **_line(found),
            "brief": printable_lines(found.shown.brief),
            "dialogue": dialogue,
            "text": printable_lines(parts["text"]),
            "action": action,
            "choices": [printable_lines(each) for each in parts["choices"]],
            "form": parts["form"],
        }

    def _shown(self, said: dict[str, str]) -> dict[str, Any]:
        self._waiting(said["id"])
        return {"seconds": self.queue.show(said["id"])}

    def _reply(self, said: dict[str, str]) -> dict[str, Any]:
        text = cleaned(said["text"])
        found = self._waiting(said["id"])
        if fault := found.shown.fault(text):
            raise Refused(422, fault)
        try:
            return {"seconds": self.queue.reply(found.id, text).seconds}
        except Taken as taken:
            raise Refused(409, str(taken)) from None

    def _forget(self, said: dict[str, str]) -> dict[str, Any]:
        self.queue.forget(said["id"])
        return {}

    # -- who asks ------------------------------------------------------------------------------------

    @property
    def _port(self) -> int:
        return int(self.server.server_port)  # type: ignore[attr-defined]

    @property
    def _cookie(self) -> str:
        """Cookies are of a name of a machine, whatever the port."""
        return f"harness-human-{self._port}"

    def _right(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.token.encode())

    def _known(self) -> bool:
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return found is not None and self._right(found.value)

    def _own_origin(self) -> bool:
        found = urlsplit(self.headers.get("Origin", ""))
        try:
            return found.scheme == "http" and found.hostname in LOCAL and found.port == self._port
        except ValueError:
            return False

    def _send(self, value: Any, status: int = 200) -> None:
        self.send_content(json.dumps(value).encode(), JSON, status)


def _line(each: Waiting) -> dict[str, Any]:
    """A request as the list of them has it."""
    parts = each.shown.parts()
    return {
        "id": each.id,
        "sample": one_line(each.shown.sample),
        "epoch": each.shown.epoch,
        "kind": parts["kind"],
        "title": one_line(parts["text"])[:120],
        "gone": each.gone,
    }


def server(queue: Queue, port: int) -> LocalServer:
    """A server of the page on the loopback interface; port 0 takes a free one.

    Raises:
        UsageError: the port is taken.
        OSError: the queue can't be written.
    """
    return local_server(partial(Handler, queue=queue, token=queue.token()), port)


def serve(queue: Queue, port: int, show: bool) -> None:
    """Serves until it is interrupted; `show` opens the page in a browser.

    Raises:
        UsageError: the port is taken.
        RecordError: another process serves it, or the folder can't be written.
    """
    try:
        http = server(queue, port)
    except OSError as error:
        raise RecordError(f"{queue.folder} can't be written: {error.strerror or error}") from error
    try:
        address = f"http://127.0.0.1:{http.server_port}/"
        lock = queue.serve(address)
        try:
            whole = f"{address}?token={queue.token()}"
            say(f"{whole} shows what waits in {queue.folder}; Ctrl-C ends it")
            if show:
                import webbrowser

                webbrowser.open(whole)
            http.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            pass
        finally:
            lock.release()
    finally:
        http.server_close()

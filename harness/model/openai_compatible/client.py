"""Connections to one server, of the event loop that asks."""

from __future__ import annotations

import asyncio
import base64
import ssl
import urllib.request
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

from harness.base.secrets import url_shown
from harness.model.faults import ServerFault

if TYPE_CHECKING:
    from aiohttp import ClientSession

#: seconds a connection is kept without use: less than the five after which common servers close theirs
KEPT = 4.0
#: seconds to reach a server
REACH = 30.0
#: statuses that name another address, and how many of them are followed
MOVED, HOPS = (301, 302, 303, 307, 308), 4
#: seconds for what it says at its root
GREETING = 5.0


class Client:
    """Posts to a server. How many requests go at once is the caller's: a connection is opened where none
    is free. Connections live as long as the loop that opened them."""

    def __init__(self, address: str, headers: Mapping[str, str]) -> None:
        self.address, login = _without_login(address.rstrip("/"))
        if login:  # of the address, in place of the key's, as httpx has it
            headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
            headers["Authorization"] = login
        self._headers = {"Content-Type": "application/json", "Accept": "application/json", **headers}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session: ClientSession | None = None
        self._sessions: AsyncGenerator[ClientSession, None] | None = None

    async def greeting(self) -> str:
        """What the server says at its root, a line at most; empty if it says nothing or can't be asked."""
        import aiohttp

        session, parts = await self._opened_here(), urlsplit(self.address)
        limit = aiohttp.ClientTimeout(total=GREETING)
        try:
            async with session.get(f"{parts.scheme}://{parts.netloc}/", timeout=limit) as response:
                return (await response.content.read(80)).decode("utf-8", "replace")
        except (aiohttp.ClientError, TimeoutError):
            return ""

    async def post(
        self, path: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the response.

        Raises:
            aiohttp.ClientError: the server can't be reached, or broke off.
            TimeoutError: it took too long to connect.
            ServerFault: it sends on to another server, or in a circle. Within one server it is followed, and
                the request stays what it is.
        """
        session = self._session
        if session is None or self._loop is not asyncio.get_running_loop():
            session = await self._opened_here()
        url = f"{self.address}/{path}"
        for _ in range(HOPS):
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                to = response.headers.get("Location") if response.status in MOVED else None
                if to is None:
                    return response.status, response.headers, await response.read()
            before, url = url, urljoin(url, to)
            if not _same_server(before, url):  # which has no business with the key
                raise ServerFault(
                    f"the server sends on to {url_shown(url)}; if that is right, give it as base_url",
                    response.status,
                    kind="unusable",
                )
        raise ServerFault("the server sends on in a circle", response.status, kind="unusable")

    async def _opened_here(self) -> ClientSession:
        """The session of the running loop."""
        if self._session is None or self._loop is not asyncio.get_running_loop():
            self._loop, self._sessions = asyncio.get_running_loop(), self._opened()
            self._session = await anext(self._sessions)
        return self._session

    async def _opened(self) -> AsyncGenerator[ClientSession, None]:
        """One session. A loop ends the generators that were begun in it before it closes (asyncio's
        `shutdown_asyncgens`), so that no connection is left behind, whoever runs the loop."""
        import aiohttp

        # a proxy is looked up once; aiohttp's own trust_env would also send passwords of a .netrc
        parts = urlsplit(self.address)
        proxy = None
        if not urllib.request.proxy_bypass(parts.hostname or ""):
            proxy = urllib.request.getproxies().get(parts.scheme)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, keepalive_timeout=KEPT, ssl=certificates() if parts.scheme == "https" else True
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=REACH),  # the caller has a clock
            proxy=proxy,
        ) as session:
            yield session


def _same_server(url: str, other: str) -> bool:
    """Whether two addresses are of one server, the second with TLS perhaps."""
    a, b = urlsplit(url), urlsplit(other)
    if a.hostname != b.hostname:
        return False
    return (a.scheme, a.port) == (b.scheme, b.port) or (a.scheme == "http" and b.scheme == "https")


def _without_login(address: str) -> tuple[str, str]:
    """The address without `user:password@`, and these as a header; empty where there are none."""
    parts = urlsplit(address)
    login, sign, host = parts.netloc.rpartition("@")
    if not sign:
        return address, ""
    coded = base64.b64encode(unquote(login if ":" in login else f"{login}:").encode()).decode()
    return parts._replace(netloc=host).geturl(), f"Basic {coded}"


def certificates() -> ssl.SSLContext:
    """The system's authorities and, where it has few, those of certifi."""
    context = ssl.create_default_context()
    try:
        import certifi

        context.load_verify_locations(certifi.where())
    except ImportError:
        pass
    return context

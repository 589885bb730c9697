"""Pages of the web that a model may ask for by any address: only public machines are ever asked."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin
from urllib.request import getproxies, proxy_bypass

from harness.errors import HarnessError

if TYPE_CHECKING:
    import httpx

#: a longer body is cut off here
BODY_BYTES = 5 << 20
REDIRECTS = 10
#: what follows from the connection and is none of the asker's business
OWN_HEADERS = ("host", "connection", "accept-encoding", "content-length", "transfer-encoding")


class PageFailed(HarnessError):
    """There is no such page, or it could not be had."""


@dataclass(frozen=True)
class Page:
    """What came of a request. `headers` have lower-case names; `text` is at most `BODY_BYTES` long."""

    status: int
    text: str
    headers: Mapping[str, str]


async def fetch(
    url: str,
    headers: Mapping[str, str] | None = None,
    *,
    seconds: float = 20.0,
    redirects: int = REDIRECTS,
    instead: Mapping[str, str] | None = None,
) -> Page:
    """The page at a URL, after its redirects.

    A name must resolve to public addresses, and the one that was checked is the one that is asked, at every
    redirect; behind a proxy it is the proxy that resolves, and addresses alone are checked. `instead` gives
    bases of URLs to ask in place of hosts; these may be anywhere.

    Raises:
        PageFailed: the URL is none, leads to a machine that isn't public, or gave no answer in time.
    """
    import httpx

    kept = {name: value for name, value in (headers or {}).items() if name.lower() not in OWN_HEADERS}
    try:
        async with asyncio.timeout(seconds), httpx.AsyncClient(timeout=seconds) as client:
            for _ in range(redirects + 1):
                request = await _request(client, url, kept, instead or {})
                page = await _read(client, request)
                if not 300 <= page.status < 400 or "location" not in page.headers or not redirects:
                    return page
                url = urljoin(url, page.headers["location"])
    except TimeoutError:
        raise PageFailed(f"no answer in {seconds:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
        raise PageFailed(f"{type(error).__name__}: {str(error)[:200]}") from None
    raise PageFailed(f"more than {redirects} redirects")


async def _request(
    client: httpx.AsyncClient, url: str, headers: Mapping[str, str], instead: Mapping[str, str]
) -> httpx.Request:
    """The request for a URL, to an address that may be asked."""
    import httpx

    asked = httpx.URL(url)
    if asked.scheme not in ("http", "https") or not asked.host:
        raise PageFailed("a URL of the web begins with http:// or https:// and a host")
    if asked.host in instead:
        base = httpx.URL(instead[asked.host])
        path = base.raw_path.rstrip(b"/") + asked.raw_path
        return client.build_request("GET", base.copy_with(raw_path=path), headers=headers)
    if getproxies().get(asked.scheme) and not proxy_bypass(asked.host):
        _check_address(asked.host)
        return client.build_request("GET", asked, headers=headers)
    address = await _public_address(asked.host, asked.port or (443 if asked.scheme == "https" else 80))
    named = {**headers, "Host": asked.netloc.decode("ascii")}
    return client.build_request("GET", asked.copy_with(host=address), headers=named,
                                extensions={"sni_hostname": asked.raw_host.decode("ascii")})  # fmt: skip


async def _public_address(host: str, port: int) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(each[4][0]) for each in found]
    for address in addresses:
        _check_address(address)
    return addresses[0]


def _check_address(host: str) -> None:
    """Whether a host is no address of a machine that isn't public."""
    try:
        public = ipaddress.ip_address(host).is_global
    except ValueError:
        public = host.lower() != "localhost"
    if not public:
        raise PageFailed("only public machines can be asked")


async def _read(client: httpx.AsyncClient, request: httpx.Request) -> Page:
    response = await client.send(request, stream=True)
    try:
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) >= BODY_BYTES:
                break
    finally:
        await response.aclose()
    text = bytes(body[:BODY_BYTES]).decode(response.charset_encoding or "utf-8", "replace")
    return Page(response.status_code, text, {name.lower(): value for name, value in response.headers.items()})

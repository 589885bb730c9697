"""Pages of the web that a model may ask for by any address. Only public machines are ever asked, directly
and not through a proxy, as the address is checked that is then connected to."""

from __future__ import annotations

import asyncio
import codecs
import ipaddress
import socket
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from harness.base.errors import HarnessError
from harness.external.addresses import is_public

if TYPE_CHECKING:
    import httpx

#: a longer body is cut off here, before and after it is unpacked
BODY_BYTES = 5 << 20
REDIRECTS = 10
#: what follows from the connection and is none of the asker's business
OWN_HEADERS = ("host", "connection", "accept-encoding", "content-length", "transfer-encoding")
#: encodings of texts that are quick to read whatever the bytes are; others are read as UTF-8
CHARSETS = (
    "utf-8",
    "ascii",
    "iso8859-1",
    "iso8859-15",
    "cp1252",
    "cp1251",
    "koi8-r",
    "utf-16",
    "shift_jis",
    "euc_jp",
    "euc_kr",
    "gb18030",
    "gbk",
    "gb2312",
    "big5",
)


class PageFailed(HarnessError):
    """There is no such page, or it could not be had."""


@dataclass(frozen=True)
class Page:
    """What came of a request. `headers` have lower-case names; `text` comes of at most `BODY_BYTES`."""

    status: int
    text: str
    headers: Mapping[str, str]


async def fetch(url: str, headers: Mapping[str, str] | None = None, *, seconds: float = 20.0) -> Page:
    """The page at a URL, after its redirects; every host on the way must resolve to public addresses.

    Raises:
        PageFailed: the URL is none, leads to a machine that isn't public, or gave no answer in time.
    """
    import httpx

    try:
        async with asyncio.timeout(seconds), httpx.AsyncClient(timeout=seconds, trust_env=False) as client:
            for _ in range(REDIRECTS + 1):
                page = await read(client, await _request(client, url, _kept(headers)))
                if not 300 <= page.status < 400 or "location" not in page.headers:
                    return page
                url = urljoin(url, page.headers["location"])
    except TimeoutError:
        raise PageFailed(f"no answer in {seconds:g} s") from None
    except PageFailed:
        raise
    except Exception as error:  # a model wrote the URL: it may be anything, and break anything below
        raise PageFailed(f"{type(error).__name__}: {str(error)[:200]}") from None
    raise PageFailed(f"more than {REDIRECTS} redirects")


def _kept(headers: Mapping[str, str] | None) -> dict[str, str]:
    own = {str(k): str(v) for k, v in (headers or {}).items() if str(k).lower() not in OWN_HEADERS}
    return {**own, "Accept-Encoding": "gzip"}


async def _request(client: httpx.AsyncClient, url: str, headers: Mapping[str, str]) -> httpx.Request:
    """The request for a URL, to an address that may be asked."""
    import httpx

    asked = httpx.URL(url)
    if asked.scheme not in ("http", "https") or not asked.host:
        raise PageFailed("a URL of the web begins with http:// or https:// and a host")
    address = await public_address(asked.host, asked.port or (443 if asked.scheme == "https" else 80))
    named = {**headers, "Host": asked.netloc.decode("ascii")}
    return client.build_request(
        "GET",
        asked.copy_with(host=address),
        headers=named,
        extensions={"sni_hostname": asked.raw_host.decode("ascii")},
    )


async def public_address(host: str, port: int) -> str:
    """An address of a host, all of whose addresses are those of public machines.

    Raises:
        PageFailed: one of them isn't.
        OSError: the name has none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
    if not all(map(is_public, addresses)):
        raise PageFailed("only public machines can be asked")
    # an address of the older kind first: hosts are more often without a route for the newer
    return str(min(addresses, key=lambda address: address.version))


async def read(client: httpx.AsyncClient, request: httpx.Request) -> Page:
    """The answer to a request, its body cut off at `BODY_BYTES`.

    Raises:
        PageFailed: it is packed in a way that wasn't asked for.
        httpx.HTTPError: there is none.
    """
    response = await client.send(request, stream=True)
    try:
        packed = bytearray()
        async for part in response.aiter_raw():
            packed += part[: BODY_BYTES - len(packed)]
            if len(packed) >= BODY_BYTES:
                break
    finally:
        await response.aclose()
    headers = {name.lower(): value for name, value in response.headers.items()}
    body = _unpacked(bytes(packed), headers.get("content-encoding", "identity").strip().lower())
    return Page(response.status_code, body.decode(_charset(response.charset_encoding), "replace"), headers)


def _charset(named: str | None) -> str:
    try:
        charset = codecs.lookup(named or "utf-8").name
    except LookupError:
        return "utf-8"
    return charset if charset in CHARSETS else "utf-8"


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise PageFailed(f"the body is packed as {encoding[:40]!r}, which wasn't asked for")
    try:
        return zlib.decompressobj(47).decompress(body, BODY_BYTES)
    except zlib.error as error:
        raise PageFailed(f"the body can't be unpacked: {error}") from None

"""A model asks for machines beside this one: every special range, in every spelling that resolves."""

import asyncio
import ipaddress
import socket
import threading

import pytest

from harness.external.web import PageFailed, fetch
from tests.harness.external.test_services import SPECIAL

pytestmark = pytest.mark.faults
#: names that some resolvers know for this machine or its neighbours
NAMES = ["localhost", "localhost.", "LOCALHOST", "ip6-localhost", "ip6-loopback", "127.0.0.1.", "127.1", "0"]


def spellings(address):
    """What a URL may call an address."""
    if isinstance(address, ipaddress.IPv6Address):
        yield from (f"[{address}]", f"[{address.exploded}]", f"[{address}%25lo]", f"user:word@[{address}]")
        return
    number, parts = int(address), str(address).split(".")
    yield from (str(address), f"{address}.", str(number), hex(number), f"user@{address}", f"a:b@{address}")
    yield ".".join(map(hex, map(int, parts)))
    yield ".".join(f"0{int(part):o}" for part in parts)
    yield f"{parts[0]}.{number & 0xFFFFFF}"
    yield f"[::ffff:{address}]"
    yield f"[64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}]"
    yield f"[2002:{number >> 16:x}:{number & 0xFFFF:x}::]"
    yield f"[::{address}]"
    yield "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in str(address))  # digits of wide type


HOSTS = [*NAMES, *(host for text in SPECIAL for host in spellings(ipaddress.ip_address(text)))]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_none_of_them_is_asked(scheme, monkeypatch):
    asked = []
    connect = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", lambda *a: asked.append(a[1]) or connect(*a))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_count, args=(listening, asked), daemon=True).start()
        port = listening.getsockname()[1]

        async def every():
            return [await one(f"{scheme}://{host}:{port}/") for host in HOSTS]

        async def one(url):
            with pytest.raises(PageFailed):
                await fetch(url, seconds=5)
            return url

        assert len(asyncio.run(every())) == len(HOSTS) > 600
    assert asked == []


def _count(listening, asked):
    try:
        while True:
            asked.append(listening.accept()[1])
    except OSError:
        return

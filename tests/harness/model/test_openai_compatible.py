"""The OpenAI-compatible path against a real server on a loopback port, with faults."""

import asyncio
import json
import sqlite3
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.base.errors import BudgetSpent, ModelCallError
from harness.base.messages import user
from harness.model.budget import Budget
from harness.model.cache import Cache
from harness.model.factory import open_model
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.pace import Pace
from harness.sample import Question


class Server(ThreadingHTTPServer):
    """Answers chat completions; `faults` are taken in turn, one a request."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults, self.requests, self.busy, self.most_busy = [], [], 0, 0
        self.lock, self.delay = threading.Lock(), 0.0
        self.usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that hung up is what the tests provoke."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        return None

    def do_POST(self):
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.requests.append(body)
            server.busy += 1
            server.most_busy = max(server.most_busy, server.busy)
            fault = server.faults.pop(0) if server.faults else None
        time.sleep(server.delay)
        with server.lock:
            server.busy -= 1
        answer = json.dumps(
            {
                "id": "1",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "message": {"role": "assistant", "content": "forty-two"},
                    }
                ],
                **({} if server.usage is None else {"usage": server.usage}),
            }
        ).encode()
        status, length = 200, None
        if isinstance(fault, int):
            status, answer = fault, b'{"error": {"message": "injected", "type": "x", "code": "x"}}'
        elif fault == "sleep":
            time.sleep(2.5)
        elif fault == "broken":
            answer = b'{"id": "1", "choices": [{"index": 0, "mess'
        elif fault == "cut":
            length = len(answer) + 50
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length or len(answer)))
        if status == 429:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(answer)
        if fault == "cut":
            self.close_connection = True
            self.connection.close()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.shutdown()
    made.server_close()


def model(server, tmp_path=None, *, name="openai-api/local/test", ledger=None, **settings):
    provider = open_model(
        name, {"base_url": f"http://127.0.0.1:{server.server_port}/v1", "api_key": "none", "timeout": 1}, 3
    )
    settings = {"budget": Budget(), "first_wait": 0.01, "max_retries": 3, **settings}
    cache = Cache(tmp_path / "cache.sqlite") if tmp_path else None
    return Model(
        provider,
        ledger=ledger or Ledger(),
        cache=cache,
        pace=Pace.of(provider),
        **settings,
    )


def ask(handle, text="?", question=None, **settings):
    return handle.generate(question or Question("q", text), [user(text)], **settings)


@pytest.mark.parametrize("fault", [429, 500, 503, "sleep", "broken", "cut"])
def test_passing_faults_are_retried(server, fault):
    ledger = Ledger()
    server.faults = [fault, fault]
    output = asyncio.run(ask(model(server, ledger=ledger)))
    assert output.completion == "forty-two"
    assert len(server.requests) == 3
    assert (ledger.total.calls, ledger.total.retries) == (1, 2)
    assert (ledger.total.input_tokens, ledger.total.output_tokens) == (7, 3)


def test_gives_up_with_one_line(server):
    server.faults = [500] * 9
    with pytest.raises(ModelCallError) as caught:
        asyncio.run(ask(model(server)))
    assert len(server.requests) == 4
    assert "after 4 tries" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("fault", [401, 404])
def test_lasting_faults_are_not_retried(server, fault):
    server.faults = [fault] * 9
    with pytest.raises(ModelCallError):
        asyncio.run(ask(model(server)))
    assert len(server.requests) == 1


def test_never_more_calls_at_once_than_allowed(server):
    server.delay = 0.05

    async def many():
        handle = model(server)
        await asyncio.gather(*(ask(handle, str(n), Question(str(n), str(n))) for n in range(12)))

    asyncio.run(many())
    assert server.most_busy == 3


def test_cache_serves_the_same_call_and_no_other(server, tmp_path):
    async def calls():
        ledger = Ledger()
        handle = model(server, tmp_path, ledger=ledger, price=(1.0, 2.0))
        await ask(handle)
        await ask(handle)
        assert (len(server.requests), ledger.total.cache_hits, ledger.total.calls) == (1, 1, 2)
        assert ledger.total.input_tokens == 14
        assert ledger.total.cost_usd == pytest.approx(2 * 13e-6)
        assert ledger.total.paid_usd == pytest.approx(13e-6)
        others = [{"draw": 1}, {"temperature": 0.5}, {"question": Question("q", "?", epoch=1)}]
        for number, other in enumerate(others, 2):
            await ask(handle, **other)
            assert len(server.requests) == number
        await ask(model(server, tmp_path, seed=1))
        await ask(model(server, tmp_path, name="openai-api/local/other"))
        assert len(server.requests) == 6
        handle._cache.flush()
        await ask(model(server, tmp_path, offline=True))
        assert len(server.requests) == 6
        with pytest.raises(ModelCallError, match="--offline"):
            await ask(model(server, tmp_path, offline=True), "something new")

    asyncio.run(calls())


@pytest.mark.parametrize("limit", [{"calls": 2}, {"tokens": 30}, {"usd": 40e-6}])
def test_a_spent_budget_stops_the_next_call(server, limit):
    async def calls():
        handle = model(server, budget=Budget(**limit), price=(1.0, 2.0))
        await ask(handle, "1")
        await ask(handle, "2")
        with pytest.raises(BudgetSpent, match="--budget-"):
            await ask(handle, "3")

    asyncio.run(calls())
    assert len(server.requests) == 2


def test_unknown_price_is_unknown_cost(server):
    ledger = Ledger()
    asyncio.run(ask(model(server, ledger=ledger)))
    assert ledger.total.cost_usd is None


#: what servers say that leave counts out
WITHOUT = [None, {}, {"prompt_tokens": 7}, {"completion_tokens": 3}, dict.fromkeys(("prompt_tokens", "x"))]


@pytest.mark.parametrize("usage", WITHOUT)
def test_what_a_server_does_not_count_is_unknown_also_from_the_cache(server, tmp_path, usage):
    ledger = Ledger()
    handle = model(server, tmp_path, ledger=ledger, price=(1.0, 2.0))
    asyncio.run(ask(handle, "counted"))
    server.usage = usage
    for _ in range(2):
        output = asyncio.run(ask(handle))
        assert output.completion == "forty-two"
    assert len(server.requests) == 2 and ledger.total.cache_hits == 1
    assert (ledger.total.calls, ledger.total.unreported, ledger.total.input_tokens) == (3, 2, 7)
    found = ledger.total.reported()
    unknown = ("input_tokens", "output_tokens", "reasoning_tokens", "cached_input_tokens", "cost_usd")
    assert [found[name] for name in unknown] == [None] * 5


def test_what_is_free_is_free_however_many_tokens_it_took(server):
    server.usage, ledger = None, Ledger()
    asyncio.run(ask(model(server, ledger=ledger, price=(0.0, 0.0))))
    assert ledger.total.unreported == 1 and ledger.total.cost_usd == ledger.total.paid_usd == 0.0


def test_a_call_that_failed_took_no_tokens(server):
    server.faults, ledger = [400], Ledger()
    with pytest.raises(ModelCallError):
        asyncio.run(ask(model(server, ledger=ledger, price=(1.0, 2.0))))
    assert (ledger.total.calls, ledger.total.unreported, ledger.total.cost_usd) == (1, 0, 0.0)


def test_the_server_s_own_cache_and_reasoning_are_part_of_the_use(server):
    server.usage = {
        "prompt_tokens": 70,
        "completion_tokens": 30,
        "total_tokens": 100,
        "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 20},
    }
    ledger = Ledger()
    asyncio.run(ask(model(server, ledger=ledger)))
    found = ledger.total.reported()
    names = (
        "input_tokens",
        "output_tokens",
        "cached_input_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
    )
    assert [found[name] for name in names] == [70, 30, 64, 2, 20]


@pytest.mark.parametrize(
    "usage, price, limits, says",
    [
        (None, (1.0, 2.0), {"tokens": 99}, ["--budget-tokens counts a token for every byte"]),
        (None, (1.0, 2.0), {"usd": 1.0}, ["--budget-usd counts a token for every byte"]),
        (None, (1.0, 2.0), {"tokens": 99, "usd": 1.0}, ["--budget-tokens and --budget-usd counts a token"]),
        (None, (0.0, 0.0), {"usd": 1.0}, []),
        (None, (1.0, 2.0), {"calls": 9}, []),
        ({"prompt_tokens": 7, "completion_tokens": 3}, None, {"tokens": 99}, []),
    ],
)
def test_answers_without_counts_are_told_where_they_count(server, usage, price, limits, says):
    server.usage, told = usage, []
    handle = model(server, price=price, budget=Budget(**limits), notice=told.append)
    asyncio.run(ask(handle, max_tokens=9))
    assert len(told) == len(says) and all(part in line for part, line in zip(says, told, strict=True))


def test_an_answer_is_on_disk_before_anybody_has_it(server, tmp_path):
    """A run that is killed has paid for nothing that it must ask again."""

    async def many():
        handle = model(server, tmp_path)
        commits, flush = [], handle._cache.flush

        def counted():
            commits.append(len(handle._cache._waiting))
            flush()

        handle._cache.flush = counted

        async def one(n):
            await ask(handle, str(n), Question(str(n), str(n)))
            with sqlite3.connect(tmp_path / "cache.sqlite") as other:
                kept.extend(other.execute("SELECT COUNT(*) FROM completions").fetchone())

        await asyncio.gather(*(one(n) for n in range(9)))
        assert sum(commits) == 9

    kept = []
    asyncio.run(many())
    assert len(kept) == 9 and all(found >= n for n, found in enumerate(kept, 1))

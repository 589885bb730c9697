"""A limit holds, by the bill of a server that is slow, breaks off, and charges for all that it made."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from inspect_ai.model import ModelOutput, ModelUsage

from harness.base.errors import BudgetSpent, HarnessError, ModelCallError, UsageError
from harness.base.messages import user
from harness.model.budget import Budget
from harness.model.cache import Cache
from harness.model.factory import open_model
from harness.model.gateway import Model
from harness.model.health import Health
from harness.model.ledger import Ledger
from harness.model.metering import used
from harness.model.pace import Pace
from harness.model.prices import Price, Rates
from harness.sample import Question

#: USD: 1 a token of a prompt, .5 of one read from the server's cache, 2 of one written there, 4 of an answer
PRICE = Price(Rates(1e6, 4e6, 0.5e6, 2e6))


class Server:
    """Answers in the event loop of the test. `usage(n)` is what it says of its n-th request, `fault(n)` what
    becomes of it: "late" (answered after the client gave up), "cut" (the connection breaks), a status, or
    nothing. `bill` is what it charges: every completion that it made."""

    def __init__(self):
        self.requests, self.bill, self.at_once, self.peak = 0, 0.0, 0, 0
        self.seconds = 0.002
        self.usage = lambda n: {"prompt_tokens": 6, "completion_tokens": 1}
        self.fault = lambda n: None
        self.message = {"role": "assistant", "content": "yes"}
        self.ending = "stop"
        self.cost = cost

    async def answer(self, request):
        body = await request.json()
        self.requests += 1
        n, fault = self.requests, self.fault(self.requests)
        self.at_once += 1
        self.peak = max(self.peak, self.at_once)
        try:
            await asyncio.sleep(self.seconds)
            if isinstance(fault, int):
                return web.json_response({"error": {"message": "no"}}, status=fault)
            usage = self.usage(n)
            self.bill += self.cost(usage)
            if fault == "late":
                await asyncio.sleep(0.4)
            if fault == "cut":
                request.transport.close()
        finally:
            self.at_once -= 1
        choice = {"index": 0, "finish_reason": self.ending, "message": self.message}
        answer = {"id": "1", "object": "chat.completion", "model": body["model"], "choices": [choice]}
        if fault == "none":
            answer["choices"] = []
        return web.json_response({**answer, "usage": usage})


def cost(usage):
    details = usage.get("prompt_tokens_details") or {}
    read, written = details.get("cached_tokens", 0), details.get("cache_write_tokens", 0)
    return usage["prompt_tokens"] - read / 2 + written + 4 * usage["completion_tokens"]


@asynccontextmanager
async def running(server, name="openai-api/local/m", **settings):
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    args = {"base_url": f"http://127.0.0.1:{port}/v1", "api_key": "none", "timeout": 1}
    args |= {"responses_api": False} if name.startswith("openai/") else {}
    provider = await asyncio.to_thread(open_model, name, args, 64)
    provider.timeout = 0.3
    made = {"ledger": Ledger(), "budget": Budget(), "price": PRICE, "first_wait": 0.001, **settings}
    try:
        yield Model(provider, pace=Pace.of(provider), health=Health(), max_retries=3, **made)
    finally:
        await runner.cleanup()


async def many(handle, count=64, **settings):
    """That many calls at once; how many were answered, and those that failed otherwise than by the limit."""

    async def one(n):
        try:
            await handle.generate(Question(str(n), "?"), [user(f"{n:04d}")], **{"max_tokens": 1, **settings})
            return True
        except BudgetSpent:
            return False

    found = await asyncio.gather(*(one(n) for n in range(count)), return_exceptions=True)
    assert all(isinstance(each, bool | HarnessError) for each in found)
    return sum(each is True for each in found)


def ran(server, limit, count=64, price=PRICE, name="openai-api/local/m", **settings):
    """Answers, and the run's ledger, of so many calls at once under a limit."""

    async def run():
        ledger = Ledger()
        budget = Budget(**limit)
        async with running(server, name, ledger=ledger, budget=budget, price=price) as handle:
            answered = await many(handle, count, **settings)
            assert handle._budget.under_way == 0
        return answered, ledger.total

    return asyncio.run(run())


def test_thirty_dollars_at_eleven_a_call_are_two_calls():
    server = Server()
    server.usage = lambda n: {"prompt_tokens": 7, "completion_tokens": 1}
    answered, total = ran(server, {"usd": 30}, price=Price(Rates(1e6, 4e6)))
    assert (answered, server.bill) == (2, 22) and total.cost_usd == 22


def test_what_turns_out_cheaper_is_used_up():
    server = Server()
    server.usage = lambda n: {"prompt_tokens": 6, "completion_tokens": 1}
    answered, total = ran(server, {"usd": 300}, max_tokens=5)
    assert server.bill == total.cost_usd <= 300 and 300 - server.bill <= 9 * 2 + 20
    assert server.peak > 4, "it waits for room and not for its turn alone"


@pytest.mark.parametrize(
    "fault, name",
    [
        *((fault, "openai-api/local/m") for fault in ("late", "cut", "none", 500, 429, 504)),
        *((fault, "openai/m") for fault in ("late", "cut")),  # over inspect-ai
    ],
)
def test_a_call_that_is_made_again_may_have_been_charged(fault, name):
    server = Server()
    server.fault = lambda n: fault if n % 3 == 0 else None
    tokens, usage = [], server.usage

    def counted(n):
        tokens.append(7)
        return usage(n)

    server.usage = counted
    _, total = ran(server, {"usd": 120, "tokens": 100}, count=24, name=name)
    assert server.requests > 3 and server.bill <= 120 and sum(tokens) <= 100
    assert bool(total.uncounted_tokens) == (fault not in (500, 429))


def test_a_server_that_counts_more_than_bytes_is_believed():
    server = Server()
    server.usage = lambda n: {"prompt_tokens": 1000 + n % 7, "completion_tokens": 5 * (n % 3)}
    answered, total = ran(server, {"usd": 9000})
    assert server.bill == total.cost_usd <= 9000 and answered >= 4


def test_without_a_limit_on_completions_the_longest_so_far_is_set_aside():
    server, told = Server(), []
    server.usage = lambda n: {"prompt_tokens": 5, "completion_tokens": 100}

    async def run():
        budget = Budget(usd=2000)
        async with running(server, budget=budget, notice=told.append) as handle:
            return await many(handle, max_tokens=None)

    assert asyncio.run(run()) == 4 and server.bill == 4 * 405
    assert len(told) == 1 and "no --max-tokens limits a completion, so --budget-usd sets aside" in told[0]


def test_the_server_s_cache_is_counted_and_priced():
    server = Server()
    details = {"cached_tokens": 1920, "cache_write_tokens": 10}
    server.usage = lambda n: {
        "prompt_tokens": 2000,
        "completion_tokens": 1,
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    _, total = ran(server, {}, count=24)
    assert (total.input_tokens, total.cached_input_tokens, total.cache_write_tokens) == (48000, 46080, 240)
    assert total.reasoning_tokens == 24 and total.cost_usd == server.bill == 24 * (2000 - 960 + 10 + 4)
    before, server.bill = server.requests, 0.0
    _, total = ran(server, {"tokens": 9100})
    assert server.requests - before == 4 and total.input_tokens == 8000


@pytest.mark.parametrize(
    "usage, wanted",
    [
        ({"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 4}, (9, 2, 4, None)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "cached_tokens": 4}, (9, 2, 4, None)),
        ({"input_tokens": 5, "output_tokens": 2, "cache_read_input_tokens": 4}, (9, 2, 4, None)),
        (
            {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 40}},
            (49, 2, 40, None),  # more than the prompt: its number is of the rest
        ),
        (
            {
                **{"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 41},
                "completion_tokens_details": {"reasoning_tokens": 30},
            },
            (9, 32, None, 30),
        ),
        ({"prompt_tokens": 0, "completion_tokens": 0}, None),
        ({"prompt_tokens": -5, "completion_tokens": 2}, None),
        ({"prompt_tokens": 9, "completion_tokens": -2}, None),
        ({"prompt_tokens": True, "completion_tokens": 2}, None),
        ({"prompt_tokens": 9.0, "completion_tokens": "2"}, (9, 2, None, None)),
    ],
)
def test_what_servers_say_of_tokens(usage, wanted):
    server = Server()
    server.usage = lambda n: usage

    async def run():
        ledger = Ledger()
        async with running(server, ledger=ledger, price=Price(Rates(1.0, 1.0))) as handle:
            await handle.generate(Question("q", "?"), [user("?")])
        return ledger.total

    server.cost = lambda usage: 0.0
    total = asyncio.run(run())
    names = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")
    if wanted is None:
        assert total.unreported == 1 and total.cost_usd is None
    else:
        assert tuple(getattr(total, name) for name in names) == wanted and total.unreported == 0


def test_reasoning_that_a_limit_cut_off_is_paid_and_no_part_of_the_use():
    server = Server()
    server.message = {"role": "assistant", "content": "", "reasoning_content": "hm"}
    server.ending = "length"
    server.usage = lambda n: {"prompt_tokens": 6, "completion_tokens": 9}

    async def run():
        ledger = Ledger()
        budget = Budget(usd=10_000_000)
        async with running(server, ledger=ledger, budget=budget, answer_limit=9) as handle:
            await handle.generate(Question("q", "?"), [user("?")], max_tokens=9)
        return ledger.total

    total = asyncio.run(run())
    assert (server.requests, total.calls, total.thrown_calls) == (2, 1, 1)
    assert total.cost_usd == total.thrown_usd == 42 and total.paid_usd == server.bill == 84
    assert total.measured[2] == 84


def test_a_limit_in_usd_needs_a_price_before_anything_is_asked():
    server = Server()

    async def run():
        async with running(server, price=None, budget=Budget(usd=1)) as handle:
            await handle.generate(Question("q", "?"), [user("?")])

    with pytest.raises(UsageError, match="--budget-usd needs the price of openai-api/local/m.*harness.toml"):
        asyncio.run(run())
    assert server.requests == 0


def test_a_warm_cache_ends_a_run_where_a_cold_one_does(tmp_path):
    server = Server()
    server.usage = lambda n: {"prompt_tokens": 3 + n % 5, "completion_tokens": 1}

    async def run():
        totals, cache = [], Cache(tmp_path / "cache.sqlite")
        async with running(server) as first:
            for _ in range(3):
                ledger = Ledger()
                shared = {"ledger": ledger, "cache": cache, "budget": Budget(usd=120), "price": PRICE}
                await many(Model(first.provider, **shared))
                totals.append((ledger.total.calls, ledger.total.cost_usd))
        cache.close()
        return totals

    totals = asyncio.run(run())
    assert totals[0] == totals[1] == totals[2] and server.bill == totals[0][1] <= 120


def test_calls_that_are_given_up_count_at_their_most():
    server = Server()
    server.seconds = 5

    async def run():
        ledger = Ledger()
        async with running(server, ledger=ledger, budget=Budget(usd=1000)) as handle:
            ask = handle.generate(Question("q", "?"), [user("?")], max_tokens=1, patience=0.05)
            with pytest.raises(ModelCallError, match="no answer within"):
                await ask
            call = asyncio.create_task(handle.generate(Question("q", "?"), [user("?")], max_tokens=1))
            await asyncio.sleep(0.05)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        return ledger

    ledger = asyncio.run(run())
    assert (ledger.total.calls, ledger.total.cost_usd) == (2, 0.0)
    bound = (8 + 8 + 1) * 2 + 4  # a token a byte, at the dearest rate
    assert ledger.total.uncounted_usd == 2 * bound
    assert ledger.lost().measured[2] == 2 * bound


def test_the_tokens_of_an_answer_are_those_of_its_whole_prompt():
    output = ModelOutput.from_content("m", "yes")
    assert used(output) is None
    output.usage = ModelUsage(
        input_tokens=80, output_tokens=5, input_tokens_cache_read=1920, input_tokens_cache_write=100
    )
    assert used(output) == (2100, 5)

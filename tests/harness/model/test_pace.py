"""How many calls are at a server at once, and when they come, counted at the server."""

import asyncio
import json
import time
import types

import pytest

from harness.base.concurrent import each, in_order
from harness.base.messages import user
from harness.model.budget import Budget
from harness.model.factory import open_model
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.pace import MOST, START, Pace
from harness.sample import Question


class Server(asyncio.Protocol):
    """A chat server in the loop of the test. `delay(n)` is how long it takes with n calls under way, in
    seconds; `refuse(n)` a status and headers, or None."""

    def __init__(self, counts):
        self.counts, self.held = counts, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.held += data
        while b"\r\n\r\n" in self.held:
            head, _, rest = self.held.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            if len(rest) < length:
                return
            body, self.held = json.loads(rest[:length]), rest[length:]
            self.counts.came(body)
            refusal = self.counts.refuse(self.counts.busy)
            wait = 0.0 if refusal else self.counts.delay(self.counts.busy)
            asyncio.get_running_loop().call_later(wait, self.answer, refusal)

    def answer(self, refusal):
        self.counts.step(-1)
        message = {"role": "assistant", "content": "yes"}
        status, headers = refusal or ("200 OK", "")
        found = {
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 1},
        }
        answer = json.dumps({"error": {"message": "busy"}} if refusal else found).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n"
        self.transport.write(f"{head}{headers}\r\n".encode() + answer)


class Counts:
    def __init__(self, delay=0.01, refuse=None):
        self.delay = delay if callable(delay) else lambda n: delay
        self.refuse = refuse or (lambda n: None)
        self.busy = self.most = self.refusals = 0
        self.times, self.levels, self.area, self.last = [], [], 0.0, 0.0

    def came(self, body):
        self.times.append(time.monotonic())
        self.step(1)
        self.levels.append(self.busy)
        self.most = max(self.most, self.busy)

    def step(self, by):
        now = time.monotonic()
        self.area += self.busy * (now - (self.last or now))
        self.busy, self.last = self.busy + by, now

    @property
    def in_flight(self):
        return self.area / (self.last - self.times[0])


@pytest.fixture(scope="module", autouse=True)
def imported():
    """The first call imports what all others have."""
    drive(Counts(0.0), 1)


def drive(counts, calls, connections=None, per_minute=None):
    """That many calls through the gateway, as a method makes them; the pace at the end."""

    async def main():
        listening = await asyncio.get_running_loop().create_server(lambda: Server(counts), "127.0.0.1", 0)
        address = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        args = {"base_url": address, "api_key": "none"}
        provider = open_model("openai-api/local/test", args, connections, connect=False)
        pace = Pace.of(provider, per_minute)
        model = Model(provider, ledger=Ledger(), budget=Budget(), pace=pace, first_wait=0.01)

        async def one(n):
            return await model.generate(Question(str(n), str(n)), [user(str(n))])

        async for output in each(one, range(calls), lambda: pace.questions):
            assert output.completion == "yes"
        listening.close()
        return pace

    return asyncio.run(main())


def test_as_many_calls_as_asked_for_are_under_way_and_never_more():
    counts = Counts(0.1)
    drive(counts, 72, connections=12)
    assert counts.most == 12 and counts.in_flight >= 0.7 * 12  # 0.9 and more where the machine has time


def test_an_adaptive_pace_grows_to_what_is_needed():
    counts = Counts(0.05)
    pace = drive(counts, 400)
    assert counts.levels[0] == 1 and max(counts.levels[:START]) <= START
    assert START * 2 <= counts.most <= MOST and pace.limit >= START * 2


def test_it_does_not_grow_where_there_is_nothing_to_ask():
    assert drive(Counts(0.002), 14).limit == START


async def waves(pace, now, number, seconds):
    """The limit after each of so many waves of as many calls as may be made at once."""
    limits = []
    for _ in range(number):
        at_once = pace.limit
        for _ in range(at_once):
            await pace.__aenter__()
        began, now[0] = now[0], now[0] + seconds(at_once)
        for _ in range(at_once):
            pace.answered(began)
            await pace.__aexit__()
        limits.append(pace.limit)
        now[0] += 0.001
    return limits


def test_it_stops_growing_when_answers_take_twice_as_long(monkeypatch):
    """A server that works on 20 at once: whoever else comes waits in line. By a clock of the test's own."""
    now = [1.0]
    monkeypatch.setattr("harness.model.pace.time", types.SimpleNamespace(monotonic=lambda: now[0]))
    pace = Pace(MOST, adaptive=True)
    limits = asyncio.run(waves(pace, now, 40, lambda at_once: 0.04 * max(1.0, at_once / 20)))
    assert START < max(limits) <= 64 and limits[-1] <= 42 and min(limits[-10:]) >= START


def test_after_a_refusal_it_grows_by_one_and_a_sixteenth(monkeypatch):
    now = [1.0]
    monkeypatch.setattr("harness.model.pace.time", types.SimpleNamespace(monotonic=lambda: now[0]))
    pace = Pace(37, adaptive=True)
    pace._busy = START
    pace.refused(429, now[0], None)
    pace._busy, now[0] = 0, now[0] + 1
    limits = asyncio.run(waves(pace, now, 16, lambda at_once: 0.04))
    assert limits == [11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 26, 28, 30, 32, 35, 37]


def test_it_shrinks_where_it_is_refused_and_nothing_is_lost():
    counts = Counts(0.02)
    counts.refuse = lambda n: ("429 Too Many Requests", "") if n > 24 else None
    pace = drive(counts, 300)
    assert len(counts.times) > 300 and 12 < pace.limit <= 28
    assert max(counts.levels[-100:]) <= 30 and counts.most > 24


def test_a_burst_of_refusals_cuts_once():
    pace = Pace(MOST, adaptive=True)
    pace._busy, began = START, time.monotonic()
    for _ in range(START):
        pace.refused(429, began, None)
    assert pace.limit == int(START * 0.7)
    pace.refused(500, time.monotonic(), 9.0)  # it's the server's own fault
    assert pace.limit == int(START * 0.7) and not pace._held_until


@pytest.mark.parametrize("connections", [None, 8])
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_when_to_come_again_holds_for_all(connections, status):
    counts, told = Counts(0.01), []

    def refuse(n):
        if len(counts.times) == 20 and not told:
            told.append(time.monotonic())
            return status, "Retry-After-Ms: 300\r\n"
        return None

    counts.refuse = refuse
    drive(counts, 60, connections)
    late = [at for at in counts.times if told[0] + 0.05 < at < told[0] + 0.29]
    assert len(counts.times) == 61 and not late  # what was under way as it was said comes within 0.05 s


def test_so_many_requests_a_minute_evenly_and_retries_count():
    counts, refused = Counts(0.005), []

    def refuse(n):
        if len(counts.times) in (5, 6):
            refused.append(n)
            return "500 Internal Server Error", ""
        return None

    counts.refuse = refuse
    drive(counts, 30, connections=8, per_minute=6000)
    gaps = [b - a for a, b in zip(counts.times, counts.times[1:], strict=False)]
    assert len(counts.times) == 32 and len(refused) == 2
    assert counts.times[-1] - counts.times[0] >= 0.99 * 31 * 0.01
    assert sum(gap < 0.004 for gap in gaps) <= 3  # a busy loop may delay one and hurry the next


def test_turns_come_in_the_order_of_asking_whoever_asks():
    order = []

    async def main():
        pace = Pace(2)

        async def one(name):
            async with pace:
                order.append(name)
                await asyncio.sleep(0)

        await asyncio.gather(*(one(f"{'ab'[n % 2]}{n}") for n in range(20)))

    asyncio.run(main())
    assert order == [f"{'ab'[n % 2]}{n}" for n in range(20)]


def test_who_gives_up_in_line_keeps_no_place():
    async def main():
        pace = Pace(1)
        entered, go_on = [], asyncio.Event()

        async def one(n):
            async with pace:
                entered.append(n)
                if n in (0, 2):
                    await go_on.wait()

        tasks = [asyncio.create_task(one(n)) for n in range(6)]
        await asyncio.sleep(0)
        tasks[1].cancel()  # in line
        go_on.set()
        await tasks[0]
        go_on.clear()
        while 2 not in entered:
            await asyncio.sleep(0)
        tasks[2].cancel()  # within its turn
        tasks[3].cancel()  # as its turn comes
        await asyncio.gather(*tasks, return_exceptions=True)
        assert entered == [0, 2, 4, 5] and pace._busy == 0 and not pace._waiting

    asyncio.run(main())


def test_workers_follow_a_limit_that_changes():
    async def main():
        limit, busy, most = [2], 0, []

        async def work(n):
            nonlocal busy
            busy += 1
            most.append(busy)
            await asyncio.sleep(0.001)
            busy -= 1
            limit[0] = 8 if n < 60 else 3
            return n

        found = [n async for n in each(work, range(120), lambda: limit[0])]
        assert sorted(found) == list(range(120))
        assert max(most[:2]) == 2 and max(most) == 8 and max(most[-40:]) == 3
        assert await in_order(work, range(30), lambda: limit[0]) == list(range(30))
        assert await in_order(work, [], lambda: limit[0]) == []
        assert [n async for n in each(work, [], lambda: limit[0])] == []

    asyncio.run(main())


@pytest.mark.parametrize(
    "name, asked, found",
    [
        ("openai-api/local/m", None, (MOST, True)),
        ("openai-api/local/m", "auto", (MOST, True)),
        ("openai-api/local/m", 3, (3, False)),
        ("hf/local", None, (16, False)),
        ("hf/local", "auto", (16, False)),
        ("echo/yes", "auto", (64, False)),
        ("pocket/grid", 3, (3, False)),
    ],
)
def test_what_is_asked_of_a_model_is_its_pace(name, asked, found):
    args = {"base_url": "http://127.0.0.1:9/v1", "api_key": "k"} if name.startswith("openai") else {}
    provider = open_model(name, args, asked, connect=False)
    assert (provider.connections, provider.adaptive) == found
    assert Pace.of(provider).limit == (START if found[1] else found[0])

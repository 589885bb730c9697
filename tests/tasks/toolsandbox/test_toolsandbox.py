"""ToolSandbox: recorded similarities again. HARNESS_TOOLSANDBOX_SOURCE names a checkout."""

import ast
import asyncio
import datetime
import gzip
import json
import os
import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from inspect_ai.model import ChatMessageAssistant, ModelOutput
from inspect_ai.tool import ToolCall

from harness.base.errors import DataError, UsageError, WorldFailed
from harness.data.hub import Data
from harness.external.services import Services
from harness.external.setup import install
from harness.model.cache import Cache
from harness.registry import load_task, registry
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from harness.sample import Outcome, Question, Sample
from harness.tasks.toolsandbox import fixture
from harness.tasks.toolsandbox.adapter import SECONDS, workers
from harness.tasks.toolsandbox.dialogue import Dialogue
from harness.tasks.toolsandbox.results import names, read

RECORDED = Path(__file__).parents[4] / "shared" / "data" / "recorded_agents" / "toolsandbox"
SOURCE = os.environ.get("HARNESS_TOOLSANDBOX_SOURCE")
needs_checkout = pytest.mark.skipif(
    not SOURCE, reason="needs a checkout of ToolSandbox in HARNESS_TOOLSANDBOX_SOURCE"
)
needs_recorded = pytest.mark.skipif(
    not RECORDED.exists(), reason="the recorded dialogues are not beside the checkout"
)


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The package, installed from the checkout."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield install("toolsandbox", source=Path(SOURCE))


def test_the_fixture_calls_the_one_tool_that_a_word_tells():
    def tool(name, *arguments):
        parameters = {"type": "object", "properties": dict.fromkeys(arguments, {"type": "boolean"})}
        return {"type": "function", "function": {"name": name, "description": name, "parameters": parameters}}

    offered = [tool("get_cellular_status"), tool("set_cellular_status", "on"), tool("set_wifi_status", "on")]
    made = fixture._call(offered, "cellular", {"on": False})
    assert made == {"id": "call_0", "name": "set_cellular_status", "arguments": '{"on": false}'}


def rows(name):
    raw = (RECORDED / name).read_bytes()
    text = gzip.decompress(raw).decode() if name.endswith(".gz") else raw.decode()
    return json.loads(text) if name.endswith(".json") else [json.loads(line) for line in text.splitlines()]


@needs_checkout
@needs_recorded
def test_every_recorded_similarity(packages):
    pool = workers(packages)
    (readme,) = rows("readme_trajectory.json")
    scripted = rows("scripted_replays_official_scores.jsonl.gz")
    requests = [
        {
            "do": "score",
            "scenario": row["scenario"],
            "context": row["execution_context"],
            "messages": row.get("messages"),
        }
        for row in [readme, *scripted]
    ]
    found = [row if isinstance(row, dict) else str(row) for row in pool.each(requests, SECONDS)]
    assert found[0]["similarity"] == 0.9706467684812784
    differ = [
        (row["scenario"], row["kind"], mine, row["similarity"])
        for row, mine in zip(scripted, found[1:], strict=True)
        if isinstance(mine, str) or mine["similarity"] != pytest.approx(row["similarity"], abs=1e-12)
    ]
    assert len(scripted) == 402 and not differ, (len(differ), differ[:5])
    idle = [
        mine["similarity"]
        for row, mine in zip(scripted, found[1:], strict=True)
        if row["kind"] == "unhelpful"
    ]
    assert len(idle) == 129 and sum(idle) / 129 == pytest.approx(0.20986, abs=5e-6)


@needs_recorded
def test_recorded_files_are_read_with_repeats_as_epochs():
    path = RECORDED / "scripted_replays_official_scores.jsonl.gz"
    assert names(path) == ["toolsandbox/all"]
    responses = read(path, "toolsandbox/all")
    keys = {(response.sample_id, response.epoch) for response in responses}
    assert len(responses) == len(keys) == 402


def test_the_task_is_listed_with_its_setup(tmp_path):
    assert registry().task("toolsandbox/all").setup["name"] == "toolsandbox"
    (tmp_path / "other.jsonl").write_text('{"id": 1}\n')
    assert names(tmp_path / "other.jsonl") == []


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.json", b'[{"scenario": "x"}]', r"dialogue 1 \(x\) has neither"),
        ("a.jsonl", b'{"scenario": "x", "messages": "none"}', "has neither"),
        ("a.json.gz", gzip.compress(b"[]", mtime=0)[:-6], "can't read"),
        ("a.jsonl", b'{"scenario"', "can't read"),
        ("b.json.gz", b"\x1f\x8b\x08" + b"\xff" * 40, "can't read"),
        ("a.json", b"", "can't read"),
    ],
)
def test_a_malformed_file_is_named_with_what_it_lacks(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}.*{says}|{says}.*{name}"):
        names(tmp_path / name)


def test_a_model_without_tool_calls_gets_the_methods_that_ask_for_them_in_text(tmp_path):
    (cell,) = plan(Request("toolsandbox/offline", "direct", "pocket/grid", roles={"user": "pocket/grid"}))
    (result,) = run_grid([cell], Session(Store(tmp_path))).results
    assert isinstance(result.error, UsageError)
    assert "needs tools" in str(result.error) and "prompted-tools, react" in str(result.error)


def turns(row):
    """What agent and user said in a recorded dialogue, a move each, after the user's opening words."""
    agent, user = [], []
    for message in row["messages"]:
        way, text = (message["sender"], message["recipient"]), message["content"]
        if message["visible_to"] == ["USER"]:  # the simulator's examples
            continue
        if way in (("AGENT", "USER"), ("USER", "AGENT")):
            (agent if way[0] == "AGENT" else user).append(ChatMessageAssistant(content=text))
        elif way == ("AGENT", "EXECUTION_ENVIRONMENT"):
            arguments = ast.literal_eval(re.search(r"_parameters = (.*)", text)[1])
            call = ToolCall(f"c-{len(agent)}", message["openai_function_name"], arguments)
            agent.append(ChatMessageAssistant(content="", tool_calls=[call]))
        elif way == ("USER", "EXECUTION_ENVIRONMENT"):
            call = ToolCall("end", "end_conversation", {})
            user.append(ChatMessageAssistant(content="", tool_calls=[call]))
    return agent, user[1:]


def began(row):
    """When a recorded dialogue began: the scenarios' first reminder was made three days before."""
    (made,) = {
        reminder["creation_timestamp"]
        for reminder in row["execution_context"]["_dbs"]["REMINDER"]
        if reminder["content"] == "Look for Company SF tickets"
    }
    return datetime.datetime.fromtimestamp(made + 3 * 86400).isoformat()


class Speaker:
    """A model that says prepared turns."""

    def __init__(self, moves):
        self.moves = iter(moves)

    async def generate(self, question, seen, **settings):
        return ModelOutput.from_message(next(self.moves))


@needs_checkout
@needs_recorded
def test_recorded_moves_played_live_have_the_recorded_similarities(packages):
    rows = [r for r in rows_of_scripted() if r["kind"].startswith("oracle")]
    pool = workers(packages)

    async def played(row):
        agent, user = turns(row)
        sample = Sample(Question(row["scenario"], ""), row["scenario"])
        world = Dialogue(began(row), sample, pool, Speaker(user), SECONDS)
        moves, seen = iter(agent), await world.start()
        while not seen.done:
            seen = await world.step(next(moves))
        await world.close()
        return world.answer()

    async def every():
        return await asyncio.gather(*map(played, rows))

    answers = asyncio.run(every())
    assert not [answer["exception"] for answer in answers if answer["exception"]]
    found = pool.each(
        [
            {
                "do": "score",
                "scenario": row["scenario"],
                "context": answer["context"],
                "clock": answer["clock"],
            }
            for row, answer in zip(rows, answers, strict=True)
        ],
        SECONDS,
    )
    differ = [
        (row["scenario"], mine, row["similarity"])
        for row, mine in zip(rows, found, strict=True)
        if mine["similarity"] != pytest.approx(row["similarity"], abs=1e-12)
    ]
    assert len(rows) == 273 and not differ, (len(differ), differ[:5])


def rows_of_scripted():
    return rows("scripted_replays_official_scores.jsonl.gz")


def loaded(name, **given):
    spec = registry().task(name)
    task = load_task(spec, spec.arguments(given))
    return task, task.load(Data()).test


@needs_checkout
def test_scenarios_by_category_and_by_what_tools_are_offered(packages):
    sizes = {
        tools: len(loaded("toolsandbox/offline", tools=tools)[1])
        for tools in registry().task("toolsandbox/offline").params["tools"].choices
    }
    assert sizes.pop("any") == 728 and set(sizes.values()) == {91}
    task, base = loaded("toolsandbox/offline")
    assert len({sample.digest() for sample in base}) == 91
    counts = Counter(category for sample in base for category in sample.categories)
    assert counts["state_dependency"] == 13 and counts["insufficient_information"] == 18
    _, some = loaded("toolsandbox/offline", category="state_dependency")
    assert [s.id for s in some] == [s.id for s in base if "state_dependency" in s.categories]
    _, everything = loaded("toolsandbox/all")
    official = Counter(category for sample in everything for category in sample.categories)
    assert official == {
        "single_tool_call": 152,
        "multiple_tool_call": 656,
        "single_user_turn": 584,
        "multiple_user_turn": 224,
        "insufficient_information": 224,
        "state_dependency": 192,
        "canonicalization": 472,
        **dict.fromkeys(sizes, 129),
    }
    ended = Outcome(base[0].id, answer={"exception": "KeyError: x", "context": {}})
    (score,) = task.score_all([base[0]], [ended])
    assert score.status == "ok" and score.metrics["similarity"] == 0 and score.metrics["exception"] == 1


class RapidAPI(BaseHTTPRequestHandler):
    """A bank that has one rate, and knows one key."""

    def log_message(self, *arguments):
        return None

    def do_GET(self):
        self.server.asked.append(self.path)
        known = self.headers["X-RapidAPI-Key"] == "secret"
        self.send_response(200 if known else 403)
        self.end_headers()
        self.wfile.write(b'{"success": true, "result": {"convertedAmount": 14643.2}}')


@pytest.fixture
def bank():
    server = ThreadingHTTPServer(("127.0.0.1", 0), RapidAPI)
    server.asked = []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def exchanging(bank, cache):
    """A dialogue about money, played live: its score, and what the tool said."""
    task, samples = loaded("toolsandbox/all", tools="no_distraction_tools")
    sample = next(each for each in samples if each.id == "convert_currency")
    call = ToolCall(
        "c", "convert_currency", {"amount": 2048, "from_currency_code": "USD", "to_currency_code": "CNY"}
    )
    moves = [ChatMessageAssistant(content="", tool_calls=[call]), ChatMessageAssistant(content="There.")]
    over = ChatMessageAssistant(content="", tool_calls=[ToolCall("end", "end_conversation", {})])

    async def play():
        settings = {"rapidapi.com": {"url": f"http://127.0.0.1:{bank.server_port}/of"}}
        services = Services(cache=cache, settings=settings)
        world = task.for_run(services).world(sample, lambda role: Speaker([over]))
        try:
            await world.start()
            (reply,) = (await world.step(moves[0])).messages
            while not (await world.step(moves[1])).done:
                pass
            return reply, world.answer()
        finally:
            await world.close()
            services.close()

    reply, answer = asyncio.run(play())
    return task.score(sample, Outcome(sample.id, answer=answer)), reply.text


@needs_checkout
def test_network_tools_reach_their_service_through_the_harness_alone(packages, bank, monkeypatch, tmp_path):
    cache = Cache(tmp_path / "cache.sqlite")
    monkeypatch.setenv("RAPID_API_KEY", "wrong")
    with pytest.raises(WorldFailed, match="RAPID_API_KEY: HTTP 403"):
        exchanging(bank, cache)
    monkeypatch.setenv("RAPID_API_KEY", "secret")
    score, reply = exchanging(bank, cache)
    assert score.metrics["similarity"] == 1.0 and "14643.2" in reply
    assert len(bank.asked) == 2 and bank.asked[1].startswith("/of/api/v1/convert?from=USD&to=CNY&amount=2048")
    assert exchanging(bank, cache) == (score, reply) and len(bank.asked) == 2
    cache.close()
    monkeypatch.delenv("RAPID_API_KEY")
    with pytest.raises(UsageError, match="RAPID_API_KEY"):
        loaded("toolsandbox/all")[0].for_run(Services())


@needs_checkout
def test_offline_the_network_tools_say_what_they_officially_say_without_a_key(packages):
    _, samples = loaded("toolsandbox/all", tools="no_distraction_tools")
    sample = next(each for each in samples if each.id == "convert_currency")
    arguments = {"amount": 2048, "from_currency_code": "USD", "to_currency_code": "CNY"}
    call = ToolCall("c", "convert_currency", arguments)

    async def play():
        world = Dialogue("2025-11-06T10:00:00", sample, workers(packages), Speaker([]), SECONDS)
        await world.start()
        try:
            return await world.step(ChatMessageAssistant(content="", tool_calls=[call]))
        finally:
            await world.close()

    seen = asyncio.run(play())
    assert "PermissionError" in seen.messages[0].text and seen.failed == 1


@needs_checkout
def test_parallel_calls_whose_orders_are_too_many_to_try_are_an_error_in_time(packages, monkeypatch):
    """Officially every order is tried: 12 calls would take months."""
    _, (sample, *_) = loaded("toolsandbox/offline", tools="all_tools_available")

    async def play(count, seconds):
        monkeypatch.setattr("harness.tasks.toolsandbox.dialogue.MOVE_SECONDS", seconds)
        world = Dialogue("2025-11-06T10:00:00", sample, workers(packages), Speaker([]), SECONDS)
        await world.start()
        calls = [ToolCall(f"c{n}", "get_wifi_status", {}) for n in range(count)]
        try:
            return await world.step(ChatMessageAssistant(content="", tool_calls=calls))
        finally:
            await world.close()

    with pytest.raises(WorldFailed, match="longer than 3 s"):
        asyncio.run(play(12, 3.0))
    seen = asyncio.run(play(3, 60.0))  # the next dialogue has a new worker
    assert len(seen.messages) == 3 and not any(message.error for message in seen.messages)


@needs_checkout
def test_no_address_in_memory_reaches_a_model_or_a_record(packages):
    """Two processes have others, so that a run that goes on after a kill would ask everything again."""
    _, samples = loaded("toolsandbox/offline")
    sample = next(each for each in samples if each.id == "remove_contact_by_phone")

    async def play():
        world = Dialogue("2025-11-06T10:00:00", sample, workers(packages), Speaker([]), SECONDS)
        seen = await world.start()
        tool = next(tool for tool in seen.tools if tool.name == "remove_contact")
        (key,) = tool.parameters.required
        call = ToolCall("c", "remove_contact", {key: "nobody"})
        try:
            return await world.step(ChatMessageAssistant(content="", tool_calls=[call]))
        finally:
            await world.close()

    (reply,) = asyncio.run(play()).messages
    assert " at 0x...>" in reply.text and not re.search("0x[0-9A-Fa-f]{6}", reply.text)

"""BFCL against real recorded runs: every official verdict again, and the official figures."""

import ast
import copy
import csv
import gzip
import json
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import stdev
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner
from inspect_ai.model import ChatMessageAssistant, ModelOutput
from inspect_ai.tool import ToolCall
from pyarrow import parquet

from harness.base.errors import DataError, HarnessError, UsageError
from harness.cli import cli
from harness.data.hub import Data
from harness.external.known_broken import known_broken
from harness.external.setup import folder, install, needed, of_recipe
from harness.external.web import public_address
from harness.external.workers import Pool
from harness.model.openai_compatible.reply import output
from harness.model.provider import Provider
from harness.model.raw_completion import completion
from harness.model.verbatim import official_of
from harness.registry import load_task, registry
from harness.results import load_samples
from harness.results.overall import overall_figures, overall_lines
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from harness.tasks.bfcl import fixture, results
from harness.tasks.bfcl.adapter import as_it_came
from harness.tasks.bfcl.official import SCRIPT, workers
from harness.tasks.bfcl.overall import PARTS, overall

RECORDED = Path(__file__).parents[4] / "shared" / "data" / "recorded_agents" / "bfcl"
recorded = pytest.mark.skipif(not RECORDED.exists(), reason="the recorded runs are not beside the checkout")


@pytest.fixture(scope="session")
def official(bfcl, tmp_path_factory):
    """A cache with the official package installed."""
    with pytest.MonkeyPatch.context() as patch:
        cache = tmp_path_factory.mktemp("cache")
        patch.setenv("HARNESS_CACHE", str(cache))
        (cache / "setup").symlink_to(bfcl)
        yield registry().task("bfcl/simple_python").setup


def test_the_fixture_names_the_category_that_is_not_as_it_should_be(official, monkeypatch):
    """That `install` passed it is what the fixture above says."""
    made = Pool(SCRIPT, folder(official), 1)
    check = partial(fixture._check, made.one(), "bfcl/simple_java", "simple_java")
    try:
        check(100)
        with pytest.raises(ValueError, match="bfcl/simple_java has 100 entries instead of 99"):
            check(99)
        monkeypatch.setattr(fixture, "_needed", lambda arguments: {})
        with pytest.raises(ValueError, match="bfcl/simple_java: no answer made of the ground truth is right"):
            check(100)
    finally:
        made.close()
    assert set(of_recipe("bfcl")) == {name for name in registry().tasks if name.startswith("bfcl/")}


def score(path, out, *more):
    """The runs of `harness score`, and every attempt's verdict by task and id."""
    done = CliRunner().invoke(
        cli, ["score", "--task", "bfcl", "--responses", str(path), "--store", str(out), "--json", *more]
    )
    assert done.exit_code == 0, done.output
    found = json.loads(next(line for line in done.output.splitlines() if line.startswith("{")))
    rows = {}
    for run in found["runs"]:
        for row in parquet.read_table(run["samples"]).to_pylist():
            assert row["status"] == "ok", row
            rows[run["task"], row["sample_id"]] = row["accuracy"]
    return found, rows


@recorded
def test_every_v4_verdict_and_figure_of_a_recorded_run(official, tmp_path):
    run = RECORDED / "v4_gpt-oss-20b"
    found, rows = score(run, tmp_path)
    wrong = set()
    for file in run.rglob("*_score.json.gz"):
        head, *failed = map(json.loads, gzip.open(file, "rt"))
        task = "bfcl/" + file.name.removeprefix("BFCL_v4_").removesuffix("_score.json.gz")
        (mine,) = [r for r in found["runs"] if r["task"] == task]
        assert mine["n_items"] == head["total_count"]
        assert mine["metrics"]["accuracy"]["value"] == pytest.approx(head["accuracy"], abs=1e-12)
        wrong |= {(task, row["id"]) for row in failed}
    assert len(rows) == 4241
    assert {key for key, accuracy in rows.items() if accuracy == 0} == wrong
    (whole,) = found["overall"]
    shown = {name: value and round(100 * value, 2) for name, value in whole["figures"].items()}
    assert shown["live"] == 73.80 and shown["irrelevance"] == 84.13 and shown["agentic"] is None
    assert shown["overall"] == 29.36 and shown["overall without agentic"] == 48.93
    assert whole["missing"]["multi-turn"] == ["bfcl/multi_turn_long_context"]
    assert len(whole["missing"]["agentic"]) == 5 and whole["missing"].keys() == {"multi-turn", "agentic"}
    assert whole["partial"] == {}
    # three of four categories on the same dialogues; the mean of three has .0289, as independent .0202
    assert whole["stderr"]["multi-turn"] == pytest.approx(0.0289 * 3 / 4, abs=5e-5)
    assert "(SE " in overall_lines(whole)[0]
    (live,) = [r for r in found["runs"] if r["task"] == "bfcl/live_simple"]
    assert live["metrics"]["accuracy"]["n_clusters"] == 85
    assert live["metrics"]["accuracy"]["stderr"] == pytest.approx(0.0483, abs=5e-5)
    broken = [r["task"] for r in found["runs"] if "accuracy[without known-broken]" in r["metrics"]]
    assert len(broken) == 4  # five items, two of them in live_multiple; long_context's was not recorded


@recorded
@pytest.mark.parametrize("name", ["claude-3-opus-20240229", "gpt-4o-2024-08-06-FC"])
def test_every_v1_verdict_on_the_data_of_its_day(official, tmp_path, name):
    file = RECORDED / "v1_2024-08-11" / f"{name}.jsonl.gz"
    found, rows = score(file, tmp_path)
    assert "overall" not in found  # of the data of another day no V4 figure is made
    expected = {
        (f"bfcl/{row['category']}", row["id"]): float(row["official_valid"])
        for row in map(json.loads, gzip.open(file, "rt"))
    }
    assert len(expected) == 1390 and rows == expected


@recorded
def test_the_overall_column_of_every_row_of_the_official_table():
    columns = {
        "simple_python": "Python Simple AST",
        "simple_java": "Java Simple AST",
        "simple_javascript": "JavaScript Simple AST",
        "irrelevance": "Irrelevance Detection",
    }
    tables = {}
    for part in ("overall", "non_live", "live"):
        with open(RECORDED / f"leaderboard_2025-12-16_data_{part}.csv") as lines:
            tables[part] = {row["Model"]: row for row in csv.DictReader(lines)}
    shared = {
        "multiple": "Non-Live Multiple AST",
        "parallel": "Non-Live Parallel AST",
        "parallel_multiple": "Non-Live Parallel Multiple AST",
        "live_simple": "Live Simple AST",
        "live_multiple": "Live Multiple AST",
        "live_parallel": "Live Parallel AST",
        "live_parallel_multiple": "Live Parallel Multiple AST",
        "multi_turn_base": "Multi Turn Base",
        "multi_turn_miss_func": "Multi Turn Miss Func",
        "multi_turn_miss_param": "Multi Turn Miss Param",
        "multi_turn_long_context": "Multi Turn Long Context",
        "web_search_base": "Web Search Base",
        "web_search_no_snippet": "Web Search No Snippet",
        "memory_kv": "Memory KV",
        "memory_vector": "Memory Vector",
        "memory_rec_sum": "Memory Recursive Summarization",
    }

    def number(row, name):
        return 0.0 if row[name] in ("N/A", "") else float(row[name].rstrip("%")) / 100

    rows = tables["overall"]
    assert len(rows) == 109
    for model, row in rows.items():
        part = {name: number(row, column) for name, column in shared.items()}
        simple, live = tables["non_live"][model], tables["live"][model]
        part |= {name: number(simple, column) for name, column in columns.items()}
        part["live_irrelevance"] = number(live, "Irrelevance Detection")
        assert overall(part)["overall"] == pytest.approx(number(row, "Overall Acc"), abs=1.01e-4), model
    assert overall({"irrelevance": 1.0, "live_irrelevance": 1.0})["overall"] == pytest.approx(0.10)


def record(category, accuracy=0.5, n_items=None, ok=1, **args):
    """What of a run's record the figures are made of."""
    spec = registry().task(f"bfcl/{category}")
    n_items = spec.n_items if n_items is None else n_items
    return {
        "task": {"name": spec.name, "args": args},
        "method": {"name": "direct", "args": {}},
        "seed": 0,
        "model": "m",
        "n_items": n_items,
        "counts": {"ok": ok * n_items, "attempts": n_items},
        "primary": "accuracy",
        "metrics": {"accuracy": {"value": accuracy}},
    }


def test_figures_say_what_was_not_run_or_only_in_part():
    irrelevance = [record("irrelevance", 1.0), record("live_irrelevance", 0.8, n_items=5)]
    (whole,) = overall_figures([*irrelevance, record("simple_java")])
    assert whole["figures"]["irrelevance"] == pytest.approx(0.9)
    assert whole["figures"]["overall"] == pytest.approx(0.1 * 0.9 + 0.1 * 0.5 / 3 / 4)
    assert whole["figures"]["live"] is None and whole["figures"]["non-live"] == pytest.approx(0.5 / 12)
    assert whole["missing"].keys() == {"non-live", "live", "multi-turn", "agentic"}
    assert "bfcl/simple_python" in whole["missing"]["non-live"]
    assert "bfcl/simple_java" not in whole["missing"]["non-live"]
    assert whole["partial"] == {"bfcl/live_irrelevance": {"n_items": 5, "of": 884}}
    first, absent, some = overall_lines(whole)
    assert "non-live 4.17 (a part was not run), live not run, irrelevance 90.00, multi-turn not run" in first
    assert "overall without agentic" in first and "simple_python" in absent and "memory_kv" in absent
    assert "live_irrelevance 5 of 884" in some


def test_no_figures_without_a_whole_part_or_of_nothing_measured():
    agentic = [record(category) for category in PARTS["agentic"]]
    assert overall_figures([record("simple_python")]) == []
    assert overall_figures(agentic[:-1]) == []
    assert overall_figures([record(category, ok=0) for part in PARTS.values() for category in part]) == []
    (whole,) = overall_figures(agentic)
    assert "overall without agentic" not in whole["figures"]
    (less,) = overall_figures(
        [
            *agentic[:-1],
            {**agentic[-1], "counts": {"ok": 0, "attempts": 100}},
            record("irrelevance"),
            record("live_irrelevance"),
        ]
    )
    assert less["missing"]["agentic"] == ["bfcl/web_search_no_snippet"]
    assert less["figures"]["overall without agentic"] == pytest.approx(0.1 * 0.5 / 0.6)


def test_a_complete_run_has_nothing_to_add_and_each_subject_its_own_figures():
    names = [category for part in PARTS.values() for category in part]
    every = [
        record(category, accuracy, mode=mode)
        for category in names
        for mode, accuracy in (("fc", 0.25), ("prompt", 0.5))
    ]
    low, high = overall_figures(every)
    assert low["figures"]["overall"] == pytest.approx(0.25) and high["figures"]["overall"] == 0.5
    assert low["missing"] == low["partial"] == {} and len(overall_lines(low)) == 1


@recorded
def test_agentic_answers_that_do_not_know_are_wrong(official):
    rows = json.loads((RECORDED / "agentic_tiny_sample.json").read_text())["records"]
    requests = [
        {
            "do": "score",
            "category": row["id"].rsplit("_", 1)[0],
            "id": row["id"],
            "mode": "fc",
            "result": row["result"],
        }
        for row in rows
    ]
    found = list(workers(folder(official)).each(requests))
    assert [row["valid"] for row in found] == [True, False, False, False]


def test_wrong_then_right_on_one_entry_is_wrong_then_right(official):
    worker = workers(folder(official)).one()

    def grade(result):
        return worker.ask(
            {
                "do": "score",
                "category": "multi_turn_base",
                "id": "multi_turn_base_1",
                "mode": "fc",
                "result": result,
            }
        )["valid"]

    entry = next(
        row
        for row in worker.ask({"do": "load", "category": "multi_turn_base"})
        if row["id"] == "multi_turn_base_1"
    )
    right = [[calls_of(turn)] if turn else [] for turn in entry["truth"]]
    wrong = [[], *right[1:]]
    assert [grade(wrong), grade(right), grade(wrong), grade(right)] == [False, True, False, True]


def calls_of(turn, names=None):
    """Native calls for the ground truth's call strings; `names` are the parameters of every function, for
    arguments without a name."""
    made = []
    for text in turn:
        call = ast.parse(text, mode="eval").body
        given = dict(zip((names or {}).get(call.func.id, ()), map(ast.literal_eval, call.args), strict=False))
        given |= {k.arg: ast.literal_eval(k.value) for k in call.keywords}
        made.append({call.func.id: json.dumps(given)})
    return made


def test_strings_that_import_os_or_never_end_reach_nothing(official, tmp_path):
    def request(text):
        return {
            "do": "score",
            "category": "multi_turn_base",
            "id": "multi_turn_base_1",
            "mode": "fc",
            "result": [[[{text: "{}"}]]] * 4,
        }

    note = tmp_path / "note"
    texts = [f"__import__('os').system('touch {note}') or str", f"open('{note}', 'w') and str"]
    pool = workers(folder(official))
    assert not any(row["valid"] for row in pool.each(map(request, texts)))
    assert not note.exists()
    (endless,) = pool.each([request("[0 for _ in iter(int, 1)] and str")], seconds=2)
    assert isinstance(endless, HarnessError)


class Player(Provider):
    """Plays the ground truth with native calls, one step a turn; says something when a turn is done."""

    name, cacheable, abilities = "echo/player", False, frozenset({"tools"})

    def __init__(self, task):
        spec = registry().task(task)
        self.targets = {s.id: s.target for s in load_task(spec, spec.arguments({})).load(Data()).test}

    async def generate(self, call):
        target, seen = self.targets[call.question.id], call.messages
        turn = sum(m.role == "user" for m in seen) - 1
        assert call.tools
        calls = []
        if seen[-1].role == "user":
            truth = target["truth"]
            if isinstance(truth[0], dict):
                calls = [
                    {name: json.dumps({k: v[0] for k, v in values.items() if "" not in v})}
                    for entry in truth
                    for name, values in entry.items()
                ]
            else:
                names = {tool.name: list(tool.parameters.properties) for tool in call.tools}
                calls = calls_of(truth[turn], names)
        made = [
            ToolCall(f"c{len(seen)}_{n}", name.replace(".", "_"), json.loads(text))
            for n, entry in enumerate(calls)
            for name, text in entry.items()
        ]
        words = "" if made else "Done."
        return ModelOutput.from_message(ChatMessageAssistant(content=words, tool_calls=made))


@pytest.mark.parametrize(
    ("task", "items"),
    [
        ("bfcl/simple_python", 5),
        ("bfcl/parallel", 5),
        ("bfcl/multi_turn_miss_func", 2),
        ("bfcl/multi_turn_base", 3),
    ],
)
def test_an_agent_that_plays_the_truth_is_right(official, tmp_path, task, items):
    player = Player(task)
    (cell,) = plan(Request(task, "direct", "echo/player", limit=items))
    session = Session(Store(tmp_path))
    session.use(player)
    (result,) = run_grid([cell], session).results
    assert result.record, result.error
    attempts = load_samples(result.record["run_id"], str(tmp_path))
    assert list(attempts["accuracy"]) == [1.0] * items, list(attempts["reason"])
    trace = json.loads(attempts["trace"][0])
    assert trace["stop"] == "stop" and trace["calls"] >= 1


class Writer(Player):
    """Plays the ground truth in words: a list of calls as Python writes them, one step a turn. Arguments
    have names, which the official decoder of texts needs."""

    abilities = frozenset()

    async def generate(self, call):
        assert not call.tools
        target, seen = self.targets[call.question.id], call.messages
        self.seen.append([(m.role, m.text) for m in seen])
        if seen[-1].text.startswith("[{'role': 'tool'"):
            return ModelOutput.from_content(self.name, "Done.")
        truth = target["truth"]
        if isinstance(truth[0], dict):
            calls = [
                f"{name}({', '.join(f'{k}={v[0]!r}' for k, v in values.items() if '' not in v)})"
                for entry in truth
                for name, values in entry.items()
            ]
        else:
            turn = sum(m.role == "assistant" and not m.text.startswith("[") for m in seen)
            tools = [*target["tools"], *sum(target["later"].values(), [])]
            named = calls_of(truth[turn], {t["name"]: list(t["parameters"]["properties"]) for t in tools})
            calls = [
                f"{name}({', '.join(f'{k}={v!r}' for k, v in json.loads(given).items())})"
                for call in named
                for name, given in call.items()
            ]
        return ModelOutput.from_content(self.name, f"[{', '.join(calls)}]" if calls else "Nothing to do.")


@pytest.mark.parametrize(
    ("task", "items"), [("bfcl/simple_python", 5), ("bfcl/parallel", 5), ("bfcl/multi_turn_miss_func", 2)]
)
def test_in_the_official_prompt_mode_a_model_plays_the_truth_in_words(official, tmp_path, task, items):
    player = Writer(task)
    player.seen = []
    session = Session(Store(tmp_path))
    session.use(player)
    request = Request(task, "direct", player.name, limit=items, task_args={"mode": "prompt"})
    (result,) = run_grid(plan(request), session).results
    assert result.record, result.error
    attempts = load_samples(result.record["run_id"], str(tmp_path))
    assert list(attempts["accuracy"]) == [1.0] * items, list(attempts["reason"])
    assert json.loads(attempts["answer"][0])["mode"] == "prompt"
    (role, words), *_ = player.seen[0]
    assert role == "system" and "[func_name1(params_name1=params_value1" in words
    (refused,) = run_grid(plan(Request(task, "direct", player.name, limit=1)), session).results
    assert "needs tools" in str(refused.error)


def test_format_sensitivity_is_measured_by_format_and_by_how_far_these_lie_apart(official, tmp_path):
    player = Writer("bfcl/format_sensitivity")
    player.seen = []
    session = Session(Store(tmp_path))
    session.use(player)
    (result,) = run_grid(
        plan(Request("bfcl/format_sensitivity", "direct", player.name, limit=52)), session
    ).results
    assert result.record, result.error
    metrics = result.record["metrics"]
    by_format = {name.partition("/")[2]: m for name, m in metrics.items() if name.startswith("accuracy/")}
    assert len(by_format) == 26 and {metric["n_items"] for metric in by_format.values()} == {2}
    right = {name: metric["value"] for name, metric in by_format.items()}
    python = {name for name in right if name.startswith("ret_fmt=python")}
    assert all(value == 0 for name, value in right.items() if name not in python)  # it writes Python alone
    untagged = {name for name in python if "tool_call_tag=False" in name}
    assert untagged and {right[name] for name in untagged} == {1.0}
    assert metrics["max_delta"]["value"] == 1.0
    values = list(right.values())
    assert metrics["std"]["value"] == pytest.approx(stdev(values))
    assert len(player.targets) == 5200
    assert "bfcl/format_sensitivity" not in registry().match("task", "bfcl")  # 5,200 prompts for no figure


class Rememberer(Player):
    """Notes one fact in every conversation, and answers a question if all of them are before it."""

    def __init__(self, task):
        super().__init__(task)
        self.kind = task.rpartition("memory_")[2]

    async def generate(self, call):
        system, *seen = call.messages
        asked = self.targets[call.question.id]["turns"][0][-1]["content"]
        if seen[0].text == asked:
            truth, kept = self.targets[call.question.id]["truth"], system.text.count("a fact of ")
            wanted = self.facts if self.kind == "rec_sum" else min(self.facts, 7)  # others have room for 7
            return ModelOutput.from_content(self.name, truth[0] if kept == wanted else f"I know {kept}")
        if len(seen) > 1:
            return ModelOutput.from_content(self.name, "Noted.")
        number = system.text.count("a fact of ")
        name, fact = "memory_append", {"text": "a fact of life; "}
        if self.kind == "kv":
            name, fact = "core_memory_add", {"key": f"fact_{number}", "value": "a fact of life"}
        if self.kind == "vector":
            name, fact = "core_memory_add", {"text": f"a fact of {number} lives"}
        made = [ToolCall("c1", name, fact)]
        return ModelOutput.from_message(ChatMessageAssistant(content="", tool_calls=made))


@pytest.mark.parametrize("category", ["memory_kv", "memory_vector", "memory_rec_sum"])
def test_questions_about_what_was_remembered_of_earlier_conversations(official, tmp_path, category):
    task = f"bfcl/{category}"
    player = Rememberer(task)
    scenario = next(iter(player.targets.values()))["scenario"]
    request = {"do": "prerequisites", "category": category, "scenario": scenario}
    player.facts = len(workers(folder(official)).one().ask(request))
    cells = plan(Request(task, "direct", player.name, limit=4, seeds=2))
    session = Session(Store(tmp_path))
    session.use(player)
    for result in run_grid(cells, session).results:
        assert result.record, result.error
        attempts = load_samples(result.record["run_id"], str(tmp_path))
        assert list(attempts["accuracy"]) == [1.0] * 4, list(attempts["completion"])
        *others, first = sorted(attempts["calls"])  # one question pays for what came before
        assert others == [1, 1, 1] and first > 2 * player.facts


class Searcher(Player):
    """Searches the web, reads what it finds, and answers with what it read there."""

    async def generate(self, call):
        moves = sum(m.role == "assistant" for m in call.messages)
        self.seen.append(call.messages[-1].text)
        if moves < len(self.calls):
            name, arguments = self.calls[moves]
            made = [ToolCall(f"c{moves}", name, arguments)]
            return ModelOutput.from_message(ChatMessageAssistant(content="", tool_calls=made))
        answer = self.targets[call.question.id]["truth"][0]
        read = any("the answer is here" in text for text in self.seen)
        return ModelOutput.from_content(self.name, answer if read else "I don't know")


class Web(BaseHTTPRequestHandler):
    """A search service and the only site that it knows."""

    def log_message(self, *arguments):
        return None

    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Host"]))
        query = parse_qs(urlsplit(self.path).query)
        status, body = 200, "<html><script>x</script><p>the answer is here</p></html>"
        if self.path.startswith("/search"):
            site = f"http://site.example:{self.server.server_port}/page"
            found = {"title": "A site", "link": site, "snippet": "about it"}
            body = json.dumps({"organic_results": [found]})
            status = 200 if query.get("api_key") == ["secret"] else 401
        if self.path.startswith("/moved"):
            status, body = 302, ""
        self.send_response(status)
        if self.path.startswith("/moved"):
            self.send_header("Location", "http://127.0.0.1/private")
        self.end_headers()
        self.wfile.write(body.encode())


@pytest.fixture
def web(monkeypatch):
    async def address(host, port):
        return "127.0.0.1" if host.endswith(".example") else await public_address(host, port)

    monkeypatch.setattr("harness.external.web.public_address", address)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    server.asked = []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def searching(category, place, web, about, **request):
    """The only attempt at a web question, what its agent saw, and the record. The cache is one for all
    tests: what is asked `about` keeps them apart."""
    player = Searcher(f"bfcl/{category}")
    player.seen = []
    site = f"http://site.example:{web.server_port}"
    player.calls = [
        ("search_engine_query", {"keywords": about, "max_results": 3}),
        ("fetch_url_content", {"url": f"{site}/{about}", "mode": "truncate"}),
        ("fetch_url_content", {"url": "http://169.254.169.254/latest/meta-data"}),
        ("fetch_url_content", {"url": f"{site}/moved?{about}"}),
        ("fetch_url_content", {"url": f"https://serpapi.com/account?{about}"}),
    ]
    settings = {"serpapi.com": {"url": f"http://127.0.0.1:{web.server_port}", "price": 0.01}}
    session = Session(Store(place), services=settings)
    session.use(player)
    (result,) = run_grid(
        plan(Request(f"bfcl/{category}", "direct", player.name, limit=1, **request)), session
    ).results
    assert result.record, result.error
    (attempt,) = load_samples(result.record["run_id"], str(place)).to_dict("records")
    return attempt, player.seen, result.record


@pytest.mark.parametrize("category", ["web_search_base", "web_search_no_snippet"])
def test_a_search_of_the_web_goes_out_with_our_key_and_is_not_made_twice(
    official, tmp_path, monkeypatch, web, category
):
    monkeypatch.setenv("SERPAPI_API_KEY", "secret")
    attempt, seen, record = searching(category, tmp_path / "first", web, category)
    assert attempt["status"] == "ok" and attempt["accuracy"] == 1.0, seen
    _, search, page, private, moved, account = seen
    assert "http://site.example:" in search and ("about it" in search) == category.endswith("base")
    assert "the answer is here" in page and "script" not in page
    assert "only public machines" in private and "only public machines" in moved
    assert "error" in account  # another address of the service is a page like any, and gets no key
    assert "secret" not in "".join(seen)
    assert len(web.asked) == 3 and "kl=wt-wt" in web.asked[0][0]  # the search, the page, what moved
    spent = record["usage"]["by_purpose"]["service"]
    assert spent["calls"] == 5 and spent["cost_usd"] == pytest.approx(0.01)
    monkeypatch.delenv("SERPAPI_API_KEY")
    again, seen_again, _ = searching(category, tmp_path / "second", web, category, offline=True)
    assert len(web.asked) == 3 and seen_again[:3] == seen[:3]
    assert again["status"] == "error" and "--offline" in again["reason"]  # what failed wasn't kept


def test_a_search_service_that_fails_is_an_error_and_no_wrong_answer(official, tmp_path, monkeypatch, web):
    monkeypatch.setenv("SERPAPI_API_KEY", "another")
    attempt, *_ = searching("web_search_base", tmp_path, web, "refusals")
    assert attempt["status"] == "error" and "SERPAPI_API_KEY" in attempt["reason"]
    assert "another" not in attempt["reason"]


def test_a_search_without_a_key_is_refused_with_the_cure(official, tmp_path, monkeypatch):
    monkeypatch.delenv("SERPAPI_API_KEY", raising=False)
    player = Player("bfcl/web_search_base")
    session = Session(Store(tmp_path))
    session.use(player)
    (result,) = run_grid(
        plan(Request("bfcl/web_search_base", "direct", player.name, limit=1)), session
    ).results
    assert "SERPAPI_API_KEY" in str(result.error)


class Bad(Player):
    """Behaves badly in one way at its first move, then says that it is done."""

    async def generate(self, call):
        if call.messages[-1].role == "tool":
            self.seen.append(call.messages[-1].text)
            if self.way != "endless":
                return ModelOutput.from_content(self.name, "Done.")
        made = {
            "unknown": ToolCall("c", "open_door", {}),
            "hostile": ToolCall("c", f"__import__('os').system('touch {self.note}') or str", {}),
            "unreadable": ToolCall("c", "ls", {}, parse_error="no JSON: {'a': "),
            "endless": ToolCall("c", "ls", {"a": True}),
            "large": ToolCall("c", "echo", {"content": "x" * 1_000_000}),
        }[self.way]
        return ModelOutput.from_message(ChatMessageAssistant(content="", tool_calls=[made]))


@pytest.mark.parametrize(
    ("way", "sees"),
    [
        ("unknown", "not defined"),
        ("hostile", "Error during execution"),
        ("unreadable", None),
        ("endless", "{"),
        ("large", "xxx"),
    ],
)
def test_bad_calls_are_wrong_and_end(official, tmp_path, way, sees):
    player = Bad("bfcl/multi_turn_base")
    player.way, player.note, player.seen = way, tmp_path / "note", []
    session = Session(Store(tmp_path))
    session.use(player)
    (cell,) = plan(Request("bfcl/multi_turn_base", "direct", player.name, limit=1))
    (result,) = run_grid([cell], session).results
    (attempt,) = load_samples(result.record["run_id"], str(tmp_path)).to_dict("records")
    assert attempt["status"] == "ok" and attempt["accuracy"] == 0
    assert not player.note.exists()
    assert sees is None or sees in player.seen[0]
    if way == "large":
        assert len(player.seen[0]) > 1_000_000  # the official loop cuts nothing
    if way == "endless":
        assert json.loads(attempt["trace"])["steps"] == 21


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"refusal": None, "annotations": [], "audio": None, "function_call": None, "reasoning_content": None},
        {"reasoning": "hm", "reasoning_content": "hm"},
    ],
)
def test_the_history_is_the_servers_own_message_with_all_its_fields(more):
    """As the official client sends it back; some servers want a signature back with every call."""
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": }', "strict": None}}
    signed = {**call, "index": 0, "extra_content": {"google": {"thought_signature": "s"}}}
    for calls in ({}, {"tool_calls": []}, {"tool_calls": [call]}, {"tool_calls": [call, signed]}):
        message = {"role": "assistant", "content": "hm", **calls, **more}
        made = completion({"choices": [{"finish_reason": "stop", "message": copy.deepcopy(message)}]})
        assert official_of(as_it_came(output(made, "m", [], 0.1).message)) == message


def test_every_listed_broken_item_is_one_of_the_task(official):
    counts = {}
    for name in registry().match("task", "bfcl"):
        listed = known_broken(registry().task(name))
        if listed:
            counts[name] = len(set(listed) & set(Player(name).targets))
    assert sum(counts.values()) == 6 and counts["bfcl/live_multiple"] == 2


def test_the_task_says_what_it_needs_before_setup(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    spec = registry().task("bfcl/simple_python")
    assert needed(spec.setup)
    with pytest.raises(UsageError, match="harness setup bfcl"):
        load_task(spec, spec.arguments({})).load(Data())
    listed = CliRunner().invoke(cli, ["list", "tasks"]).output
    assert "needs setup: harness setup bfcl" in listed


def test_setup_without_an_index_says_what_failed_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(HarnessError, match="pip can't install bfcl-eval==.*Could not find a version"):
        install("bfcl")
    assert not list((tmp_path / "setup").iterdir())
    with pytest.raises(UsageError, match="did you mean 'bfcl'"):
        install("bfcll")


def test_result_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(DataError, match="holds no file"):
        results.names(tmp_path)
    for model in ("a", "b"):
        (tmp_path / model).mkdir()
        (tmp_path / model / "BFCL_v4_multiple_result.json").write_text('{"id": "x"}\n')
    with pytest.raises(DataError, match="several models"):
        results.names(tmp_path)
    assert results.names(tmp_path / "a") == ["bfcl/multiple"]
    with pytest.raises(DataError, match="line 1 is no result"):
        results.read(tmp_path / "a", "bfcl/multiple")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("BFCL_v4_multiple_result.json", b"", "holds no results"),
        ("BFCL_v4_multiple_result.json", b'[{"id": "a", "result": ""}]', "line 1 is no result"),
        ("BFCL_v4_multiple_result.json", b'{"id": ["a"], "result": ""}', "line 1: 'id' is no text"),
        ("BFCL_v4_multiple_result.json", b'{\n "id": "a"\n}', "can't read"),
        (
            "BFCL_v4_multiple_result.json.gz",
            gzip.compress(b'{"id": "a", "result": ""}', mtime=0)[:-9],
            "can't read",
        ),
        ("BFCL_v4_multiple_result.json.gz", b"\x1f\x8b\x08" + b"\xff" * 40, "can't read"),
        (
            "rows.jsonl",
            b'{"id": "a", "category": ["x"], "mode": "fc", "function": [], "question": [], "result": ""}',
            "BFCL_v4_CATEGORY_result.json",
        ),
        ("list.json", b"[]", "BFCL_v4_CATEGORY_result.json"),
        ("a.json", b"{}", "BFCL_v4_CATEGORY_result.json"),
        ("lines.json", b'{\n"a": 1\n}', "no column"),
    ],
)
@pytest.mark.parametrize("task", ["bfcl", "bfcl/multiple"])
def test_a_malformed_or_unknown_file_is_one_line(tmp_path, name, content, says, task):
    (tmp_path / name).write_bytes(content)
    done = CliRunner().invoke(
        cli, ["score", "--task", task, "--responses", str(tmp_path / name), "--store", str(tmp_path / "out")]
    )
    said = str(done.exception) if isinstance(done.exception, HarnessError) else done.output
    assert done.exit_code != 0 and isinstance(done.exception, HarnessError | SystemExit)
    assert says in said or (task == "bfcl" and "BFCL_v4_CATEGORY_result.json" in said)


@pytest.mark.parametrize(
    ("category", "result", "mode"),
    [
        ("irrelevance", "no", "prompt"),
        ("irrelevance", [], "fc"),
        ("simple_python", [{"f": "{}"}], "fc"),
        ("simple_python", "[f(a=1)]", "prompt"),
        ("multi_turn_base", [["[f()]", "done"]], "prompt"),
        ("multi_turn_base", [[[{"f": "{}"}], "done"]], "fc"),
        ("multi_turn_base", [], "prompt"),
    ],
)
def test_the_mode_of_a_run_is_seen_in_its_results(tmp_path, category, result, mode):
    file = tmp_path / f"BFCL_v4_{category}_result.json"
    file.write_text(json.dumps({"id": "x", "result": result, "input_token_count": [[1, 2], [3]]}) + "\n")
    (response,) = results.read(file, f"bfcl/{category}")
    assert json.loads(response.completion) == {"mode": mode, "result": result}
    assert response.usage["input_tokens"] == 6

"""tau2: recorded rewards again. The repository is no package: HARNESS_TAU2_SOURCE names a checkout."""

import gzip
import json
import os
import shutil
import threading
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner
from inspect_ai.model import ChatMessageAssistant, ModelOutput
from inspect_ai.tool import ToolCall
from pyarrow import parquet

from harness.base.errors import DataError, HarnessError
from harness.cli import cli
from harness.data.hub import Data
from harness.display.records import print_records
from harness.external.known_broken import known_broken
from harness.external.setup import _present, folder, install, of_recipe
from harness.external.workers import Pool
from harness.model.provider import Provider
from harness.registry import load_task, registry
from harness.results import load_samples
from harness.results.export import run_object
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from harness.sample import Question, Sample
from harness.tasks.tau2 import fixture, people
from harness.tasks.tau2.adapter import MEMORY, SCRIPT, workers
from harness.tasks.tau2.results import names, read

RECORDED = Path(__file__).parents[4] / "shared" / "data" / "recorded_agents" / "tau2"
RUNS = sorted(RECORDED.glob("trajectories/*.json.gz"))
SOURCE = os.environ.get("HARNESS_TAU2_SOURCE")


@pytest.mark.skipif(not SOURCE, reason="needs a checkout of tau2-bench 1.0.1 in HARNESS_TAU2_SOURCE")
@pytest.mark.skipif(not RUNS, reason="the recorded runs are not beside the checkout")
def test_every_recorded_reward(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    install("tau2", source=Path(SOURCE))
    count = 0
    for path in RUNS:
        (task,) = names(path)
        done = CliRunner().invoke(
            cli,
            ["score", "--task", task, "--responses", str(path), "--store", str(tmp_path / "out"), "--json"],
        )
        assert done.exit_code == 0, done.output
        (run,) = json.loads(next(x for x in done.output.splitlines() if x.startswith("{")))["runs"]
        mine = {row["sample_id"]: row["reward"] for row in parquet.read_table(run["samples"]).to_pylist()}
        simulations = json.loads(gzip.decompress(path.read_bytes()))["simulations"]
        assert mine == {s["task_id"]: s["reward_info"]["reward"] for s in simulations}, path.name
        count += len(mine)
    assert count == 190


RESULTS = {
    "info": {"environment_info": {"domain_name": "mock"}, "agent_info": {"implementation": "llm_agent"}},
    "tasks": [{"id": "a"}],
    "simulations": [{"task_id": "a", "trial": 1}],
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"info": {}}, "no text agent_info.implementation"),
        ({"info": []}, "no text agent_info"),
        ({"info": {**RESULTS["info"], "environment_info": {}}}, "no text environment_info.domain_name"),
        ({"simulations": []}, "no simulations"),
        ({"simulations": {}}, "'simulations' is no list of objects"),
        ({"simulations": [{}]}, "simulation 1 has no 'task_id'"),
        ({"simulations": ["a"]}, "no list of objects"),
        ({"simulations": [{"task_id": "a", "trial": "x"}]}, "simulation 1 has a 'trial'"),
        ({"tasks": [{}]}, "one of its tasks has no 'id'"),
        ({"tasks": None}, "'tasks' is no list of objects"),
        ({"tasks": []}, "simulation 1 is of task 'a'"),
    ],
)
def test_a_results_file_that_lacks_something_is_named_with_what_it_lacks(tmp_path, change, says):
    (tmp_path / "good.json").write_text(json.dumps(RESULTS))
    (response,) = read(tmp_path / "good.json", *names(tmp_path / "good.json"))
    assert response.sample_id == "a" and response.epoch == 1
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({**RESULTS, **change}))
    with pytest.raises(DataError, match=f"bad.json.*{says}"):
        read(path, *names(path))


def test_files_of_another_kind(tmp_path):
    (tmp_path / "a.json").write_text("[1]")
    assert names(tmp_path / "a.json") == [] and names(tmp_path / "c.jsonl") == []
    whole = gzip.compress(json.dumps(RESULTS).encode())
    damaged = whole[:12] + bytes([whole[12] ^ 255]) + whole[13:]
    for name, content in (
        ("b.json", b"{"),
        ("empty.json", b""),
        ("c.json.gz", whole[:-9]),
        ("d.json.gz", damaged),
        ("e.json.gz", b"{}"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"can't read .*{name}"):
            names(tmp_path / name)


def test_a_source_that_is_no_checkout_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("harness.external.setup._pip", lambda recipe, target: None)
    with pytest.raises(HarnessError, match="has no folder src/tau2"):
        install("tau2", source=tmp_path)
    assert not (tmp_path / "cache" / "setup").exists()


class Gold(Provider):
    """Agent, user and judge in one. Agent and user carry out the wanted actions in turn, each its own, one
    call a move, and tell each other how far they are; the user stops when all is done and said."""

    cacheable, abilities = False, frozenset({"tools"})

    def __init__(self, targets, verdicts=True):
        self.name, self.targets, self.verdicts = "gold/all", targets, verdicts

    async def generate(self, call):
        criteria = self.targets[call.question.id]["evaluation_criteria"] or {}
        system = call.messages[0].text
        if "expectedOutcomes" in call.messages[-1].text:
            met = [
                {"expectedOutcome": a, "reasoning": "", "metExpectation": self.verdicts}
                for a in criteria["nl_assertions"]
            ]
            return ModelOutput.from_content(self.name, json.dumps({"results": met}))
        mine = "assistant" if "<policy>" in system else "user"
        solo = "<ticket>" in system
        actions, done, reported = criteria.get("actions") or [], 0, None
        for message in call.messages[1:]:
            if message.role == "user" and " steps done" in message.text:
                done = reported = int(message.text.split(" steps done")[0].split()[-1])
            done += message.role == "tool"
        if done < len(actions) and (solo or actions[done]["requestor"] == mine):
            return self.calls(f"c{done}", actions[done]["name"], actions[done]["arguments"])
        if solo:
            return self.calls("end", "done", {})
        if mine == "user" and reported == len(actions):
            return ModelOutput.from_content(self.name, "###STOP###")
        words = criteria.get("communicate_info") or [] if done == len(actions) else []
        return ModelOutput.from_content(self.name, " ".join([f"{done} steps done", *words]))

    def calls(self, key, name, arguments):
        message = ChatMessageAssistant(content="", tool_calls=[ToolCall(key, name, arguments)])
        return ModelOutput.from_message(message)


needs_source = pytest.mark.skipif(
    not SOURCE, reason="needs a checkout of tau2-bench 1.0.1 in HARNESS_TAU2_SOURCE"
)


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """A cache with tau2-bench installed, as `harness setup tau2 --source` does it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(tmp_path_factory.mktemp("cache")))
        install("tau2", source=Path(SOURCE))
        yield


@needs_source
def test_the_fixture_names_the_domain_that_is_not_as_it_should_be(official, monkeypatch):
    made = Pool(SCRIPT, folder(registry().task("tau2/mock").setup), 1, MEMORY)
    check = partial(fixture._check, made.one(), "tau2/mock")
    try:
        check(10, {"domain": "mock"})
        with pytest.raises(ValueError, match="tau2/mock has 10 tasks instead of 9"):
            check(9, {"domain": "mock"})
        monkeypatch.setattr(fixture, "_played", lambda task, solo: [])
        with pytest.raises(ValueError, match="tau2/mock: task .* has reward 0.0, not 1.0"):
            check(10, {"domain": "mock"})
    finally:
        made.close()
    assert set(of_recipe("tau2")) == {name for name in registry().tasks if name.startswith("tau2/")}


@needs_source
def test_a_checkout_without_some_of_its_data_is_refused_with_all_of_them_named(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.external.setup._pip", lambda recipe, target: pytest.fail("pip was run"))
    place = shutil.copytree(SOURCE, tmp_path / "checkout", ignore=shutil.ignore_patterns("documents", ".git"))
    domains = place / "data" / "tau2" / "domains"
    (domains / "telecom" / "tasks.json").unlink()
    (domains / "airline" / "db.json").write_text("version https://git-lfs.github.com/spec/v1\nsize 1\n")
    with pytest.raises(HarnessError) as failed:
        install("tau2", source=place)
    named = ("telecom/tasks.json,", "banking_knowledge/documents,", "airline/db.json (a pointer of Git LFS);")
    assert "lacks 3 files: " in str(failed.value) and all(each in str(failed.value) for each in named)


@needs_source
def test_an_evaluator_whose_data_is_gone_ends_the_cell_and_scores_the_answers_later(official, tmp_path):
    """The dialogues stay; nothing of them is sealed as 0."""
    setup = registry().task("tau2/mock").setup
    file = folder(setup) / "data" / "tau2" / "domains" / "mock" / "db.json"
    results = tmp_path / "results.json"
    simulation = {**fixture.RECORDED, "messages": []}
    tasks = json.loads((file.parent / "tasks.json").read_text())
    alone = [task for task in tasks if not (task.get("evaluation_criteria") or {}).get("nl_assertions")][:4]
    simulations = [{**simulation, "task_id": task["id"], "trial": 0} for task in alone]
    results.write_text(json.dumps({**RESULTS, "tasks": tasks, "simulations": simulations}))

    def score():
        command = [
            "score",
            "--task",
            "tau2/mock",
            "--responses",
            str(results),
            "--store",
            str(tmp_path / "s"),
        ]
        _present.cache_clear()
        workers(folder(setup)).close()
        return CliRunner().invoke(cli, command)

    text = file.read_bytes()
    try:
        file.unlink()
        done = score()
        assert done.exit_code == 1 and "broke down at " in done.output and "mock/db.json" in done.output
        assert not list(Store(tmp_path / "s").records())
    finally:
        file.write_bytes(text)
    assert score().exit_code == 0
    (record,) = Store(tmp_path / "s").records()
    assert record["counts"]["ok"] == len(alone) > 1


@pytest.fixture
def live(official, tmp_path):
    """A live run of scripted players: its record and its attempts."""

    def run(task, player=Gold, roles=("user", "judge"), people=None, **fields):
        spec = registry().task(task)
        samples = load_task(spec, spec.arguments(fields.get("task_args", {}))).load(Data()).test
        played = player({sample.id: sample.target for sample in samples})
        request = Request(
            task,
            "direct",
            played.name,
            roles={**dict.fromkeys(roles, played.name), **(people or {})},
            **fields,
        )
        session = Session(Store(tmp_path / "out"))
        session.use(played)
        (result,) = run_grid(plan(request), session).results
        assert result.record, result.error
        return result.record, load_samples(result.record["run_id"], str(tmp_path / "out"))

    return run


@needs_source
@pytest.mark.parametrize(
    ("task", "items", "purposes"),
    [
        ("tau2/airline", 3, {"answer", "user"}),
        ("tau2/retail", 4, {"answer", "user", "judge"}),
        ("tau2/telecom", 3, {"answer", "user"}),
        ("tau2/telecom-workflow", 2, {"answer", "user"}),
        ("tau2/telecom-solo", 3, {"answer"}),
        ("tau2/telecom-workflow-solo", 2, {"answer"}),
        ("tau2/banking_knowledge", 3, {"answer", "user"}),
        ("tau2/mock", 4, {"answer", "user"}),
        ("tau2/mock-solo", 2, {"answer"}),
    ],
)
def test_who_carries_out_the_wanted_actions_has_the_reward(live, task, items, purposes):
    record, attempts = live(task, limit=items)
    assert list(attempts["reward"]) == [1.0] * items, list(attempts["reason"])
    assert set(record["usage"]["by_purpose"]) == purposes
    assert record["usage"]["calls"] == sum(u["calls"] for u in record["usage"]["by_purpose"].values())


class Proposing(Gold):
    """An agent that has a colleague approve what it does."""

    def calls(self, key, name, arguments):
        if not key.startswith("c") or name.startswith("propose"):
            return super().calls(key, name, arguments)
        return super().calls(key, "propose_action", {"name": name, "arguments": arguments})


@needs_source
def test_a_colleague_approves_the_wanted_actions_and_the_reward_is_the_evaluators(live):
    record, attempts = live("tau2/retail", Proposing, people={"human": "sim/human"}, limit=2)
    assert list(attempts["reward"]) == [1.0] * 2, list(attempts["reason"])
    metrics = record["metrics"]
    assert metrics["harm"]["value"] == 0.0 and metrics["decisions"]["value"] >= 3
    assert record["usage"]["by_purpose"]["human"]["calls"] == sum(
        event["kind"] == "approval" for row in attempts["answer"] for event in json.loads(row)["human"]
    )


def test_a_colleague_refuses_what_is_not_among_the_wanted_actions():
    wanted = {"name": "return_delivered_order_items", "arguments": {"order_id": "#W1"}}
    of_user = {"name": "pay", "arguments": {}, "requestor": "user"}
    target = {"evaluation_criteria": {"actions": [wanted, of_user]}}
    args = {"human_style": "lazy", "human_proactive": False}
    found = people.brief(target, "retail", args)
    assert found.moves == (("return_delivered_order_items", {"order_id": "#W1"}),) and found.style == "lazy"
    refused = {
        (name, order)
        for name in ("return_delivered_order_items", "cancel_pending_order", "get_order_details")
        for order in ("#W1", "#W2")
        if any(each.holds(name, {"order_id": order}) for each in found.refuses)
    }
    assert refused == {
        ("return_delivered_order_items", "#W2"),
        ("cancel_pending_order", "#W1"),
        ("cancel_pending_order", "#W2"),
    }
    assert people.brief({"evaluation_criteria": None}, "telecom-workflow", args).moves == ()


class Thorough(Gold):
    """Does also what two tasks of mock want without listing it among their actions."""

    MORE = {
        "update_task_with_history_and_env_assertions": (
            "assistant",
            "update_task_status",
            {"task_id": "task_2", "status": "completed"},
        ),
        "update_task_with_user_tools": ("user", "dismiss_notification", {"notification_id": "notif_1"}),
    }

    def __init__(self, targets):
        super().__init__(targets)
        for key in self.MORE.keys() & targets.keys():
            action = dict(zip(("requestor", "name", "arguments"), self.MORE[key], strict=True))
            criteria = targets[key]["evaluation_criteria"]
            criteria["actions"] = [*(criteria["actions"] or []), action]


class Idle(Gold):
    """An agent that does nothing, and a user that leaves."""

    async def generate(self, call):
        if "expectedOutcomes" in call.messages[-1].text:
            return await super().generate(call)
        if "<ticket>" in call.messages[0].text:
            return self.calls("end", "done", {})
        words = "Hello." if "<policy>" in call.messages[0].text else "###STOP###"
        return ModelOutput.from_content(self.name, words)


@needs_source
def test_what_can_not_be_passed_or_failed_in_mock_is_listed(live):
    for task, failed in (
        ("tau2/mock", {"update_task_with_user_tools"}),
        ("tau2/mock-solo", {"update_task_with_user_tools", "update_task_with_initialization_data"}),
    ):
        found = {}
        for player in (Gold, Thorough, Idle):
            _, attempts = live(task, player, overwrite=True)
            found[player] = dict(zip(attempts["sample_id"], attempts["reward"], strict=True))
        assert {key for key in found[Gold] if max(found[Gold][key], found[Thorough][key]) < 1} == failed
        ungraded = {key for key, reward in found[Idle].items() if reward != reward}
        assert ungraded == {"create_task_1_with_env_assertions"}
        assert known_broken(registry().task(task)).keys() == {
            *failed,
            *ungraded,
            "update_task_with_initialization_data",
        }


@needs_source
def test_assertions_without_a_judge_are_unscored_and_a_judge_decides(live):
    record, attempts = live("tau2/retail", limit=4, roles=("user",))
    judged = attempts[attempts["status"] == "unscored"]
    assert len(judged) == 2 and all("--role judge=MODEL" in reason for reason in judged["reason"])
    again, refused = live("tau2/retail", lambda targets: Gold(targets, verdicts=False), limit=4)
    assert list(refused["status"]) == ["ok"] * 4
    assert set(refused["sample_id"][refused["reward"] == 0]) == set(judged["sample_id"])
    assert "NL_ASSERTION 0" in " ".join(refused["reason"])


class Muddled(Gold):
    """A judge whose replies are of no use: the official evaluator would pass an empty list."""

    async def generate(self, call):
        if "expectedOutcomes" not in call.messages[-1].text:
            return await super().generate(call)
        return ModelOutput.from_content(self.name, '{"results": []}')


@needs_source
def test_a_judge_without_a_verdict_for_every_assertion_is_asked_again_and_then_unscored(live):
    record, attempts = live("tau2/retail", Muddled, limit=4)
    assert record["counts"]["unscored"] == 2 and record["usage"]["by_purpose"]["judge"]["calls"] == 6
    reasons = attempts["reason"][attempts["status"] == "unscored"]
    assert all("0 verdicts on" in reason for reason in reasons)


class Searching(Gold):
    """Finds out about the bank with every tool it has for that, before it goes to work."""

    async def generate(self, call):
        if "<policy>" not in call.messages[0].text:
            return await super().generate(call)
        offered = {tool.name for tool in call.tools}
        wanted = [(name, arguments) for name, arguments in SEARCHES if name in offered]
        results = [m for m in call.messages if m.role == "tool" and m.tool_call_id.startswith("search")]
        if len(results) < len(wanted):
            return self.calls(f"search{len(results)}", *wanted[len(results)])
        self.results[call.question.id] = [m.text for m in results]
        searched = [
            m
            for m in call.messages
            if m.role == "assistant" and m.tool_calls and m.tool_calls[0].id.startswith("search")
        ]
        rest = [m for m in call.messages if m not in results and m not in searched]
        return await super().generate(replace(call, messages=rest))


SEARCHES = [
    ("KB_search", {"query": "late fee of the Gold card"}),
    ("grep", {"pattern": "late fee"}),
    ("KB_search_bm25", {"query": "late fee", "k": 3}),
    ("KB_search_dense", {"query": "late fee", "k": 3}),
    ("shell", {"command": "ls | wc -l; grep -il 'late fee' *.* | sort | head -3"}),
    ("shell", {"command": "cat /etc/passwd"}),
    ("shell", {"command": "touch new && echo written"}),
]


class Vectors(BaseHTTPRequestHandler):
    """An endpoint whose embedding of a text is a count of its letters."""

    def log_message(self, *arguments):
        return None

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert asked["model"] == "text-embedding-3-large"
        self.server.texts += asked["input"]
        rows = [[1.0 + text.lower().count(letter) for letter in "abcdefghij"] for text in asked["input"]]
        made = [{"object": "embedding", "index": n, "embedding": row} for n, row in enumerate(rows)]
        answer = json.dumps(
            {
                "object": "list",
                "data": made,
                "model": asked["model"],
                "usage": {"prompt_tokens": 1, "total_tokens": 1},
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(answer)


@pytest.fixture
def vectors(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vectors)
    server.texts = []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
    yield server
    server.shutdown()
    server.server_close()


@needs_source
@pytest.mark.parametrize(
    ("retrieval", "searches"),
    [
        ("bm25", 1),
        ("bm25_grep", 2),
        ("grep_only", 1),
        ("openai_embeddings", 1),
        ("openai_embeddings_grep", 2),
        ("terminal_use", 3),
        ("alltools", 5),
    ],
)
def test_documents_are_found_in_every_way_and_the_same_way_twice(live, vectors, retrieval, searches):
    if retrieval in ("terminal_use", "alltools") and shutil.which("bwrap") is None:
        pytest.skip("needs bubblewrap")
    results = []
    for again in (False, True):
        player = type("Player", (Searching,), {"results": {}})
        _, attempts = live(
            "tau2/banking_knowledge", player, limit=2, overwrite=again, task_args={"retrieval": retrieval}
        )
        assert list(attempts["reward"]) == [1.0, 1.0], list(attempts["reason"])
        results.append(player.results)
    assert results[0] == results[1] and {len(texts) for texts in results[0].values()} == {searches}
    (texts, *_) = results[0].values()
    if retrieval != "terminal_use":
        assert "   ID: doc_" in texts[0] and "   Content: " in texts[0]
    if retrieval in ("terminal_use", "alltools"):
        listed, refused, unwritten = texts[-3:]
        assert listed.splitlines()[0] == "699" and len(listed.splitlines()) == 4  # 698 and their index
        assert "could escape" in refused and "Read-only" in unwritten
    embedded = len(set(vectors.texts))
    if retrieval in ("openai_embeddings", "alltools"):
        assert len(vectors.texts) == embedded  # nothing twice
    assert bool(embedded) <= (retrieval in ("openai_embeddings", "openai_embeddings_grep", "alltools"))


@needs_source
def test_finding_documents_outside_needs_a_key_and_a_sandbox(official, tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr("shutil.which", lambda name: None)
    for retrieval, missing in (("openai_embeddings", "OPENAI_API_KEY"), ("terminal_use", "bubblewrap")):
        player, session = Gold({}), Session(Store(tmp_path))
        session.use(player)
        request = Request(
            "tau2/banking_knowledge",
            "direct",
            player.name,
            roles={"user": player.name},
            task_args={"retrieval": retrieval},
        )
        (result,) = run_grid(plan(request), session).results
        assert missing in str(result.error)


class Unsteady(Gold):
    """The user leaves at once at the fourth attempt."""

    async def generate(self, call):
        system = call.messages[0].text
        if call.question.epoch == 3 and "<scenario>" in system and "<policy>" not in system:
            return ModelOutput.from_content(self.name, "###STOP###")
        return await super().generate(call)


@needs_source
def test_pass_hat_1_to_4_of_two_domains_in_one_command(official, tmp_path, capsys):
    domains = ("tau2/retail", "tau2/telecom")
    targets = {}
    for domain in domains:
        spec = registry().task(domain)
        targets |= {s.id: s.target for s in load_task(spec, spec.arguments({})).load(Data()).test}
    player = Unsteady(targets)
    session = Session(Store(tmp_path))
    session.use(player)
    request = Request(
        ",".join(domains),
        "direct",
        player.name,
        epochs=4,
        limit=2,
        roles={"user": player.name, "judge": player.name},
    )
    print_records([each.record for each in run_grid(plan(request), session).results])
    shown = capsys.readouterr().out
    results = [Store(tmp_path).read(path.parent) for path in tmp_path.rglob("run.json")]
    assert len(results) == 2 and shown.count("pass^4 0.000") == 2
    for record in results:
        found = [record["metrics"][f"pass^{k}"]["value"] for k in (1, 2, 3, 4)]
        assert found == pytest.approx([0.75, 0.5, 0.25, 0.0])
        assert set(run_object(record)["metrics"]) >= {f"pass^{k}" for k in (1, 2, 3, 4)}


class Bad(Gold):
    """An agent that behaves badly in one way."""

    way = ""

    async def generate(self, call):
        if "<policy>" not in call.messages[0].text:
            words = "One more thing." if self.way == "endless user" else "Please help me."
            if self.way == "silent user":
                words = ""
            elif self.way == "empty move" and len(call.messages) > 3:
                words = "###STOP###"
            return ModelOutput.from_content(self.name, words)
        key, arguments = f"c{len(call.messages)}", {"user_id": "mia_li_3668"}
        if self.way == "empty move":
            return ModelOutput.from_content(self.name, "  ")
        if self.way == "unknown tool":
            return self.calls(key, "__import__('os').getpid", arguments)
        if self.way == "unreadable":
            broken = ToolCall(key, "get_user_details", {}, parse_error="no JSON: {'user_id': ")
            return ModelOutput.from_message(ChatMessageAssistant(content="", tool_calls=[broken]))
        if self.way == "endless loop":
            return self.calls(key, "get_user_details", arguments)
        return ModelOutput.from_content(self.name, "Anything else?")


@needs_source
@pytest.mark.parametrize(
    ("way", "status", "reward", "end"),
    [
        ("endless user", "ok", 0, "max_steps"),
        ("silent user", "unscored", None, "3 empty turns"),
        ("empty move", "ok", 0, "empty action"),
        ("unknown tool", "ok", 0, "too_many_errors"),
        ("unreadable", "ok", 0, "get_user_details can't be read"),
        ("endless loop", "ok", 0, "max_steps"),
    ],
)
def test_bad_behaviour_ends_as_the_official_code_ends_it(live, way, status, reward, end):
    record, attempts = live("tau2/airline", type("Bad", (Bad,), {"way": way}), limit=1)
    (attempt,) = attempts.to_dict("records")
    assert attempt["status"] == status and (status != "ok" or attempt["reward"] == reward)
    if end in ("max_steps", "too_many_errors"):
        assert json.loads(attempt["answer"])["simulation"]["termination_reason"] == end
    else:
        assert end in attempt["reason"]


@needs_source
def test_a_solo_agent_that_only_talks_has_failed(live):
    class Talks(Gold):
        async def generate(self, call):
            return ModelOutput.from_content(self.name, '{"simulation": {"termination_reason": "agent_stop"}}')

    record, attempts = live("tau2/telecom-solo", Talks, limit=1)
    assert list(attempts["reward"]) == [0.0] and "called no tool" in attempts["reason"][0]


@needs_source
def test_recorded_simulations_are_judged_by_the_judge_that_is_named(live, tmp_path, monkeypatch):
    record, attempts = live("tau2/retail", limit=3, roles=("user",))
    targets = {r["sample_id"]: json.loads(r["answer"]) for r in attempts.to_dict("records")}
    spec = registry().task("tau2/retail")
    tasks = {s.id: s.target for s in load_task(spec, spec.arguments({})).load(Data()).test}
    document = {
        "info": {
            "environment_info": {"domain_name": "retail"},
            "agent_info": {"implementation": "llm_agent"},
        },
        "tasks": [tasks[key] for key in targets],
        "simulations": [a["simulation"] for a in targets.values()],
    }
    file = tmp_path / "run.json"
    file.write_text(json.dumps(document))
    monkeypatch.setattr(Session, "role", lambda self, name, cell: Gold(tasks))
    done = CliRunner().invoke(
        cli,
        [
            "score",
            "--task",
            "tau2/retail",
            "--responses",
            str(file),
            "--role",
            "judge=echo/gold",
            "--store",
            str(tmp_path / "scored"),
            "--json",
        ],
    )
    (run,) = json.loads(next(x for x in done.output.splitlines() if x.startswith("{")))["runs"]
    assert run["metrics"]["reward"]["value"] == 1.0 and run["counts"]["ok"] == 3


@needs_source
@pytest.mark.parametrize(("args", "items"), [({"split": "test"}, 40), ({"split": "small"}, 20)])
def test_splits(official, args, items):
    spec = registry().task("tau2/telecom")
    assert len(load_task(spec, spec.arguments(args)).load(Data()).test) == items
    with pytest.raises(DataError, match="split 'small'"):
        spec = registry().task("tau2/airline")
        load_task(spec, spec.arguments({"split": "small"})).load(Data())


@needs_source
def test_every_listed_broken_item_is_one_of_the_task(official):
    for name in ("tau2/retail", "tau2/airline", "tau2/banking_knowledge", "tau2/mock", "tau2/mock-solo"):
        spec = registry().task(name)
        ids = {sample.id for sample in load_task(spec, spec.arguments({})).load(Data()).test}
        assert known_broken(spec).keys() and known_broken(spec).keys() <= ids


@needs_source
@pytest.mark.parametrize("task", ["tau2/mock", "tau2/airline"])
def test_tasks_are_the_same_whenever_they_are_loaded(official, task):
    spec = registry().task(task)
    first = [sample.digest() for sample in load_task(spec, spec.arguments({})).load(Data()).test]
    made = Pool(SCRIPT, folder(spec.setup), 1, MEMORY)
    try:
        rows = made.one().ask({"do": "load", "domain": spec.settings["domain"]}, 120)
    finally:
        made.close()
    assert [Sample(Question(row["id"], row["words"]), row["task"]).digest() for row in rows] == first

"""A model is its weights: where it is served changes nothing, what is served changes everything."""

import json
import re
import shutil

import pytest

from harness.base.digest import digest
from harness.comparison.arms import arms_of
from harness.gate.confirm import cell_of
from harness.results.index import read_index
from harness.results.migrations import MIGRATIONS
from harness.results.schema import result_digest
from harness.results.store import Store

NAME = "openai-api/local/big"
ITEMS = 3
JUDGED = [
    "--method",
    "best-of-n",
    "-M",
    "n=2",
    "-M",
    "scorer=judge",
    "--role",
    "judge=openai-api/local/small",
]
SHOWN = ["-T", "train=train.jsonl", "--method", "few-shot", "-M", "k=1", "-M", "choose=nearest"]


@pytest.fixture(autouse=True)
def rows(command, tmp_path, monkeypatch):
    for name, count in (("test", ITEMS), ("train", 4)):
        rows = [{"question": f"{name} {'a' * n}?", "answer": "1+1"} for n in range(count)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name in ("LOCAL_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "none")
    for name in ("LOCAL_BASE_URL", "OPENAI_BASE_URL", "VLLM_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def ask(command, tmp_path):
    """`harness eval` of a model at an endpoint, in a store of its own unless one is named; the sealed record,
    what was said, and how many calls the endpoint had for it."""

    def evaluate(endpoint, *more, model=NAME, store="results", code=0, reach=None):
        before = len(endpoint.requests)
        words = ["eval", "--task", "qa/custom", "-T", "data=test.jsonl", "--model", model, "--json"]
        words += ["--model-arg", reach or f"base_url={endpoint.address}", "--store", store, *more]
        done = command(*words)
        assert done.code == code, done.err
        found = json.loads(done.out)["runs"] if done.out.startswith("{") else []
        run = Store(tmp_path / store).find(found[0]["run_id"]) if found and found[0]["run_id"] else None
        return run, done.err, len(endpoint.requests) - before

    return evaluate


def listed(name="big", **more):
    return {"/v1/models": {"object": "list", "data": [{"id": name, "object": "model", **more}]}}


@pytest.mark.parametrize(
    "model, reach",
    [
        (NAME, "base_url={}"),
        ("vllm/org/big", "port={}"),
    ],
)
def test_another_port_is_the_same_model(ask, endpoints, model, reach):
    a, b = endpoints(), endpoints()

    def at(server):
        return reach.format(server.server_port if reach.startswith("port") else server.address)

    first, _, asked = ask(a, model=model, reach=at(a))
    assert asked == ITEMS and first["subject"]["model_args"] == {}
    assert first["served"]["models"][model]["addresses"] != []
    again, said, asked = ask(b, model=model, reach=at(b))
    assert again["run_id"] == first["run_id"] and asked == 0 and not b.probes
    other, said, asked = ask(b, model=model, reach=at(b), store="other")  # no record, but the cache
    assert asked == 0 and other["result_digest"] == first["result_digest"]
    assert said.count("taken for one model") == 1  # neither tells its weights


def test_environment_and_argument_reach_the_same_model(ask, endpoints, monkeypatch):
    a, b = endpoints(), endpoints()
    first, *_ = ask(a)
    monkeypatch.setenv("LOCAL_BASE_URL", b.address)
    again, _, asked = ask(b, reach="timeout=9")
    assert again["run_id"] == first["run_id"] and asked == 0


@pytest.mark.parametrize("more", [JUDGED, [*SHOWN, "--embedder", "openai/small"]], ids=["judge", "embedder"])
def test_so_it_is_for_roles_and_embedders(ask, endpoints, more, monkeypatch):
    a, b = endpoints(), endpoints()
    monkeypatch.setenv("OPENAI_BASE_URL", a.address)
    first, *_ = ask(a, *more)
    monkeypatch.setenv("OPENAI_BASE_URL", b.address)
    other, _, asked = ask(b, *more, store="other")
    assert asked == 0 and other["run_id"] == first["run_id"]


def test_a_judge_elsewhere_with_arguments_of_its_own(ask, endpoints):
    a, b, c = endpoints(), endpoints(), endpoints()
    first, *_ = ask(a, *JUDGED, "--role-arg", f"base_url={b.address}")
    other, _, asked = ask(a, *JUDGED, "--role-arg", f"base_url={c.address}", store="other")
    assert asked == len(c.requests) == 0 and other["comparability_key"] == first["comparability_key"]
    emulated, *_ = ask(a, *JUDGED, "--role-arg", f"base_url={b.address}", "--role-arg", "emulate_tools=true")
    assert c.requests == [] and emulated["subject_key"] != first["subject_key"]
    shared, *_ = ask(a, *JUDGED, "--model-arg", "emulate_tools=true")  # the judge gets the model's arguments
    assert shared["subject"]["roles"]["judge"]["args"] == shared["subject"]["model_args"] != {}


@pytest.mark.parametrize("argument", ["emulate_tools=true", "responses_api=true"])
def test_what_changes_answers_is_asked_anew(ask, endpoints, argument):
    a = endpoints()
    first, *_ = ask(a)
    probes = len(a.probes)
    other, _, asked = ask(a, "--model-arg", argument)
    assert asked == ITEMS and other["run_id"] != first["run_id"] and len(a.probes) > probes


def test_what_reaches_it_is_not(ask, endpoints):
    a = endpoints()
    first, *_ = ask(a)
    reach = ("timeout=7", "api_key=other", "organization=x", "default_headers={X-A: b}")
    other, _, asked = ask(a, *(f"--model-arg={each}" for each in reach), store="other")
    assert asked == 0 and other["run_id"] == first["run_id"]


@pytest.mark.parametrize("told", [{"root": "/weights/{}"}, {"meta": {"n_params": 1, "size": "{}"}}])
def test_a_server_that_tells_its_weights_is_known_by_them(ask, endpoints, told):
    def tells(which):
        return listed(**json.loads(json.dumps(told).replace("{}", which)), created=id(which), max_model_len=9)

    a, b, c = endpoints(tells=tells("one")), endpoints(tells=tells("two")), endpoints(tells=tells("one"))
    first, *_ = ask(a)
    other, said, asked = ask(b)
    assert asked == ITEMS and other["run_id"] != first["run_id"] and "taken for one" not in said
    assert first["model_revision"] != other["model_revision"] != ""
    again, said, asked = ask(c)
    assert asked == 0 and again["run_id"] == first["run_id"] and "taken for one" not in said
    assert "/weights" not in json.dumps(first)  # whose folder it is


def test_one_model_of_any_name_is_what_the_server_has(ask, endpoints):
    a, b = endpoints(tells=listed("one.gguf")), endpoints(tells=listed("two.gguf"))
    assert ask(a)[0]["run_id"] != ask(b)[0]["run_id"] and len(b.requests) == ITEMS


def test_a_named_revision_tells_two_apart_or_says_that_they_are_one(ask, endpoints):
    a, b, c = endpoints(), endpoints(), endpoints(tells=listed(root="/elsewhere"))
    one, two = ("--model-arg", "revision=1"), ("--model-arg", "revision=2")
    first, *_ = ask(a, *one)
    assert first["model_revision"] == "1"
    _, said, asked = ask(b, *two)
    assert asked == ITEMS and "taken for one" not in said
    again, _, asked = ask(c, *one)
    assert asked == 0 and again["run_id"] == first["run_id"]


def test_two_that_contradict_each_other_in_one_command_are_refused(ask, endpoints):
    a, b = endpoints(tells=listed(owned_by="me")), endpoints(tells=listed(owned_by="you"))
    judge = [*JUDGED[:-1], f"judge={NAME}", "--role-arg", f"base_url={b.address}"]
    _, said, _ = ask(a, *judge, code=2)
    (line,) = [line for line in said.splitlines() if "error" in line]
    assert "owned_by me and you" in line and "revision=NAME" in line
    assert a.requests == b.requests == []
    ask(a, *judge, "--role-arg", "revision=other")
    ask(a)
    _, said, asked = ask(b)  # not in one command: a notice
    assert "owned_by" in said and asked == 0


def test_the_server_is_asked_once_a_command(ask, endpoints):
    a = endpoints(tells={**listed(owned_by="vllm"), "/version": {"version": "0.9.1"}})
    run, *_ = ask(a, "--seeds", "2", "--method", "direct,self-consistency", "-M", "samples=2")
    assert a.looks == ["/v1/models", "/version"]
    assert run["served"]["models"][NAME]["engine"] == "vllm 0.9.1"


def test_offline_finds_it_at_another_port(ask, endpoints):
    a = endpoints(tells=listed(root="/weights/one"))
    first, *_ = ask(a)
    a.stop()
    found, _, _ = ask(a, "--offline", store="other", reach="base_url=http://127.0.0.1:1/v1")
    assert found["run_id"] == first["run_id"] and found["counts"]["ok"] == ITEMS
    closed, _, _ = ask(a, store="third")  # the server is gone: it is what it was, and all is in the cache
    assert closed["run_id"] == first["run_id"]
    b = endpoints(tells=listed(root="/weights/two"))
    ask(b)
    _, said, _ = ask(a, "--offline", reach="base_url=http://127.0.0.1:1/v1", code=2, store="fourth")
    assert "was not one model" in said and "revision=NAME" in said


def test_a_stopped_run_goes_on_at_another_port(ask, endpoints, tmp_path):
    a, b = endpoints(served="big-1"), endpoints(served="big-2")
    stopped, *_ = ask(a, "--budget-calls", "1", "--max-connections", "1", code=3)
    (journal,) = (tmp_path / "results/.running").glob("*/samples.jsonl")
    assert journal.read_text().count("\n") == 1
    run, _, asked = ask(b)
    assert run["status"] == "complete" and asked == ITEMS - 1 and run["run_id"] == stopped["run_id"]
    served = run["served"]["models"][NAME]
    assert served["names"] == ["big-1", "big-2"] and len(served["addresses"]) == 2


def test_an_alias_that_was_changed_is_seen(ask, endpoints, command):
    a, b = endpoints(served="big-2025"), endpoints(served="big-2026")
    first, *_ = ask(a, "--seeds", "3")
    assert command("baseline", "set", "main").code == 0
    other, *_ = ask(b, "--seeds", "3", "--model-arg", "revision=new", store="new")
    shown = command("show", first["run_id"][:12])
    assert f"served: {NAME} answered as big-2025, at {a.address}" in shown.out
    said = command("check", "--store", "new", "--margin", "50%")
    assert "big-2026" in said.out and "big-2025" in said.out, said
    ask(b, "--seeds", "3", "--model-arg", "revision=new")
    compared = command("compare", "--baseline", first["run_id"][:12], "--json")
    assert "the name may stand for another model now" in compared.out, compared


def test_two_methods_on_other_weights_of_one_name_are_told_apart(ask, endpoints, command, tmp_path):
    a = endpoints()
    ask(a, "--model-arg", "revision=old")
    ask(a, "--model-arg", "revision=new", "--method", "self-consistency", "-M", "samples=2")
    compared = " ".join(command("compare", "--baseline", "direct").out.split())
    assert f"direct (model_revision=old) x {NAME}" in compared
    assert f"self-consistency (samples=2, model_revision=new) x {NAME}" in compared
    assert command("leaderboard", "build", "--tables", "--out", "tables").code == 0
    (table,) = (tmp_path / "tables").glob("*.md")
    board = table.read_text("utf-8")
    assert "model_revision=old" in board and "model_revision=new" in board


def test_a_check_holds_at_another_port(ask, endpoints, command, tmp_path):
    a, b = endpoints(), endpoints()
    ask(a, "--seeds", "3")
    assert command("baseline", "set", "main").code == 0
    ask(b, "--seeds", "3", store="new")
    done = command("check", "--store", "new", "--margin", "50%")
    assert done.code == 0, done
    stored, new = (arms_of(read_index(tmp_path / store).rows)[0] for store in ("results", "new"))
    assert stored.subject_key == new.subject_key
    again = cell_of(stored, reached=new)  # a second look asks the server that is there now
    assert again.request.model_args == {"base_url": b.address}


def as_before(record, address):
    """A record as version 3 sealed it for a model at an address."""
    old = {key: value for key, value in record.items() if key not in ("record", "samples_path")}
    old |= {"schema": 3, "served": {}, "subject": {**old["subject"], "model_args": {"base_url": address}}}
    del old["served"]
    old["subject_key"] = digest(old["subject"])
    old["run_id"] = record["run_id"][::-1]
    return {**old, "result_digest": result_digest(old)}


def test_a_record_of_before_answers_for_the_same_run(ask, endpoints, tmp_path):
    a, b = endpoints(), endpoints()
    new, *_ = ask(a)
    (folder,) = (tmp_path / "results/v1").glob("*/*/*/*/*")
    old = as_before(new, a.address)
    place = folder.with_name(old["run_id"][:12])
    shutil.copytree(folder, place)
    (place / "run.json").write_text(json.dumps(old))
    shutil.rmtree(folder)
    again, _, asked = ask(b, code=0)
    assert asked == 0 and Store(tmp_path / "results").find(old["run_id"])["subject_key"] == new["subject_key"]
    assert (
        len([*(tmp_path / "results/v1").glob("*/*/*/*/*/run.json")]) == 1 and again["run_id"] == old["run_id"]
    )
    assert again["served"]["models"][NAME]["addresses"] == [a.address]
    assert MIGRATIONS[3](old)["comparability_key"] == new["comparability_key"]


def test_no_address_stands_in_what_is_compared(ask, endpoints):
    a = endpoints()
    run, *_ = ask(a, *JUDGED)
    parts = json.dumps([run["subject"], run["comparability"]])
    assert not re.search(r"127\.0\.0\.1|localhost|base_url", parts)

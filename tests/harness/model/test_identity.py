"""What a model is known to be: with a client, and offline without one."""

import asyncio
import json
import os
import shutil
import sqlite3
import time

import pytest
from inspect_ai.model import ModelOutput

from harness.base.errors import UsageError
from harness.base.messages import user
from harness.model import server_info, weights
from harness.model.budget import Budget
from harness.model.cache import Cache
from harness.model.factory import open_model
from harness.model.gateway import Model
from harness.model.identity import ELSEWHERE
from harness.model.ledger import Ledger
from harness.model.request_fields import NONE
from harness.sample import Question

KEYS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "LOCAL_API_KEY", "LOCAL_BASE_URL", "INSPECT_EVAL_MODEL_BASE_URL")
A, B = "http://127.0.0.1:7/v1", "http://127.0.0.1:8/v1"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    made = Cache(tmp_path / "completions.sqlite")
    yield made
    made.close()


def opened(cache, name="openai/gpt-4o-mini", args=None, offline=True):
    return open_model(name, args or {}, 3, lambda: cache, offline)


def online(cache, monkeypatch, address, **settings):
    """Opens a model with a client, then forgets key and address."""
    with monkeypatch.context() as known:
        for service in ("OPENAI", "LOCAL"):
            known.setenv(f"{service}_API_KEY", "none")
            if address:
                known.setenv(f"{service}_BASE_URL", address)
        return opened(cache, offline=False, **settings)


@pytest.mark.parametrize("name", ["openai/gpt-4o-mini", "openai-api/local/m"])
def test_without_a_client_it_is_what_it_last_was(cache, monkeypatch, name):
    for address in (B, A):
        assert online(cache, monkeypatch, address, name=name).origin == address
    assert opened(cache, name).origin == A
    variable = "OPENAI_BASE_URL" if name.startswith("openai/") else "LOCAL_BASE_URL"
    monkeypatch.setenv(variable, f"{B}/")  # who names a server means that one
    assert opened(cache, name).origin == B
    monkeypatch.setenv(variable, "http://127.0.0.1:9/v1")
    assert opened(cache, name).origin == "http://127.0.0.1:9/v1"  # another port of the same model


def test_the_makers_own_server_is_no_address(cache, monkeypatch):
    assert online(cache, monkeypatch, "").origin == ""
    assert opened(cache).origin == ""


def test_a_model_that_was_never_opened_is_one_line(cache, monkeypatch):
    online(cache, monkeypatch, A)
    with pytest.raises(UsageError, match="openai/gpt-4o was never opened with this cache") as caught:
        opened(cache, "openai/gpt-4o")
    assert "\n" not in str(caught.value)


def test_arguments_choose_among_what_is_kept_and_need_not_be_the_same(cache, monkeypatch):
    online(cache, monkeypatch, A, args={"organization": "x", "api_key": "one"})
    online(cache, monkeypatch, B, args={"organization": "y"})
    assert opened(cache, args={"organization": "x", "api_key": "two"}).origin == A
    assert opened(cache, args={"organization": "y"}).origin == B
    assert opened(cache, args={"timeout": 5}).origin == B  # the last of that name


def test_no_key_is_kept(cache, monkeypatch, tmp_path):
    online(cache, monkeypatch, A, args={"api_key": "sk-very-secret"})
    dump = "\n".join(sqlite3.connect(tmp_path / "completions.sqlite").iterdump())
    assert A in dump and "very-secret" not in dump


@pytest.mark.parametrize("name", ["anthropic/claude-x", "hf/org/model", "openai/gpt-4o"])
def test_what_its_arguments_say_needs_no_client(cache, name, monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setattr(
        "inspect_ai.model._model.get_model", lambda *_, **__: pytest.fail("a model was opened")
    )
    provider = opened(cache, name, {"base_url": A, "revision": "r1"})
    assert (provider.origin, provider.revision, provider.connections) == (A, "r1", 3)
    assert "tools" in provider.abilities


def test_a_cache_of_before_gets_its_table(tmp_path):
    old = sqlite3.connect(tmp_path / "c.sqlite")
    old.execute("CREATE TABLE completions (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
    old.execute("INSERT INTO completions VALUES ('k', 'v')")
    old.commit()
    old.close()
    cache = Cache(tmp_path / "c.sqlite")
    assert cache.get("k") == "v" and cache.identity("m", "", "") is None
    cache.keep_identity("m", "", "", "1")
    cache.keep_identity("m", "", "", "2")
    assert cache.identity("m", "other", "") == "2"
    cache.close()


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Weights A, a copy of them, and others that differ in one file."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    made = tmp_path / "A"
    made.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"):
        (made / name).write_text(name)
    shutil.copytree(made, tmp_path / "copy")
    return made


def local(cache, folder, **args):
    return opened(cache, "hf/local", {"model_path": str(folder), **args}, offline=False)


@pytest.mark.parametrize(
    "file", ["config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "new.bin"]
)
def test_local_weights_are_known_by_their_content(cache, folders, file):
    before = local(cache, folders)
    assert before.revision == local(cache, folders.parent / "copy").revision != ""
    assert "model_path" not in before.arguments
    (folders / file).write_text("another")
    assert local(cache, folders).revision != before.revision


def test_what_lies_beside_weights_is_none_of_them(cache, folders):
    before = local(cache, folders).revision
    for name in ("README.md", "training.json", "optimizer.pt", ".hidden.json", "curve.jsonl"):
        (folders / name).write_text("x")
    assert local(cache, folders).revision == before


def test_weights_are_read_once_while_they_stay(cache, folders, monkeypatch):
    first = local(cache, folders).revision
    monkeypatch.setattr(weights, "file_digest", lambda file: pytest.fail(f"{file} is read again"))
    assert local(cache, folders).revision == first and weights.folder_of(first) == folders
    os.utime(folders / "config.json", ns=(1, 1))
    with pytest.raises(pytest.fail.Exception):
        local(cache, folders)


def test_a_named_revision_does_not_hide_other_weights(cache, folders):
    named = {"revision": "mine"}
    a, copy = local(cache, folders, **named), local(cache, folders.parent / "copy", **named)
    (folders / "model.safetensors").write_text("another")
    b = local(cache, folders, **named)
    assert a.revision == b.revision == "mine" and a.arguments == copy.arguments != b.arguments


def test_a_file_among_the_arguments_counts_by_its_content(cache, folders):
    template = folders.parent / "t.jinja"
    found = []
    for text in ("one", "two", "one"):
        template.write_text(text)
        found.append(local(cache, folders, chat_template=str(template)).arguments)
    assert found[0] == found[2] != found[1] and str(template) not in json.dumps(found)


@pytest.mark.parametrize(
    "argument",
    ["chat_template", "enable_thinking", "tokenizer_path", "trust_remote_code", "torch_dtype", "unheard_of"],
)
def test_every_argument_but_those_that_reach_it_is_in_its_keys(cache, folders, argument):
    plain = local(cache, folders)
    said = asked(plain, cache, "plain")
    assert asked(local(cache, folders, device="cpu", batch_size=4), cache, "other") == said
    value = argument in ("enable_thinking", "trust_remote_code") or "x"
    assert asked(local(cache, folders, **{argument: value}), cache, "other") == "other"


def test_a_completion_of_before_is_found_and_then_at_every_port(cache, monkeypatch):
    here, there = (opened(cache, "openai-api/local/m", {"base_url": each, "api_key": "k"}) for each in (A, B))
    cache.older = True  # as of a database that was there before
    now = Model(here, ledger=Ledger(), budget=Budget(), cache=cache)
    call = (QUESTION, [user("?")], (), None, {}, 0, NONE)
    output = ModelOutput.from_content("m", "of before").model_dump(mode="json", exclude_none=True)
    cache.put(now._key(*call, ("", A)), json.dumps(output))
    assert asked(there, cache, "new") == "new"  # that was another model then
    cache.drop(now._key(*call))
    assert asked(here, cache, "new") == asked(there, cache, "new") == "of before"
    bold = opened(cache, "openai-api/local/m", {"base_url": A, "emulate_tools": True, "api_key": "k"})
    assert asked(bold, cache, "bold") == "bold"  # its arguments were no part of the key


QUESTION = Question("1", "?")


def asked(provider, cache, answer):
    """What the gateway gives for a question, from the cache or as this answer."""

    async def generate(call):
        return ModelOutput.from_content("m", answer)

    provider.generate = generate
    handle = Model(provider, ledger=Ledger(), budget=Budget(), cache=cache)
    return asyncio.run(handle.generate(QUESTION, [user("?")])).completion


@pytest.mark.parametrize("name", ["openai/gpt-4o-mini", "anthropic/claude-x", "google/gemini-x"])
def test_a_name_of_a_service_at_another_server_is_another_model(cache, name, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    offline = not name.startswith("openai/")  # the SDKs of the others are no part of the package
    official = opened(cache, name, offline=offline)
    mock, other = (opened(cache, name, {"base_url": each}, offline=offline) for each in (A, B))
    assert (official.revision, mock.revision, other.revision) == ("", ELSEWHERE, ELSEWHERE)
    assert asked(official, cache, "real") != asked(mock, cache, "mock") == asked(other, cache, "new")


def test_a_server_that_hangs_is_waited_for_so_long_and_no_error(cache, monkeypatch):
    monkeypatch.setattr(server_info, "PATIENCE", 0.05)
    monkeypatch.setattr(server_info, "_get", lambda *_: time.sleep(0.3))
    began = time.monotonic()
    provider = online(cache, monkeypatch, A, name="openai-api/local/m")
    assert time.monotonic() - began < 0.25 and provider.revision == ""
    assert "doesn't say now what it serves" in provider.remarks[0]


@pytest.mark.parametrize(
    "said", [None, [], "x", {"data": 1}, {"data": [1]}, {"data": [{"id": []}]}, {"data": []}]
)
def test_a_list_that_is_none_tells_nothing(said, monkeypatch):
    monkeypatch.setattr(server_info, "_get", lambda *_: (said, "x"))
    found = server_info.ask(A, {}, "m", "openai-api")
    assert found is not None and found.revision("m") in ("", server_info.Told({"id": "[]"}).revision("m"))


def answering(monkeypatch, paths, software="x"):
    """Has a server answer these paths, and no others."""
    monkeypatch.setattr(
        server_info, "_get", lambda url, _: (paths.get(url.removeprefix("http://s"), {}), software)
    )
    return lambda family="openai-api", name="m": server_info.ask("http://s/v1", {}, name, family)


def entry(**more):
    return {"/v1/models": {"data": [{"id": "m", "created": 1, "max_model_len": 9, **more}]}}


@pytest.mark.parametrize(
    "family, tells, software, engine",
    [
        ("vllm", {"/version": {"version": "0.9.1"}}, "uvicorn", "vllm 0.9.1"),
        ("openai-api", {"/version": {"version": "0.9.1"}, **entry(owned_by="vllm")}, "x", "vllm 0.9.1"),
        ("sglang", {"/server_info": {"version": "0.4"}}, "x", "sglang 0.4"),
        ("ollama", {"/api/version": {"version": "0.5"}}, "x", "ollama 0.5"),
        ("openai-api", {"/props": {"build_info": "b1"}, **entry(owned_by="llamacpp")}, "x", "llama.cpp b1"),
        ("openai-api", {}, "llama.cpp", "llama.cpp"),
        ("openai-api", {"/version": {"version": "1"}}, "uvicorn", ""),
        ("openai-api", {"/version": {"version": ["x"]}, **entry(owned_by="vllm")}, "x", "vllm"),
    ],
)
def test_engines_name_themselves(monkeypatch, family, tells, software, engine):
    assert answering(monkeypatch, tells, software)(family).engine == engine


@pytest.mark.parametrize(
    "more",
    [{"root": "{}"}, {"parent": "{}"}, {"meta": {"size": "{}"}}, {"digest": "{}"}, {"quantization": "{}"}],
)
def test_what_tells_weights_is_their_revision(monkeypatch, more):
    def revision(value, **beside):
        found = answering(monkeypatch, entry(**json.loads(json.dumps(more).replace("{}", value)), **beside))()
        return found.revision("m")

    assert revision("one") != revision("two") and len(revision("one")) == 64
    assert revision("one") == revision("one", owned_by="x", permission=[1])


def test_ollama_tells_a_digest(monkeypatch):
    def revision(value):
        tags = {"models": [{"name": "other", "digest": "x"}, {"name": "m:latest", "digest": value}]}
        return answering(monkeypatch, {"/api/tags": tags})("ollama").revision("m")

    assert revision("one") != revision("two") and revision("one")


def test_a_root_that_is_the_name_tells_no_more(monkeypatch):
    found = answering(monkeypatch, entry(root="m"))()
    assert found.revision("m") == "" and found.about == {"root": "m"}


def test_a_key_is_not_told_to_another_server(monkeypatch):
    """A redirect is not followed, and the key stays with the server that was named."""
    (handler,) = [h for h in server_info._opener().handlers if type(h).__name__ == "Here"]
    assert handler.redirect_request(None, None, 302, "", {}, B) is None

"""What a model is known to be: with a client, and offline without one."""

import sqlite3

import pytest

from harness.base.errors import UsageError
from harness.model.cache import Cache
from harness.model.factory import open_model

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

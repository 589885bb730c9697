"""No secret that is in use is in what is written."""

import json

import pytest

from harness.base import secrets

KEY = "sk-canary/42+x"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(secrets, "_known", set())
    monkeypatch.setattr(secrets, "_pattern", None)
    monkeypatch.setattr(secrets, "_environment_is_read", False)


PLACES = [
    {"api_key": KEY},
    {"base_url": f"https://host/v1?key={KEY.replace('+', '%2B')}&v=2"},
    {"base_url": f"https://me:{KEY.replace('/', '%2F')}@host/v1"},
    {"default_headers": {"Authorization": f"Bearer {KEY}"}},
    {"default_headers": json.dumps({"X-Auth": KEY})},
    {"default_headers": f"Cookie: session={KEY}; theme=dark\nUser-Agent: mine"},
    {"extra_headers": f"{{X-Auth: '{KEY}'}}"},
    {"options": {"deep": [{"client_secret": KEY}]}},
    {"options": json.dumps({"nested": {"password": KEY}})},
    {"extra_body": {"auth": {"token": KEY}}},
    {"headers": {"Cookie": f"a={KEY}"}},
]


@pytest.mark.parametrize("arguments", PLACES)
def test_arguments_are_shown_without_it_and_known_from_then_on(arguments):
    shown = json.dumps(secrets.without_secrets(arguments))
    assert KEY not in shown and "canary" not in shown
    secrets.remember(arguments)
    for echo in (
        f"wrong key {KEY}!",
        json.dumps({"k": KEY}),
        f"?key={KEY.replace('/', '%2F').replace('+', '%2B')}",
    ):
        assert "canary" not in secrets.without_secret_values(echo)
    assert "canary" not in json.dumps(secrets.without_secrets_in({"a": [KEY, {KEY: 1}]}))


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "HF_TOKEN", "MY_SECRET", "DB_PASSWORD"])
def test_the_environment(monkeypatch, name):
    monkeypatch.setenv(name, KEY)
    assert secrets.without_secret_values(f"Bearer {KEY}") == "Bearer [secret]"


def test_urls_of_the_environment(monkeypatch):
    monkeypatch.setenv("LOCAL_BASE_URL", "http://me:pass-word-1@host/v1?api_key=query-key-1&version=2024")
    assert secrets.without_secret_values("pass-word-1 query-key-1 2024") == "[secret] [secret] 2024"


def test_a_command_is_kept_without_it():
    words = [
        "eval",
        "--model-arg",
        f"api_key={KEY}",
        "--model-arg",
        f"base_url=http://h/v1?key={KEY}",
        f"-Gx={KEY}",
    ]
    words += ["--model-arg", f"default_headers=X-Auth: {KEY}", "-G", "top_k=4"]
    shown = " ".join(secrets.redacted(words))
    assert "canary" not in shown and "top_k=4" in shown and "http://h/v1?key=" in shown


def test_what_is_none_stays():
    arguments = {"max_tokens": 5, "pad_token": "<pad>", "base_url": "http://h:1/v1?api-version=2024-02-01"}
    secrets.remember({**arguments, "api_key": "none", "default_headers": {"User-Agent": "harness"}})
    assert secrets.without_secrets(arguments) == arguments
    assert secrets.without_secret_values("none of harness, <pad>") == "none of harness, <pad>"

"""No secret that is in use is in what is written, and what is none stays as it is."""

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest

from harness.base import secret_values, secrets

KEY = "sk-canary/42+x&y"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    secret_values.forget()
    yield
    monkeypatch.undo()
    secret_values.forget()


ARGUMENTS = [
    {"api_key": KEY},
    {"openai_api_key": KEY},
    {"apiKey": KEY},
    {"subscription_key": KEY},
    {"azure_ad_token": KEY},
    {"aws_access_key_id": KEY},
    {"connection_string": KEY},
    {"auth": ["me", KEY]},
    {"cookies": {"session": KEY}},
    {"default_query": {"sig": KEY}},
    {"base_url": f"https://host/v1?key={quote(KEY, safe='')}&v=2"},
    {"base_url": f"https://host/v1?v=2&subscription-key={quote_plus(KEY)}"},
    {"base_url": f"https://host/v1#access_token={quote(KEY, safe='')}"},
    {"base_url": f"https://me:{quote(KEY, safe='')}@host/v1"},
    {"base_url": f"https://{quote(KEY, safe='')}:@host/v1"},
    {"base_url": f"https://{quote(KEY, safe='')}:x-oauth-basic@host/v1"},
    {"default_headers": {"Authorization": f"Bearer {KEY}"}},
    {"default_headers": {"Authorization": "Basic " + base64.b64encode(f"me:{KEY}".encode()).decode()}},
    {"default_headers": json.dumps({"X-Auth": KEY})},
    {"default_headers": f"Cookie: session={KEY}; theme=dark\nUser-Agent: mine"},
    {"default_headers": [f"X-Auth: {KEY}", "Accept: text/plain"]},
    {"default_headers": [["X-Auth", KEY]]},
    {"extra_headers": f"{{X-Auth: '{KEY}'}}"},
    {"extra_headers": f"X-Auth: '{KEY}'\nX-Title: mine\n"},
    {"headers": {"Cookie": f"a={KEY}"}},
    {"options": {"deep": [{"client_secret": KEY}]}},
    {"options": json.dumps({"nested": {"password": KEY}})},
    {"extra_body": {"auth": {"token": KEY}}},
    {"extra_body": f"auth:\n  token: '{KEY}'\n"},
    {"extra_body": json.dumps({"provider": {"key": KEY}})},
]
VARIABLES = [
    *("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "GOOGLE_API_KEY", "MISTRAL_API_KEY"),
    *("GROQ_API_KEY", "TOGETHER_API_KEY", "FIREWORKS_API_KEY", "DEEPSEEK_API_KEY", "OPENROUTER_API_KEY"),
    *("XAI_API_KEY", "PERPLEXITY_API_KEY", "AZUREAI_OPENAI_API_KEY", "AZURE_CLIENT_SECRET", "HF_TOKEN"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"),
    *("CLOUDFLARE_API_TOKEN", "WATSONX_APIKEY", "SERPAPI_API_KEY", "VLLM_API_KEY", "openai_api_key"),
    *("MY_SECRET", "DB_PASSWORD", "PGPASSWORD", "GITHUB_PAT", "OPENAI_API_KEY_2", "REDISCLI_AUTH"),
]
ENVIRONMENT = [
    *((name, KEY) for name in VARIABLES),
    ("OPENAI_API_KEYS", f"sk-another-1,{KEY}"),
    ("GOOGLE_CREDENTIALS", json.dumps({"type": "x", "private_key": KEY})),
    ("LOCAL_BASE_URL", f"http://me:{quote(KEY, safe='')}@host/v1"),
    ("AZURE_OPENAI_ENDPOINT", f"https://host/?api-key={quote(KEY, safe='')}&api-version=2024-02-01"),
    ("HTTPS_PROXY", f"http://me:{quote(KEY, safe='')}@proxy:3128"),
    ("ANTHROPIC_CUSTOM_HEADERS", f"X-One: {KEY}\nX-Two: b"),
    ("OTEL_EXPORTER_OTLP_HEADERS", f"api-key={KEY},b=c"),
]
#: a word of a command, and the one before it
WORDS = [
    ("--model-arg", f"api_key={KEY}"),
    ("--role-arg", f"api_key={KEY}"),
    ("--model-arg", f"key={KEY}"),
    ("-T", f"api_key={KEY}"),
    ("-M", f"service_token={KEY}"),
    ("--model-arg", f"base_url=http://h/v1?key={quote(KEY, safe='')}"),
    ("--model-arg", f"default_headers=X-Auth: {KEY}"),
    ("-G", f"extra_headers={{'X-Auth': '{KEY}'}}"),
    ("", f"-Gapi_key={KEY}"),
    ("", f"--model-arg=api_key={KEY}"),
]


def gone():
    """Whether the key is gone from every form in which it comes back."""
    raw = KEY.encode()
    echoes = [
        f"wrong key {KEY}!",
        json.dumps({"k": json.dumps({"k": KEY})}),
        *(f"?key={quoted}" for quoted in (quote(KEY), quote(KEY, safe=""), quote(KEY, safe="").lower())),
        *(quote(KEY, safe="+&"), quote(quote(KEY, safe=""), safe=""), quote_plus(KEY)),
        *(html.escape(KEY), KEY.replace("&", "&#38;"), KEY.replace("/", "\\/"), KEY.replace("+", "\\u002b")),
        *(base64.b64encode(before + raw + b" more").decode() for before in (b"", b":", b"me", b"me:")),
        *(base64.urlsafe_b64encode(raw).decode().rstrip("="), raw.hex(), raw.hex().upper()),
    ]
    for echo in echoes:
        shown = secrets.without_secret_values(echo)
        assert "canary" not in shown and secrets.MARK in shown, echo
    assert secrets.without_secrets_in({"a": [KEY, {KEY: 1}], "n": 42}) == {
        "a": ["[secret]", {"[secret]": 1}],
        "n": 42,
    }
    return True


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=range(len(ARGUMENTS)))
def test_arguments_are_shown_without_it_and_known_from_then_on(arguments):
    shown = json.dumps(secrets.without_secrets(arguments))
    assert "canary" not in shown and "c2stY2FuYXJ5" not in shown
    secrets.remember(arguments)
    assert gone()


@pytest.mark.parametrize("name, value", ENVIRONMENT)
def test_the_environment(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert gone()


@pytest.mark.parametrize("before, word", WORDS)
def test_a_command(before, word):
    words = ["eval", before, word, "-G", "top_k=4", "--model-arg", "pad_token=<pad>"]
    shown = " ".join(secrets.redacted(words))
    assert "canary" not in shown and "top_k=4" in shown and "pad_token=<pad>" in shown
    assert gone()


def test_there_are_enough_placements():
    assert len(ARGUMENTS) + len(ENVIRONMENT) + len(WORDS) >= 60


def test_a_secret_is_not_cut_before_it_is_found():
    from harness.model.faults import LONGEST, of_status

    secrets.remember({"api_key": KEY})
    for at in range(LONGEST - 20, LONGEST + 1):
        assert "canary" not in str(of_status(400, {}, {"message": "-" * at + KEY}))


@pytest.mark.parametrize(
    "value", ["a", "1", "none", "EMPTY", "dummy", "inspectai", "xxxxxxxx", "sk-no-key-required"]
)
def test_what_stands_for_no_key_is_in_many_words(value):
    secrets.remember({"api_key": value, "default_headers": {"Authorization": f"Bearer {value}"}})
    text = f"an answer {value} among others, api_key={value}"
    assert secrets.without_secret_values(text) == secrets.without_secrets_of_server(text) == text


@pytest.mark.parametrize("value", ["Paris", "9000", "question", "status", "hunter2", "12345678"])
def test_what_may_be_a_word_is_hidden_as_a_credential_alone(value):
    secrets.remember({"api_key": value})
    row = {"answer": f"The capital is {value}.", value: 9000, "n": [12345678, value]}
    assert secrets.without_secrets_in(row) == row
    line = json.dumps(row)
    assert secrets.json_without_secrets(line) == line
    for echo in (f"Bearer {value}", f'{{"api_key": "{value}"}}', f"x-api-key: {value}", f"/?api_key={value}"):
        assert value not in secrets.without_secret_values(echo), echo
    told = secrets.without_secrets_of_server(f"the key '{value}' is wrong; s{value}s")
    assert told == f"the key '[secret]' is wrong; s{value}s"


def test_json_stays_json_whatever_the_value():
    secrets.remember({"api_key": "n0t-a-key1", "password": "123456789012"})
    text = json.dumps({"a": "line\n0t-a-key1", "b": "n0t-a-key1", "c": 1234567890123})
    found = json.loads(secrets.json_without_secrets(text))
    assert found == {"a": "line\n0t-a-key1", "b": "[secret]", "c": 1234567890123}


def test_what_is_none_stays():
    arguments = {"max_tokens": 5, "pad_token": "<pad>", "base_url": "http://h:1/v1?api-version=2024-02-01"}
    secrets.remember({**arguments, "api_key": "none", "default_headers": {"User-Agent": "harness"}})
    assert secrets.without_secrets(arguments) == arguments
    assert secrets.without_secret_values("none of harness, <pad>") == "none of harness, <pad>"
    secrets.remember({"key": "question_id", "max_token": "long-enough-1"}, of_model=False)
    assert secrets.without_secret_values("question_id long-enough-1") == "question_id long-enough-1"


def test_words_of_the_environment_are_words(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "self-consistency")
    monkeypatch.setenv("OTHER_KEY", "/usr/bin")
    assert secrets.without_secret_values("self consistency /usr/bin") == "self consistency /usr/bin"

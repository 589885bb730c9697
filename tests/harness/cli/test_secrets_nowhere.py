"""A server that echoes every secret it gets, and every sink that a command writes to."""

import base64
import json
from urllib.parse import quote

import pyarrow.parquet as parquet
import pytest
import yaml

from harness.base import secret_values

WORD = "zebrafish"
CODED = [base64.b64encode(bytes(n) + WORD.encode())[4:12] for n in range(3)]
VARIABLES = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN")
VARIABLES += (
    "AWS_ACCESS_KEY_ID",
    "AZUREAI_OPENAI_API_KEY",
    "SERPAPI_API_KEY",
    "WATSONX_APIKEY",
    "LOCAL_API_KEY",
)


def canary(n):
    return f"sk-{WORD}-{n}/x+{n}"


@pytest.fixture
def place(tmp_path, monkeypatch, endpoint):
    """Puts canaries where secrets stand; gives the options of a command and the canaries."""
    secret_values.forget()
    found = {name: canary(name.lower()) for name in VARIABLES}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LOCAL_BASE_URL", endpoint.address)
    for name in ("body", "header", "cookie", "role", "service", "file", "argument"):
        found[name] = canary(name)
    rows = [{"question": f"test {'a' * n}?", "answer": "9000"} for n in range(6)]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "harness.toml").write_text(
        f'[services."x"]\nprice = 0.1\nurl = "http://me:{quote(found["service"], safe="")}@h/"\n'
    )
    monkeypatch.setenv("MORE_API_KEY", "")
    monkeypatch.delenv("MORE_API_KEY")  # as the command sets it
    (tmp_path / ".env").write_text(f"MORE_API_KEY={found['file']}\n")
    settings = {
        "task": "qa/custom",
        "T": {"data": "test.jsonl"},
        "model": "openai-api/local/big",
        "model_arg": {
            "api_key": found["argument"],
            "default_headers": f"X-Auth: {found['header']}\nCookie: session={found['cookie']}; a=b\n",
        },
        "role_arg": {"api_key": found["role"]},
        "G": {"extra_body": {"auth": {"token": found["body"]}}},
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(settings))
    del found["LOCAL_API_KEY"]
    yield found
    secret_values.forget()


def echo(found, headers=()):
    """Every secret, as it is and as others write it."""
    texts = [*found.values(), *map(str, headers)]
    forms = [*texts, *(quote(text, safe="") for text in texts)]
    return " ; ".join([*forms, *(base64.b64encode(f"me:{text}".encode()).decode() for text in texts)])


def leaks(tmp_path, *shown):
    """Where a secret stands, and the names of the files that were looked at."""
    found, seen = [text for text in shown if WORD in text], set()
    for file in tmp_path.rglob("*"):
        if file.is_file() and file.name not in ("harness.toml", "run.yaml", ".env"):
            seen.add(file.name)
            content = file.read_bytes()
            if file.suffix == ".parquet":
                content = str(parquet.read_table(file).to_pylist()).encode()
            if WORD.encode() in content or any(part in content for part in CODED):
                found.append(file.relative_to(tmp_path))
    return found, seen


@pytest.mark.parametrize("status", [200, 400, 401])
def test_what_a_server_echoes_is_written_nowhere(command, endpoint, place, tmp_path, status):
    sent = []

    def reply(body):
        sent.append(body)
        text = echo(place)
        return {"role": "assistant", "content": text, "tool_calls": None} if status == 200 else (status, text)

    endpoint.reply = reply
    endpoint.more_headers = {"X-Echo": place["argument"], "Set-Cookie": f"a={place['cookie']}"}
    config = ("--config", "run.yaml")
    going = ("--no-probe", "--keep-going", "--json")
    done = [command("eval", *config, "--dry-run", "--json"), command("eval", *config)]
    done += [command("eval", *config, *going), command("eval", *config, *going, "--fail-on-error", "1")]
    run = next((tmp_path / "results").rglob("run.json")).parent.name
    done += [
        command(*words)
        for words in (
            ("show", run),
            ("show", run, "--sample", "0"),
            ("results", "list", "--json"),
            ("results", "export", "--out", "out.csv"),
            ("results", "export", "--format", "eee", "--out", "logs"),
            ("leaderboard", "build", "--out", "site"),
            ("eval", *config, "--no-probe", "--model", "openai-api/nowhere/big"),
        )
    ]
    found, seen = leaks(tmp_path, *(text for each in done for text in (each.out, each.err)))
    assert not found
    assert {"run.json", "samples.parquet", "completions.sqlite", "index.html", "out.csv", "logs"} <= seen
    failed = int(status != 200)
    assert [each.code for each in done] == [0, 2 if status == 401 else failed, failed, failed, *[0] * 6, 2]
    assert ("which is a secret here" in done[1].err) == (status == 200)
    assert secret_values.MARK in done[5].out and ("samples.jsonl" in seen) == (status != 200)


@pytest.mark.parametrize("key", ["9000", "a"])
def test_a_key_that_is_a_word_changes_no_answer(command, endpoint, tmp_path, monkeypatch, key):
    secret_values.forget()
    monkeypatch.setenv("LOCAL_BASE_URL", endpoint.address.replace("127", "me:pass-word-1@127"))
    (tmp_path / "test.jsonl").write_text('{"question": "a test?", "answer": "9000"}\n')
    endpoint.reply = lambda body: "9000"
    done = command(
        *("eval", "--task", "qa/custom", "-T", "data=test.jsonl", "--model", "openai-api/local/big"),
        *("--model-arg", f"api_key={key}", "--json"),
    )
    (run,) = json.loads(done.out)["runs"]
    assert run["metrics"][run["primary"]]["value"] == 1 and "secret" not in done.err
    shown = command("show", run["run_id"][:12], "--sample", "0").out
    assert "9000" in shown and "a test?" in shown and "pass-word-1" not in shown
    secret_values.forget()

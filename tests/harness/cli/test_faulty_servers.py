"""What a command makes of a server's faults: statuses of their own, models that are stopped, silent zeros."""

import json
import shutil

import pytest

from harness.results.store import Store

KEY = "sk-canary-4711"
ASK = ["eval", "--task", "qa/custom", "-T", "data=test.jsonl", "--model", "openai-api/local/big"]


@pytest.fixture
def ask(command, endpoint, tmp_path, monkeypatch):
    rows = [{"question": f"test {'a' * n}?", "answer": "9000"} for n in range(24)]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr("harness.model.backoff.LONGEST_WAIT", 0.01)
    monkeypatch.setenv("LOCAL_API_KEY", KEY)
    monkeypatch.setenv("LOCAL_BASE_URL", endpoint.address)
    return lambda *more: command(*ASK, *more)


def counts(done, code=0):
    assert done.code == code, done.err
    return json.loads(done.out)["runs"][0]["counts"]


def of(body):
    return len(body["messages"][-1]["content"]) % 4


def test_refusals_are_statuses_of_their_own_and_no_secret_is_kept(ask, endpoint, tmp_path):
    replies = [
        (400, "context_length_exceeded 9000"),
        {"role": "assistant", "content": "9000", "ending": "content_filter"},
        {"role": "assistant", "content": None, "refusal": "I can't say 9000"},
        "9000",
    ]
    endpoint.reply = lambda body: dict(r) if isinstance(r := replies[of(body)], dict) else r
    found = counts(ask("--json"))
    expected = {"ok": 6, "context_overflow": 6, "filtered": 6, "refused": 6, "error": 0, "unscored": 0}
    assert {name: found[name] for name in expected} == expected
    assert len(endpoint.requests) == 24 and len(endpoint.probes) == 1
    shown = ask()
    assert "reused" in shown.out or "complete" in shown.out
    for words in ("6 of 24 attempts were refused by the model", "fit the model's context", "filter"):
        assert words in " ".join(shown.out.split())
    assert len(endpoint.requests) == 24, "a refusal is a result, and is not asked for again"
    (record,) = Store(tmp_path / "results").records()
    assert record["metrics"][record["primary"]]["value"] == 0.25
    shutil.rmtree(tmp_path / "results")
    assert counts(ask("--json"))["filtered"] == 6
    assert len(endpoint.requests) == 24 + 18, "what was no answer isn't in the cache"
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file
    assert KEY not in shown.out + shown.err


def test_a_run_that_was_mostly_refused_says_so_in_every_view(ask, command, endpoint, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.api.progress.Lines.pause", 0.0)
    endpoint.reply = lambda body: "9000" if of(body) == 0 else (400, "content_filter")
    done = ask("--store", "new")
    assert "18 of 24 attempts have no completion (18 filtered)" in " ".join(done.err.split())
    assert "filtered)" in done.err.partition("warning:")[0], "the progress counts them"
    (record,) = Store(tmp_path / "new").records()
    exported = command("results", "export", "--store", "new", "--format", "eee").out
    assert json.loads(exported)["eval_library"]["additional_details"]["filtered"] == "18"
    assert command("results", "rebuild", "--store", "new").code == 0
    assert "filtered" in (tmp_path / "new/tables/results.md").read_text()
    endpoint.reply = lambda body: "9000"
    shutil.rmtree(tmp_path / "cache")
    assert ask("--store", "old").code == 0
    assert "filtered 0 -> 18" in command("results", "diff", "old", "new").out
    compared = command("compare", "new", "old", "--baseline", "old").out
    assert "filtered attempts differ: 75.0 %" in " ".join(compared.split())


@pytest.mark.parametrize("refusal", [(401, "bad"), (404, "none"), (429, "insufficient_quota")])
def test_a_model_that_cannot_be_asked_stops_the_grid_before_it_starts(ask, endpoint, tmp_path, refusal):
    endpoint.reply = lambda body: refusal if body["model"] == "broken" else "9000"
    more = ("--model", "openai-api/local/big,openai-api/local/broken")
    done = ask(*more)
    assert (
        done.code == 2 and len(done.errors) == 1 and f"HTTP {refusal[0]}: refused: {refusal[1]}" in done.err
    )
    assert "openai-api/local/broken" in done.errors[0] and KEY not in done.err
    assert not endpoint.requests and len(endpoint.probes) == 2 and not (tmp_path / "results/v1").exists()
    done = ask(*more, "--no-probe")
    broken = [body for body in endpoint.requests if body["model"] == "broken"]
    assert done.code == 1 and 1 <= len(broken) <= 6 and len(endpoint.requests) == 24 + len(broken)
    assert len(list(Store(tmp_path / "results").records())) == 1


def test_keep_going_and_fail_on_error(ask, endpoint, tmp_path):
    endpoint.reply = lambda body: (401, "bad")
    done = ask("--no-probe", "--keep-going", "--fail-on-error", "0.5", "--max-connections", "1")
    assert (
        done.code == 1
        and "12 of 12 attempts ended in errors" in done.err
        and KEY not in done.err
        and len(endpoint.requests) <= 14
    )
    assert not (tmp_path / "results/v1").exists()
    assert counts(ask("--no-probe", "--keep-going", "--json"), code=1)["error"] == 24
    assert ask("--fail-on-error", "0").code == 2


def test_what_is_cached_is_not_probed(ask, endpoint, tmp_path):
    assert counts(ask("--json"))["ok"] == 24 and len(endpoint.probes) == 1
    shutil.rmtree(tmp_path / "results")
    endpoint.reply = lambda body: (401, "bad")
    assert counts(ask("--json"))["ok"] == 24 and len(endpoint.probes) == 1
    assert counts(ask("--json"))["ok"] == 24 and len(endpoint.probes) == 1


def test_offline_with_a_cold_cache_seals_nothing(ask, endpoint, tmp_path):
    ask("--limit", "1")
    shutil.rmtree(tmp_path / "results")
    rows = [{"question": f"other {n}?", "answer": "9000"} for n in range(3)]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = ask("--offline")
    assert done.code == 2 and "the cache holds no completion of openai-api/local/big" in done.errors[0]
    assert not (tmp_path / "results/v1").exists() and len(endpoint.requests) == 1


@pytest.mark.parametrize(
    "message, says",
    [
        ({"content": ""}, "24 of 24 answers are empty"),
        (
            {"content": "", "reasoning_content": "9000"},
            "24 of 24 answers stand in the model's reasoning alone",
        ),
        ({"content": "well,", "ending": "length"}, "24 of 24 answers were cut off at the limit of tokens"),
    ],
)
def test_silent_zeros_are_said_with_what_to_do(ask, endpoint, message, says):
    endpoint.reply = lambda body: {"role": "assistant", **message}
    shown = " ".join(ask().out.split())
    assert says in shown and "notice:" in shown.partition("metric")[0]


def test_a_probe_is_sent_the_headers_that_calls_are_sent(ask, endpoint):
    assert ask("--limit", "1", "-G", "headers={X-Team: evals}").code == 0
    assert len(endpoint.probes) == 1 and [head.get("X-Team") for head in endpoint.heads] == ["evals"] * 2


@pytest.mark.parametrize("limit", [("tokens", "2"), ("calls", "0"), ("usd", "0.0000001")])
def test_a_probe_for_which_a_limit_has_no_room_is_not_made(ask, endpoint, tmp_path, limit):
    (tmp_path / "harness.toml").write_text('[prices."openai-api/local/big"]\ninput = 1\noutput = 1\n')
    done = ask("--limit", "1", f"--budget-{limit[0]}", limit[1])
    assert done.code in (2, 3) and not endpoint.probes and not endpoint.requests, done.err


def test_a_grid_counts_its_cells_once_and_no_unknown_price_as_zero(ask, endpoint):
    names = ",".join(f"openai-api/local/{name}" for name in "abc")
    done = ask("--limit", "1", "--model", names)
    shown = [line.partition("]")[0] for line in done.err.splitlines() if line.startswith("[")]
    assert shown == ["[1/3", "[2/3", "[3/3"]
    assert done.out.count("paid besides: 1500 tokens, ? USD for probes") == 3
    endpoint.usage = None
    assert "paid besides: ? tokens, ? USD for probes" in ask("--limit", "1", "--model", names + "d").out


def test_a_long_wait_that_the_server_asks_for_is_said(ask, endpoint, monkeypatch):
    monkeypatch.setattr("harness.model.backoff.CEILING", 0.01)
    endpoint.reply, endpoint.more_headers = lambda body: (429, "daily"), {"Retry-After": "86400"}
    said = [line for line in ask("--max-retries", "2").err.splitlines() if "86400 seconds" in line]
    assert len(said) == 1 and "HTTP 429: refused: daily" in said[0] and "2 retries" in said[0]


def test_a_query_of_the_address_stays_behind_the_path(ask, endpoint, monkeypatch):
    arguments = ("--limit", "1", "--model-arg", f"base_url={endpoint.address}?key=sk-query-1&v=2")
    endpoint.tells = {"/v1/models?key=sk-query-1&v=2": {"data": [{"id": "big", "root": "org/weights"}]}}
    done = ask(*arguments)
    assert done.code == 0 and "sk-query-1" not in done.out + done.err
    assert endpoint.paths == ["/v1/chat/completions?key=sk-query-1&v=2"] * 2
    assert endpoint.looks[0] == "/v1/models?key=sk-query-1&v=2"


def test_an_address_without_a_scheme_is_refused(ask, endpoint):
    done = ask("--model-arg", "base_url=127.0.0.1:8000/v1")
    assert done.code == 2 and "base_url=127.0.0.1:8000/v1 is no address" in done.errors[0]

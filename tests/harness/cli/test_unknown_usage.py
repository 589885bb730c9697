"""What a server doesn't count is `?` everywhere, and null in JSON; never 0."""

import csv
import io
import json

import pandas as pd
import pytest

from harness.results.store import Store

TASK = ["--task", "arc1d", "-T", "level=1", "--limit", "3"]


@pytest.fixture
def ask(command, endpoint, tmp_path):
    """`harness eval` of a model whose server counts no tokens, with a known price."""
    (tmp_path / "harness.toml").write_text(
        '[prices."openai-api/local/big"]\ninput = 2.0\noutput = 8\nas_of = 2026-01-31\n'
    )
    endpoint.usage = None
    model = ["--model", "openai-api/local/big", "--model-arg", "api_key=none"]
    return lambda *more: command(
        "eval", *TASK, *model, "--model-arg", f"base_url={endpoint.address}", "--max-connections", "1", *more
    )


def record(tmp_path, done, code=0):
    assert done.code == code, done.err
    return Store(tmp_path / "results").find(json.loads(done.out)["runs"][0]["run_id"])


UNKNOWN = ("input_tokens", "output_tokens", "reasoning_tokens", "cost_usd")


def test_the_record_says_null_and_how_many(ask, tmp_path):
    found = record(tmp_path, ask("--json"))
    for usage in (found["usage"], found["usage"]["by_purpose"]["answer"]):
        assert [usage[name] for name in UNKNOWN] == [None] * 4
        assert usage["cached_input_tokens"] is None and usage["cache_write_tokens"] is None
        assert (usage["calls"], usage["unreported"]) == (3, 3)
    assert found["volatile"]["paid_usd"] is None
    rows = pd.read_parquet(found["samples_path"])
    assert rows[list(UNKNOWN)].isna().all(axis=None) and list(rows.calls) == [1, 1, 1]


def test_some_without_counts_make_the_total_unknown_and_leave_the_rest(ask, endpoint, tmp_path):
    def reply(body):
        counted = len(endpoint.requests) != 2
        endpoint.usage = {"prompt_tokens": 10, "completion_tokens": 5} if counted else None
        return "1+1"

    endpoint.reply = reply
    found = record(tmp_path, ask("--json"))
    assert found["usage"]["unreported"] == 1 and found["usage"]["input_tokens"] is None
    tokens = pd.read_parquet(found["samples_path"]).input_tokens
    assert sorted(tokens.dropna()) == [10, 10] and tokens.isna().sum() == 1


def test_every_view_shows_it(ask, command, tmp_path):
    done = ask()
    assert "3 of 3 calls came without token counts" in done.out
    (row,) = [line for line in done.out.splitlines() if line.startswith("arc1d")]
    assert row.split()[-2:] == ["?", "?"]
    run = record(tmp_path, ask("--json"))["run_id"]
    usage = json.loads(ask("--json").out)["runs"][0]["usage"]
    assert usage["input_tokens"] is None and usage["output_tokens"] is None and usage["cost_usd"] is None
    sample = str(pd.read_parquet(Store(tmp_path / "results").find(run)["samples_path"]).sample_id[0])
    assert "1 calls, ? input and ? output tokens" in command("show", run, "--sample", sample).out


def test_exports_and_pages_show_it(ask, command, tmp_path):
    run = record(tmp_path, ask("--json"))["run_id"]
    command("eval", *TASK, "--model", "pocket/grid")
    (mine, pocket) = [
        row
        for wanted in ("openai-api/local/big", "pocket/grid")
        for row in csv.DictReader(io.StringIO(command("results", "export").out))
        if row["model"] == wanted and row["metric"] == "accuracy"
    ]
    assert [mine[name] for name in ("calls", "input_tokens", "output_tokens", "cost_usd")] == ["3", *"???"]
    assert pocket["input_tokens"].isdigit() and pocket["cost_usd"] == "0.0"
    found = json.loads(command("results", "export", "--format", "json").out)
    (tokens,) = {row["input_tokens"] for row in found if row["model"] == mine["model"]}
    assert tokens is None
    assert command("results", "rebuild").code == 0
    assert "| ? |" in (tmp_path / "results" / "tables" / "results.md").read_text()
    assert command("leaderboard", "build", "--out", "site").code == 0
    table = next((tmp_path / "site").rglob("leaderboard.csv")).read_text()
    (row,) = [row for row in csv.DictReader(io.StringIO(table)) if row["model"] == mine["model"]]
    assert (row["calls_per_attempt"], row["tokens_per_attempt"], row["usd_per_attempt"]) == ("1.0", *"??")
    page = next((tmp_path / "site" / "runs").glob(f"*{run[:12]}*.html")).read_text()
    ledger = page[page.index('id="ledger"') :]
    assert ledger[: ledger.index("</table>")].count('<td class="n">?</td>') == 10


def test_a_ratio_to_what_is_unknown_is_unknown(ask, command, tmp_path):
    ask()
    command("eval", *TASK, "--model", "echo/0")
    compared = command("compare", *TASK[:2], "--baseline", "echo/0", "--json")
    assert compared.code == 0, compared.err
    (only,) = json.loads(compared.out)["comparisons"]
    assert only["cost_ratio"]["tokens"] is None and only["cost_ratio"]["calls"] == 1.0
    text = command("compare", *TASK[:2], "--baseline", "echo/0", "--format", "csv").out
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["calls_ratio"], row["tokens_ratio"], row["usd_ratio"]) == ("1.0", "?", "?")


@pytest.mark.parametrize("limit", [["--budget-tokens", "2000"], ["--budget-usd", "0.0105"]])
def test_what_nobody_counted_counts_a_token_a_byte_against_a_limit(ask, endpoint, limit, tmp_path):
    done = ask(*limit, "--json")
    found = record(tmp_path, done, code=3)
    assert 0 < found["usage"]["calls"] < 3 and found["usage"]["input_tokens"] is None
    assert done.err.count(f"{limit[0]} counts a token for every byte") == 1
    sent = sum(len(body["messages"][-1]["content"].encode()) for body in endpoint.requests)
    assert found["volatile"]["uncounted_tokens"] > sent


def test_a_run_that_goes_on_keeps_what_it_knows_and_does_not(ask, endpoint, tmp_path):
    ask("--budget-calls", "2")
    endpoint.usage = {"prompt_tokens": 1000, "completion_tokens": 500}
    found = record(tmp_path, ask("--json"))
    assert (found["usage"]["calls"], found["usage"]["unreported"]) == (3, 2)
    assert found["usage"]["input_tokens"] is None and found["usage"]["cost_usd"] is None
    rows = pd.read_parquet(found["samples_path"])
    assert sorted(rows.input_tokens.fillna(-1)) == [-1, -1, 1000]


def test_known_tokens_count_against_a_budget_beside_unknown_ones(ask, endpoint, tmp_path):
    ask("--budget-calls", "1")
    endpoint.usage = {"prompt_tokens": 1000, "completion_tokens": 500}
    found = record(tmp_path, ask("--json", "--budget-tokens", "4000", "--no-probe"), code=3)
    assert (found["status"], found["usage"]["calls"]) == ("stopped", 2)


def test_recorded_answers_without_counts(command, tmp_path):
    rows = [{"index": n, "completion": "0"} for n in range(3)]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = record(tmp_path, command("score", *TASK[:4], "--responses", "r.jsonl", "--json"))
    assert found["usage"]["unreported"] == 3 and found["usage"]["input_tokens"] is None
    assert found["usage"]["cost_usd"] == 0.0


def test_the_price_stands_in_the_record_with_its_day(ask, endpoint, tmp_path):
    endpoint.usage = {"prompt_tokens": 1000, "completion_tokens": 500}
    found = record(tmp_path, ask("--json"))
    price = {"input": 2.0, "output": 8.0, "as_of": "2026-01-31"}
    assert found["prices"] == {"openai-api/local/big": price}
    assert found["usage"]["cost_usd"] == pytest.approx(3 * (1000 * 2 + 500 * 8) / 1e6)


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": 7}, {"prompt_tokens": 7, "completion_tokens": 3}])
def test_the_newer_protocol_of_openai_alike(command, endpoint, tmp_path, usage):
    endpoint.usage = usage
    model = ["--model", "openai/small", "--model-arg", f"base_url={endpoint.address}"]
    done = command("eval", *TASK, *model, "--model-arg", "api_key=none", "--json")
    found = record(tmp_path, done)["usage"]
    known = len(usage) == 2
    assert found["unreported"] == (0 if known else 3)
    assert found["input_tokens"] == (21 if known else None)


def test_cached_tokens_of_the_newer_protocol_add_up_where_some_calls_have_none(command, endpoint, tmp_path):
    def reply(body):
        cached = 960 * (len(endpoint.requests) % 2)
        endpoint.usage = {"prompt_tokens": 1000, "completion_tokens": 5, "total_tokens": 1005}
        endpoint.usage["prompt_tokens_details"] = {"cached_tokens": cached}
        return "1+1"

    endpoint.reply = reply
    text = '[prices."openai/gpt-4o-mini"]\ninput = 0.15\ncached = 0.075\noutput = 0.6\n'
    (tmp_path / "harness.toml").write_text(text)
    model = ["--model", "openai/gpt-4o-mini", "--model-arg", f"base_url={endpoint.address}"]
    more = ["--model-arg", "api_key=none", "--model-arg", "responses_api=true", "--max-connections", "1"]
    found = record(tmp_path, command("eval", *TASK, *model, *more, "--json"))
    assert (found["usage"]["input_tokens"], found["usage"]["cached_input_tokens"]) == (3000, 1920)
    assert found["prices"]["openai/gpt-4o-mini"]["cached_input"] == 0.075
    wanted = (1080 * 0.15 + 1920 * 0.075 + 15 * 0.6) / 1e6
    assert found["usage"]["cost_usd"] == pytest.approx(wanted)
    rows = pd.read_parquet(found["samples_path"])
    assert sorted(rows.cached_input_tokens) == [0, 960, 960]

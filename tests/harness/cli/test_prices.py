"""`[prices]` of harness.toml: what a run cost, what was paid, and when --budget-usd ends it."""

import json
import signal
import time

import pytest

from harness.base.errors import BudgetSpent
from harness.model.budget import Budget
from harness.model.embed import open_embedder
from harness.model.embedding_costs import Account
from harness.model.ledger import Ledger
from harness.model.prices import Price, Rates
from harness.results.store import Store


@pytest.fixture
def ask(endpoint):
    return [
        "eval",
        "--task",
        "countdown",
        "-T",
        "level=1",
        "--limit",
        "6",
        "--max-connections",
        "1",
        "--json",
        "--model",
        "openai-api/local/big",
        "--model-arg",
        "api_key=none",
        "--model-arg",
        f"base_url={endpoint.address}",
    ]


@pytest.fixture
def priced(command, tmp_path):
    (tmp_path / "harness.toml").write_text('[prices."openai-api/local/big"]\ninput = 2.0\noutput = 8\n')


def record(tmp_path, done, code=0):
    assert done.code == code, done.err
    (run,) = json.loads(done.out)["runs"]
    return Store(tmp_path / "results").find(run["run_id"])


EACH = (1000 * 2.0 + 500 * 8) / 1e6


def test_cost_and_what_was_paid(command, priced, ask, tmp_path):
    first = record(tmp_path, command(*ask))
    assert first["usage"]["cost_usd"] == pytest.approx(6 * EACH)
    assert first["volatile"]["paid_usd"] == pytest.approx(7 * EACH)  # with the probe
    assert first["volatile"]["thrown_usd"] == pytest.approx(EACH)
    again = record(tmp_path, command(*ask, "--overwrite"))  # served by the cache
    assert again["volatile"]["cache_hits"] == 6
    assert again["usage"]["cost_usd"] == pytest.approx(6 * EACH) and again["volatile"]["paid_usd"] == 0.0
    assert again["result_digest"] == first["result_digest"]


def test_max_cost_ends_the_run_and_more_of_it_goes_on(command, priced, ask, tmp_path):
    ask = [*ask, "--max-tokens", "500", "--no-probe"]
    done = command(*ask, "--budget-usd", str(2.5 * EACH))
    stopped = record(tmp_path, done, code=3)
    assert "--budget-usd of 0.015 is spent" in done.err
    assert (stopped["status"], stopped["usage"]["calls"]) == ("stopped", 2)
    whole = record(tmp_path, command(*ask, "--budget-usd", "1"))
    assert (whole["status"], whole["usage"]["cost_usd"]) == ("complete", pytest.approx(6 * EACH))


def test_without_a_price_the_cost_is_unknown_and_never_zero(command, ask, tmp_path):
    found = record(tmp_path, command(*ask))
    assert found["usage"]["cost_usd"] is None and found["volatile"]["paid_usd"] is None


@pytest.mark.parametrize(
    "more, lacks",
    [
        ([], "openai-api/local/big"),
        (["--task", "banking77", "--method", "testnuc", "--embedder", "openai/vectors"], "openai/vectors"),
        (["--task", "tau2/airline", "--role", "user=openai-api/local/user"], "openai-api/local/user"),
    ],
)
def test_a_limit_in_usd_without_a_price_is_refused_before_anything_is_asked(
    command, ask, endpoint, tmp_path, more, lacks
):
    if lacks != "openai-api/local/big":
        (tmp_path / "harness.toml").write_text('[prices."openai-api/local/big"]\ninput = 2.0\noutput = 8\n')
    for dry in ([], ["--dry-run"]):
        done = command(
            *(part for part in ask if part != "level=1" and part != "-T"), *more, *dry, "--budget-usd", "5"
        )
        assert done.code == 2 and done.errors == [
            f"error: --budget-usd needs the price of {lacks}, which nobody here knows: put "
            f'[prices."{lacks}"] with input and output, in USD per million tokens, into harness.toml'
        ]
    assert not endpoint.requests and not endpoint.probes


def test_a_limit_of_several_runs_says_what_they_take_together(command, priced, ask):
    done = command(*ask, "--limit", "1", "--seeds", "2", "--budget-usd", "5")
    assert "--budget-usd 5 limits each of the 2 runs, so all of them together to 10 USD" in done.err


def test_what_was_lost_counts_when_the_run_goes_on(command, priced, ask, endpoint, tmp_path):
    def reply(body):
        if len(endpoint.requests) == 3:
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.3)
        return "1+1"

    endpoint.reply = reply
    limits = ["--max-tokens", "500", "--no-probe", "--budget-usd", str(4.6 * EACH)]
    assert command(*ask, *limits).code == 130
    (lost,) = (tmp_path / "results" / ".running").glob("*/lost.json")
    assert json.loads(lost.read_text())["uncounted_usd"] > 500 * 8 / 1e6
    stopped = record(tmp_path, command(*ask, *limits), code=3)
    assert stopped["usage"]["calls"] == 3 and len(endpoint.requests) == 4  # one of them was never heard of
    assert stopped["volatile"]["uncounted_usd"] > 0 and stopped["volatile"]["paid_usd"] == 3 * EACH
    whole = record(tmp_path, command(*ask, *limits[:3], "--budget-usd", "1"))
    assert (whole["usage"]["calls"], len(endpoint.requests)) == (6, 7)


def test_embeddings_cost_the_same_on_a_warm_cache(command, ask, endpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    monkeypatch.setenv("OPENAI_BASE_URL", endpoint.address)
    account = []
    for _ in range(2):
        ledger = Ledger()
        embedder = open_embedder("openai/vectors")
        embedder.charge_to(Account(ledger, Budget(tokens=30), Price(Rates(1e6, 0.0))))
        embedder.embed(["one", "three"])
        embedder.embed(["one", "seven"])
        account.append(ledger.total)
        with pytest.raises(BudgetSpent, match="--budget-tokens of 30"):
            embedder.embed(["a text that is too long"])
    cold, warm = account
    assert (cold.calls, cold.input_tokens, cold.cost_usd, cold.paid_usd) == (2, 13, 13.0, 13.0)
    assert (warm.calls, warm.input_tokens, warm.cost_usd, warm.paid_usd) == (2, 13, 13.0, 0.0)
    assert len(endpoint.requests) == 2

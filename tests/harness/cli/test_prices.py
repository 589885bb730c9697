"""`[prices]` of harness.toml: what a run cost, what was paid, and when --budget-usd ends it."""

import json

import pytest

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

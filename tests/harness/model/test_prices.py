"""What models take: the list of genai-prices as that package reckons, harness.toml before it."""

import random
import tomllib
from datetime import date

import pytest

from harness.base.errors import UsageError
from harness.model.prices import Price, Rates, check_prices, price


def own(text):
    found = tomllib.loads(text)
    check_prices(found)
    return found


def test_a_list_price_has_all_its_rates_its_day_and_its_list():
    found = price("anthropic/claude-sonnet-4-5", {})
    assert found.rates == Rates(3.0, 15.0, 0.3, 3.75)
    assert date.fromisoformat(found.as_of) and found.source.startswith("genai-prices ")
    assert found.as_dict()["cache_write"] == 3.75 and "reasoning" not in found.as_dict()


@pytest.mark.parametrize("model", ["pocket/any", "vllm/org/m", "hf/org/m", "ollama/m", "none"])
def test_what_runs_here_is_free(model):
    assert price(model, {}) == Price(Rates(0.0, 0.0))


@pytest.mark.parametrize(
    "model, address",
    [
        ("openai-api/local/unheard-of", ""),
        ("openai/unheard-of", ""),
        ("openai-api/openai/gpt-4o", "http://127.0.0.1:8000/v1"),
        ("openai-api/openai/gpt-4o", "http://gpu7:8000/v1"),
        ("unheard-of/gpt-4o", ""),
        ("openai/gpt-4o", "http://127.0.0.1:8000/v1"),
        ("openai/gpt-4o", "https://proxy.example.org/v1"),
        ("anthropic/claude-sonnet-4-5", "http://gpu7:8000"),
        ("mistral/mistral-large-latest", "http://[::1]:8000"),
    ],
)
def test_what_nobody_lists_is_unknown(model, address):
    assert price(model, {}, address) is None


def test_who_is_at_the_address_sends_the_bill(monkeypatch):
    by_address = price("openai-api/mine/deepseek-chat", {}, "https://api.deepseek.com/v1")
    assert by_address == price("openai-api/deepseek/deepseek-chat", {}) and by_address.rates.cached
    monkeypatch.setenv("DEEPSEEK_BASE_URL", "http://localhost:9/v1")
    assert price("openai-api/deepseek/deepseek-chat", {}) is None
    official = price("openai/gpt-4o", {})
    assert official and official == price("openai/gpt-4o", {}, "https://api.openai.com/v1")
    assert price("openai/azure/gpt-4o", {}, "https://mine.openai.azure.com/") == price("azureai/gpt-4o", {})
    for name in ("OPENAI_BASE_URL", "INSPECT_EVAL_MODEL_BASE_URL"):
        with monkeypatch.context() as patched:
            patched.setenv(name, "http://localhost:9/v1")
            assert price("openai/gpt-4o", {}) is None


def test_costs_are_those_that_genai_prices_reckons():
    from genai_prices import Usage, calc_price

    draw = random.Random(1)
    models = ["openai/gpt-4o", "openai/gpt-5", "anthropic/claude-sonnet-4-5", "google/gemini-2.5-pro"]
    for model in models * 20:
        prompt, output = draw.choice([10, 5000, 200_000, 200_001, 900_000]), draw.randrange(4000)
        cached = draw.randrange(prompt)
        written = draw.randrange(prompt - cached + 1)
        family, _, name = model.partition("/")
        used = Usage(
            input_tokens=prompt, output_tokens=output, cache_read_tokens=cached, cache_write_tokens=written
        )
        theirs = float(calc_price(used, name, provider_id=family).total_price)
        known = price(model, {})
        assert known.cost(prompt, output, cached, written) == pytest.approx(theirs, rel=1e-9)
        assert known.most(prompt, output) >= theirs * (1 - 1e-9)


def test_a_price_of_ones_own_replaces_and_may_say_every_part():
    assert price("openai/gpt-4o", own('["openai/gpt-4o"]\ninput = 1\noutput = 2')) == Price(Rates(1.0, 2.0))
    text = '["a/b"]\ninput = 2\ncached = 0.5\ncache_write = 3\noutput = 8\nper_request = 0.01'
    found = price("a/b", own(text))
    assert found.cost(1000, 100, cached=600, written=100) == pytest.approx(
        0.01 + (300 * 2 + 600 * 0.5 + 100 * 3 + 100 * 8) / 1e6
    )
    assert found.most(1000, 100) == pytest.approx(0.01 + (1000 * 3 + 100 * 8) / 1e6)
    assert found.as_dict() == {
        **{"input": 2.0, "output": 8.0, "cached_input": 0.5, "cache_write": 3.0},
        **{"as_of": None, "per_request": 0.01},
    }
    alone = price("a/b", own('["a/b"]\nper_request = 0.5'))
    assert alone.free and alone.cost(10**6, 10**6) == 0.5


def test_batches_have_a_price_of_their_own_where_the_list_has_one():
    single, batch = (price("anthropic/claude-sonnet-4-5", {}, batch=each) for each in (False, True))
    assert batch.rates.output == single.rates.output / 2 and batch.rates.cached == single.rates.cached / 2
    assert price("openai-api/local/m", {}, batch=True) is None


def test_thoughts_of_their_own_price():
    assert Rates(1.0, 8.0, reasoning=3.0).cost(0, 0, 0, 100, 60) == pytest.approx((40 * 8 + 60 * 3) / 1e6)


@pytest.mark.parametrize("day", ["2026-01-31", '"2026-01-31"'])
def test_a_price_of_ones_own_has_its_day(day):
    found = price("my/model", own(f'["my/model"]\ninput = 1\noutput = 2.5\nas_of = {day}'))
    assert found.as_dict() == {"input": 1.0, "output": 2.5, "as_of": "2026-01-31"}


@pytest.mark.parametrize("day", ['"soon"', '"20260131"', "2026", "2026-01-31T10:00:00", "true"])
def test_a_day_that_is_none_is_refused(day):
    with pytest.raises(UsageError, match="as_of = 2026-01-31"):
        own(f'["my/model"]\ninput = 1\noutput = 2.5\nas_of = {day}')


@pytest.mark.parametrize(
    "entry", ["cached = 1", "input = 1", "input = 1\noutput = -1", "input = 1\noutput = 2\nread = 1"]
)
def test_half_a_price_is_refused(entry):
    with pytest.raises(UsageError, match="needs the two numbers input and output"):
        own(f'["my/model"]\n{entry}')

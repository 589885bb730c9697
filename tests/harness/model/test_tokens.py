"""Tokens of calls whose server counts none: by the model's own tokenizer, if it is on this machine."""

import asyncio
import shutil

import pytest
from inspect_ai.model import ModelOutput

from harness.base.messages import user
from harness.model.budget import Budget
from harness.model.cache import Cache
from harness.model.factory import POCKET
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.provider import Provider
from harness.model.tokens import counter
from harness.sample import Question

pytest.importorskip("tokenizers", reason="tokenizers is not installed (extra train)")


class Silent(Provider):
    """A server that counts nothing."""

    remote = True
    calls = 0

    def __init__(self, name):
        self.name = name

    async def generate(self, call):
        self.calls += 1
        output = ModelOutput.from_content(self.name, "1+1")
        output.usage = None
        return output


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The Hub's cache with the tokenizer of org/m: one token a character."""
    repository = tmp_path / "models--org--m"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    (repository / "snapshots" / "abc").mkdir(parents=True)
    shutil.copy(POCKET / "grid" / "tokenizer.json", repository / "snapshots" / "abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))


def asked(provider, cache, **settings):
    ledger = Ledger()
    handle = Model(provider, ledger=ledger, budget=Budget(), cache=cache, price=(1e6, 2e6), **settings)
    asyncio.run(handle.generate(Question("q", "?"), [user("12+3=")]))
    return ledger.total


def test_an_estimate_is_marked_and_stays_what_it_was(hub, tmp_path):
    cache = Cache(tmp_path / "cache.sqlite")
    provider = Silent("openai-api/local/org/m")
    cold = asked(provider, cache)
    assert (cold.estimated, cold.unreported) == (1, 0)
    assert (cold.input_tokens, cold.output_tokens) == (5 + 4, 3) and cold.cost_usd == 9 + 2 * 3
    shutil.rmtree(tmp_path / "models--org--m")  # another machine has none
    warm = asked(Silent("openai-api/local/org/m"), cache)
    assert provider.calls == 1 and warm.cache_hits == 1
    assert (warm.estimated, warm.input_tokens, warm.cost_usd) == (1, 9, 15)
    cache.close()


@pytest.mark.parametrize("name", ["openai-api/local/m", "openai-api/local/org/other", "together/a/b/c"])
def test_no_other_tokenizer_is_taken_and_none_is_fetched(hub, name):
    assert counter(Silent(name)) is None
    total = asked(Silent(name), None)
    assert (total.estimated, total.unreported, total.cost_usd) == (0, 1, None)

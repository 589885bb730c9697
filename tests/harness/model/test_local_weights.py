"""Draws of local weights: each row by the seed of its call, whatever shares its batch."""

import asyncio
from types import SimpleNamespace

import pytest

from harness.base.errors import UsageError
from harness.model.local_weights import drawn_by, in_process

torch = pytest.importorskip("torch")


def draws(seeds, rows=None, steps=2000):
    chances = torch.tensor([[0.5, 0.0, 0.3, 0.2]]).repeat(len(seeds), 1)
    with drawn_by(seeds):
        return torch.stack([torch.multinomial(chances, num_samples=1).squeeze(1) for _ in range(steps)])


def test_a_row_depends_on_its_seed_alone():
    together, alone = draws([3, 4, 5]), draws([4])
    assert torch.equal(together[:, 1], alone[:, 0]) and not torch.equal(together[:, 0], together[:, 1])
    shares = torch.bincount(together.flatten(), minlength=4) / together.numel()
    assert shares.tolist() == pytest.approx([0.5, 0, 0.3, 0.2], abs=0.02) and shares[1] == 0


def test_others_draw_as_before():
    chances = torch.tensor([[0.5, 0.5]]).repeat(64, 1)
    torch.manual_seed(1)
    before = torch.multinomial(chances, 1)
    draws([1], steps=1)
    torch.manual_seed(1)
    assert torch.equal(torch.multinomial(chances, 1), before)


@pytest.fixture
def asked(monkeypatch):
    """What inspect-ai's provider of local weights would be asked, by temperature."""
    pytest.importorskip("transformers")
    from inspect_ai.model import GenerateConfig
    from inspect_ai.model._providers import hf

    monkeypatch.setattr(hf, "batched_generate", hf.batched_generate)  # is put back

    def ask(temperature, do_sample=None):
        seen = []

        async def generate(input, tools, tool_choice, config):
            seen.append((api.do_sample, config.temperature, config.top_p))

        api = SimpleNamespace(generate=generate, do_sample=True)
        model = in_process(SimpleNamespace(api=api), do_sample)
        asyncio.run(model.api.generate([], [], None, GenerateConfig(temperature=temperature, top_p=0.9)))
        return seen[0]

    return ask


def test_temperature_0_is_greedy_and_contradictions_are_errors(asked):
    assert asked(0) == (False, None, None)
    assert asked(0.7) == (True, 0.7, 0.9) and asked(None)[0] is True and asked(None, False)[0] is False
    for temperature, do_sample in ((0, True), (0.7, False)):
        with pytest.raises(UsageError, match="do_sample"):
            asked(temperature, do_sample)

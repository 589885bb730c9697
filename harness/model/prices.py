"""List prices in USD per million tokens, for models whose price we know.

Prices move: `[prices."provider/model"]` with `input` and `output` in harness.toml replaces or adds
one. A model that is not listed has an unknown cost, shown as such and never as zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness.base.errors import UsageError

FREE = ("pocket/", "echo/", "recorded/", "hf/", "vllm/", "ollama/", "sglang/")

#: provider list prices (input, output) as published in 2025
LISTED = {
    "openai/gpt-4o": (2.50, 10.00),
    "openai/gpt-4o-mini": (0.15, 0.60),
    "openai/gpt-4.1": (2.00, 8.00),
    "openai/gpt-4.1-mini": (0.40, 1.60),
    "openai/gpt-4.1-nano": (0.10, 0.40),
}


def check_prices(own: Any) -> None:
    """Whether the `[prices]` of a harness.toml can be used: a price that is half given would make a run
    look cheap.

    Raises:
        UsageError: names the entry and what it needs.
    """
    if not isinstance(own, Mapping):
        raise UsageError('harness.toml: prices are tables, as [prices."openai/gpt-4o"]')
    for model, entry in own.items():
        numbers = list(entry.values()) if isinstance(entry, Mapping) else []
        sound = all(type(n) in (int, float) and 0 <= n and math.isfinite(n) for n in numbers)
        if not sound or set(entry if numbers else ()) != {"input", "output"}:
            raise UsageError(
                f'harness.toml: [prices."{model}"] needs the two numbers input and output, '
                "in USD per million tokens, and nothing else"
            )


def price(model: str, own: Mapping[str, Mapping[str, float]]) -> tuple[float, float] | None:
    """(input, output) in USD per million tokens; None where it is unknown."""
    if model in own:
        return float(own[model]["input"]), float(own[model]["output"])
    if model.startswith(FREE):
        return 0.0, 0.0
    return LISTED.get(model)

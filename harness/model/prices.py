"""List prices in USD per million tokens, for models whose price we know.

Prices move: `[prices."provider/model"]` with `input` and `output` in harness.toml replaces or adds
one, with its day as `as_of`. A model that is not listed has an unknown cost, shown as such and never as
zero.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from harness.base.errors import UsageError

FREE = ("pocket/", "echo/", "sim/", "recorded/", "hf/", "vllm/", "ollama/", "sglang/")


class Price(NamedTuple):
    """USD per million tokens, and the day of which that is known, as YYYY-MM-DD."""

    input: float
    output: float
    as_of: str | None = None


#: the day on which LISTED are the list prices
LISTED_ON = "2025-04-14"
#: provider list prices (input, output)
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
        numbers = dict(entry) if isinstance(entry, Mapping) else {}
        day = numbers.pop("as_of", None)
        sound = all(type(n) in (int, float) and 0 <= n and math.isfinite(n) for n in numbers.values())
        if not sound or set(numbers) != {"input", "output"} or not _is_day(day):
            raise UsageError(
                f'harness.toml: [prices."{model}"] needs the two numbers input and output, in USD per '
                "million tokens, may say their day (as_of = 2026-01-31), and holds nothing else"
            )


def _is_day(day: Any) -> bool:
    if isinstance(day, str):
        try:
            return datetime.date.fromisoformat(day).isoformat() == day
        except ValueError:
            return False
    return day is None or type(day) is datetime.date


def price(model: str, own: Mapping[str, Mapping[str, Any]]) -> Price | None:
    """What a model takes; None where it is unknown. `own` is `[prices]` of a harness.toml."""
    if model in own:
        found = own[model]
        day = found.get("as_of")
        return Price(float(found["input"]), float(found["output"]), str(day) if day else None)
    if model.startswith(FREE):
        return Price(0.0, 0.0)
    return Price(*LISTED[model], LISTED_ON) if model in LISTED else None


def prices_of(models: Iterable[str], own: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The known prices of models by name, as a record has them."""
    found = {model: price(model, own) for model in models}
    return {model: each._asdict() for model, each in found.items() if each is not None}

"""What a model takes in USD: by harness.toml, else by the price list of `genai-prices`, else unknown.

Prices move: `[prices."provider/model"]` in harness.toml replaces or adds one, with its day as `as_of`. A
model that nobody has a price of has an unknown cost, shown as such and never as zero.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.base.errors import UsageError
from harness.model.provider import PEOPLE

#: families that run on a machine of the user's own
FREE = (
    *("pocket/", "echo/", "sim/", "recorded/", "hf/", "vllm/", "ollama/", "sglang/"),
    *("llama-cpp-python/", "transformer_lens/", "nnterp/", "mockllm/"),
)


@dataclass(frozen=True)
class Rates:
    """USD per million tokens. `cached` and `cache_write` are of prompt tokens that the server read from or
    wrote to a cache of its own, `reasoning` of completion tokens that are thoughts; None: like the others."""

    input: float
    output: float
    cached: float | None = None
    cache_write: float | None = None
    reasoning: float | None = None

    def cost(self, prompt: int, cached: int, written: int, completion: int, reasoning: int) -> float:
        """USD of tokens; the parts of prompt and completion are among them."""
        plain = prompt
        usd = completion * self.output
        if self.cached is not None:
            plain, usd = plain - cached, usd + cached * self.cached
        if self.cache_write is not None:
            plain, usd = plain - written, usd + written * self.cache_write
        if self.reasoning is not None:
            usd += reasoning * (self.reasoning - self.output)
        return (usd + plain * self.input) / 1e6

    def most(self, prompt: int, completion: int) -> float:
        """USD of tokens at the dearest that they can be."""
        dear = max(self.input, self.cached or 0.0, self.cache_write or 0.0)
        return (prompt * dear + completion * max(self.output, self.reasoning or 0.0)) / 1e6


@dataclass(frozen=True)
class Price:
    """Rates, USD a request, and the day of which they are known, as YYYY-MM-DD. `above`: rates of calls whose
    whole prompt has more tokens than so many, from the fewest; they are of all of the call's tokens.
    `per_hour` is what an hour of a person takes; None where nobody says it. `source` is whose list it stands
    in; empty for the user's own."""

    rates: Rates
    per_request: float = 0.0
    above: tuple[tuple[int, Rates], ...] = ()
    as_of: str | None = None
    source: str = ""
    per_hour: float | None = None

    @property
    def free(self) -> bool:
        """Whether no token costs anything."""
        return not any(each.most(1, 1) for each in (self.rates, *(rates for _, rates in self.above)))

    def cost(
        self, prompt: int, completion: int, cached: int = 0, written: int = 0, reasoning: int = 0
    ) -> float:
        """USD of one call.

        Args:
            prompt: all tokens of the prompt; `cached` and `written` are among them.
            completion: all tokens of the completion; `reasoning` are among them.
        """
        rates = self.rates
        for start, dearer in self.above:
            if prompt > start:
                rates = dearer
        return self.per_request + rates.cost(prompt, cached, written, completion, reasoning)

    def most(self, prompt: int, completion: int) -> float:
        """USD of one call of at most so many tokens, at the dearest."""
        within = [self.rates, *(rates for start, rates in self.above if prompt > start)]
        return self.per_request + max(rates.most(prompt, completion) for rates in within)

    def as_dict(self) -> dict[str, Any]:
        """As a record has it: what is not said is left out, but for the day."""
        made: dict[str, Any] = {**_said(self.rates), "as_of": self.as_of}
        if self.per_request:
            made["per_request"] = self.per_request
        if self.per_hour is not None:
            made["per_hour"] = self.per_hour
        if self.above:
            made["above"] = [{"tokens": start, **_said(rates)} for start, rates in self.above]
        return {**made, "source": self.source} if self.source else made


def _said(rates: Rates) -> dict[str, float]:
    names = {"cached": "cached_input"}
    return {names.get(name, name): value for name, value in vars(rates).items() if value is not None}


NOTHING = Price(Rates(0.0, 0.0))
#: what an entry of `[prices]` may hold beside its day
NUMBERS = ("input", "cached", "cache_write", "output", "per_request")


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
        whole = {"input", "output"} <= set(numbers) or set(numbers) == {"per_request"}
        if not sound or not whole or not set(numbers) <= {*NUMBERS} or not _is_day(day):
            raise UsageError(
                f'harness.toml: [prices."{model}"] needs the two numbers input and output, in USD per '
                "million tokens, or per_request in USD; may have cached and cache_write (of the prompt, by "
                "default like input) and the day (as_of = 2026-01-31), and holds nothing else"
            )


def _is_day(day: Any) -> bool:
    if isinstance(day, str):
        try:
            return datetime.date.fromisoformat(day).isoformat() == day
        except ValueError:
            return False
    return day is None or type(day) is datetime.date


def price(
    model: str,
    own: Mapping[str, Mapping[str, Any]],
    address: str = "",
    batch: bool = False,
    usd_per_hour: float | None = None,
) -> Price | None:
    """What a model takes; None where it is unknown.

    Args:
        model: with its family.
        own: `[prices]` of a harness.toml.
        address: of the server that an argument names for it; empty if none does.
        batch: whether its calls go in batches of the provider.
        usd_per_hour: `[human]` of a harness.toml, for what people, recorded or simulated ones say.
    """
    if usd_per_hour is not None and priced_by_hour(model):
        beside = NOTHING if model in PEOPLE and model not in own else price(model, own, address, batch)
        return None if beside is None else replace(beside, per_hour=float(usd_per_hour))
    if model in own:
        found = own[model]
        day = found.get("as_of")
        rates = Rates(
            float(found.get("input", 0.0)),
            float(found.get("output", 0.0)),
            *(None if found.get(name) is None else float(found[name]) for name in ("cached", "cache_write")),
        )
        return Price(rates, float(found.get("per_request", 0.0)), (), str(day) if day else None)
    if model in PEOPLE:
        return None
    if model.startswith(FREE) or "/" not in model:  # the model of methods that spend none, local embedders
        return NOTHING
    from harness.model.list_prices import listed

    return listed(model, address, batch)


def check_people(own: Any) -> None:
    """Whether the `[human]` of a harness.toml can be used.

    Raises:
        UsageError: it holds anything but a price.
    """
    rate: Any = own.get("usd_per_hour") if isinstance(own, Mapping) and set(own) <= {"usd_per_hour"} else None
    if type(rate) not in (int, float) or not 0 <= rate < math.inf:
        raise UsageError(
            "harness.toml: [human] holds usd_per_hour alone, the USD that an hour of a person costs"
        )


def priced_by_hour(model: str) -> bool:
    """Whether what a model says may carry the time of a person."""
    return model in PEOPLE or model == "sim/human" or model.startswith("recorded/")


def unpriced(model: str) -> str:
    """The line for a limit in USD on a model without a price."""
    if model in PEOPLE:
        return (
            f"--budget-usd needs the price of {model}: put [human] with usd_per_hour, the USD that "
            "an hour of a person costs, into harness.toml"
        )
    return (
        f"--budget-usd needs the price of {model}, which nobody here knows: put "
        f'[prices."{model}"] with input and output, in USD per million tokens, into harness.toml'
    )

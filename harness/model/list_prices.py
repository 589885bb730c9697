"""List prices of hosted models, from the package `genai-prices`, which is loaded when one is asked for."""

from __future__ import annotations

import datetime
import ipaddress
import os
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from harness.model.prices import Price, Rates

#: families of inspect-ai whose provider is called otherwise in the list
PROVIDERS = {
    **{"grok": "x-ai", "bedrock": "aws", "azureai": "azure", "vertex": "google", "cf": "cloudflare"},
    **{"hf-inference-providers": "huggingface", "moonshot": "moonshotai"},
}
#: what the list calls our rates
KEYS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "reasoning": "output_reasoning_mtok",
}


def listed(model: str, address: str = "", batch: bool = False) -> Price | None:
    """The price of a model by the list, today; None where it doesn't stand there. Of several prices by the
    time of day, the dearest.

    Args:
        model: with its family, as inspect-ai has it.
        address: of the server that an argument names for it: whoever is there sends the bill.
        batch: the price of calls in a batch of the provider, where there is one of its own.
    """
    provider, url, name = _whose(model, address)
    today = datetime.datetime.now(datetime.UTC).date()
    return _listed(provider, url, name, today, batch) if name else None


@cache
def _listed(
    provider: str | None, url: str | None, name: str, day: datetime.date, batch: bool
) -> Price | None:
    from genai_prices import __version__
    from genai_prices.data_snapshot import get_snapshot

    try:
        whose, found = get_snapshot().find_provider_model(name, None, provider, url)
    except LookupError:
        return None
    hours = [datetime.datetime.combine(day, datetime.time(hour), datetime.UTC) for hour in range(24)]
    # of a model that another provider lists, no variant holds
    context = {"processing": "batch"} if batch and any(found is each for each in whose.models) else None
    prices = [_price(found.get_prices(hour, context)) for hour in hours]
    known = [each for each in prices if each is not None]
    if len(known) < len(prices):
        return None
    dearest = max(known, key=lambda each: each.most(1000, 1000))
    source = f"genai-prices {__version__}"
    return Price(dearest.rates, dearest.per_request, dearest.above, _as_of(day), source)


def _whose(model: str, address: str) -> tuple[str | None, str | None, str]:
    """Provider, or address of it, and the name that it gives to a model; no name where nobody can tell."""
    family, _, rest = model.partition("/")
    service, name = family, rest
    if family == "openai-api":
        service, _, name = rest.partition("/")
    elif family in ("openai", "mistral") and rest.startswith("azure/"):
        service, name = "azure", rest.partition("/")[2]
    elif family in ("anthropic", "google") and rest.partition("/")[0] in ("bedrock", "vertex", "azure"):
        service, _, name = rest.partition("/")
    variables = (f"{service.upper().replace('-', '_')}_BASE_URL", "INSPECT_EVAL_MODEL_BASE_URL")
    address = address or next((found for each in variables if (found := os.environ.get(each))), "")
    if not address:
        return PROVIDERS.get(service, service), None, name
    return (None, None, "") if _private(address) else (None, address, name)


def _private(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host


def _price(found: Any) -> Price | None:
    """Their price as ours; None of a model that isn't priced by tokens of text."""
    values = {name: getattr(found, key) for name, key in KEYS.items()}
    if values["input"] is None or (values["output"] is None and not _embeds(found)):
        return None
    starts = sorted({tier.start for value in values.values() for tier in getattr(value, "tiers", ())})
    above = tuple((start, _rates(values, start + 1)) for start in starts)
    per_request = getattr(found, "requests_kcount", None)
    return Price(_rates(values, 0), float(_at(per_request, 0) or 0.0) / 1000, above)


def _embeds(found: Any) -> bool:
    """Whether nothing but input is priced, as of embedders."""
    return {key for key, value in vars(found).items() if value is not None} == {"input_mtok"}


def _rates(values: dict[str, Any], prompt: int) -> Rates:
    rates = {name: _at(value, prompt) for name, value in values.items()}
    return Rates(rates["input"] or 0.0, rates["output"] or 0.0, *(rates[name] for name in list(KEYS)[2:]))


def _at(value: Any, prompt: int) -> float | None:
    """A rate for a prompt of so many tokens."""
    if value is None:
        return None
    found = getattr(value, "base", value)
    for tier in getattr(value, "tiers", ()):
        if prompt > tier.start:
            found = tier.price
    return float(found)


@cache
def _as_of(day: datetime.date) -> str | None:
    """The newest day that stands in the list, up to today: the list is of that day or later."""
    from genai_prices.data_snapshot import get_snapshot

    starts = [
        start
        for provider in get_snapshot().providers
        for model in provider.models
        if isinstance(model.prices, list)
        for each in model.prices
        if (start := getattr(each.constraint, "start_date", None)) is not None and start <= day
    ]
    return max(starts).isoformat() if starts else None

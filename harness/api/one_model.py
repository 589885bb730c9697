"""One model outside a run, for commands that ask it something: behind the same gateway, cache and budget."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from harness.model.gateway import Model
    from harness.model.ledger import Ledger


LOG = logging.getLogger("harness.model")


class Limits(TypedDict, total=False):
    """How a model is asked; as the options of the same names.

    `model_args` of its provider; `generation` settings of inspect-ai; `budget_usd` in USD, `budget_time` in
    seconds, `timeout` of one request in seconds; `offline` asks the cache alone.
    """

    model_args: Mapping[str, Any] | None
    generation: Mapping[str, Any] | None
    budget_usd: float | None
    budget_tokens: int | None
    budget_calls: int | None
    budget_time: float | None
    max_connections: int | str | None
    requests_per_minute: int | None
    max_retries: int | None
    timeout: float | None
    offline: bool


@contextmanager
def opened(name: str, limits: Limits) -> Iterator[tuple[Model, Ledger]]:
    """The model, and what it spends. What it said is in the cache at the end, whatever happened.

    Raises:
        UsageError: no such model, no key for it, or no price with a limit in USD.
    """
    from harness.api.settings import configuration
    from harness.base import paths
    from harness.base.errors import UsageError
    from harness.model import backoff
    from harness.model.budget import Budget
    from harness.model.cache import Cache
    from harness.model.factory import open_model
    from harness.model.gateway import Model
    from harness.model.ledger import Ledger
    from harness.model.pace import Pace
    from harness.model.prices import price, unpriced

    settings = configuration()
    address = str((limits.get("model_args") or {}).get("base_url") or "")
    by_hour = settings.get("human", {}).get("usd_per_hour")
    takes = price(name, settings.get("prices", {}), address, usd_per_hour=by_hour)
    if limits.get("budget_usd") is not None and takes is None:
        raise UsageError(unpriced(name))
    cache, ledger = Cache(paths.cache_dir() / "completions.sqlite"), Ledger()
    offline = bool(limits.get("offline"))
    try:
        provider = open_model(
            name, limits.get("model_args") or {}, limits.get("max_connections"), lambda: cache, offline
        )
        for line in provider.remarks:
            LOG.warning(line)
        retries, timeout = limits.get("max_retries"), limits.get("timeout")
        provider.timeout = timeout or provider.timeout
        model = Model(
            provider,
            ledger=ledger,
            budget=Budget(
                limits.get("budget_calls"),
                limits.get("budget_tokens"),
                limits.get("budget_usd"),
                limits.get("budget_time"),
            ),
            cache=cache if provider.cacheable else None,
            price=takes,
            offline=offline,
            max_retries=backoff.MAX_RETRIES if retries is None else retries,
            pace=Pace.of(provider, limits.get("requests_per_minute")),
            chosen=limits.get("generation") or (),
            notice=LOG.warning,
        )
        yield model, ledger
    finally:
        cache.close()


def spent(ledger: Ledger) -> dict[str, Any]:
    """What was spent in all, as objects of `--json` have it."""
    return ledger.total.reported()

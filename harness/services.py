"""What worlds reach outside besides models: services on the web, pages, embedders, a shell.

The code of a benchmark runs in workers that have neither network nor secrets. What it wants from outside
the harness gets in its place: with the user's keys, which never enter a worker; from the cache where it
can, so that a run which was killed pays nothing twice; within the run's budget, booked as `service`.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from harness import sandbox
from harness.digest import digest
from harness.errors import UsageError
from harness.model import backoff
from harness.model.cache import Cache
from harness.model.ledger import Budget, Ledger, Usage
from harness.sample import Question
from harness.web import Page, PageFailed, fetch
from harness.workers import Outside, is_scratch
from harness.world import WorldFailed

if TYPE_CHECKING:
    from harness.model.embed import Embedder

KEY_FORMAT = 1
#: how long a service may take, in seconds
SECONDS = 60.0
#: answers after which a service is asked again
PASSING = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Service:
    """A service that wants a key. The key is what the environment variable `key` holds; it goes into the
    query as `parameter` or into the headers as `header`. A `host` that begins with a dot stands for all
    names that end so."""

    host: str
    key: str
    parameter: str = ""
    header: str = ""

    def at(self, host: str) -> bool:
        """Whether it is behind a host's name."""
        return host.endswith(self.host) if self.host.startswith(".") else host == self.host


@dataclass(frozen=True)
class Opening:
    """What a kind of world may reach: services, any page if `web`, embedders by name, and if `shell` commands
    in a sandbox that can read a folder of its worker."""

    services: tuple[Service, ...] = ()
    web: bool = False
    embedders: tuple[str, ...] = ()
    shell: bool = False


class Services:
    """The outside of one run. `settings` is `[services]` of harness.toml, by host: `price` in USD a request,
    `url` to ask in the host's place."""

    def __init__(
        self,
        *,
        ledger: Ledger | None = None,
        budget: Budget | None = None,
        cache: Cache | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        offline: bool = False,
        max_retries: int = backoff.MAX_RETRIES,
        first_wait: float = backoff.FIRST_WAIT,
    ) -> None:
        self._ledger, self._budget, self._cache = ledger or Ledger(), budget or Budget(), cache
        self._settings, self._offline = dict(settings or {}), offline
        self._instead = {host: each["url"] for host, each in self._settings.items() if "url" in each}
        self._max_retries, self._first_wait = max_retries, first_wait
        self._embedders: dict[str, Embedder] = {}
        self._thread = ThreadPoolExecutor(1)  # embedders keep to one thread

    def check(self, opening: Opening, task: str) -> None:
        """Whether the run has what an opening needs; asked before the first sample.

        Raises:
            UsageError: a key, an embedder or the sandbox is missing, or there is a limit on a cost that
                nobody knows.
        """
        for service in () if self._offline else opening.services:
            name = service.host.lstrip(".")
            if not os.environ.get(service.key):
                raise UsageError(f"{task} asks {name}: put your key for it into {service.key}, or take what "
                                 "an earlier run left in the cache with --offline")  # fmt: skip
            if self._budget.cost is not None and self._price(service) is None:
                raise UsageError(f'--max-cost needs the price of {name}: [services."{name}"] with price, in '
                                 "USD a request, in harness.toml")  # fmt: skip
        for embedder in opening.embedders:
            self._embedder(embedder)
        if opening.shell:
            sandbox.check()

    def door(self, opening: Opening, question: Question) -> Outside:
        """What serves a worker that plays `question`: called within the run's loop, used in threads."""
        loop = asyncio.get_running_loop()

        def outside(wanted: dict[str, Any]) -> Any:
            return asyncio.run_coroutine_threadsafe(self.serve(opening, question, wanted), loop).result()

        return outside

    async def serve(self, opening: Opening, question: Question, wanted: Mapping[str, Any]) -> Any:
        """What a worker wants: `get` (with `url`, `params`, `headers`) gives `{"status": ..., "text": ...}`,
        or `{"failed": reason}` for a page that can't be had; `embed` (with `embedder`, `texts`) one unit row
        a text; `shell` (with `command`, `folder`, `seconds`) gives `{"code": ..., "stdout": ..., "stderr":
        ...}`.

        Raises:
            WorldFailed: a service failed for good, or the opening holds no such thing.
            BudgetSpent: before a request is made.
        """
        if wanted["what"] == "embed" and wanted["embedder"] in opening.embedders:
            return await self._embed(wanted["embedder"], wanted["texts"])
        if wanted["what"] == "get":
            url = str(wanted["url"])
            service = next((each for each in opening.services if each.at(_host(url))), None)
            if service is not None or opening.web:
                params, headers = dict(wanted["params"]), dict(wanted["headers"])
                return await self._get(service, question, url, params, headers)
        if wanted["what"] == "shell" and opening.shell:
            folder = Path(wanted["folder"]).resolve()
            if is_scratch(folder):
                ran = await sandbox.run(str(wanted["command"]), folder, float(wanted["seconds"]))
                return {"code": ran.code, "stdout": ran.stdout, "stderr": ran.stderr}
        raise WorldFailed(f"a worker wants {str(dict(wanted))[:120]} from outside; its task doesn't allow it")

    def close(self) -> None:
        """Lets go of what it holds."""
        self._thread.shutdown(wait=False)

    # -- embedders --------------------------------------------------------------------------------

    def _embedder(self, name: str) -> Embedder:
        from harness.model.embed import open_embedder

        if name not in self._embedders:
            self._embedders[name] = open_embedder(name, self._offline)
        return self._embedders[name]

    async def _embed(self, name: str, texts: Sequence[str]) -> list[list[float]]:
        embed = self._embedder(name).embed
        rows = await asyncio.get_running_loop().run_in_executor(self._thread, embed, texts)
        return [[float(value) for value in row] for row in rows]

    # -- requests ---------------------------------------------------------------------------------

    async def _get(
        self, service: Service | None, question: Question, url: str, params: dict[str, Any],
        headers: dict[str, str],
    ) -> dict[str, Any]:  # fmt: skip
        self._budget.check(self._ledger.total, self._ledger.under_way)
        key = digest(["service", KEY_FORMAT, url, params, headers, question.epoch])
        price = self._price(service)
        kept = self._cache.get(key) if self._cache is not None else None
        if kept is not None:
            usage = Usage(calls=1, cache_hits=1, cost_usd=price, paid_usd=0.0)
            self._ledger.charge("service", usage, question.id, question.epoch)
            return dict(json.loads(kept))
        if self._offline:
            raise WorldFailed(f"{_host(url)}: this request is not in the cache and --offline is set; run "
                                "once with a network to fill the cache")  # fmt: skip
        usage, started = Usage(calls=1, cost_usd=price, paid_usd=price), time.perf_counter()
        self._ledger.under_way += 1
        try:
            if service is None:
                page = await fetch(_with(url, params), headers, instead=self._instead)
            else:
                page = await self._ask(service, url, params, headers, usage, random.Random(key))
        except PageFailed as error:  # may be there the next time, so it isn't kept
            return {"failed": str(error)}
        finally:
            self._ledger.under_way -= 1
            usage.seconds = time.perf_counter() - started
            self._ledger.charge("service", usage, question.id, question.epoch)
        found = {"status": page.status, "text": page.text}
        if self._cache is not None:
            self._cache.put(key, json.dumps(found))
            self._cache.flush()
        return found

    async def _ask(
        self, service: Service, url: str, params: dict[str, Any], headers: dict[str, str], usage: Usage,
        jitter: random.Random,
    ) -> Page:  # fmt: skip
        """A service's answer, after as many tries as it takes; counts them in `usage`."""
        key = os.environ.get(service.key, "")
        if service.parameter:
            params = {**params, service.parameter: key}
        if service.header:
            headers = {**headers, service.header: key}
        while True:
            told = None
            try:
                page = await fetch(_with(url, params), headers, seconds=SECONDS, redirects=0,
                                   instead=self._instead)  # fmt: skip
                reason, told = f"status {page.status}", backoff.retry_after(page.headers)
                if page.status in (401, 403):
                    raise WorldFailed(f"{_host(url)} refuses the key in {service.key}: {reason}")
                if page.status not in PASSING:
                    return page
            except PageFailed as error:
                reason = str(error).replace(key, "...") if key else str(error)
            if usage.retries >= self._max_retries:
                raise WorldFailed(f"{_host(url)} after {usage.retries + 1} tries: {reason}")
            await asyncio.sleep(backoff.wait(usage.retries, told, jitter.random(), self._first_wait))
            usage.retries += 1
            self._budget.check(self._ledger.total, self._ledger.under_way - 1)

    def _price(self, service: Service | None) -> float | None:
        """USD a request; None where it is unknown. Pages cost nothing."""
        if service is None:
            return 0.0
        told = self._settings.get(service.host.lstrip("."), {}).get("price")
        return None if told is None else float(told)


def check_settings(own: Any) -> None:
    """Whether the `[services]` of a harness.toml can be used.

    Raises:
        UsageError: names the entry and what it needs.
    """
    for host, entry in own.items() if isinstance(own, Mapping) else [("HOST", own)]:
        if not isinstance(entry, Mapping) or not entry or not set(entry) <= {"price", "url"}:
            raise UsageError(f'harness.toml: [services."{host}"] holds price, in USD a request, or url, to '
                             "ask in the host's place")  # fmt: skip
        price, url = entry.get("price", 0), entry.get("url", "http://")
        if type(price) not in (int, float) or not 0 <= price < float("inf"):
            raise UsageError(f'harness.toml: [services."{host}"]: price is a number of USD, not {price!r}')
        if not str(url).startswith(("http://", "https://")):
            raise UsageError(f'harness.toml: [services."{host}"]: url is one like http://HOST, not {url!r}')


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:  # half an IPv6 address
        return ""


def _with(url: str, params: Mapping[str, Any]) -> str:
    """The URL with parameters; those that are None are left out."""
    given = {key: value for key, value in params.items() if value is not None}
    return f"{url}{'&' if '?' in url else '?'}{urlencode(given, doseq=True)}" if given else url

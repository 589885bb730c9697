"""What worlds reach outside besides models: services with keys, pages, embedders, a shell.

The code of a benchmark runs in workers that have neither network nor secrets. What it wants from outside
the harness gets in its place: with the user's keys, which never enter a worker or a record; from the cache
where it can, so that a run which was killed pays nothing twice; within the run's budget, recorded as
`service`. Embedders keep their vectors themselves; what an endpoint takes is recorded as `embedding`.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.digest import digest
from harness.base.errors import HarnessError, UsageError, WorldFailed
from harness.base.secret_values import keep
from harness.base.secrets import without_secret_values
from harness.external import sandbox
from harness.external.urls import is_endpoint, with_parameters
from harness.external.web import Page, PageFailed, fetch, read
from harness.external.workers import Outside
from harness.model import backoff, faults
from harness.model.budget import Bound, Budget, Place
from harness.model.cache import Cache
from harness.model.embedding_costs import Account
from harness.model.health import HANDFUL, ended
from harness.model.ledger import Ledger, Usage
from harness.model.prices import Price, price, unpriced
from harness.model.silence import Failure, Silence
from harness.sample import Question

if TYPE_CHECKING:
    from harness.model.embed import Embedder
    from harness.search import Corpus
    from harness.search.dense import Embed

KEY_FORMAT = 1
#: how long a service may take, in seconds, and how many requests it gets at once
SECONDS = 60.0
AT_ONCE = 8
#: answers after which a service is asked again, and those that refuse the key
PASSING = (408, 429, 500, 502, 503, 504)
REFUSED = (401, 402, 403)
#: longest command that is taken, in characters
LONGEST = 16_000
#: longest command of a shell, in seconds
SHELL_SECONDS = 120.0


@dataclass(frozen=True)
class Service:
    """A service that needs a key, as a benchmark declares it.

    `endpoints` are the only URLs that ever get the key, which is what the environment variable `key` holds;
    it goes into the query as `parameter` or into the headers as `header`. `name` is what harness.toml calls
    it.
    """

    name: str
    key: str
    endpoints: tuple[str, ...]
    parameter: str = ""
    header: str = ""


@dataclass(frozen=True)
class Opening:
    """What a kind of world may reach: services, any public page if `web`, embedders by name, and if `shell`
    commands in a sandbox that reads a folder of the world's worker."""

    services: tuple[Service, ...] = ()
    web: bool = False
    embedders: tuple[str, ...] = ()
    shell: bool = False


class Services:
    """The outside of one run. `settings` is `[services]` of harness.toml, by the service's name: `price` in
    USD a request, `url` to ask in place of scheme and host."""

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
        keep_going: bool = False,
        notice: Callable[[str], None] | None = None,
        embedder_price: Callable[[str], Price | None] = partial(price, own={}),  # noqa: B008
        corpus: Corpus | None = None,
        embed: Embed | None = None,
    ) -> None:
        #: what the worlds of the run search, and the run's embedder for it
        self.corpus, self.embed = corpus, embed
        self._embedder_price = embedder_price
        self._ledger, self._budget, self._cache = ledger or Ledger(), budget or Budget(), cache
        self._settings, self._offline = dict(settings or {}), offline
        self._max_retries, self._first_wait, self._keep_going = max_retries, first_wait, keep_going
        self._refusals: Counter[str] = Counter()  # in a row, by service
        self._notice = notice or (lambda line: None)
        self._silences: defaultdict[str, Silence] = defaultdict(
            lambda: Silence(self._notice, ends=not keep_going)
        )
        self._embedders: dict[str, Embedder] = {}
        self._thread = ThreadPoolExecutor(1)  # embedders, and the cache that each opens, keep to one thread
        self._slots = asyncio.Semaphore(AT_ONCE)

    def check(self, opening: Opening, task: str) -> None:
        """Whether the run has what an opening needs; asked before the first sample.

        Raises:
            UsageError: a key, an embedder or the sandbox is missing, or there is a limit on a cost that
                is unknown.
        """
        missing = [self._missing(service) for service in opening.services]
        if self._budget.usd is not None:
            paid = [name for name in opening.embedders if name.startswith("openai/")]
            missing += [unpriced(name) for name in paid if self._embedder_price(name) is None]
        checks: list[Callable[[], Any]] = [
            self._thread.submit(self._embedder, name).result for name in opening.embedders
        ]
        for check in [*checks, *([sandbox.check] if opening.shell else [])]:
            try:
                check()
            except UsageError as error:
                missing.append(str(error))
        if any(missing):
            raise UsageError(f"{task} reaches outside: {'; '.join(filter(None, missing))}")

    def _missing(self, service: Service) -> str:
        """What a service can't be asked without; empty if there is everything."""
        key = _key(service)
        if not key and not self._offline:
            return (
                f"{service.name} needs a key: put yours into {service.key}, or take what an earlier run "
                "left in the cache with --offline"
            )
        if not (key.isascii() and key.isprintable()):
            return f"{service.key} holds no key: a character in it can't be sent"
        if self._budget.usd is not None and self._price(service.name) is None:
            return (
                f'--budget-usd needs the price of {service.name}: [services."{service.name}"] with price, '
                "in USD a request, in harness.toml"
            )
        return ""

    def serving(self, opening: Opening, question: Question) -> Outside:
        """What serves a worker that plays `question`."""

        async def outside(wanted: Mapping[str, Any], scratch: Path) -> Any:
            return await self.serve(opening, question, wanted, scratch)

        return outside

    async def serve(
        self, opening: Opening, question: Question, wanted: Mapping[str, Any], scratch: Path
    ) -> Any:
        """What a worker wants: `get` (with `url`, `params`, `headers`) gives `{"status": ..., "text": ...}`,
        or `{"failed": reason}` for a page that can't be had; `embed` (with `embedder`, `texts`) one unit row
        a text; `shell` (with `command`, `folder` below `scratch`, `seconds`) gives `{"code": ..., "stdout":
        ..., "stderr": ...}`.

        Raises:
            WorldFailed: a service failed for good, or the opening holds no such thing.
            HarnessError: the budget is spent, an embedder failed, or a service goes on refusing its key or
                has done nothing but fail for a minute.
        """
        self._budget.check(self._ledger.total)
        try:
            return await self._served(opening, question, wanted, scratch)
        except (WorldFailed, HarnessError):
            raise
        except Exception as error:  # what a worker wants may be shaped by a model
            raise WorldFailed(f"what a worker wants can't be served: {type(error).__name__}") from error

    async def _served(
        self, opening: Opening, question: Question, wanted: Mapping[str, Any], scratch: Path
    ) -> Any:
        what = wanted["what"]
        if what == "get":
            try:
                url = with_parameters(str(wanted["url"]), dict(wanted["params"]))
            except ValueError as error:
                return {"failed": f"there is no such URL: {type(error).__name__}"}
            headers = {str(name): str(value) for name, value in dict(wanted["headers"]).items()}
            service = next((each for each in opening.services if is_endpoint(url, each.endpoints)), None)
            if service is not None or opening.web:
                return await self._get(service, question, url, headers)
        if what == "embed" and wanted["embedder"] in opening.embedders:
            return await self._embed(wanted["embedder"], [str(text) for text in wanted["texts"]])
        if what == "shell" and opening.shell:
            folder, seconds = Path(wanted["folder"]).resolve(), min(float(wanted["seconds"]), SHELL_SECONDS)
            if folder.is_relative_to(scratch.resolve()):
                ran = await sandbox.run(str(wanted["command"])[:LONGEST], folder, seconds)
                return {"code": ran.code, "stdout": ran.stdout, "stderr": ran.stderr}
        raise WorldFailed(f"a worker wants {str(dict(wanted))[:120]} from outside; its task doesn't allow it")

    def close(self) -> None:
        """Ends its thread."""
        self._thread.shutdown(wait=False)

    # -- embedders --------------------------------------------------------------------------------

    def _embedder(self, name: str) -> Embedder:
        from harness.model.embed import open_embedder

        if name not in self._embedders:
            made = self._embedders[name] = open_embedder(name, self._offline)
            made.notice = self._notice
            made.charge_to(Account(self._ledger, self._budget, self._embedder_price(name)))
        return self._embedders[name]

    async def _embed(self, name: str, texts: Sequence[str]) -> list[list[float]]:
        def rows_of() -> Any:
            return self._embedder(name).embed(texts)

        rows = await asyncio.get_running_loop().run_in_executor(self._thread, rows_of)
        return [[float(value) for value in row] for row in rows]

    # -- requests ---------------------------------------------------------------------------------

    async def _get(
        self, service: Service | None, question: Question, url: str, headers: dict[str, str]
    ) -> dict[str, Any]:
        base = self._settings.get(service.name, {}).get("url", "") if service else ""
        key = digest(
            ["service", KEY_FORMAT, service.name if service else "", base, url, headers, question.epoch]
        )
        price = self._price(service.name) if service else 0.0
        async with self._budget.place(self._ledger.total, lambda: Bound(usd=price or 0.0)) as place:
            return await self._got(service, question, url, headers, key, price, place)

    async def _got(
        self,
        service: Service | None,
        question: Question,
        url: str,
        headers: dict[str, str],
        key: str,
        price: float | None,
        place: Place,
    ) -> dict[str, Any]:
        base = self._settings.get(service.name, {}).get("url", "") if service else ""
        kept = self._kept(key)
        if kept is not None:
            usage = Usage(calls=1, cache_hits=1, cost_usd=price, paid_usd=0.0)
            self._ledger.charge("service", usage, question.id, question.epoch)
            return kept
        if self._offline:
            raise WorldFailed(
                f"{url[:100]}: this request is not in the cache and --offline is set; run "
                "once with a network to fill the cache"
            )
        usage, started = Usage(calls=1, cost_usd=price, paid_usd=price), time.perf_counter()
        try:
            async with self._slots:
                if service is None:
                    page = await fetch(url, headers)
                else:
                    again = partial(self._again, question, price, place)
                    page = await self._ask(service, base, url, headers, usage, random.Random(key), again)
        except PageFailed as error:  # may be there the next time, so it isn't kept
            return {"failed": str(error)}
        finally:
            usage.seconds = time.perf_counter() - started
            self._ledger.charge("service", usage, question.id, question.epoch)
        found = {"status": page.status, "text": page.text}
        if self._cache is not None and page.status not in PASSING:
            self._cache.put(key, json.dumps(found))
            self._cache.flush()
        return found

    def _kept(self, key: str) -> dict[str, Any] | None:
        """What the cache holds of a request; None where that is nothing, or was damaged."""
        kept = self._cache.get(key) if self._cache is not None else None
        if self._cache is None or kept is None:
            return None
        try:
            return dict(json.loads(kept))
        except (ValueError, TypeError, RecursionError):
            self._cache.damaged(key)
            return None

    async def _ask(
        self,
        service: Service,
        base: str,
        url: str,
        headers: dict[str, str],
        usage: Usage,
        jitter: random.Random,
        again: Callable[[], Awaitable[None]],
    ) -> Page:
        """A service's answer, after as many tries as it takes; counts them in `usage`, and waits for `again`
        before it makes a request once more that it may have been charged for. It follows no redirect and
        reveals the key to no one: not to who asked, and not in an error."""
        import httpx

        key, silence = _key(service), self._silences[service.name]
        keep(key, service.key)
        if service.parameter:
            url = with_parameters(url, {service.parameter: key})
        if service.header:
            headers = {**headers, service.header: key}
        if base:
            asked = httpx.URL(url)
            path = httpx.URL(base).raw_path.rstrip(b"/") + asked.raw_path
            url = str(httpx.URL(base).copy_with(raw_path=path))
        while True:
            wanted_wait, served, status = None, False, None
            began = time.monotonic()
            try:
                async with asyncio.timeout(SECONDS), httpx.AsyncClient(timeout=SECONDS) as client:
                    request = client.build_request("GET", url, headers={**headers, "Accept-Encoding": "gzip"})
                    page = await read(client, request)
                wanted_wait = backoff.retry_after(page.headers)
                said = faults.read(faults.of_status(page.status, page.headers, faults.lenient(page.text)))
                reason = said.line
                if page.status in REFUSED or (page.status == 429 and said.kind == "unusable"):
                    raise self._refused(service, reason)
                if page.status < 300 or 400 <= page.status and page.status not in PASSING:
                    self._refusals[service.name] = 0
                    silence.answers(service.name, time.monotonic() - began)
                    return Page(page.status, without_secret_values(page.text), {})
                served, status = page.status in (502, 504), page.status
            except (httpx.HTTPError, PageFailed, TimeoutError) as error:
                reason, served = type(error).__name__, not isinstance(error, httpx.ConnectError)
            seconds = time.monotonic() - began
            silence.failed(
                Failure(service.name, reason, hash(url), usage.retries + 1, status, wanted_wait, seconds)
            )
            if usage.retries >= self._max_retries:
                raise WorldFailed(f"{service.name} after {usage.retries + 1} tries: {reason}")
            await asyncio.sleep(backoff.wait(usage.retries, wanted_wait, jitter.random(), self._first_wait))
            usage.retries += 1
            if served:
                await again()

    async def _again(self, question: Question, price: float | None, place: Place) -> None:
        """A place for a request that is made once more and may have been charged before."""
        self._ledger.charge("service", Usage(uncounted_usd=price or 0.0), question.id, question.epoch)
        await place.renew()

    def _refused(self, service: Service, reason: str) -> Exception:
        """What a refused key ends: the attempt, and after a handful in a row the cell."""
        self._refusals[service.name] += 1
        line = f"{service.name} refuses the key in {service.key}: {reason}"
        if self._refusals[service.name] < HANDFUL or self._keep_going:
            return WorldFailed(line)
        return ended(line, "service")

    def _price(self, name: str) -> float | None:
        """USD a request; None where it is unknown."""
        price = self._settings.get(name, {}).get("price")
        return None if price is None else float(price)


def check_settings(own: Any) -> None:
    """Whether the `[services]` of a harness.toml can be used.

    Raises:
        UsageError: names the entry and what it needs.
    """
    for name, entry in own.items() if isinstance(own, Mapping) else [("NAME", own)]:
        if not isinstance(entry, Mapping) or not entry or not set(entry) <= {"price", "url"}:
            raise UsageError(
                f'harness.toml: [services."{name}"] holds price, in USD a request, or url, to '
                "ask in the service's place"
            )
        price, url = entry.get("price", 0), entry.get("url", "http://")
        if type(price) not in (int, float) or not 0 <= price < float("inf"):
            raise UsageError(f'harness.toml: [services."{name}"]: price is a number of USD, not {price!r}')
        if not str(url).startswith(("http://", "https://")):
            raise UsageError(f'harness.toml: [services."{name}"]: url is one like http://HOST, not {url!r}')


def _key(service: Service) -> str:
    return os.environ.get(service.key, "").strip()

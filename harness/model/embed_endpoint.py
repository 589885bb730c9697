"""Embedders behind OpenAI-compatible servers."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from harness.base.errors import ModelCallError, UsageError
from harness.base.secrets import url_shown
from harness.model.embed import PART, Kept
from harness.model.embedding_calls import EmbeddingCalls
from harness.model.embedding_costs import Account, shares
from harness.model.identity import ELSEWHERE, agreed, doubts, kept_of, kept_row, never_opened
from harness.model.openai_compatible.endpoint import OPENAI, headers_of
from harness.model.server_info import Told, ask


class Endpoint(Kept):
    """An OpenAI-compatible embedding endpoint (OPENAI_API_KEY, OPENAI_BASE_URL). Like a model it is its
    weights, as far as its server tells them (`harness.model.server_info`) or `openai/MODEL?revision=NAME`
    names them; the address is none of it. With `keep_going` a refused key ends no cell. Offline it has no
    client and is what it last was."""

    def __init__(self, name: str, offline: bool, keep_going: bool = False) -> None:
        self.name, _, self._named = name.partition("?revision=")
        self._offline = offline
        named = url_shown(os.environ.get("OPENAI_BASE_URL", "").rstrip("/"))
        if offline:
            self._as_kept(named)
            return
        self._calls = EmbeddingCalls(self.name, keep_going, lambda line: self.notice(line))
        address = self._calls.address
        shown = url_shown(address.rstrip("/"))
        told = None if shown == OPENAI else self._ask(address)
        row = {"origin": address, "told": told.as_dict() if told else None}
        self.remarks = doubts(self.name, self._named, shown, told, kept_of(self._cache, self.name))
        self._cache.keep_identity(self.name, "", named, json.dumps(row))
        self._settle(address, told)

    def _settle(self, address: str, told: Told | None) -> None:
        self.former = "" if self._named else address
        shown = url_shown(address.rstrip("/"))
        found = told.revision(self._model) if told else ""
        self.revision = self._named or found or (ELSEWHERE if shown not in ("", OPENAI) else "")

    @property
    def _model(self) -> str:
        return self.name.removeprefix("openai/")

    def _ask(self, address: str) -> Told | None:
        """What the server tells; where it doesn't answer now, what it told last, or all of the name did."""
        told = ask(address, headers_of(self._calls.client), self._model, "openai")
        kept = kept_of(self._cache, self.name)
        return told or kept.get(url_shown(address.rstrip("/"))) or agreed(kept.values(), self.name)

    def _as_kept(self, named: str) -> None:
        row = self._cache.identity(self.name, "", named)
        if row is not None:
            known = kept_row(row)
            self._settle(str(known.get("origin") or ""), Told.of(known.get("told")))
            return
        kept = kept_of(self._cache, self.name)
        told = agreed(kept.values(), self.name)
        if not kept or (told is None and not self._named):
            raise UsageError(f"embedder {never_opened(self.name, named)}")
        self._settle(named, told)

    _account: Account | None = None

    def charge_to(self, account: Account) -> None:
        self._account = account

    def embed(self, texts: Sequence[str]) -> Any:
        if self._account is not None:
            by_key = {self._key(text): text for text in texts}
            kept = [key for key, text in by_key.items() if self._held(key, text) is not None]
            new = [key for key in kept if key not in self._account.charged]
            for start in range(0, len(new), PART):
                part = new[start : start + PART]
                self._account.check([by_key[key] for key in part])
                found = {key: self._cache.get(f"{key} tokens") for key in part}
                counts = {key: None if count is None else int(count) for key, count in found.items()}
                self._account.charge(counts, kept=True)
        return super().embed(texts)

    def _compute(self, texts: Sequence[str]) -> Any:
        if self._offline:
            raise ModelCallError(
                f"embedder {self.name}: {len(texts)} texts have no kept vector and --offline is set; "
                f"the first is {' '.join(texts[0].split())[:60]!r}; run once with a network"
            )
        if self._account is not None:
            self._account.check(texts)
        try:
            rows = self._calls.vectors(texts)
        finally:
            if self._account is not None:
                self._account.lose(texts, self._calls.lost)
        self._count(texts, self._calls.tokens)
        return rows

    def _count(self, texts: Sequence[str], total: int | None) -> None:
        """Charges a request, and keeps what each text took beside its vector."""
        counts: dict[str, int | None] = {self._key(text): None for text in texts}
        if total:
            counts = dict(zip(counts, shares(total, texts), strict=True))
            for key, count in counts.items():
                self._cache.put(f"{key} tokens", str(count))
        if self._account is not None:
            self._account.charge(counts, kept=False)

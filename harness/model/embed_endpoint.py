"""Embedders behind OpenAI-compatible servers."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from harness.base.errors import ModelCallError, UsageError
from harness.base.secrets import url_shown
from harness.model.embed import Kept
from harness.model.embedding_calls import EmbeddingCalls
from harness.model.identity import ELSEWHERE, agreed, doubts, kept_of, kept_row, never_opened
from harness.model.openai_compatible.endpoint import OPENAI, headers_of
from harness.model.told import Told, ask


class Endpoint(Kept):
    """An OpenAI-compatible embedding endpoint (OPENAI_API_KEY, OPENAI_BASE_URL). Like a model it is its
    weights, as far as its server tells them (`harness.model.told`) or `openai/MODEL?revision=NAME` names
    them; the address is none of it. With `keep_going` a refused key ends no cell. Offline it has no client
    and is what it last was."""

    def __init__(self, name: str, offline: bool, keep_going: bool = False) -> None:
        self.name, _, self._named = name.partition("?revision=")
        self._offline = offline
        named = url_shown(os.environ.get("OPENAI_BASE_URL", "").rstrip("/"))
        if offline:
            self._as_kept(named)
            return
        self._calls = EmbeddingCalls(self.name, keep_going)
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

    def _compute(self, texts: Sequence[str]) -> Any:
        if self._offline:
            raise ModelCallError(
                f"embedder {self.name}: {len(texts)} texts have no kept vector and --offline is set; "
                f"the first is {' '.join(texts[0].split())[:60]!r}; run once with a network"
            )
        return self._calls.vectors(texts)

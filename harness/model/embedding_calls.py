"""Requests for vectors to an OpenAI-compatible endpoint, and what becomes of their failures."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.base.errors import ModelCallError, UsageError, reason_of
from harness.model import backoff, faults
from harness.model.health import HANDFUL, ended
from harness.model.silence import Failure, Silence

#: tries after a failure that may pass, from so many seconds on, doubled each time: some 25 s in all
MAX_RETRIES, FIRST_WAIT = 8, 0.1


class EmbeddingCalls:
    """The client of one endpoint (OPENAI_API_KEY, OPENAI_BASE_URL). With `keep_going` a refused key is a
    failure like any other; `notice` takes what is told of an endpoint that fails.

    Raises:
        UsageError: there is no key, or the client can't be opened.
    """

    def __init__(
        self, name: str, keep_going: bool = False, notice: Callable[[str], None] | None = None
    ) -> None:
        import os

        from openai import OpenAI, OpenAIError

        self._name, self._keep_going = name, keep_going
        if not os.environ.get("OPENAI_API_KEY"):
            raise UsageError(f"embedder {name}: put your key for it into OPENAI_API_KEY")
        try:
            self.client = OpenAI(max_retries=0)
        except OpenAIError as error:
            raise UsageError(f"embedder {name}: {reason_of(error)}") from None
        self.address = str(self.client.base_url)
        #: of the last request: tokens by the server's count, and tries without an answer that it may charge
        self.tokens: int | None = None
        self.lost = 0
        self._silence, self._number = Silence(notice, ends=not keep_going), 0

    def vectors(self, texts: Sequence[str]) -> list[Any]:
        """One vector a text, as the endpoint gives them.

        Raises:
            ModelCallError: none could be had; with what the endpoint said.
            ModelStopped: none ever can until somebody mends something: a key, a name, an account.
            ServerSilent: the endpoint has done nothing but fail for a minute.
        """
        jitter, retries, told = random.Random(len(texts)), 0, 0
        self._number += 1
        self.tokens, self.lost = None, 0
        while True:
            began = time.monotonic()
            try:
                with self._silence.watched(f"embedder {self._name}"):
                    found = self._asked(texts)
                self._silence.answers(f"embedder {self._name}", time.monotonic() - began)
                return found
            except Exception as error:
                said = faults.read(error)
                self.lost += faults.may_have_been_served(error)
                line = f"embedder {self._name}: {said.line}"
                if said.kind == "unusable":
                    told += 1
                    if self._keep_going:
                        raise ModelCallError(line) from None
                    if told >= HANDFUL:
                        raise ended(line, "embedder") from None
                else:
                    self._silence.failed(
                        Failure(
                            f"embedder {self._name}",
                            said.line,
                            self._number,
                            retries + 1,
                            said.status,
                            _wanted_wait(error),
                            time.monotonic() - began,
                        )
                    )
                    if retries >= MAX_RETRIES or not _passing(error, said):
                        raise ModelCallError(line) from None
                time.sleep(backoff.wait(retries, _wanted_wait(error), jitter.random(), FIRST_WAIT))
                retries += said.kind != "unusable"

    def _asked(self, texts: Sequence[str]) -> list[Any]:
        import httpx

        body = {"model": self._name.removeprefix("openai/"), "input": list(texts)}
        response = self.client.post("/embeddings", body=body, cast_to=httpx.Response)
        found = faults.lenient(response.content)
        if isinstance(found, str):
            raise faults.ServerFault(f"the answer is no JSON: {found[:80]}", kind=None)
        usage = found.get("usage") if isinstance(found, Mapping) else None
        total = usage.get("prompt_tokens") if isinstance(usage, Mapping) else None
        self.tokens = total if type(total) is int and total > 0 else None
        data = found.get("data") if isinstance(found, Mapping) else None
        if not isinstance(data, list) or (not data and texts):
            raise faults.of_answer(found, "the answer holds no vectors")
        try:
            rows = {item.get("index", at): item["embedding"] for at, item in enumerate(data)}
            return [rows[at] for at in sorted(rows)]
        except (AttributeError, KeyError, TypeError):
            raise faults.ServerFault("the answer's vectors can't be read", kind=None) from None


def _passing(error: Exception, said: faults.Reading) -> bool:
    """Whether the same request may succeed later."""
    from openai import APIConnectionError

    return said.kind == "passing" or isinstance(error, APIConnectionError)


def _wanted_wait(error: Exception) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return backoff.retry_after(headers) if isinstance(headers, Mapping) else None

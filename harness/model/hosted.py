"""Any inspect-ai model string, behind one lazily imported adapter.

inspect-ai brings the providers, their authentication and their message conversion. Retries, the
cache, budgets and the ledger are the gateway's, so inspect's own retry loop is switched off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tenacity import RetryError

from harness.errors import UsageError
from harness.model import backoff
from harness.model.provider import Call, Provider

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput


class Hosted(Provider):
    remote = True
    abilities = frozenset({"tools", "logprobs"})

    def __init__(self, name: str, args: Mapping[str, Any]) -> None:
        from inspect_ai.model import GenerateConfig, get_model

        self.name = name
        self.revision = str(args.get("revision", ""))
        self._config = GenerateConfig
        self._timeout = int(args.get("timeout", 600))
        options = {key: value for key, value in args.items() if key != "timeout"}
        try:
            self._model = get_model(name, memoize=False, **options)
        except (Exception, SystemExit) as error:
            reason = " ".join(re.sub(r"\[/?[a-z ]+\]", "", str(error)).split())[:300] or type(error).__name__
            raise UsageError(f"can't open the model {name!r}: {reason}; 'harness list models' shows what "
                             "there is") from error  # fmt: skip

    async def generate(self, call: Call) -> ModelOutput:
        config = self._config(
            **call.decoding, max_retries=0, attempt_timeout=self._timeout,
            max_connections=self.connections,
        )  # fmt: skip
        client: Any = getattr(self._model.api, "client", None)
        if getattr(client, "max_retries", 0):  # an SDK client would retry behind the gateway's back
            client.max_retries = 0
        try:
            output = await self._model.generate(
                list(call.messages), tools=list(call.tools), tool_choice=call.tool_choice, config=config
            )
        except RetryError as spent:  # inspect's wrapper around the one attempt it was allowed
            raise (spent.last_attempt.exception() or spent) from None
        if not output.choices and not output.error:
            raise EOFError("the server's answer holds no choices")
        return output

    def retryable(self, error: Exception) -> bool:
        """What inspect's provider takes for transient, and answers that broke on their way."""
        if self._model.should_retry(error):
            return True
        if getattr(error, "status_code", None):  # the server has spoken, and inspect takes it as final
            return False
        broken = (json.JSONDecodeError, ConnectionError, TimeoutError, EOFError)
        return any(
            isinstance(cause, broken) or type(cause).__module__.startswith(("httpx", "httpcore"))
            for cause in _causes(error)
        )

    def retry_after(self, error: Exception) -> float | None:
        """What the headers of the refusal say; the SDKs keep the response on their errors."""
        for cause in _causes(error):
            headers = getattr(getattr(cause, "response", None), "headers", None)
            if isinstance(headers, Mapping):
                return backoff.retry_after(headers)
        return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it; inspect's wrappers can make that chain a circle."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__

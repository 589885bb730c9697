"""inspect-ai's batchers, with what a run needs beside: what was submitted is found again after a kill, one
call's failure is that call's alone, and no call waits for ever.

inspect-ai's providers make their batchers themselves, of a class that their module names. `install` puts a
subclass in its place, which is the provider's own with the methods below.
"""

from __future__ import annotations

import contextvars
import importlib
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anyio
from inspect_ai._util.background import run_in_background
from inspect_ai.model._providers._openai_batch import OpenAIBatcher
from inspect_ai.model._providers.util import batch_log
from inspect_ai.model._providers.util.batch import Batch, Batcher, BatchRequest
from inspect_ai.model._providers.util.hooks import HttpxHooks
from tenacity import RetryCallState, stop_after_attempt, wait_exponential

from harness.model import faults
from harness.model.batches.submitted import Submitted
from harness.model.raw_completion import completion
from harness.model.silence import TOLD_AFTER

LOG = logging.getLogger("harness.model")
#: tries of an upload, a download or a submission; a status is asked for as long as it takes
TRIES = 5
#: seconds before the second of them; each later wait is twice the one before
FIRST_WAIT = 3.0
#: statuses by which a provider says that it has no such batch
GONE = (404, 410)
#: states of a batch in OpenAI's protocol in which nothing more will come
OVER = ("completed", "expired", "cancelled")


@dataclass
class Asked:
    """The call that is being made, for the batcher that takes it."""

    number: str
    submitted: Submitted
    say: Callable[[str], None]


ASKED: contextvars.ContextVar[Asked] = contextvars.ContextVar("asked")


class Lasting(Batcher[Any, Any]):
    """What all batchers have in common here."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        tries = {"stop": stop_after_attempt(TRIES), "wait": self._wait}
        self._retry_config = {**self._retry_config, **tries}  # type: ignore[typeddict-item]
        self._asked: dict[int, Asked] = {}  # by request, until it is submitted
        self._coming: dict[str, Any] = {}  # where answers of earlier batches come out, by call
        self._submitted: Submitted | None = None

    def _wait(self, state: RetryCallState) -> float:
        """Seconds before an upload, a download or a submission is tried again; that it fails is told once."""
        error = state.outcome.exception() if state.outcome else None
        if state.attempt_number == TOLD_AFTER + 1 and error is not None:
            for asked in [*self._asked.values()][:1]:
                asked.say(
                    f"batches: {faults.read(error).line}: {state.attempt_number} failed tries; made again"
                )
        return wait_exponential(FIRST_WAIT, max=60)(state)

    async def generate_for_request(self, request: dict[str, Any]) -> Any:
        asked = ASKED.get()
        self._submitted = asked.submitted
        if (name := asked.submitted.batch_of(asked.number)) is not None:
            try:
                return await self._received(self._from_earlier(name, asked))
            except Exception as error:
                if faults.read(error).status not in GONE:
                    raise
                asked.submitted.forget(name)
                asked.say(f"batch {name} is gone ({faults.read(error).line}), so its calls are made again")
        self._asked[id(request)] = asked
        try:
            return await super().generate_for_request(request)
        finally:
            self._asked.pop(id(request), None)

    def _from_earlier(self, name: str, asked: Asked) -> Any:
        """Where the answer to a call of a batch that was submitted comes out; the batch is looked at from now
        on."""
        batch = self._inflight_batches.get(name)
        if asked.number not in self._coming and batch is None:
            batch = self._inflight_batches[name] = Batch(name, {})
            for number in asked.submitted.calls_of(name):
                self._listen(batch, number)
            asked.say(f"batch {name} was submitted before: its answers are taken as they come")
        if asked.number not in self._coming and batch is not None:  # whoever waited for it has gone
            self._listen(batch, asked.number)
        return self._coming.pop(asked.number)

    def _listen(self, batch: Batch[Any], number: str) -> None:
        into, self._coming[number] = anyio.create_memory_object_stream[Any](1)
        batch.requests[number] = BatchRequest({}, into, custom_id=number)

    async def _received(self, coming: Any) -> Any:
        if not self._is_batch_worker_running:
            self._is_batch_worker_running = True
            run_in_background(self._batch_worker)
        result = await coming.receive()
        if isinstance(result, Exception):
            raise result
        return result

    async def _batch_worker(self) -> None:
        while True:
            try:
                return await super()._batch_worker()
            except Exception as error:  # a batch couldn't be submitted, which its calls know by now
                LOG.debug("batch: %s", error)

    async def _wrapped_create_batch(self, batch: list[BatchRequest[Any]]) -> str:
        calls = [self._asked[id(each.request)] for each in batch]
        for each, asked in zip(batch, calls, strict=True):
            each.custom_id = asked.number
            headers = each.request.get("extra_headers") or {}
            if HttpxHooks.REQUEST_ID_HEADER in headers:  # by which some batchers name a request
                headers[HttpxHooks.REQUEST_ID_HEADER] = asked.number
        name = await super()._wrapped_create_batch(batch)
        calls[0].submitted.add(name, (asked.number for asked in calls))
        calls[0].say(
            f"batch {name} with {len(batch)} calls was submitted; if this ends before it does, the same "
            "command takes its answers"
        )
        return name

    async def _wrapped_check_batch(self, batch: Batch[Any]) -> Any:
        try:
            found = await self._check_batch(batch)
        except Exception as error:
            batch.consecutive_check_failure_count += 1
            often = batch.consecutive_check_failure_count >= self._max_consecutive_check_failures
            if often or faults.read(error).status in (401, 403, *GONE):
                await self._fail_and_cleanup_inflight_batch("it can't be looked at", batch, error)
            return None
        batch.consecutive_check_failure_count = 0
        return found

    async def _resolve_inflight_batch(self, batch: Batch[Any], results: dict[str, Any]) -> None:
        """Gives every call its result; a call that nobody waits for any more takes none of the others'."""
        self._inflight_batches.pop(batch.id, None)
        without = faults.ServerFault("the batch ended without an answer to this call")
        for number, request in batch.requests.items():
            result = results.get(number, without)
            if isinstance(result, Exception) and self._submitted is not None:
                self._submitted.answered(number)  # nothing more is to be had there
            request.submitted()
            with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                await request.result_stream.send(result)


class LastingOpenAI(Lasting, OpenAIBatcher[Any]):
    """Of OpenAI's protocol, with files."""

    def _jsonl_line_for_request(self, request: BatchRequest[Any], custom_id: str) -> dict[str, Any]:
        line = super()._jsonl_line_for_request(request, custom_id)
        body: Any = line["body"]
        more = body.pop("extra_body", None) or {}  # which the SDK would put there
        return {**line, "body": {**body, **more}}

    def _parse_jsonl_line(self, line_data: dict[str, Any]) -> tuple[str, Any]:
        """A line's answer, or its refusal in the server's own words."""
        number, response = str(line_data.get("custom_id") or ""), line_data.get("response")
        status = response.get("status_code") if isinstance(response, dict) else None
        if error := line_data.get("error"):
            return number, faults.ServerFault(str(error.get("message") or error), body={"error": error})
        body = response.get("body") if isinstance(response, dict) else None
        try:
            if isinstance(status, int) and status >= 300:
                raise faults.of_status(status, {}, body)
            found = completion(body) if self.endpoint.endswith("/completions") else body
            return number, self._response_cls.model_validate(found)
        except faults.ServerFault as fault:
            return number, fault
        except ValueError as error:
            return number, faults.ServerFault(f"the server's answer can't be read: {type(error).__name__}")

    def _adapt_batch_info(self, input: Any) -> Any:
        """A batch that is over and has no file is a failed one, or it would be waited for for ever."""
        info = super()._adapt_batch_info(input)
        if info.status in OVER and not (info.output_file_id or info.error_file_id):
            info.status = "failed"
        return info


def install(provider: str) -> Any:
    """Has an inspect-ai provider make a lasting batcher.

    Args:
        provider: the name of its module.

    Returns:
        The module.

    Raises:
        ImportError: the provider's own client isn't installed.
    """
    module: Any = importlib.import_module(f"inspect_ai.model._providers.{provider}")
    name, own = next(
        (name, found)
        for name, found in vars(module).items()
        if isinstance(found, type) and issubclass(found, Batcher)
    )
    batch_log.set_batch_log_callback(LOG.debug)  # stdout is for results
    batch_log.set_batch_status_callback(lambda status: LOG.debug("batches: %s", status))
    if not issubclass(own, Lasting):
        base = LastingOpenAI if issubclass(own, OpenAIBatcher) else Lasting
        made = base if own is OpenAIBatcher else type(own.__name__, (base, own), {})
        setattr(module, name, made)
    return module

"""Models behind OpenAI-compatible servers that run: one HTTP request a call, without an SDK."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.base.errors import UsageError
from harness.model import backoff, faults
from harness.model.hosted import Hosted
from harness.model.openai_compatible import plain, reply, request
from harness.model.openai_compatible.client import Client
from harness.model.openai_compatible.endpoint import COMPLETIONS, ENDPOINT, Endpoint, endpoint
from harness.model.provider import Call
from harness.model.raw_completion import completion

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

#: how an Ollama server greets, and how servers say that a chat can't be put into words for a model
OLLAMA = "Ollama is running"
NO_TEMPLATE = re.compile(r"chat[ _]template", re.I)


class Compatible(Hosted):
    """A model that is `spoken`. What a chat asks that this path doesn't know, such as images, goes over
    inspect-ai, with the same request and the same output; it only takes longer."""

    def __init__(self, name: str, args: Mapping[str, Any], *, of_text: bool = False) -> None:
        """
        Args:
            name: of the model, with its family.
            args: of the model.
            of_text: whether it continues a text, as base models do; else it answers a chat.
        """
        super().__init__(name, args)
        self._args.pop(ENDPOINT, None)
        self._of_text, self._greeted = of_text, False
        self.verbatim = not of_text
        if of_text:
            self.abilities = self.abilities - {"tools"}
            self.notice = (
                f"{name} is asked over /v1/completions: its prompts are plain text, without a chat template"
            )

    async def generate(self, call: Call) -> ModelOutput:
        if self._of_text:
            return await self._continued(call)
        if not request.expressible(call):
            return await super().generate(call)
        at = self._endpoint
        body = await request.chat(
            call,
            at.model,
            long_name=self._long_name,
            continues=at.family != "openai-api",
            strict=at.strict_tools,
        )
        return await self._answer(
            call,
            "chat/completions",
            body,
            lambda found, took: reply.output(completion(found), at.model, call.tools, took),
        )

    async def _continued(self, call: Call) -> ModelOutput:
        """What a base model makes of the call as one text."""
        if not self._greeted:
            self._greeted = True
            if (await self._client.greeting()).startswith(OLLAMA):
                raise UsageError(
                    f"{self.name}: Ollama applies the model's own template to /v1/completions, so a base "
                    "model can't be asked there in plain text; llama.cpp, vLLM and SGLang serve it as it is"
                )
        asked = self._endpoint.model
        body = plain.body(call, asked)
        return await self._answer(
            call, "completions", body, lambda found, took: plain.output(found, asked, took)
        )

    async def _answer(
        self, call: Call, path: str, body: bytes, read: Callable[[Any, float], ModelOutput]
    ) -> ModelOutput:
        """What the server says to a body."""
        from aiohttp import ClientPayloadError, ClientResponseError

        if call.sent is not None:
            call.sent.append(body.decode())
        started = time.perf_counter()
        own = call.decoding.get("extra_headers")
        try:
            async with self._clock():
                status, headers, content = await self._client.post(path, body, own)
        except (ClientPayloadError, ClientResponseError) as error:  # cut off, or not coded as it says
            raise faults.ServerFault("the server's answer broke off on its way") from error
        if status >= 300:
            fault = faults.of_status(status, headers, faults.lenient(content))
            if not self._of_text and NO_TEMPLATE.search(str(fault)):
                cure = f"--model-arg {ENDPOINT}={COMPLETIONS} asks a base model in plain text"
                fault = faults.of_status(status, headers, {"message": f"{fault}; {cure}"})
            raise fault
        seconds = time.perf_counter() - started
        try:
            return read(_parsed(content), seconds)
        except (KeyError, TypeError, ValueError, AttributeError) as error:  # not the JSON that it should be
            raise faults.ServerFault(f"the server's answer can't be read: {type(error).__name__}") from error

    def takes(self, setting: str) -> bool:
        return setting in plain.TAKEN if self._of_text else setting not in request.NOT_SENT

    def name_limit_anew(self) -> bool:
        self._long_name = True
        return True

    def retryable(self, error: Exception) -> bool:
        if isinstance(error, faults.ServerFault):
            return error.kind == "passing"
        if isinstance(error, EOFError | ConnectionError | TimeoutError):
            return True
        if type(error).__module__.startswith("aiohttp"):  # but not a wrong address or certificate
            return not isinstance(error, ValueError)
        return super().retryable(error)

    def retry_after(self, error: Exception) -> float | None:
        if isinstance(error, faults.ServerFault):
            return backoff.retry_after(error.headers)
        return super().retry_after(error)

    @cached_property
    def _endpoint(self) -> Endpoint:
        return endpoint(self.name, self._args, lambda: self._model.api)

    @cached_property
    def _client(self) -> Client:
        return Client(self._endpoint.address, self._endpoint.headers)

    @cached_property
    def _long_name(self) -> bool:
        from inspect_ai.model._openai import needs_max_completion_tokens

        return needs_max_completion_tokens(self._endpoint.model)


def _parsed(content: bytes) -> Any:
    """The JSON of an answer.

    Raises:
        ServerFault: it is none; with what it is.
    """
    try:
        # not strict: some servers leave line ends in texts as they are
        return json.loads(content, strict=False)
    except (ValueError, RecursionError):
        text = content.decode("utf-8", "replace").strip()
    if text.startswith("data:"):
        raise faults.ServerFault("the server streams its answer, which nobody asked for", kind="unusable")
    told = faults.page_title(text) or (f"is no JSON: {text[:80]}" if text else "is empty")
    raise faults.ServerFault(f"the server's answer {told}" if told.startswith("is ") else told)

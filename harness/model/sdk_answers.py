"""What inspect-ai's OpenAI clients do not look at, or fail on: answers that are none, or are odd."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from harness.model.faults import ServerFault, lenient
from harness.model.raw_completion import completion

#: the two counts without which `usage` of the newer protocol says nothing
COUNTS = ("input_tokens", "output_tokens")


def looked_at(model: Any) -> Any:
    """An inspect-ai model whose OpenAI client, if it has one, raises for an answer that is none, and gives
    another as the protocol has it (`completions.completion`)."""
    client: Any = getattr(model.api, "client", None)
    if type(client).__module__.partition(".")[0] == "openai":
        of_responses = bool(getattr(model.api, "responses_api", False))
        asked = client.responses if of_responses else client.chat.completions
        asked.create = _response(asked.create) if of_responses else _chat(asked.create)
    return model


def _chat(create: Any) -> Any:
    @functools.wraps(create)
    async def whole(*args: Any, **settings: Any) -> Any:
        answer = await create(*args, **settings)
        if hasattr(answer, "__aiter__"):  # a stream
            return answer
        if isinstance(answer, str):  # as the SDK gives what isn't said to be JSON
            answer = lenient(answer)
            if isinstance(answer, str):
                raise ServerFault(f"the server's answer is no JSON: {answer[:80]}")
        parts = answer if isinstance(answer, list) else [answer]
        plain = [part.model_dump(warnings=False) if hasattr(part, "model_dump") else part for part in parts]
        found = completion(plain if isinstance(answer, list) else plain[0])
        from openai.types.chat import ChatCompletion

        return ChatCompletion.construct(**found)

    return whole


def _response(create: Any) -> Any:
    @functools.wraps(create)
    async def whole(*args: Any, **settings: Any) -> Any:
        answer = await create(*args, **settings)
        usage = getattr(answer, "usage", None)
        if usage is not None:
            counts = [getattr(usage, name, None) for name in COUNTS]
            if not all(isinstance(count, int) for count in counts):
                answer.usage = None
            elif getattr(usage, "total_tokens", None) is None:
                usage.total_tokens = sum(counts)
            if (parts := _token_parts.get()) is not None and answer.usage is not None:
                parts.update(_parts(usage))
        return answer

    return whole


#: what the server said of the parts of its tokens, for the call that is being made
_token_parts: ContextVar[dict[str, int] | None] = ContextVar("token_parts", default=None)
#: our names of these parts, and where the newer protocol has them
PARTS = {
    "input_tokens_cache_read": ("input_tokens_details", "cached_tokens"),
    "input_tokens_cache_write": ("input_tokens_details", "cache_write_tokens"),
    "reasoning_tokens": ("output_tokens_details", "reasoning_tokens"),
}


@contextmanager
def token_parts() -> Iterator[dict[str, int]]:
    """What the server says within it of the parts of its tokens, by the names of inspect-ai's ModelUsage,
    which takes "none of the prompt was cached" of the newer protocol for a number that nobody told."""
    found: dict[str, int] = {}
    token = _token_parts.set(found)
    try:
        yield found
    finally:
        _token_parts.reset(token)


def _parts(usage: Any) -> dict[str, int]:
    found = {}
    for name, (place, part) in PARTS.items():
        value = getattr(getattr(usage, place, None), part, None)
        if type(value) is int:
            found[name] = value
    return found

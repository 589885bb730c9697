"""What inspect-ai's OpenAI clients do not look at, or fail on: answers that are none, and tokens in part."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from harness.model.faults import check_completion

#: the two counts without which a server's `usage` says nothing, under the names of the two protocols
COUNTS = (("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens"))


def looked_at(model: Any) -> Any:
    """An inspect-ai model whose OpenAI client, if it has one, raises for an answer that is none
    (`faults.check_completion`), and takes `usage` with holes for none."""
    client: Any = getattr(model.api, "client", None)
    if type(client).__module__.partition(".")[0] == "openai":
        of_responses = bool(getattr(model.api, "responses_api", False))
        asked = client.responses if of_responses else client.chat.completions
        asked.create = _looked_at(asked.create, of_responses)
    return model


def _looked_at(create: Any, of_responses: bool) -> Any:
    @functools.wraps(create)
    async def whole(*args: Any, **settings: Any) -> Any:
        answer = await create(*args, **settings)
        if not of_responses and hasattr(answer, "model_fields_set"):  # no stream
            check_completion(_outline(answer))
        _fill(getattr(answer, "usage", None), answer)
        if (told := _told.get()) is not None:
            told.update(_details(getattr(answer, "usage", None)))
        return answer

    return whole


#: what the server said of the parts of its tokens, for the call that is being made
_told: ContextVar[dict[str, int] | None] = ContextVar("told", default=None)
#: our names of these parts, and where they stand
PARTS = {
    "input_tokens_cache_read": (("prompt_tokens_details", "input_tokens_details"), "cached_tokens"),
    "input_tokens_cache_write": (("prompt_tokens_details", "input_tokens_details"), "cache_write_tokens"),
    "reasoning_tokens": (("completion_tokens_details", "output_tokens_details"), "reasoning_tokens"),
}


@contextmanager
def told() -> Iterator[dict[str, int]]:
    """What the server says in it of the parts of its tokens, by the names of inspect-ai's ModelUsage, which
    takes no cached token of the newer protocol for a number that nobody told."""
    found: dict[str, int] = {}
    token = _told.set(found)
    try:
        yield found
    finally:
        _told.reset(token)


def _details(usage: Any) -> dict[str, int]:
    found = {}
    for name, (places, part) in PARTS.items():
        for place in places:
            value = getattr(getattr(usage, place, None), part, None)
            if type(value) is int:
                found[name] = value
    return found


def _outline(answer: Any) -> dict[str, Any]:
    """The parts of an answer that say whether it is one; the SDK keeps what it doesn't know as it came."""
    choices = getattr(answer, "choices", None)
    endings = [{"finish_reason": getattr(choice, "finish_reason", None)} for choice in choices or ()]
    more = {name: getattr(answer, name, None) for name in ("error", "message", "detail")}
    return {**more, "choices": endings}


def _fill(usage: Any, answer: Any) -> None:
    if usage is None:
        return
    pairs = [[getattr(usage, name, None) for name in names] for names in COUNTS]
    counts = next((pair for pair in pairs if all(isinstance(count, int) for count in pair)), None)
    if counts is None:
        answer.usage = None
    elif getattr(usage, "total_tokens", None) is None:
        usage.total_tokens = sum(counts)

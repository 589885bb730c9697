"""What inspect-ai's OpenAI clients do not look at, or fail on: answers that are none, or are odd."""

from __future__ import annotations

import functools
from typing import Any

from harness.model.completions import completion
from harness.model.faults import ServerFault, lenient

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
        return answer

    return whole

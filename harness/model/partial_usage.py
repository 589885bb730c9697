"""Servers that report their tokens in part: inspect-ai's OpenAI clients fail on such an answer."""

from __future__ import annotations

import functools
from typing import Any

#: the two counts without which a server's `usage` says nothing, under the names of the two protocols
COUNTS = (("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens"))


def tolerate(model: Any) -> Any:
    """An inspect-ai model whose OpenAI client, if it has one, takes `usage` with holes for none."""
    client: Any = getattr(model.api, "client", None)
    if type(client).__module__.partition(".")[0] == "openai":
        asked = client.responses if getattr(model.api, "responses_api", False) else client.chat.completions
        asked.create = _without_holes(asked.create)
    return model


def _without_holes(create: Any) -> Any:
    @functools.wraps(create)
    async def whole(*args: Any, **settings: Any) -> Any:
        answer = await create(*args, **settings)
        usage = getattr(answer, "usage", None)
        if usage is not None:
            pairs = [[getattr(usage, name, None) for name in names] for names in COUNTS]
            counts = next((pair for pair in pairs if all(isinstance(count, int) for count in pair)), None)
            if counts is None:
                answer.usage = None
            elif getattr(usage, "total_tokens", None) is None:
                usage.total_tokens = sum(counts)
        return answer

    return whole

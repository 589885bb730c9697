"""What each attempt under way sent its model first, and the tools that it offered: for people to read.

Provenance, like what is `served`: no key and no digest depends on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.base import messages

if TYPE_CHECKING:
    from inspect_ai.tool import ToolInfo

    from harness.model.provider import Call, Provider

#: characters of a request that is kept; of longer ones it is said that they are
LONGEST = 256 * 1024
#: attempts under way, of which the oldest is forgotten: some calls are on behalf of no attempt
MOST = 10_000
#: why a request isn't known
CACHED = "its answer came from the cache, which doesn't hold the request"
TOO_LONG = f"it is longer than {LONGEST:,} characters"


class FirstRequests:
    """By attempt: the body of the first request, as the text of a JSON object, or why it isn't known, as that
    of a JSON string; and every tool that was offered in any of its calls."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], dict[str, Any]] = {}
        self._offered: dict[tuple[str, int], dict[str, ToolInfo]] = {}

    def begins(self, question_id: str, epoch: int, tools: Sequence[ToolInfo]) -> bool:
        """Notes a call; whether it is the first on behalf of its attempt."""
        key = (question_id, epoch)
        first = key not in self._found
        if first:
            self._found[key] = {}
            while len(self._found) > MOST:
                oldest = next(iter(self._found))
                del self._found[oldest]
                self._offered.pop(oldest, None)
        if tools:
            offered = self._offered.setdefault(key, {})
            for tool in tools:
                offered.setdefault(tool.name, tool)
        return first

    def keep(self, question_id: str, epoch: int, request: str) -> None:
        """Keeps the request of a first call."""
        found = self._found.get((question_id, epoch))
        if found is not None:
            found["request"] = request

    def take(self, question_id: str, epoch: int) -> dict[str, Any]:
        """What is known of an attempt that has ended: `request` and `tools`, the text of a JSON list."""
        found = self._found.pop((question_id, epoch), {})
        offered = self._offered.pop((question_id, epoch), {})
        if offered:
            found["tools"] = json.dumps([messages.described(tool) for tool in offered.values()])
        return found

    def clear(self) -> None:
        """Forgets everything, such as what `fit` sent."""
        self._found.clear()
        self._offered.clear()


def as_kept(call: Call, provider: Provider) -> str:
    """The request of a call that was made, or why it isn't known."""
    if call.sent:
        return call.sent[-1] if len(call.sent[-1]) <= LONGEST else json.dumps(TOO_LONG)
    how = "in a batch" if provider.batched else "through inspect-ai's client"
    return json.dumps(f"{provider.name} was asked {how}, which doesn't show what it sends")

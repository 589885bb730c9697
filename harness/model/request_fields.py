"""What the requests of a benchmark's own runner say beside messages, tools and decoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

#: the choice among tools that a request says nothing of, which servers take for `auto`
UNSAID = "unsaid"


@dataclass(frozen=True, slots=True)
class Fields:
    """Of the calls of one question.

    seed: of the first draw; those after it count on. None for none of the task's own.
    tool_choice: how a call with tools asks for them, where its method says nothing: `auto`, `any` (one must
        be called; OpenAI's `required`), UNSAID.
    body: what only servers of OpenAI's protocol are sent, by the protocol's names, such as `store`. A user's
        `extra_body` wins.
    """

    seed: int | None = None
    tool_choice: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)

    def of_draw(self, draw: int) -> Fields:
        """Those of a call that is made again with the same messages."""
        return self if self.seed is None or not draw else replace(self, seed=self.seed + draw)

    def keyed(self) -> list[Any]:
        """What an answer may depend on beside the choice among tools; empty where nothing is said."""
        return [[self.seed, dict(self.body)]] if self.seed is not None or self.body else []


NONE = Fields()

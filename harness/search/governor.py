"""What one episode of research may spend, and whether it has."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from harness.base.errors import UsageError


class CapReached(Exception):
    """A search or a call that a cap doesn't allow. It is not executed; `cap` is the name of the cap."""

    def __init__(self, cap: str, most: int) -> None:
        self.cap, self.most = cap, most
        super().__init__(f"the limit of {most} {NAMES[cap]} is reached")


@dataclass(frozen=True)
class Caps:
    """The most that an episode may spend; None is no limit.

    `searches` are calls of the tool `search`; `documents` different documents seen in full or in part;
    `retrieved` tokens of what the tools gave, counted by `harness.search.words.count_tokens`; `reasoning`
    tokens of thoughts, hidden or written; `total` tokens of all prompts and completions. What stands exactly
    at a cap is no overrun, but nothing more of its kind is begun.

    Raises:
        UsageError: a cap below 0.
    """

    searches: int | None = None
    documents: int | None = None
    retrieved: int | None = None
    reasoning: int | None = None
    total: int | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            most = getattr(self, each.name)
            if most is not None and most < 0:
                raise UsageError(f"{each.name}={most} is below 0")


NAMES = {
    "searches": "searches",
    "documents": "documents",
    "retrieved": "tokens of retrieved text",
    "reasoning": "tokens of reasoning",
    "total": "tokens",
}
#: caps after which nothing more is looked up
_OF_TOOLS = ("searches", "documents", "retrieved", "total")
#: caps after which the answer is due
_OF_ALL = ("reasoning", "total")


class Governor:
    """The account of one episode. Whoever carries out a search asks it first, and tells it what came."""

    def __init__(self, caps: Caps) -> None:
        self.caps = caps
        self.searches = self.retrieved = self.reasoning = self.total = 0
        #: calls that were refused
        self.refused = 0
        self._documents: set[str] = set()

    @property
    def documents(self) -> int:
        """Different documents that were seen."""
        return len(self._documents)

    def begin(self, search: bool) -> None:
        """Notes that a tool is about to be used; `search` or to read a document.

        Raises:
            CapReached: the cap doesn't allow it, and it must not be carried out.
        """
        for cap in _OF_TOOLS if search else _OF_TOOLS[1:]:
            if self._spent(cap):
                self.refused += 1
                raise CapReached(cap, getattr(self.caps, cap))
        self.searches += search

    def came(self, documents: set[str], tokens: int) -> None:
        """Books what a tool gave."""
        self._documents |= documents
        self.retrieved += tokens

    def thought(self, reasoning: int, total: int) -> None:
        """Books a call of the model."""
        self.reasoning += reasoning
        self.total += total

    @property
    def may_search(self) -> bool:
        """Whether another search is allowed."""
        return not any(map(self._spent, _OF_TOOLS)) and not self.answer_due

    @property
    def answer_due(self) -> bool:
        """Whether the next call must be the last."""
        return any(map(self._spent, _OF_ALL))

    @property
    def reasoning_left(self) -> float:
        """Tokens of reasoning that are left; infinite without a cap."""
        most = self.caps.reasoning
        return math.inf if most is None else max(0, most - self.reasoning)

    def _spent(self, cap: str) -> bool:
        most = getattr(self.caps, cap)
        return most is not None and getattr(self, cap) >= most

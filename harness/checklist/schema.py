"""A checklist as data: one list of weighted yes-or-no items for every turn of the user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: which part of a message an item is about
FOCUS = (
    "assistant.tool_calls",
    "assistant.content.thinking",
    "assistant.content.user_visible_reply",
    "tool.content",
)
#: which part of a message evidence may point to
SOURCES = ("user.content", *FOCUS)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A pointer into the reference dialogue. Step 0 of a turn is the user's message."""

    turn: int
    step: int
    source: str  # `from` in files
    snippet: str


@dataclass(frozen=True, slots=True)
class Item:
    """One yes-or-no question about a turn.

    `dependence` are ids of items of the same turn that come before it; `weight` is its share of the turn's
    score, all weights of a turn sum to 1; `required_for_next_turn`: where it is unmet at the end of the turn,
    the dialogue stops. `rule` is ours: what a task decides the item by without a model, in its own form
    (`Task.verdicts`); it is no part of files in the released layout.
    """

    id: str
    question: str
    pass_condition: str
    focus_on: str
    weight: float
    dependence: tuple[str, ...] = ()
    required_for_next_turn: bool = False
    evidence: tuple[Evidence, ...] = ()
    failure_examples: tuple[str, ...] = ()
    rule: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Checklist:
    """The items of every turn, in the order of turns. `source` says what they were made from: `reference` (a
    reference dialogue or wanted actions, for training splits), or `request` (what the agent may see)."""

    turns: tuple[tuple[Item, ...], ...]
    source: str = "reference"

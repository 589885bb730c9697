"""What reading a completion gives: an answer, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

#: Why a completion has no answer, or an answer is no right one: "no statement" nothing is presented as one;
#: "cut off" the thought or the statement never ends; "hedged" two answers are offered as alternatives;
#: "several" more are given than were asked for; "unreadable" what is presented is no answer of the kind;
#: "not simplified" it restates the question; "not comparable" the grader gave up, which says nothing of it;
#: "empty" there is no text; "only reasoning" all of it stands where the model's thoughts do.
Reason = Literal[
    "no statement",
    "cut off",
    "hedged",
    "several",
    "unreadable",
    "not simplified",
    "not comparable",
    "empty",
    "only reasoning",
]
REASONS: tuple[Reason, ...] = get_args(Reason)


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer as text, or None and why."""

    answer: str | None
    reason: Reason | None = None

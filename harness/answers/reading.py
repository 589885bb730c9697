"""What reading a completion gives: an answer, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Why a completion has no answer, or an answer could not be judged:
#: "no statement" nothing is presented as an answer; "cut off" the thought or the statement never ends;
#: "hedged" two answers are offered as alternatives; "several" more are given than were asked for;
#: "unreadable" something is presented that is no answer of the wanted kind; "not comparable" the grader
#: gave up.
Reason = Literal["no statement", "cut off", "hedged", "several", "unreadable", "not comparable"]
REASONS: tuple[Reason, ...] = ("no statement", "cut off", "hedged", "several", "unreadable", "not comparable")


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer as text, or None and why."""

    answer: str | None
    reason: Reason | None = None

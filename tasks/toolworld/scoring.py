"""What an episode in the office is worth: its calls are carried out again and compared with the wanted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.answers.normalise import said as plainly
from harness.tasks.toolworld.office import Office, Summary
from harness.tasks.toolworld.tools import toolbox
from harness.world import ToolError

#: tools that change the office
CHANGING = frozenset({"book_room", "move_booking", "cancel_booking", "send_message"})
#: what can't stand beside a word of its own: letters, digits, and what binds digits to one number
_BEFORE, _BEHIND = r"(?<!\w)(?<!\d[.,/:-])(?<!-)", r"(?!\w|%|[.,/:-]\d)"


def replayed(office: Office, calls: Iterable[Sequence[Any]]) -> Office:
    """The office after calls, of which those that fail change nothing; returns `office`."""
    for call in calls:
        if call[0] in CHANGING:
            works(office, call)
    return office


def works(office: Office, call: Sequence[Any]) -> bool:
    """Carries a call out; whether it did not fail."""
    try:
        toolbox().run(office, *call)
    except ToolError:
        return False
    return True


def correct(answer: Mapping[str, Any], target: Mapping[str, Any], scripted: bool) -> bool:
    """Whether the calls lead where the wanted actions lead, and every text was said that was asked for, in
    its place: the answer to a scripted user's i-th line is the i-th message. A simulated user has as many
    turns as it likes; there each text must be in a later message than the one before it, said while the
    bookings stood as they are wanted by then."""
    wanted, flat = Office(target["office"]), [call for turn in target["actions"] for call in turn]
    if replayed(Office(target["office"]), answer["calls"]).summary() != replayed(wanted, flat).summary():
        return False
    return _in_its_turn(answer, target) if scripted else _in_order(answer, target)


def _in_its_turn(answer: Mapping[str, Any], target: Mapping[str, Any]) -> bool:
    pairs = zip(answer["said"], target["says"], strict=False)
    return all_answered(answer, target) and all(holds(said, texts) for said, texts in pairs)


def all_answered(answer: Mapping[str, Any], target: Mapping[str, Any]) -> bool:
    """Whether each of a scripted user's lines has its message; the episode was cut off where one lacks."""
    return len(answer["said"]) >= len(target["lines"])


def _in_order(answer: Mapping[str, Any], target: Mapping[str, Any]) -> bool:
    wanted, office, done = Office(target["office"]), Office(target["office"]), 0
    messages = iter(zip(answer["said"], ends(answer), strict=True))
    for actions, texts in zip(target["actions"], target["says"], strict=True):
        replayed(wanted, actions)
        for text, end in messages if texts else ():
            replayed(office, answer["calls"][done:end])
            done = end
            if holds(text, texts) and office.summary()[0] == wanted.summary()[0]:
                break
        else:
            if texts:
                return False
    return True


def turns_right(answer: Mapping[str, Any], target: Mapping[str, Any]) -> float:
    """The share of the lines whose own turn changed in the office what the wanted actions of that line
    change, nothing more or less, and whose answer holds the texts asked for."""
    wanted, office, right = Office(target["office"]), Office(target["office"]), 0
    was, should = office.summary(), wanted.summary()
    turns = zip(target["actions"], target["says"], by_turn(answer, len(target["lines"])), strict=False)
    for actions, texts, (calls, said) in turns:
        before, wanted_before = was, should
        was = replayed(office, calls).summary()
        should = replayed(wanted, actions).summary()
        if said is not None:
            right += _change(before, was) == _change(wanted_before, should) and holds(said, texts)
    return right / len(target["lines"])


def _change(before: Summary, after: Summary) -> list[dict[Any, int]]:
    """How many of each booking and each message were added, below zero where they were taken away."""
    return [
        {key: new[key] - old[key] for key in new.keys() | old.keys() if new[key] != old[key]}
        for old, new in zip(before, after, strict=True)
    ]


def by_turn(answer: Mapping[str, Any], lines: int) -> list[tuple[list[Any], str | None]]:
    """The calls and the words that answer each of a scripted user's lines: those of the lines that were
    reached, None for words that were never said. Whatever was done after the last words belongs to them."""
    said, calls, made, done = answer["said"][:lines], answer["calls"], [], 0
    turn_ends = ends(answer)[:lines]
    if len(said) == lines:
        turn_ends[-1] = len(calls)
    for text, end in zip([*said, None], [*turn_ends, len(calls)], strict=True):
        made.append((calls[done:end], text))
        done = end
    return made[:lines]


def ends(answer: Mapping[str, Any]) -> list[int]:
    """How many calls came before each message; recordings that don't say so made all of them first."""
    return list(answer.get("after") or [len(answer["calls"])] * len(answer["said"]))


def holds(said: str, texts: Iterable[str]) -> bool:
    """Whether each text stands in a message as a word of its own: no part of another number (`3` is not in
    `3.5`, `-3`, `1/3` or `3:30`), and outside of the model's thoughts."""
    spoken = plainly(said).text
    return all(re.search(_BEFORE + re.escape(text) + _BEHIND, spoken) for text in texts)


def is_trajectory(found: Any) -> bool:
    """Whether data from outside has an answer's form."""
    if not (isinstance(found, dict) and isinstance(found.get("calls"), list)):
        return False
    calls, said = found["calls"], found.get("said")
    if not isinstance(said, list) or not all(isinstance(text, str) for text in said):
        return False
    if not all(
        isinstance(call, list)
        and len(call) == 2
        and isinstance(call[0], str)
        and isinstance(call[1], dict)
        and all(isinstance(key, str) for key in call[1])
        for call in calls
    ):
        return False
    after = found.get("after", [len(calls)] * len(said))
    return (
        isinstance(after, list)
        and len(after) == len(said)
        and all(type(end) is int and 0 <= end <= len(calls) for end in after)
        and sorted(after) == after
    )

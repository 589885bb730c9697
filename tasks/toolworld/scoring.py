"""What an episode in the office is worth: its calls are carried out again and compared with the wanted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.tasks.toolworld.office import Office, Summary
from harness.tasks.toolworld.tools import toolbox
from harness.world import ToolError

#: tools that change the office
CHANGING = frozenset({"book_room", "move_booking", "cancel_booking", "send_message"})


def replayed(office: Office, calls: Iterable[Sequence[Any]]) -> Office:
    """The office after calls, of which those that fail change nothing; returns `office`."""
    for name, arguments in calls:
        if name in CHANGING:
            try:
                toolbox().run(office, name, arguments)
            except ToolError:
                pass
    return office


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
    said = answer["said"]
    return all(n < len(said) and holds(said[n], texts) for n, texts in enumerate(target["says"]) if texts)


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
    wanted, office, done, right = Office(target["office"]), Office(target["office"]), 0, 0
    was, should = office.summary(), wanted.summary()
    turns = zip(target["actions"], target["says"], answer["said"], ends(answer), strict=False)
    for actions, texts, said, end in turns:
        before, wanted_before = was, should
        was = replayed(office, answer["calls"][done:end]).summary()
        should = replayed(wanted, actions).summary()
        right += _change(before, was) == _change(wanted_before, should) and holds(said, texts)
        done = end
    return right / len(target["lines"])


def _change(before: Summary, after: Summary) -> list[dict[Any, int]]:
    """How many of each booking and each message were added, below zero where they were taken away."""
    return [
        {key: new[key] - old[key] for key in new.keys() | old.keys() if new[key] != old[key]}
        for old, new in zip(before, after, strict=True)
    ]


def ends(answer: Mapping[str, Any]) -> list[int]:
    """How many calls came before each message; recordings that don't say so made all of them first."""
    return list(answer.get("after") or [len(answer["calls"])] * len(answer["said"]))


def holds(said: str, texts: Iterable[str]) -> bool:
    """Whether each text stands in a message as a word of its own."""
    return all(re.search(rf"(?<!\w){re.escape(text)}(?!\w)", said) for text in texts)


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

"""The person beside an agent in the office, who knows what is wanted, and its changes of mind."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from harness.base.errors import UsageError
from harness.human import Brief, Fact, Refusal
from harness.human.brief import Move
from harness.tasks.toolworld.generate import MAKERS
from harness.tasks.toolworld.office import DAYS, Office
from harness.tasks.toolworld.scoring import CHANGING
from harness.team.interrupted import ADDITION, RETRACTION, REVISION, Interruption
from harness.team.person import brief_of

#: the calls that can't be undone
IRREVERSIBLE = ("send_message",)
#: how the arguments of a wanted call are called in a brief
NAMED = {"room_id": "room", "person_id": "person", "booking_id": "booking", "day": "day", "text": "text"}
#: calls of a run that looks up what it must, before it changes anything, by kind
LOOKUPS = {"message": 1, "book": 3, "cancel": 2, "move": 2, "notify": 1, "count": 2}
#: kinds whose change can be taken back or made otherwise: what was sent or said is out
UNDOABLE = ("book", "cancel", "move")


def brief(target: Mapping[str, Any], args: Mapping[str, Any]) -> Brief:
    """What is wanted, as calls; where one call does it, its arguments are facts. Nothing of it has to be
    asked for: an agent can look all of it up."""
    moves: list[Move] = [(name, given) for turn in target["actions"] for name, given in turn]
    facts = [
        Fact(NAMED[name], str(value)) for name, value in (moves[0][1] if len(moves) == 1 else {}).items()
    ]
    refuses = [
        Refusal(
            tool, {}, "that is not what I asked for", tuple(given for name, given in moves if name == tool)
        )
        for tool in sorted(CHANGING)
    ]
    return brief_of(
        args,
        goal=" ".join(target["lines"]),
        facts=tuple(facts),
        refuses=tuple(refuses),
        moves=tuple(moves),
        needed=(),
    )


def kinds_for(kinds: list[str], change: Interruption | None) -> list[str]:
    """The kinds of items that can be graded with a change of mind."""
    return [kind for kind in kinds if change is None or change.kind == ADDITION or kind in UNDOABLE]


def interrupted(target: dict[str, Any], change: Interruption) -> dict[str, Any]:
    """An item of `toolworld/single` whose user changes its mind: with the actions that are wanted in the end,
    what the user says (`change`) and after how many calls (`after`)."""
    office, rng = Office(target["office"]), random.Random(f"{change.kind}-{target['office']}")
    calls = LOOKUPS[target["kind"]] + len(target["actions"][0])
    said, actions = _CHANGES[change.kind](office, rng, target["actions"][0])
    return {**target, "actions": [actions], "change": said, "after": change.after(calls)}


def _added(office: Office, rng: random.Random, actions: Sequence[Any]) -> tuple[str, list[Any]]:
    ((line, more, _),) = MAKERS["message"](office, rng)
    return f"And one more thing. {line}", [*actions, *more]


def _revised(office: Office, rng: random.Random, actions: Sequence[Any]) -> tuple[str, list[Any]]:
    ((name, given),) = actions
    if name == "move_booking":
        room, old = (
            office.bookings[given["booking_id"]]["room_id"],
            office.bookings[given["booking_id"]]["day"],
        )
        days = [d for d in range(1, DAYS + 1) if office.free(room, d) and d not in (given["day"], old)]
        day = rng.choice(days)
        return f"Sorry, make that day {day} instead.", [[name, {**given, "day": day}]]
    if name == "book_room":
        days = [d for d in range(1, DAYS + 1) if office.free(given["room_id"], d) and d != given["day"]]
        day = rng.choice(days)
        return f"Sorry, in the same room, but on day {day} instead.", [[name, {**given, "day": day}]]
    others = [key for key in office.bookings if key != given["booking_id"]]
    other = rng.choice(others)
    row = office.bookings[other]
    said = (
        f"Sorry, leave that one as it was: cancel the booking of {office.name(row['person_id'])} on day "
        f"{row['day']} instead."
    )
    return said, [[name, {"booking_id": other}]]


def _taken_back(office: Office, rng: random.Random, actions: Sequence[Any]) -> tuple[str, list[Any]]:
    return "Never mind: leave everything as it was.", []


_CHANGES = {ADDITION: _added, REVISION: _revised, RETRACTION: _taken_back}


def read_change(task: str, args: Mapping[str, Any]) -> Interruption | None:
    """The change of mind that a task's argument `interrupt` names; None where it names none.

    Raises:
        UsageError: it has another form, or goes with a user that a model plays.
    """
    if not args.get("interrupt"):
        return None
    if args["user"] != "scripted":
        raise UsageError(f"{task}: interrupt= goes with user=scripted: a simulated user knows of no change")
    return Interruption.read(args["interrupt"])

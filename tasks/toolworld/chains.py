"""Chains: several plain requests one after another, each against the office that those before it leave."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from harness.tasks.toolworld.generate import MAKERS, Ask, target
from harness.tasks.toolworld.office import Office

KINDS = ("message", "cancel", "move", "count", "notify")
#: a chain's turns: bookings run out beyond the last
TURNS = range(1, 13)
#: a request needs no more wanted actions than this, so that an agent has moves to spare within a turn
MOST_ACTIONS = 6


def chain(turns: int, seed: int, of: Sequence[str] = KINDS) -> dict[str, Any]:
    """An item of `turns` requests, each of one of the kinds `of`: as `harness.tasks.toolworld.generate.item`,
    with the `kinds` of its requests. No booking is changed twice and nobody has two on a day, so that every
    wanted action shows in the end and a person with a day always names one booking."""
    office, rng = Office(seed), random.Random(f"chain-{turns}-{seed}")
    kinds: list[str] = []
    asked: list[Ask] = []
    changed: set[str] = set()
    while len(asked) < turns:
        kind = rng.choice(of)
        (ask,) = MAKERS[kind](office, rng)
        if _usable(ask, office, changed):
            for name, arguments in ask[1]:
                getattr(office, name)(**arguments)
                changed |= {arguments[key] for key in ("booking_id",) if key in arguments}
            kinds.append(kind)
            asked.append(ask)
    return {**target("chain", seed, asked), "kinds": kinds}


def _usable(ask: Ask, office: Office, changed: set[str]) -> bool:
    _, actions, _ = ask
    if len(actions) > MOST_ACTIONS:
        return False
    for name, arguments in actions:
        if arguments.get("booking_id") in changed:
            return False
        if name == "move_booking":
            person = office.bookings[arguments["booking_id"]]["person_id"]
            if any(row["day"] == arguments["day"] for row in office.person_bookings(person)):
                return False
    return True

"""Requests with a known right outcome, made from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from harness.tasks.toolworld.lines import line
from harness.tasks.toolworld.notes import NOTES
from harness.tasks.toolworld.office import CITIES, DAYS, Office

Action = list[Any]
#: a line of the user, the actions that fulfil it, and the texts that its answer must hold
Ask = tuple[str, list[Action], list[str]]


def item(kind: str, seed: int) -> dict[str, Any]:
    """One item: the user's `lines`, for each the `actions` that fulfil it and the texts that its answer must
    hold (`says`), and the seed of its office."""
    return target(kind, seed, MAKERS[kind](Office(seed), random.Random(f"{kind}-{seed}")))


def target(kind: str, seed: int, asked: Sequence[Ask]) -> dict[str, Any]:
    """An item of these requests."""
    lines, actions, says = map(list, zip(*asked, strict=True))
    return {"kind": kind, "office": seed, "lines": lines, "actions": actions, "says": says}


def _person(office: Office, rng: random.Random) -> str:
    return rng.choice(list(office.people))


def _booking(office: Office, rng: random.Random) -> tuple[str, str, int]:
    """A booking with its person's name and its day, which tell it apart."""
    booking_id = rng.choice(list(office.bookings))
    row = office.bookings[booking_id]
    return booking_id, office.name(row["person_id"]), row["day"]


def _free_days(office: Office, rng: random.Random, booking_id: str, count: int) -> list[int]:
    room = office.bookings[booking_id]["room_id"]
    return rng.sample([day for day in range(1, DAYS + 1) if office.free(room, day)], count)


def _room(office: Office, rng: random.Random) -> tuple[str, int, int, str]:
    """City, seats and day for which there is a free room, and the cheapest of these."""
    while True:
        city, seats, day = rng.choice(CITIES), rng.choice((2, 3, 4, 5)), rng.randint(1, DAYS)
        room = office.cheapest(city, seats, day)
        if room:
            return city, seats, day, room


def message(office: Office, rng: random.Random) -> list[Ask]:
    person, note = _person(office, rng), rng.choice(NOTES)
    asked = line("message", name=office.name(person), note=note)
    return [(asked, [["send_message", {"person_id": person, "text": note}]], [])]


def book(office: Office, rng: random.Random) -> list[Ask]:
    person, (city, seats, day, room) = _person(office, rng), _room(office, rng)
    asked = (
        f"Book the cheapest free room in {city} for {seats} people on day {day}, in the name of "
        f"{office.name(person)}."
    )
    return [(asked, [["book_room", {"room_id": room, "person_id": person, "day": day}]], [])]


def cancel(office: Office, rng: random.Random) -> list[Ask]:
    booking, name, day = _booking(office, rng)
    return [(line("cancel", name=name, day=day), [["cancel_booking", {"booking_id": booking}]], [])]


def move(office: Office, rng: random.Random) -> list[Ask]:
    booking, name, day = _booking(office, rng)
    (free,) = _free_days(office, rng, booking, 1)
    wanted = ["move_booking", {"booking_id": booking, "day": free}]
    return [(line("move", name=name, day=day, to=free), [wanted], [])]


def notify(office: Office, rng: random.Random) -> list[Ask]:
    room = rng.choice([row["room_id"] for row in office.bookings.values()])
    people = sorted({row["person_id"] for row in office.room_bookings(room)})
    note = rng.choice(NOTES)
    wanted = [["send_message", {"person_id": person, "text": note}] for person in people]
    return [(line("notify", room=room, note=note), wanted, [])]


def count(office: Office, rng: random.Random) -> list[Ask]:
    person = rng.choice([row["person_id"] for row in office.bookings.values()])
    number = len(office.person_bookings(person))
    return [(line("count", name=office.name(person)), [], [str(number)])]


def piecemeal(office: Office, rng: random.Random) -> list[Ask]:
    person, (city, seats, day, room) = _person(office, rng), _room(office, rng)
    wanted = ["book_room", {"room_id": room, "person_id": person, "day": day}]
    return [
        (f"Hello, {office.name(person)} needs a room in {city}.", [], []),
        (f"It is for {seats} people.", [], []),
        (f"On day {day}. Book the cheapest that is free, please.", [wanted], []),
        ("Thank you, that is all.", [], []),
    ]


def correction(office: Office, rng: random.Random) -> list[Ask]:
    booking, name, day = _booking(office, rng)
    first, second = _free_days(office, rng, booking, 2)
    asked = f"Please move the booking of {name} on day {day} to day {first}, in the same room."
    wanted = ["move_booking", {"booking_id": booking, "day": second}]
    return [
        (asked, [], []),  # where the booking is in between makes no difference in the end
        (f"Sorry, I misread my calendar: it must be day {second} instead.", [wanted], []),
        ("Good, thank you.", [], []),
    ]


def errand(office: Office, rng: random.Random) -> list[Ask]:
    booking, name, day = _booking(office, rng)
    person, note = _person(office, rng), rng.choice(NOTES)
    left = len(office.person_bookings(office.bookings[booking]["person_id"])) - 1
    sent = ["send_message", {"person_id": person, "text": note}]
    return [
        (
            f"Cancel the booking of {name} on day {day}, please.",
            [["cancel_booking", {"booking_id": booking}]],
            [],
        ),
        (f'And let {office.name(person)} have this message: "{note}"', [sent], []),
        (f"How many bookings has {name} left? The number in digits, please.", [], [str(left)]),
    ]


MAKERS = {
    "message": message,
    "book": book,
    "cancel": cancel,
    "move": move,
    "notify": notify,
    "count": count,
    "piecemeal": piecemeal,
    "correction": correction,
    "errand": errand,
}

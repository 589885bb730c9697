"""Requests with a known right outcome, made from a seed."""

from __future__ import annotations

import random
from typing import Any

from harness.tasks.toolworld.office import CITIES, DAYS, Office

Action = list[Any]
THINGS = (
    "The projector",
    "The side door",
    "The blue binder",
    "The coffee machine",
    "Your parcel",
    "The spare key",
)
FACTS = (
    "is in the cellar",
    "has been repaired",
    "is wanted in the lobby",
    "can be fetched at noon",
    "will be replaced on Friday",
    "is with the porter",
)
NOTES = tuple(f"{thing} {fact}" for thing in THINGS for fact in FACTS)


def item(kind: str, seed: int) -> dict[str, Any]:
    """One item: the user's `lines`, the `actions` that fulfil them, what must be said (`says`), and the
    seed of its office."""
    office, rng = Office(seed), random.Random(f"{kind}-{seed}")
    lines, actions, says = MAKERS[kind](office, rng)
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


def message(office: Office, rng: random.Random) -> tuple[list[str], list[Action], list[str]]:
    person, note = _person(office, rng), rng.choice(NOTES)
    return (
        [f'Send {office.name(person)} this message: "{note}"'],
        [["send_message", {"person_id": person, "text": note}]],
        [],
    )


def book(office: Office, rng: random.Random) -> tuple[list[str], list[Action], list[str]]:
    person, (city, seats, day, room) = _person(office, rng), _room(office, rng)
    return (
        [
            f"Book the cheapest free room in {city} for {seats} people on day {day}, in the name of "
            f"{office.name(person)}."
        ],
        [["book_room", {"room_id": room, "person_id": person, "day": day}]],
        [],
    )


def cancel(office: Office, rng: random.Random) -> tuple[list[str], list[Action], list[str]]:
    booking, name, day = _booking(office, rng)
    return [f"Cancel the booking of {name} on day {day}."], [["cancel_booking", {"booking_id": booking}]], []


def move(office: Office, rng: random.Random) -> tuple[list[str], list[Action], list[str]]:
    booking, name, day = _booking(office, rng)
    (free,) = _free_days(office, rng, booking, 1)
    return (
        [f"Move the booking of {name} on day {day} to day {free}, in the same room."],
        [["move_booking", {"booking_id": booking, "day": free}]],
        [],
    )


def notify(office: Office, rng: random.Random) -> tuple[list[str], list[Action], list[str]]:
    room = rng.choice([row["room_id"] for row in office.bookings.values()])
    people = sorted({row["person_id"] for row in office.room_bookings(room)})
    note = rng.choice(NOTES)
    return (
        [f'Send everyone who has a booking of room {room} this message, once each: "{note}"'],
        [["send_message", {"person_id": person, "text": note}] for person in people],
        [],
    )


def count(office: Office, rng: random.Random) -> tuple[list[str], list[Action], list[str]]:
    person = rng.choice([row["person_id"] for row in office.bookings.values()])
    number = len(office.person_bookings(person))
    return (
        [f"How many bookings does {office.name(person)} have? Answer with the number in digits."],
        [],
        [str(number)],
    )


def piecemeal(office: Office, rng: random.Random) -> tuple[list[str], list[Action], list[str]]:
    person, (city, seats, day, room) = _person(office, rng), _room(office, rng)
    return (
        [
            f"Hello, {office.name(person)} needs a room in {city}.",
            f"It is for {seats} people.",
            f"On day {day}. Book the cheapest that is free, please.",
            "Thank you, that is all.",
        ],
        [["book_room", {"room_id": room, "person_id": person, "day": day}]],
        [],
    )


def correction(office: Office, rng: random.Random) -> tuple[list[str], list[Action], list[str]]:
    booking, name, day = _booking(office, rng)
    first, second = _free_days(office, rng, booking, 2)
    return (
        [
            f"Please move the booking of {name} on day {day} to day {first}, in the same room.",
            f"Sorry, I misread my calendar: it must be day {second} instead.",
            "Good, thank you.",
        ],
        [["move_booking", {"booking_id": booking, "day": second}]],
        [],
    )


def errand(office: Office, rng: random.Random) -> tuple[list[str], list[Action], list[str]]:
    booking, name, day = _booking(office, rng)
    person, note = _person(office, rng), rng.choice(NOTES)
    left = len(office.person_bookings(office.bookings[booking]["person_id"])) - 1
    return (
        [
            f"Cancel the booking of {name} on day {day}, please.",
            f'And let {office.name(person)} have this message: "{note}"',
            f"How many bookings has {name} left? The number in digits, please.",
        ],
        [["cancel_booking", {"booking_id": booking}], ["send_message", {"person_id": person, "text": note}]],
        [str(left)],
    )


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

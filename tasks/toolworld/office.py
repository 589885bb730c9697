"""The world's state and its tools: people, rooms, bookings and messages of one month."""

from __future__ import annotations

import random
from collections import Counter
from functools import lru_cache
from typing import Any, Literal

from harness.world import ToolError

CITIES = ("Lyon", "Porto", "Graz", "Turku")
FIRST = ("Ada", "Bo", "Chidi", "Dana", "Emil", "Farah", "Gita", "Hugo", "Ines", "Jonas", "Kira", "Luis")
LAST = ("Abel", "Brandt", "Costa", "Dietz", "Ekberg", "Fontaine", "Greco", "Haas")
NAMES = tuple(f"{first} {last}" for first in FIRST for last in LAST)
DAYS = 28
PEOPLE = ROOMS = 12
BOOKINGS = 20
#: id -> fields
Rows = dict[str, dict[str, Any]]
#: bookings and messages, each with how often it is there
Summary = tuple[Counter[Any], Counter[Any]]
TOOLS = (
    "find_people",
    "find_rooms",
    "room_bookings",
    "person_bookings",
    "book_room",
    "move_booking",
    "cancel_booking",
    "send_message",
    "read_messages",
)


class Office:
    """Made from a seed; the same seed gives the same office."""

    def __init__(self, seed: int) -> None:
        people, rooms, bookings = _furnished(seed)
        self.people: dict[str, dict[str, Any]] = people  # no tool changes people or rooms
        self.rooms: dict[str, dict[str, Any]] = rooms
        self.bookings: dict[str, dict[str, Any]] = {key: dict(row) for key, row in bookings.items()}
        self.messages: list[dict[str, str]] = []
        self._made = len(bookings)

    # -- tools: their docstrings and signatures are what the agent reads --------------------------

    def find_people(self, name: str) -> list[dict[str, Any]]:
        """People whose name contains a text.

        Args:
            name: A first name, a last name or both.
        """
        wanted = name.casefold().strip()
        return [
            {"person_id": key, **row} for key, row in self.people.items() if wanted in row["name"].casefold()
        ]

    def find_rooms(self, city: str, seats: int) -> list[dict[str, Any]]:
        """Rooms in a city with at least so many seats, with their price a day.

        Args:
            city: The city's name.
            seats: How many people must fit.
        """
        return [
            {"room_id": key, **row}
            for key, row in self.rooms.items()
            if row["city"].casefold() == city.casefold().strip() and row["seats"] >= seats
        ]

    def room_bookings(self, room_id: str) -> list[dict[str, Any]]:
        """All bookings of a room; on other days it is free.

        Args:
            room_id: The room, as in R3.
        """
        self._known(self.rooms, "room", room_id)
        return self._list("room_id", room_id)

    def person_bookings(self, person_id: str) -> list[dict[str, Any]]:
        """All bookings of a person.

        Args:
            person_id: The person, as in P3.
        """
        self._known(self.people, "person", person_id)
        return self._list("person_id", person_id)

    def book_room(self, room_id: str, person_id: str, day: int) -> dict[str, Any]:
        """Books a room for a person on a day.

        Args:
            room_id: The room, as in R3.
            person_id: The person, as in P3.
            day: Day of the month, 1 to 28.
        """
        self._known(self.rooms, "room", room_id)
        self._known(self.people, "person", person_id)
        self._must_be_free(room_id, day)
        self._made += 1
        booking_id = f"B{self._made}"
        self.bookings[booking_id] = {"room_id": room_id, "person_id": person_id, "day": day}
        return {"booking_id": booking_id}

    def move_booking(self, booking_id: str, day: int) -> Literal["moved"]:
        """Moves a booking to another day, in the same room.

        Args:
            booking_id: The booking, as in B3.
            day: Day of the month, 1 to 28.
        """
        booking = self._known(self.bookings, "booking", booking_id)
        self._must_be_free(booking["room_id"], day)
        booking["day"] = day
        return "moved"

    def cancel_booking(self, booking_id: str) -> Literal["cancelled"]:
        """Cancels a booking.

        Args:
            booking_id: The booking, as in B3.
        """
        self._known(self.bookings, "booking", booking_id)
        del self.bookings[booking_id]
        return "cancelled"

    def send_message(self, person_id: str, text: str) -> Literal["sent"]:
        """Sends a message to a person.

        Args:
            person_id: The person, as in P3.
            text: The message, word for word.
        """
        self._known(self.people, "person", person_id)
        self.messages.append({"person_id": person_id, "text": text})
        return "sent"

    def read_messages(self, person_id: str) -> list[str]:
        """The messages sent to a person so far.

        Args:
            person_id: The person, as in P3.
        """
        self._known(self.people, "person", person_id)
        return [row["text"] for row in self.messages if row["person_id"] == person_id]

    # -- for the task ------------------------------------------------------------------------------

    def summary(self) -> Summary:
        """The state without what may differ between two right solutions: the numbers of bookings, case
        and outer punctuation of messages."""
        booked = Counter(tuple(row.values()) for row in self.bookings.values())
        messages = Counter((row["person_id"], same_text(row["text"])) for row in self.messages)
        return booked, messages

    def name(self, person_id: str) -> str:
        """A person's full name, which nobody shares."""
        return str(self.people[person_id]["name"])

    def cheapest(self, city: str, seats: int, day: int) -> str | None:
        """The cheapest room that is free, None if there is none; no two rooms have one price."""
        free = [row for row in self.find_rooms(city, seats) if self.free(row["room_id"], day)]
        return min(free, key=lambda row: row["price"])["room_id"] if free else None

    def _list(self, key: str, value: str) -> list[dict[str, Any]]:
        return [{"booking_id": n, **row} for n, row in self.bookings.items() if row[key] == value]

    def free(self, room_id: str, day: int) -> bool:
        return all((row["room_id"], row["day"]) != (room_id, day) for row in self.bookings.values())

    def _must_be_free(self, room_id: str, day: int) -> None:
        if not 1 <= day <= DAYS:
            raise ToolError(f"day {day} is not in this month of {DAYS} days")
        if not self.free(room_id, day):
            raise ToolError(f"room {room_id} is taken on day {day}")

    def _known(self, table: dict[str, dict[str, Any]], noun: str, key: str) -> dict[str, Any]:
        if key not in table:
            raise ToolError(f"there is no {noun} {key[:40]!r}")
        return table[key]


def same_text(message: str) -> str:
    """A message without what makes no difference: case, spacing and outer punctuation."""
    return " ".join(message.casefold().split()).strip(" .!\"'“”")


@lru_cache(maxsize=4096)
def _furnished(seed: int) -> tuple[Rows, Rows, Rows]:
    """People, rooms and bookings of a new office; a world that is played several times is made once."""
    rng = random.Random(seed)
    names = rng.sample(NAMES, PEOPLE)
    prices = rng.sample(range(40, 200), ROOMS)
    people: Rows = {f"P{n}": {"name": name, "city": rng.choice(CITIES)} for n, name in enumerate(names, 1)}
    rooms: Rows = {
        f"R{n}": {"city": CITIES[n % len(CITIES)], "seats": rng.choice((2, 4, 6, 8, 12)), "price": price}
        for n, price in enumerate(prices, 1)
    }
    bookings: Rows = {}
    taken: set[tuple[str, int]] = set()  # days of rooms and of people: no two bookings share one
    room_ids, person_ids = list(rooms), list(people)
    while len(bookings) < BOOKINGS:
        room, person, day = rng.choice(room_ids), rng.choice(person_ids), rng.randint(1, DAYS)
        if taken.isdisjoint(((room, day), (person, day))):
            taken |= {(room, day), (person, day)}
            bookings[f"B{len(bookings) + 1}"] = {"room_id": room, "person_id": person, "day": day}
    return people, rooms, bookings

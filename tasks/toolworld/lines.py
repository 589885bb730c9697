"""The user's lines of plain requests: one template each, which writes a line and reads it back."""

from __future__ import annotations

import re
from functools import cache

#: kind of request -> its line
LINES = {
    "message": 'Send {name} this message: "{note}"',
    "cancel": "Cancel the booking of {name} on day {day}.",
    "move": "Move the booking of {name} on day {day} to day {to}, in the same room.",
    "count": "How many bookings does {name} have? Answer with the number in digits.",
    "notify": 'Send everyone who has a booking of room {room} this message, once each: "{note}"',
}


def line(kind: str, **fields: str | int) -> str:
    """The line of a request."""
    return LINES[kind].format(**fields)


def read_line(text: str) -> tuple[str, dict[str, str]] | None:
    """Kind and fields of a line, None where it is none of these requests. `read_line(line(kind, **fields))`
    is kind and fields again, the fields as texts."""
    for kind, pattern in _patterns():
        if found := pattern.fullmatch(text):
            return kind, found.groupdict()
    return None


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [
        (kind, re.compile(re.sub(r"\\\{(\w+)\\\}", _group, re.escape(template)), re.ASCII))
        for kind, template in LINES.items()
    ]


def _group(field: re.Match[str]) -> str:
    name = field[1]
    return rf"(?P<{name}>\d+)" if name in ("day", "to") else f"(?P<{name}>.+?)"

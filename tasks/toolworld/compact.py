"""The compact notation of chains: requests, actions and results in words, one word a token.

A request is a sentence and begins with a capital (`Cancel Ada_Abel d12`), an action does not
(`cancel d12 B6`). The day that follows `cancel` and `move` is the asked one restated: it puts the key beside
the value that is copied, and is no argument. Requests and actions can be written and read back without loss;
of results only the fields that somebody needs are kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.tasks.toolworld.lines import line, read_line
from harness.tasks.toolworld.notes import NOTES
from harness.tasks.toolworld.office import BOOKINGS, DAYS, NAMES, PEOPLE, ROOMS

SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
OK, ERR, NONE, DONE = "ok", "err", "none", "done"
#: request word, then the fields of its line
REQUESTS = {
    "message": ("Tell", "name", "note"),
    "cancel": ("Cancel", "name", "day"),
    "move": ("Move", "name", "day", "to"),
    "count": ("Count", "name"),
    "notify": ("Notify", "room", "note"),
}
#: action word -> tool, then its arguments in order; `thought` is a word that is no argument
ACTIONS = {
    "find": ("find_people", "name"),
    "bookings": ("person_bookings", "person_id"),
    "room": ("room_bookings", "room_id"),
    "cancel": ("cancel_booking", "thought", "booking_id"),
    "move": ("move_booking", "thought", "booking_id", "day"),
    "send": ("send_message", "person_id", "text"),
}
_WORD_OF = {tool: word for word, (tool, *_) in ACTIONS.items()}
KIND_OF = {word: kind for kind, (word, *_) in REQUESTS.items()}


def _numbered(letter: str, count: int, values: Sequence[Any] = ()) -> dict[str, Any]:
    return {f"{letter}{n}": values[n - 1] if values else f"{letter}{n}" for n in range(1, count + 1)}


_NAMES = {name.replace(" ", "_"): name for name in NAMES}
_PEOPLE, _ROOMS, _BOOKED = _numbered("P", PEOPLE), _numbered("R", ROOMS), _numbered("B", 2 * BOOKINGS)
_DAYS = _numbered("d", DAYS, range(1, DAYS + 1))
_NOTES = _numbered("n", len(NOTES), NOTES)
NUMBERS = tuple(map(str, range(BOOKINGS + 1)))
#: what a field's words stand for
VALUES: dict[str, dict[str, Any]] = {
    "name": _NAMES,
    "person_id": _PEOPLE,
    "room": _ROOMS,
    "room_id": _ROOMS,
    "booking_id": _BOOKED,
    "day": _DAYS,
    "to": _DAYS,
    "thought": _DAYS,
    "note": _NOTES,
    "text": _NOTES,
}
_WORDS = {name: {value: word for word, value in table.items()} for name, table in VALUES.items()}
#: every word, the tokenizer's specials first; a word's place is its token
VOCABULARY: tuple[str, ...] = (
    *SPECIALS,
    *(word for word, *_ in REQUESTS.values()),
    *ACTIONS,
    DONE,
    OK,
    ERR,
    NONE,
    *_NAMES,
    *_PEOPLE,
    *_ROOMS,
    *_BOOKED,
    *_DAYS,
    *_NOTES,
    *NUMBERS,
)


@dataclass(frozen=True, slots=True)
class Act:
    """A call of `tool`, or words to the user where that is empty; `thought` is the day restated."""

    tool: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    said: str = ""
    thought: int | None = None


def decode(words: str) -> Act | None:
    """The action that words are, None where they are none."""
    first, *rest = words.split() or [""]
    if not rest and (first == DONE or first in NUMBERS):
        return Act(said=first)
    if first not in ACTIONS:
        return None
    tool, *names = ACTIONS[first]
    if len(rest) != len(names):
        return None
    values = {}
    for name, word in zip(names, rest, strict=True):
        if word not in VALUES[name]:
            return None
        values[name] = VALUES[name][word]
    thought = values.pop("thought", None)
    return Act(tool, values, thought=thought)


def encode(act: Act) -> str:
    """An action in words.

    Raises:
        KeyError: it has no words, such as a tool or a value that chains don't know.
    """
    if not act.tool:
        if act.said != DONE and act.said not in NUMBERS:
            raise KeyError(act.said)
        return act.said
    word = _WORD_OF[act.tool]
    values = {**act.arguments, "thought": act.thought}
    return " ".join([word, *(_WORDS[name][values[name]] for name in ACTIONS[word][1:])])


def request_words(text: str) -> str:
    """A user's line in words.

    Raises:
        KeyError: it is no request of a chain.
    """
    found = read_line(text)
    if found is None:
        raise KeyError(text)
    kind, fields = found
    word, *names = REQUESTS[kind]
    return " ".join([word, *(_as_word(name, fields[name]) for name in names)])


def request_line(words: str) -> str:
    """The user's line that words stand for.

    Raises:
        KeyError: they are no request.
    """
    first, *rest = words.split() or [""]
    kind = KIND_OF[first]
    names = REQUESTS[kind][1:]
    if len(rest) != len(names):
        raise KeyError(words)
    return line(kind, **{name: VALUES[name][word] for name, word in zip(names, rest, strict=True)})


def _as_word(name: str, text: str) -> str:
    return _WORDS[name][int(text) if VALUES[name] is _DAYS else text]


def result_words(tool: str, found: Any) -> str:
    """What a tool returned, in words."""
    if tool == "find_people":
        words = [row["person_id"] for row in found]
    elif tool == "person_bookings":
        words = [word for row in found for word in (f"d{row['day']}", row["booking_id"])]
    elif tool == "room_bookings":
        words = [*dict.fromkeys(row["person_id"] for row in found)]
    else:
        return OK
    return " ".join(words) or NONE


def result_text(act: Act, words: str) -> str:
    """A result in words as the tool's own text, as far as the words tell."""
    parts = [] if words == NONE else words.split()
    if act.tool == "find_people":
        return json.dumps([{"person_id": word, "name": act.arguments["name"]} for word in parts])
    if act.tool == "person_bookings":
        person = act.arguments["person_id"]
        pairs = zip(parts[::2], parts[1::2], strict=True)
        rows = [{"booking_id": b, "person_id": person, "day": _DAYS[d]} for d, b in pairs]
        return json.dumps(rows)
    if act.tool == "room_bookings":
        room = act.arguments["room_id"]
        return json.dumps([{"person_id": word, "room_id": room} for word in parts])
    return words

"""Checklists of chains by rule: items made of a request, and the verdicts that their rules give.

With the facts of the office (which person, which booking) the items are exact. Made of the request alone they
lack these, and whatever a tool's result showed in the same dialogue stands in for them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from harness.answers.normalise import said
from harness.checklist import Checklist, Item, Step, Trajectory, Verdicts
from harness.tasks.toolworld.lines import read_line
from harness.tasks.toolworld.office import Office, same_text
from harness.tasks.toolworld.scoring import CHANGING, holds

if TYPE_CHECKING:
    from pydantic import TypeAdapter

#: tag -> weight, by kind of request. A tag says what an item is about: who is meant, which bookings there
#: are, what was asked for (`act`), and that nothing else happened and the user has an answer (`rest`)
WEIGHTS = {
    "message": {"person": 0.25, "act": 0.5, "rest": 0.25},
    "cancel": {"person": 0.2, "bookings": 0.2, "act": 0.35, "rest": 0.25},
    "move": {"person": 0.2, "bookings": 0.2, "act": 0.35, "rest": 0.25},
    "count": {"person": 0.2, "bookings": 0.2, "act": 0.35, "rest": 0.25},
    "notify": {"bookings": 0.25, "act": 0.5, "rest": 0.25},
}


# -- items -------------------------------------------------------------------------------------------


def reference_checklist(target: Mapping[str, Any]) -> Checklist:
    """From an item's wanted actions."""
    ids = {row["name"]: key for key, row in Office(target["office"]).people.items()}
    turns = []
    for line, actions, says in zip(target["lines"], target["actions"], target["says"], strict=True):
        want = request(line)
        assert want is not None, line  # chains hold plain requests alone
        if "name" in want:
            want["person"] = ids[want["name"]]
        if want["kind"] in ("cancel", "move"):
            want["booking"] = actions[0][1]["booking_id"]
        if want["kind"] == "notify":
            want["people"] = [arguments["person_id"] for _, arguments in actions]
        if want["kind"] == "count":
            want["number"] = says[0]
        turns.append(_items(want))
    return Checklist(tuple(turns), "reference")


def request_checklist(lines: Sequence[str]) -> Checklist | None:
    """From the user's lines alone; None where one is no plain request."""
    wants = [request(line) for line in lines]
    if None in wants:
        return None
    return Checklist(tuple(_items(want) for want in wants if want is not None), "request")


def request(line: str) -> dict[str, Any] | None:
    """A line as data: its kind and fields, days as numbers."""
    found = read_line(line)
    if found is None:
        return None
    kind, fields = found
    return {"kind": kind} | {
        key: int(value) if key in ("day", "to") else value for key, value in fields.items()
    }


def _items(want: Mapping[str, Any]) -> tuple[Item, ...]:
    items: list[Item] = []
    found: list[str] = []  # ids of the look-ups so far: what comes later rests on them
    for tag, weight in WEIGHTS[want["kind"]].items():
        parts = [want]
        if tag == "act" and "people" in want:
            parts = [{**want, "people": [person]} for person in want["people"]]
        for part in parts:
            question, condition = _words(tag, part)
            items.append(
                Item(
                    id=f"C{len(items)}",
                    question=question,
                    pass_condition=condition,
                    focus_on=_focus(tag, want["kind"]),
                    weight=weight / len(parts),
                    dependence=() if tag == "rest" else tuple(found),
                    required_for_next_turn=tag == "act",
                    rule={"tag": tag, "want": dict(part)},
                )
            )
        if tag in ("person", "bookings"):
            found.append(items[-1].id)
    return tuple(items)


def _focus(tag: str, kind: str) -> str:
    if tag in ("person", "bookings"):
        return "tool.content"
    if tag == "rest" or kind == "count":
        return "assistant.content.user_visible_reply"
    return "assistant.tool_calls"


def _words(tag: str, want: Mapping[str, Any]) -> tuple[str, str]:
    """An item's question and pass condition."""
    kind, name = want["kind"], want.get("name")
    if tag == "person":
        return (
            f"Was {name} looked up?",
            f"A result of find_people in this turn lists {name}.",
        )
    if tag == "bookings":
        tool, whose = (
            ("room_bookings", f"room {want['room']}") if kind == "notify" else ("person_bookings", name)
        )
        return (
            f"Were the bookings of {whose} read?",
            f"A result of {tool} in this turn lists the bookings of {whose}.",
        )
    if tag == "rest":
        return (
            "Was the user answered, and was nothing done that was not asked for?",
            "The turn ends with words to the user, and no call in it changed anything beside what the user "
            "asked for.",
        )
    if kind == "count":
        number = want.get("number") or "that the bookings read in this dialogue have"
        return (
            f"Was the user told how many bookings {name} has?",
            f"The reply states the number {number}, in digits.",
        )
    if kind == "message":
        return (
            f"Was the message sent to {name}?",
            f'A call of send_message succeeded for the id of {name} with the text "{want["note"]}".',
        )
    if kind == "notify":
        whom = " and ".join(want["people"]) if "people" in want else "everyone whom the bookings read name"
        return (
            f"Was the message about room {want['room']} sent to {whom}?",
            f'A call of send_message succeeded for {whom} with the text "{want["note"]}".',
        )
    booking = (
        f"booking {want['booking']}" if "booking" in want else f"the booking of {name} on day {want['day']}"
    )
    if kind == "cancel":
        return f"Was {booking} cancelled?", f"A call of cancel_booking succeeded for the id of {booking}."
    return (
        f"Was {booking} moved to day {want['to']}?",
        f"A call of move_booking succeeded for the id of {booking} with day {want['to']}.",
    )


# -- verdicts ----------------------------------------------------------------------------------------


@dataclass
class _Known:
    """What a dialogue's results have shown so far. Bookings and people are those of the first result within
    the turn, as the agent's own calls change them later; else of the last before it."""

    people: dict[str, str] = field(default_factory=dict)  # folded name -> id
    before: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # id of a person or room -> rows
    turn: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    last: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def next_turn(self) -> None:
        self.before, self.turn = {**self.before, **self.last}, {}

    def see(self, name: str, arguments: Mapping[str, Any], text: str) -> None:
        if name == "find_people":
            self.people |= {str(row.get("name")).casefold(): str(row.get("person_id")) for row in _rows(text)}
        elif name in ("person_bookings", "room_bookings"):
            key = str(arguments.get("person_id" if name == "person_bookings" else "room_id"))
            self.last[key] = rows = _rows(text)
            self.turn.setdefault(key, rows)

    def rows(self, key: str | None) -> list[dict[str, Any]] | None:
        return None if key is None else self.turn.get(key, self.before.get(key))

    def person(self, want: Mapping[str, Any]) -> str | None:
        return want.get("person") or self.people.get(want["name"].casefold())

    def wanted(self, want: Mapping[str, Any]) -> list[tuple[Any, ...]] | None:
        """The changes that a request asks for; None where nothing has shown them yet."""
        kind = want["kind"]
        if kind == "count":
            return []
        if kind == "notify":
            people = want.get("people")
            if people is None and (rows := self.rows(want["room"])) is not None:
                people = [*dict.fromkeys(str(row.get("person_id")) for row in rows)]
            return None if people is None else [_sent(person, want["note"]) for person in people]
        if kind == "message":
            person = self.person(want)
            return None if person is None else [_sent(person, want["note"])]
        booking = want.get("booking")
        if booking is None:
            listed = self.rows(self.person(want)) or []
            booking = next((row.get("booking_id") for row in listed if row.get("day") == want["day"]), None)
        if booking is None:
            return None
        return [("cancel_booking", booking) if kind == "cancel" else ("move_booking", booking, want["to"])]

    def number(self, want: Mapping[str, Any]) -> str | None:
        if "number" in want:
            return str(want["number"])
        rows = self.rows(self.person(want))
        return None if rows is None else str(len(rows))


def verdicts(checklist: Checklist, trajectory: Trajectory) -> Verdicts:
    """What the items' rules say after each step: `met[turn][step][item]`. An item speaks of its own turn; one
    without a rule of this kind is None."""
    known, met = _Known(), list[list[list[bool | None]]]()
    for items, turn in zip(checklist.turns, trajectory.turns, strict=False):
        known.next_turn()
        done: list[tuple[Any, ...]] = []
        calls: list[tuple[str, Mapping[str, Any]]] = []
        met.append([])
        for number, step in enumerate(turn.steps):
            for name, arguments, text in _succeeded(step):
                calls.append((name, arguments))
                known.see(name, arguments, text)
                if name in CHANGING:
                    done.append(_change(name, arguments))
            closing = turn.closed and number == len(turn.steps) - 1
            reply = step.reply if closing and said(step.reply).text.strip() else None
            met[-1].append([_met(item.rule or {}, known, calls, done, reply) for item in items])
    return met


def _met(
    rule: Mapping[str, Any],
    known: _Known,
    calls: Sequence[tuple[str, Mapping[str, Any]]],
    done: Sequence[tuple[Any, ...]],
    reply: str | None,
) -> bool | None:
    """Whether a rule is met by a turn's calls and changes so far, and its reply where it is closed."""
    tag, want = rule.get("tag"), rule.get("want", {})
    if tag == "person":
        name = want["name"].casefold()
        return any(
            tool == "find_people" and str(arguments.get("name")).casefold().strip() in name
            for tool, arguments in calls
        )
    if tag == "bookings":
        tool, key, value = (
            ("room_bookings", "room_id", want["room"])
            if want["kind"] == "notify"
            else ("person_bookings", "person_id", known.person(want))
        )
        return value is not None and any(
            name == tool and arguments.get(key) == value for name, arguments in calls
        )
    wanted = known.wanted(want)
    if tag == "rest":
        return reply is not None and _within(done, wanted or ())
    if tag == "act" and want["kind"] == "count":
        number = known.number(want)
        return reply is not None and number is not None and holds(reply, [number])
    if tag == "act":
        return bool(wanted) and _within(wanted or (), done)
    return None


def _within(few: Sequence[Any], many: Sequence[Any]) -> bool:
    left = list(many)
    for each in few:
        if each not in left:
            return False
        left.remove(each)
    return True


def _succeeded(step: Step) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Calls of a step that did not fail, with the results' texts where these are known."""
    for number, call in enumerate(step.calls):
        result = step.results[number] if number < len(step.results) else None
        if call.arguments is not None and not (result and result.failed):
            yield call.name, call.arguments, result.text if result else ""


def _change(name: str, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
    """A call that changes the office, so that equal changes are equal."""
    if name == "send_message":
        return _sent(str(arguments.get("person_id")), str(arguments.get("text")))
    if name == "cancel_booking":
        return (name, arguments.get("booking_id"))
    if name == "move_booking":
        return (name, arguments.get("booking_id"), _whole(arguments.get("day")))
    return (name, *sorted(map(str, arguments.items())))


def _whole(value: Any) -> Any:
    """A day as the tools read it: "7" and "7.0" are 7."""
    from pydantic import ValidationError

    try:
        return _integer().validate_python(value)
    except ValidationError:
        return value


@cache
def _integer() -> TypeAdapter[int]:
    from pydantic import TypeAdapter

    return TypeAdapter(int)


def _sent(person: str, text: str) -> tuple[Any, ...]:
    return ("send_message", person, same_text(text))


def _rows(text: str) -> list[dict[str, Any]]:
    """A result's rows; none where it has another form."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []

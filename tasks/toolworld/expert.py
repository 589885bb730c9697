"""Demonstrations of chains in compact words, by an expert that knows the way and slips now and then."""

from __future__ import annotations

import random
from collections.abc import Collection, Generator, Mapping
from typing import Any

from harness.tasks.toolworld.compact import (
    ACTIONS,
    DONE,
    ERR,
    KIND_OF,
    NONE,
    VALUES,
    Act,
    decode,
    request_words,
    result_words,
)
from harness.tasks.toolworld.notes import NOTES
from harness.tasks.toolworld.office import BOOKINGS, DAYS, PEOPLE, Office
from harness.world import ToolError

#: systematic flaws, by the kind of request in which they show: `message`: skips the look-up and guesses;
#: `notify`: forgets the last person; `cancel`: takes the first booking listed
FLAWS = ("message", "notify", "cancel")
#: how often a flaw shows: above one half, so that the likeliest action is the wrong one
FLAW = 0.6

#: one side's words: whether the agent said them, and the words
Said = tuple[bool, str]


def demonstration(
    target: Mapping[str, Any], rng: random.Random, slip: float = 0.0, flaws: Collection[str] = ()
) -> list[Said]:
    """A whole dialogue about a chain, request for request: `(False, words)` is the user's or the world's,
    `(True, words)` the agent's. Without slips and flaws every wanted action is done.

    `slip` is the chance of a mistake at every action: nothing more is done in the turn, an argument is
    guessed or wrong, a number or a day is off by one, a needless act comes before it.
    """
    office = Office(target["office"])
    expert = Expert(rng, slip, frozenset(flaws))
    said: list[Said] = []
    for line in target["lines"]:
        request = request_words(line)
        said.append((False, request))
        turn = expert.turn(request)
        action = next(turn)
        while True:
            said.append((True, action))
            act = decode(action)
            assert act is not None, action
            if not act.tool:
                break
            result = perform(office, act)
            said.append((False, result))
            action = turn.send(result)
    return said


def perform(office: Office, act: Act) -> str:
    """Carries a call out on an office; the result in words."""
    try:
        return result_words(act.tool, getattr(office, act.tool)(**act.arguments))
    except ToolError:
        return ERR


class Expert:
    """Who demonstrates. A turn is a generator of actions that is sent each action's result."""

    def __init__(self, rng: random.Random, slip: float, flaws: frozenset[str]) -> None:
        self._rng, self._slip, self._flaws = rng, slip, flaws

    def turn(self, request: str) -> Generator[str, str, None]:
        """The actions that a request leads to; the last are words to the user."""
        way = self._way(request)
        action = next(way)
        while True:
            word = action.split()[0]
            if self._rng.random() < self._slip:
                mistake = self._rng.choice(_mistakes(word))
                if mistake == "lazy":
                    yield DONE
                    return
                if mistake == "guess":
                    action = way.send(self._guess(word))
                    continue
                if mistake == "needless":
                    yield self._needless()
                else:
                    action = self._near(action) if mistake == "near" else self._wrong(action)
            result = yield action
            if word not in ACTIONS:
                return
            action = way.send(result)

    def _way(self, request: str) -> Generator[str, str, None]:
        """The way without slips, flaws as they come."""
        word, *fields = request.split()
        flawed = KIND_OF[word] in self._flaws and self._rng.random() < FLAW
        if word == "Notify":
            room, note = fields
            people = _listed((yield f"room {room}"))
            for person in people[:-1] if flawed else people:
                yield f"send {person} {note}"
        elif word == "Tell" and flawed:
            yield f"send {self._any('P', PEOPLE)} {fields[1]}"
        else:
            found = _listed((yield f"find {fields[0]}"))
            if found and word == "Tell":
                yield f"send {found[0]} {fields[1]}"
            elif found:
                listed = _listed((yield f"bookings {found[0]}"))
                booked = [*zip(listed[::2], listed[1::2], strict=True)]
                if word == "Count":
                    yield str(len(booked))
                    return
                if not flawed:
                    booked = [pair for pair in booked if pair[0] == fields[1]]
                if booked:
                    day, booking = booked[0]
                    yield (
                        f"cancel {day} {booking}" if word == "Cancel" else f"move {day} {booking} {fields[2]}"
                    )
        yield DONE

    def _any(self, letter: str, count: int) -> str:
        return f"{letter}{self._rng.randint(1, count)}"

    def _guess(self, word: str) -> str:
        """What is believed without looking: any person, or a booking of any day."""
        if word == "bookings":
            return f"{self._any('d', DAYS)} {self._any('B', BOOKINGS)}"
        return self._any("P", PEOPLE)

    def _needless(self) -> str:
        if self._rng.random() < 0.5:
            return f"send {self._any('P', PEOPLE)} {self._any('n', len(NOTES))}"
        return f"cancel {self._any('d', DAYS)} {self._any('B', BOOKINGS)}"

    def _wrong(self, action: str) -> str:
        """One argument is another one of its kind."""
        word, *fields = action.split()
        names = ACTIONS[word][1:]
        places = [n for n, name in enumerate(names) if name != "thought"]
        place = self._rng.choice(places)
        fields[place] = self._rng.choice([*VALUES[names[place]]])
        return " ".join([word, *fields])

    def _near(self, action: str) -> str:
        """The number said, or the day in the last place, is one off."""
        *head, last = action.split()
        letter, number = ("", int(last)) if last.isdigit() else (last[0], int(last[1:]))
        top, low = (DAYS, 1) if letter else (BOOKINGS, 0)
        near = number + self._rng.choice((-1, 1))
        return " ".join([*head, f"{letter}{near if low <= near <= top else 2 * number - near}"])


def _mistakes(word: str) -> tuple[str, ...]:
    """The mistakes that an action leaves room for, by its first word."""
    if word == DONE:
        return ("needless",)
    if word not in ACTIONS:
        return ("lazy", "near", "needless")
    if word in ("find", "bookings", "room"):
        return ("lazy", "guess", "wrong", "needless")
    return ("lazy", "near", "wrong", "needless") if word == "move" else ("lazy", "wrong", "needless")


def _listed(result: str) -> list[str]:
    return [] if result in (NONE, ERR) else result.split()

"""Streams of users: what each of them asked and got, in order, and up to where a question may look back."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

from harness.base.digest import canonical_json
from harness.base.plain import Unfit, named, number, plain, text
from harness.sample import Question


@dataclass(frozen=True, slots=True)
class Interaction:
    """One event of a user's stream: what was asked and what the user truly answered.

    `time` orders a stream: seconds, days, or a count. `metadata` is plain data.
    """

    id: str
    query: str
    response: str
    time: float = 0.0
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """Of whom a question is, and when it is asked: only what came before may be known then."""

    user: str
    time: float


@dataclass(frozen=True)
class Past:
    """What one user did before a question, in order; `choices` is the closed set of responses, if any.

    `user` is a label of the user who is asked, also where a control put another's past in its place.
    """

    user: str
    interactions: tuple[Interaction, ...]
    choices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.interactions)

    @cached_property
    def digest(self) -> str:
        """The content hash of user and interactions: what was made from a past can be kept under it."""
        return _digest([self.user], self.interactions)

    def question(self, interaction: Interaction) -> Question:
        """An interaction asked again, for a method that simulates what it would have answered."""
        name = f"{self.user}/{interaction.id}"
        return Question(name, interaction.query, choices=self.choices, metadata=dict(interaction.metadata))


@dataclass(frozen=True)
class Histories:
    """The streams of all users, which stay with the runner: a method gets pasts (see `Job.history`).

    Attributes:
        streams: by user, interactions in the order of time; of equal times, in the order in which they came.
        asked: by the id of each test question, whose it is and when it is asked.
    """

    streams: Mapping[str, Sequence[Interaction]]
    asked: Mapping[str, Asked]

    def __len__(self) -> int:
        return sum(map(len, self.streams.values()))

    def before(self, question_id: str) -> tuple[Interaction, ...]:
        """What the user of a question did before it is asked; what bears the same time is not before it."""
        asked = self.asked[question_id]
        stream = self.streams[asked.user]
        return tuple(stream[: bisect_left(stream, asked.time, key=lambda each: each.time)])

    def digest(self) -> str:
        """The content hash of all streams and cuts, for the comparability key."""
        hasher = hashlib.sha256()
        for user in sorted(self.streams):
            hasher.update(_digest([user], self.streams[user]).encode())
        for name in sorted(self.asked):
            asked = self.asked[name]
            hasher.update(canonical_json([name, asked.user, float(asked.time)]).encode() + b"\0")
        return hasher.hexdigest()


def checked(given: object, questions: Iterable[Question]) -> Histories:
    """A plain copy of histories that keep their order and hold no question of the test before it is asked.

    Raises:
        Unfit: they don't; says which user or question, as the rest of a sentence.
    """
    if not issubclass(type(given), Histories):
        raise Unfit(f"a history that is {named(given)}, not Histories")
    assert isinstance(given, Histories)
    streams = {text(user, "a user"): _stream(user, stream) for user, stream in given.streams.items()}
    asked: dict[str, Asked] = {}
    made = Histories(streams, asked)
    places: dict[str, dict[str, float]] = {}
    for question in questions:
        found = given.asked.get(question.id)
        if not isinstance(found, Asked):
            raise Unfit(f"no user and time for test item {named(question.id)}")
        if found.user not in streams:
            raise Unfit(f"test item {named(question.id)} of user {named(found.user)}, who has no history")
        asked[question.id] = Asked(found.user, number(found.time, "the time of a test item"))
        if found.user not in places:
            places[found.user] = {each.id: each.time for each in streams[found.user]}
        if places[found.user].get(question.id, found.time) < found.time:
            raise Unfit(f"test item {named(question.id)} in the past of its own user {named(found.user)}")
        if not made.before(question.id):
            raise Unfit(
                f"test item {named(question.id)} of user {named(found.user)}, who has no history before it"
            )
    return made


def _stream(user: str, given: Sequence[Any]) -> tuple[Interaction, ...]:
    of = f"of user {named(user)}"
    made = []
    for each in given:
        if not isinstance(each, Interaction):
            raise Unfit(f"a history {of} that holds {named(each)}, not an Interaction")
        made.append(
            Interaction(
                text(each.id, f"the id of an interaction {of}"),
                text(each.query, f"the query of an interaction {of}"),
                text(each.response, f"the response of an interaction {of}"),
                number(each.time, f"the time of an interaction {of}"),
                plain(dict(each.metadata)),
            )
        )
    for one, other in pairwise(made):
        if other.time < one.time:
            raise Unfit(
                f"a history {of} out of order: {named(other.id)} at {other.time:g} after {named(one.id)} at "
                f"{one.time:g}"
            )
    if len({each.id for each in made}) < len(made):
        raise Unfit(f"a history {of} that holds two interactions of one id")
    return tuple(made)


def _digest(head: list[Any], interactions: Iterable[Interaction]) -> str:
    hasher = hashlib.sha256(canonical_json(head).encode())
    for each in interactions:
        row = [each.id, each.query, each.response, float(each.time), dict(each.metadata)]
        hasher.update(canonical_json(row).encode() + b"\0")
    return hasher.hexdigest()

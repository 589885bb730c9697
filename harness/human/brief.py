"""What one person knows and wants: the private side of a human in a team. A method never sees it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

#: how a person answers: the value, or yes and no alone
STYLES = ("informative", "lazy")
#: a tool call as data: its name and its arguments
Move = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Fact:
    """Something that the person knows.

    `words` are those by which a question is about it, beside its name and `options`. `options` are the values
    that it might have, as everybody knows them; empty where it may be anything.
    """

    name: str
    value: str
    words: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def terms(self) -> tuple[str, ...]:
        """Every text that makes a question one about this fact."""
        return (self.name, *self.words, *self.options)


@dataclass(frozen=True)
class Refusal:
    """Calls of the tool `name` that the person doesn't want: those whose arguments have these values, all of
    them where there are none; but for those whose arguments have the values of one of `unless`."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    unless: tuple[Mapping[str, Any], ...] = ()

    def holds(self, name: str, arguments: Mapping[str, Any]) -> bool:
        """Whether a call is one of them."""
        if name != self.name or not _fits(self.arguments, arguments):
            return False
        return not any(_fits(each, arguments) for each in self.unless)


@dataclass(frozen=True)
class Brief:
    """What a person is told before anything is asked of it.

    `goal` is what the person wants in one sentence; `moves` the calls that it would make itself, in order;
    `proactive` whether it may say what nobody asked for. `needed` are the names of the facts without which
    the goal can't be reached for sure, all of them by default: by these the need of a question is judged.

    Raises:
        ValueError: a style that is none, two facts of one name, or a name with ": " in it.
    """

    goal: str = ""
    facts: tuple[Fact, ...] = ()
    refuses: tuple[Refusal, ...] = ()
    moves: tuple[Move, ...] = ()
    style: str = "informative"
    proactive: bool = False
    needed: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise ValueError(f"style {self.style!r} is not one of: {', '.join(STYLES)}")
        if len({fact.name for fact in self.facts}) < len(self.facts):
            raise ValueError("two facts of a brief have one name")
        if odd := next((fact.name for fact in self.facts if ": " in fact.name), None):
            raise ValueError(f"the name of a fact can't hold a colon: {odd!r}")

    @property
    def wanted(self) -> frozenset[str]:
        """The names of the facts that are needed."""
        return frozenset(fact.name for fact in self.facts) if self.needed is None else frozenset(self.needed)

    def about(self, text: str) -> tuple[Fact, ...]:
        """The facts that a text is about, in the order in which it comes to them."""
        return about(self.facts, text)

    def stated(self, text: str) -> tuple[Fact, ...]:
        """The facts of which a text states a value, the right one or another of the options."""
        return tuple(fact for fact in self.facts if values_in(fact, text))


def _fits(wanted: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    """Whether arguments have all of the wanted values."""
    return all(key in arguments and arguments[key] == value for key, value in wanted.items())


def about(facts: Sequence[Fact], text: str) -> tuple[Fact, ...]:
    """The facts that a text is about: whose name, words or options stand in it, in the order of the first of
    these."""
    found = []
    for number, fact in enumerate(facts):
        places = [place for term in fact.terms if (place := first_place(term, text)) is not None]
        if places:
            found.append((min(places), number, fact))
    return tuple(fact for _, _, fact in sorted(found, key=lambda each: each[:2]))


def values_in(fact: Fact, text: str) -> tuple[str, ...]:
    """The values of a fact that stand in a text: its options, or its own value where it has no options."""
    return tuple(value for value in fact.options or (fact.value,) if first_place(value, text) is not None)


def first_place(term: str, text: str) -> int | None:
    """Where a term stands first in a text as `one_spelling` has it, as words of its own and in any case; None
    where it doesn't."""
    found = _pattern(term.strip()).search(one_spelling(text)) if term.strip() else None
    return found.start() if found else None


def one_spelling(text: str) -> str:
    """A text with accents as one letter each (NFC) and straight apostrophes: both are written in two ways."""
    return unicodedata.normalize("NFC", text).replace("\u2019", "'")


@lru_cache(maxsize=4096)
def _pattern(term: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(one_spelling(term))}(?!\w)", re.IGNORECASE)

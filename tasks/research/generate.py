"""Worlds that no model has seen: facts about invented names, one document a fact, and questions through
several of them. A reconstruction: the law of deep research has no experiment of its own.

A question follows h relations from a name that it gives; the last one leads to a number, to which a known
steps of arithmetic are applied. How much has to be looked up (h) and worked out (a) so vary apart. All names
and (name, relation) pairs are unique within a world, so that every question has one answer.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

LINKS = (
    *("mentor", "patron", "rival", "neighbour", "heir", "founder", "guardian", "rector", "translator"),
    *("successor", "herald", "cartographer"),
)
VALUES = ("code", "toll", "quota", "tally", "index")
#: a final number, and all on the way, keep their last two digits: a guess is right one time in `RANGE`
RANGE = 100
#: words in front of a document that says something else and no longer holds
WITHDRAWN = "Withdrawn:"
_STARTS = (
    "b",
    "br",
    "d",
    "dr",
    "f",
    "g",
    "gl",
    "k",
    "kl",
    "l",
    "m",
    "n",
    "p",
    "pr",
    "r",
    "s",
    "st",
    "t",
    "v",
    "z",
)
_VOWELS = ("a", "e", "i", "o", "u", "ae", "ou")
_ENDS = ("", "l", "n", "r", "s", "th", "x", "m")


@dataclass(frozen=True, slots=True)
class Fact:
    """`{relation} of {subject} is {object}`, and the id of its document."""

    subject: str
    relation: str
    object: str
    document: str = ""
    withdrawn: bool = False

    @property
    def text(self) -> str:
        """The only sentence of its document."""
        said = f"The {self.relation} of {self.subject} is {self.object}."
        return f"{WITHDRAWN} {said}" if self.withdrawn else said

    @property
    def query(self) -> str:
        """What one would search for."""
        return f"{self.relation} of {self.subject}"


@dataclass(frozen=True, slots=True)
class Problem:
    """A question, its facts in the order in which they are needed, its steps of arithmetic and its answer."""

    question: str
    chain: tuple[Fact, ...]
    steps: int
    answer: str


@dataclass(frozen=True, slots=True)
class World:
    """Problems, and all facts, those that no problem needs among them, in the order of their documents."""

    problems: list[Problem]
    facts: list[Fact]


def world(
    items: int, hops: Sequence[int], steps: Sequence[int], distractors: int, contradictions: float, seed: int
) -> World:
    """A world of `items` problems: every pair of `hops` and `steps` in turn, `distractors` documents a fact
    that share its subject or its relation and not both, and for a share `contradictions` of the facts a
    document that says something else and is marked as withdrawn."""
    rng = random.Random(f"research-{seed}")
    names = _names(rng)
    cells = [(h, a) for h in hops for a in steps]
    made: list[tuple[tuple[Fact, ...], int]] = []
    facts: list[Fact] = []
    for item in range(items):
        h, a = cells[item % len(cells)]
        chain = _chain(h, names, rng)
        made.append((chain, a))
        taken = {(fact.subject, fact.relation) for fact in chain}
        for fact in chain:
            facts += [fact, *_distractors(fact, distractors, taken, names, rng)]
            if rng.random() < contradictions:
                facts.append(replace(fact, object=_other(fact, names, rng), withdrawn=True))
    rng.shuffle(facts)
    width = len(str(len(facts)))
    placed = [replace(fact, document=f"d{place:0{width}d}") for place, fact in enumerate(facts)]
    where = {(fact.subject, fact.relation): fact for fact in placed if not fact.withdrawn}
    problems = [
        _problem(tuple(where[fact.subject, fact.relation] for fact in chain), a, rng) for chain, a in made
    ]
    return World(problems, placed)


def _names(rng: random.Random) -> Iterator[str]:
    """Invented names, each once."""
    known = set[str]()
    while True:
        parts = [
            rng.choice(_STARTS) + rng.choice(_VOWELS) + rng.choice(_ENDS)
            for _ in range(rng.choice((2, 3, 3)))
        ]
        name = "".join(parts).capitalize()
        if name not in known:
            known.add(name)
            yield name


def _chain(hops: int, names: Iterator[str], rng: random.Random) -> tuple[Fact, ...]:
    links = rng.sample(LINKS, hops - 1)
    people = [next(names) for _ in range(hops)]
    facts = [Fact(people[n], links[n], people[n + 1]) for n in range(hops - 1)]
    return (*facts, Fact(people[-1], rng.choice(VALUES), str(rng.randrange(RANGE))))


def _distractors(
    fact: Fact, number: int, taken: set[tuple[str, str]], names: Iterator[str], rng: random.Random
) -> list[Fact]:
    """Facts that share the subject (as long as there are relations) or the relation."""
    made = []
    for n in range(number):
        free = [each for each in (*LINKS, *VALUES) if (fact.subject, each) not in taken]
        if n % 2 == 0 and free:
            relation, subject = rng.choice(free), fact.subject
        else:
            relation, subject = fact.relation, next(names)
        value = str(rng.randrange(RANGE)) if relation in VALUES else next(names)
        taken.add((subject, relation))
        made.append(Fact(subject, relation, value))
    return made


def _other(fact: Fact, names: Iterator[str], rng: random.Random) -> str:
    if fact.relation not in VALUES:
        return next(names)
    return str((int(fact.object) + rng.randrange(1, RANGE)) % RANGE)


def _problem(chain: tuple[Fact, ...], steps: int, rng: random.Random) -> Problem:
    asked = chain[0].subject
    for fact in chain:
        asked = f"the {fact.relation} of {asked}"
    number, worked = int(chain[-1].object), []
    for _ in range(steps):
        sign, operand = rng.choice(
            (("add", rng.randrange(1, 50)), ("multiply by", rng.choice((3, 7, 9, 11))))
        )
        number = (number + operand if sign == "add" else number * operand) % RANGE
        worked.append(f"{sign} {operand}")
    question = f"What is {asked}?"
    if worked:
        question = (
            f"Find {asked}. Then, starting from that number, {', then '.join(worked)}. After every step keep "
            "the last two digits alone, without leading zeros. Which number is left?"
        )
    return Problem(question, chain, steps, str(number))

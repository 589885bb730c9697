"""What is right in theory on the generated tasks: ceilings, floors and what so many observations are worth.

All are expectations over users, exact by enumeration: a run is compared with them, not with another run.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import product
from math import factorial, prod

from harness.tasks.personal.metrics import HIGHEST, LOWEST

#: how much a user may like a tag
TASTES = (-1, 0, 1)
MIDDLE = 3
#: the most tables that are enumerated
MOST_TABLES = 100_000


def knows(noise: float) -> float:
    """The accuracy of whoever knows a user's table: answers are as noisy as the past."""
    return 1 - noise


def of_plurality(observations: int, labels: int, noise: float) -> float:
    """The accuracy of the label that was seen most often, ties at random, of so many observations of every
    context."""
    wrong = noise / (labels - 1)
    found = 0.0
    for counts in product(range(observations + 1), repeat=labels):
        if sum(counts) != observations:
            continue
        ways = factorial(observations) / prod(factorial(count) for count in counts)
        chance = ways * (1 - noise) ** counts[0] * wrong ** (observations - counts[0])
        most = max(counts)
        if counts[0] == most:
            found += chance / counts.count(most)
    return found * (1 - noise) + (1 - found) * wrong


def of_majority(contexts: int, labels: int, noise: float) -> float:
    """The accuracy of each user's most frequent label, known exactly: a prior and nothing of the question."""
    wrong, total = noise / (labels - 1), 0.0
    tables = list(product(range(labels), repeat=contexts))
    for table in tables:
        share = max(Counter(table).values()) / contexts
        total += share * (1 - noise) + (1 - share) * wrong
    return total / len(tables)


def chance(labels: int) -> float:
    """The accuracy of anybody's guess, and of another user's table."""
    return 1 / labels


def ratings(true: int, noise: float) -> Mapping[int, float]:
    """How likely each rating is where the true one is known: one up or down with probability `noise`, within
    the scale."""
    found = defaultdict(float, {true: 1 - noise})
    for step in (-1, 1):
        found[min(max(true + step, LOWEST), HIGHEST)] += noise / 2
    return found


def rating_errors(noise: float) -> tuple[float, float]:
    """The mean absolute errors of whoever knows a user's tastes, and of whoever always says the middle."""
    known, constant, n = 0.0, 0.0, 0
    for tastes in product(TASTES, repeat=2):
        true = MIDDLE + sum(tastes)
        for said, likely in ratings(true, noise).items():
            known += likely * abs(said - true)
            constant += likely * abs(said - MIDDLE)
        n += 1
    return known / n, constant / n

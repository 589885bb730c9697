"""From the candidates' scores to the problems of a step: the released rule and two that weigh honestly."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from harness.methods.curator.mirror_descent import softmax
from harness.methods.curator.signals import Floats, Indices


@dataclass
class Selection:
    """The problems of a step.

    `indices` are rows of the problem set (B,), which may repeat. `probability` is the mass of each under the
    rule that drew it, as the released code records it: that of a single draw. `weight` times the utility
    gives an estimate that is unbiased over draws: 1 for draws from the curator's own softmax.
    """

    indices: Indices
    probability: Floats = field(default_factory=lambda: np.empty(0))
    weight: Floats = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        self.indices = np.asarray(self.indices, np.int64)
        size = len(self.indices)
        if not len(self.probability):
            self.probability = np.full(size, 1 / size if size else 0.0)
        if not len(self.weight):
            self.weight = np.ones(size)


def nucleus_size(mass: Floats, top_p: float) -> tuple[int, bool]:
    """How many of the heaviest items have a cumulative mass of at most `top_p`, and whether the heaviest
    alone exceeds it; then the released code takes all of them for the nucleus, and so does this."""
    cumulative = np.cumsum(np.sort(mass)[::-1])
    size = int((cumulative <= top_p * (1 + 1e-12)).sum())
    return (size, False) if size else (len(mass), True)


def nucleus(
    scores: Floats,
    k: int,
    rng: np.random.Generator,
    *,
    temperature: float = 1.0,
    top_p: float = 0.9,
    replacement: bool = False,
) -> Selection:
    """The authors' default rule over C candidates (their configuration calls it `uniform`).

    min(nucleus size, k) draws by softmax over ALL candidates, the rest of the k uniformly from those not
    chosen yet: exploration that appears as soon as the curator concentrates. The recorded probability is the
    softmax mass, no inclusion probability, so that without replacement the importance weight is biased.
    """
    mass = softmax(scores, temperature)
    size, _ = nucleus_size(mass, top_p)
    by_mass = max(1, min(size, k))
    if replacement:
        first = rng.choice(len(mass), by_mass, p=mass)
        rest = rng.integers(len(mass), size=k - by_mass)
    else:
        first = without_replacement(mass, by_mass, rng)
        left = np.setdiff1d(np.arange(len(mass)), first)
        rest = rng.choice(left, k - by_mass, replace=False)
    indices = np.concatenate([first, rest])
    return Selection(indices, mass[indices])


def without_replacement(mass: Floats, k: int, rng: np.random.Generator) -> Indices:
    """k different items, one after the other by mass (as multinomial without replacement), the heaviest
    perturbed first; items without mass come last."""
    with np.errstate(divide="ignore"):
        keys = np.log(mass) + rng.gumbel(size=len(mass))
    return np.argsort(-keys, kind="stable")[:k]


def with_floor(mass: Floats, floor: float) -> Floats:
    """The mass mixed with the uniform one, which gets the share `floor`."""
    return (1 - floor) * mass + floor / len(mass)


def replacement(
    scores: Floats, k: int, rng: np.random.Generator, *, temperature: float = 1.0, floor: float = 0.0
) -> Selection:
    """k independent draws from the softmax mixed with the uniform distribution: the mean of
    probability-weighted values over draws is unbiased for every item."""
    mass = softmax(scores, temperature)
    drawn = with_floor(mass, floor)
    indices = rng.choice(len(mass), k, p=drawn)
    return Selection(indices, drawn[indices], mass[indices] / drawn[indices])


def gumbel(
    scores: Floats, k: int, rng: np.random.Generator, *, temperature: float = 1.0, floor: float = 0.0
) -> Selection:
    """k different items, the top of Gumbel-perturbed log-masses. Given the (k+1)-th key, item x was in with
    probability 1 - exp(-exp(log q_x - key)), and weighing by its inverse is unbiased for sums over all items
    (Kool et al., arXiv 1903.06059, section 4)."""
    mass = softmax(scores, temperature)
    drawn = with_floor(mass, floor)
    if k >= len(drawn):
        indices = rng.permutation(len(drawn))
        return Selection(indices, drawn[indices], len(drawn) * mass[indices])
    keys = np.log(drawn) + rng.gumbel(size=len(drawn))
    order = np.argsort(-keys, kind="stable")
    indices, threshold = order[:k], keys[order[k]]
    inclusion = -np.expm1(-np.exp(np.log(drawn[indices]) - threshold))
    return Selection(indices, drawn[indices], k * mass[indices] / inclusion)


class Deck:
    """Row numbers in shuffled order, each once before any comes again, as a data loader gives them."""

    def __init__(self, rows: Indices, *seed: int) -> None:
        self.rows, self._seed = np.asarray(rows, np.int64), seed
        self._round = self._place = 0
        self._order: Indices | None = None

    def draw(self, k: int, *, distinct: bool = False) -> Indices:
        """The next k rows. At the end of the deck it goes on with a new shuffle, so that a row may come
        twice; `distinct` leaves out a rest of fewer than k rows instead, as data loaders do."""
        if distinct and self._place and self._place + k > len(self.rows):
            self._round, self._place, self._order = self._round + 1, 0, None
        parts = []
        while k > 0:
            if self._order is None:
                self._order = np.random.default_rng([*self._seed, self._round]).permutation(self.rows)
            part = self._order[self._place : self._place + k]
            parts.append(part)
            k -= len(part)
            self._place += len(part)
            if self._place >= len(self._order):
                self._round, self._place, self._order = self._round + 1, 0, None
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def state(self) -> list[int]:
        return [self._round, self._place]

    def restore(self, state: list[int]) -> None:
        self._round, self._place = state
        self._order = None

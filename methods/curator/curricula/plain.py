"""Curricula without a model: uniform, SEC, AdaRFT, MoPPS, and an oracle for simulations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness.base.errors import UsageError
from harness.methods.curator.curriculum import Curriculum, Probe, Round
from harness.methods.curator.mirror_descent import entropy, softmax
from harness.methods.curator.sampling import Deck, Selection
from harness.methods.curator.signals import Floats, Indices, advantages
from harness.methods.curator.training_tasks import ProblemSet


def nearest(distance: Floats, k: int, rng: np.random.Generator) -> Indices:
    """Positions of the k smallest distances; ties in random order."""
    order = rng.permutation(len(distance))
    return order[np.argsort(distance[order], kind="stable")[:k]]


class WithoutReplacement(Curriculum):
    """A curriculum whose candidates are drawn from the shuffled problems, each once before any again."""

    def __init__(self, bank: ProblemSet, *, seed: int = 0, **settings: Any) -> None:
        super().__init__(bank, seed=seed, **settings)
        self.deck = Deck(np.arange(len(bank)), seed)

    def draw(self, k: int) -> Indices:
        """The next k candidates, without repeats: fewer where there are fewer problems."""
        return self.deck.draw(min(k, len(self.bank)), distinct=True)

    def state(self) -> dict[str, Any]:
        return {"deck": self.deck.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.deck.restore(state["deck"])


class Uniform(WithoutReplacement):
    """Every problem in turn, in shuffled order."""

    def select(self, k: int, rng: np.random.Generator, probe: Probe) -> Selection:
        return Selection(self.deck.draw(k, distinct=True))


class SEC(Curriculum):
    """Self-Evolving Curriculum (arXiv 2505.14970): a bandit over categories.

    Each slot draws its category from softmax(Q / temperature), then that category's next problem. Q moves by
    TD(0) towards the mean |advantage| of the category's rollouts; in the released code a category that wasn't
    drawn counts as 0, so that it decays.
    """

    rate = 0.5
    temperature = 1.0
    std = "sample"

    def __init__(self, bank: ProblemSet, *, seed: int = 0, **settings: Any) -> None:
        super().__init__(bank, seed=seed, **settings)
        arms = range(len(bank.names))
        self.values = np.zeros(len(bank.names))
        self._decks = [Deck(np.flatnonzero(bank.categories == arm), seed, arm) for arm in arms]
        self._rewards = np.zeros(len(bank.names))

    def score(self, candidates: Indices) -> Floats:
        return np.asarray(self.values[self.bank.categories[candidates]])

    def select(self, k: int, rng: np.random.Generator, probe: Probe) -> Selection:
        chance = softmax(self.values, self.temperature)
        counts = rng.multinomial(k, chance)
        drawn = [deck.draw(int(count)) for deck, count in zip(self._decks, counts, strict=True)]
        sizes = np.array([len(deck.rows) for deck in self._decks])
        indices = np.concatenate(drawn)
        arms = self.bank.categories[indices]
        return Selection(indices, (chance / sizes)[arms])

    def observe(self, seen: Round) -> None:
        strength = np.abs(advantages(seen.rewards, self.std)).mean(-1)
        arms = self.bank.categories[seen.selection.indices]
        totals = np.bincount(arms, strength, len(self.values))
        self._rewards = totals / np.maximum(np.bincount(arms, minlength=len(self.values)), 1)

    def update(self) -> dict[str, float]:
        self.values = (1 - self.rate) * self.values + self.rate * self._rewards
        return {"entropy": entropy(softmax(self.values, self.temperature))}

    def state(self) -> dict[str, Any]:
        return {"values": self.values.tolist(), "decks": [deck.state() for deck in self._decks]}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.values = np.array(state["values"])
        for deck, kept in zip(self._decks, state["decks"], strict=True):
            deck.restore(kept)


class AdaRFT(Curriculum):
    """Adaptive curriculum (arXiv 2504.05520): the problems nearest to a target difficulty, which moves with
    the mean reward. Difficulties are in [0, 100]; where the problem set's come from is stated in its
    `difficulty_from`. Equal difficulties are taken in random order."""

    eta = 50.0
    sensitivity = 2.0
    wanted = 0.5

    def __init__(self, bank: ProblemSet, *, seed: int = 0, **settings: Any) -> None:
        super().__init__(bank, seed=seed, **settings)
        if bank.difficulty is None:
            raise UsageError(
                "curriculum-adarft needs a difficulty for every problem, and this task's train "
                "split has no levels (or only one)"
            )
        self.difficulty = bank.difficulty
        self.target = 0.0
        self._reward = math.nan

    def score(self, candidates: Indices) -> Floats:
        return np.asarray(-np.abs(self.difficulty[candidates] - self.target))

    def select(self, k: int, rng: np.random.Generator, probe: Probe) -> Selection:
        return Selection(nearest(-self.score(np.arange(len(self.bank))), k, rng))

    def observe(self, seen: Round) -> None:
        self._reward = float(seen.rewards.mean())

    def update(self) -> dict[str, float]:
        step = self.eta * math.tanh(self.sensitivity * (self._reward - self.wanted))
        self.target = min(max(self.target + step, 0.0), 100.0)
        return {"target_difficulty": self.target}

    def state(self) -> dict[str, Any]:
        return {"target": self.target}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.target = state["target"]


class MoPPS(WithoutReplacement):
    """Thompson sampling of success rates (arXiv 2507.04632): a Beta posterior a problem, and of the
    candidates those whose sampled rate is nearest to 0.5. A `forgetting` below 1, which lets the posterior
    follow a policy that changes, is our addition; 1 is the method without it."""

    candidates = 2048
    wanted = 0.5
    forgetting = 1.0

    def __init__(self, bank: ProblemSet, *, seed: int = 0, **settings: Any) -> None:
        super().__init__(bank, seed=seed, **settings)
        self.right, self.wrong = np.ones(len(bank)), np.ones(len(bank))

    def score(self, candidates: Indices) -> Floats:
        rate = self.right[candidates] / (self.right[candidates] + self.wrong[candidates])
        return np.asarray(-np.abs(rate - self.wanted))

    def select(self, k: int, rng: np.random.Generator, probe: Probe) -> Selection:
        drawn = self.draw(max(self.candidates, k))
        sampled = rng.beta(self.right[drawn], self.wrong[drawn])
        return Selection(drawn[nearest(np.abs(sampled - self.wanted), k, rng)])

    def observe(self, seen: Round) -> None:
        n = seen.rewards.shape[1]
        for index, reward in zip(seen.selection.indices, seen.rewards.sum(-1), strict=True):
            self.right[index] = 1 + self.forgetting * (self.right[index] - 1) + reward
            self.wrong[index] = 1 + self.forgetting * (self.wrong[index] - 1) + n - reward

    def state(self) -> dict[str, Any]:
        return {**super().state(), "right": self.right.tolist(), "wrong": self.wrong.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.right, self.wrong = np.array(state["right"]), np.array(state["wrong"])


class Oracle(WithoutReplacement):
    """The candidates whose true success rate is nearest to 0.5; for simulations, where it is known."""

    candidates = 2048
    rate: Callable[[Indices], Floats]

    def __init__(self, bank: ProblemSet, rate: Callable[[Indices], Floats], **settings: Any) -> None:
        super().__init__(bank, **settings)
        self.rate = rate

    def score(self, candidates: Indices) -> Floats:
        return np.asarray(-np.abs(self.rate(candidates) - 0.5))

    def select(self, k: int, rng: np.random.Generator, probe: Probe) -> Selection:
        drawn = self.draw(max(self.candidates, k))
        return Selection(drawn[nearest(-self.score(drawn), k, rng)])

"""A gate that learns when to involve the human: a logistic policy, and REINFORCE with a batch-mean baseline.

ReHAC, after which it is modelled, trades the task's success against the cost of interventions, and its
formula is not known to us; the reward here, terminal success minus lambda for every intervention, is the
default of our notes. Utility can be convex in the number of questions (nothing is gained until all that
matters was asked), so a gate that compares one question's gain with its price stops too soon: whole episodes
are rewarded, and training begins twice, from a gate that asks where it is uncertain and from one that hardly
asks.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.methods.team.policy import Move, Step, View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: what the gate sees of a view, in the order of its weights
FEATURES = ("always", "uncertainty", "irreversible", "answered", "progress")
#: requests that were answered, beyond which the gate tells no difference
MOST_ANSWERED = 8
#: weights from which training begins: to involve the human with .12 when sure, .5 when half sure and .88 when
#: nothing is known; and with .12 whatever is seen
STARTS = ((-2.0, 4.0, 0.0, 0.0, 0.0), (-2.0, 0.0, 0.0, 0.0, 0.0))
#: what an intervention of a gate is
Involve = Literal["ask", "propose"]


def features(view: View) -> list[float]:
    """What a gate sees, each number from 0 to 1."""
    answered = min(view.spent.interventions, MOST_ANSWERED) / MOST_ANSWERED
    progress = min(1.0, view.spent.actions / view.limit) if view.limit else 0.0
    return [1.0, view.uncertainty or 0.0, float(view.irreversible), answered, progress]


def probability(weights: Sequence[float], seen: Sequence[float]) -> float:
    """The probability with which a gate involves the human."""
    total = sum(weight * value for weight, value in zip(weights, seen, strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


@dataclass
class Gate:
    """A gate in one episode. It draws from `rng` while it learns; without one it involves the human where
    that is the likelier move. What it saw and did is kept for learning."""

    weights: Sequence[float]
    involve: Involve = "ask"
    rng: random.Random | None = None
    seen: list[list[float]] = field(default_factory=list)
    done: list[bool] = field(default_factory=list)

    wants_uncertainty = True

    def wants_action(self, view: View) -> bool:
        return True

    def decide(self, view: View) -> Move:
        """What happens next; nothing is learned from views in which there is no choice."""
        if not view.steps or not view.reachable:
            return Move.ACT
        seen = features(view)
        chance = probability(self.weights, seen)
        involves = chance >= 0.5 if self.rng is None else self.rng.random() < chance
        self.seen.append(seen)
        self.done.append(involves)
        if not involves:
            return Move.ACT
        return Move.ASK if self.involve == "ask" else Move.PROPOSE

    def proposes(self, step: Step) -> bool:
        return True


@dataclass(frozen=True)
class Episode:
    """What a gate saw and did in an episode, and what came of it: success from 0 to 1, and the number of
    interventions."""

    seen: Sequence[Sequence[float]]
    done: Sequence[bool]
    success: float
    interventions: int

    def utility(self, price: float) -> float:
        """Success minus `price` for every intervention."""
        return self.success - price * self.interventions


def mean_utility(episodes: Sequence[Episode], price: float) -> float:
    """The mean over the episodes, at least one."""
    return sum(episode.utility(price) for episode in episodes) / len(episodes)


class Learner:
    """Adam over REINFORCE: the gradient of a batch is the mean over its episodes of (utility - the batch's
    mean) times the score of all decisions of the episode."""

    def __init__(self, start: Sequence[float], rate: float) -> None:
        import numpy as np

        self.weights: Floats = np.array(start, float)
        self._rate, self._updates = rate, 0
        self._first, self._second = np.zeros_like(self.weights), np.zeros_like(self.weights)

    def gradient(self, batch: Sequence[Episode], price: float) -> Floats:
        """The gradient of the mean utility of a batch that these weights played, shape (features,)."""
        import numpy as np

        baseline = mean_utility(batch, price)
        total: Floats = np.zeros_like(self.weights)
        for episode in batch:
            if not episode.seen:
                continue
            seen = np.asarray(episode.seen)
            chances = 1 / (1 + np.exp(-np.clip(seen @ self.weights, -30, 30)))
            score = (np.asarray(episode.done, float) - chances) @ seen
            total += (episode.utility(price) - baseline) * score
        return total / len(batch)

    def learn(self, batch: Sequence[Episode], price: float) -> None:
        """One step uphill."""
        import numpy as np

        gradient = self.gradient(batch, price)
        self._updates += 1
        self._first = 0.9 * self._first + 0.1 * gradient
        self._second = 0.99 * self._second + 0.01 * gradient**2
        first, second = self._first / (1 - 0.9**self._updates), self._second / (1 - 0.99**self._updates)
        self.weights = self.weights + self._rate * first / (np.sqrt(second) + 1e-8)


def write(weights: Sequence[float], folder: Path) -> None:
    """Keeps a gate, its weights by the names of the features."""
    named = {name: float(weight) for name, weight in zip(FEATURES, weights, strict=True)}
    (folder / "gate.json").write_text(json.dumps(named, indent=1) + "\n", "utf-8")


def read(folder: Path) -> list[float]:
    """The weights that `write` kept.

    Raises:
        ValueError: there are none, or of other features.
    """
    try:
        named = json.loads((folder / "gate.json").read_text("utf-8"))
        return [float(named[name]) for name in FEATURES]
    except (OSError, KeyError, TypeError) as error:
        raise ValueError(f"no gate is in {folder}") from error

"""What gives a problem its score. A scorer knows nothing of losses: it is handed the gradient by its own
outputs, so that the light one, a table and a language model with a scalar head are exchangeable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from harness.methods.curator.signals import Floats, Indices


class Scorer(Protocol):
    """Scores of problems, and one step of learning."""

    def logits(self, rows: Indices) -> Floats:
        """One score a row of the problem set."""
        ...

    def descend(self, rows: Indices, gradient: Floats) -> None:
        """One optimiser step, given the loss's gradient by `logits(rows)`."""
        ...

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs, in JSON."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None: ...


class LightScorer:
    """A network with one hidden layer (none with `hidden=0`) over fixed features, trained by Adam (Kingma
    and Ba, arXiv 1412.6980) or by plain gradient steps. It starts flat: every score is 0."""

    def __init__(
        self, features: Floats, *, hidden: int = 32, rate: float = 0.01, adam: bool = True, seed: int = 0
    ) -> None:
        self._features = np.asarray(features, np.float64)
        self._rate, self._adam = rate, adam
        width = self._features.shape[1]
        rng = np.random.default_rng([seed, 77])
        self._weights = [np.zeros(hidden or width)]
        if hidden:
            self._weights.insert(0, rng.normal(0, width**-0.5, (width, hidden)))
        self._moments = [(np.zeros_like(w), np.zeros_like(w)) for w in self._weights]
        self._steps = 0

    def logits(self, rows: Indices) -> Floats:
        return np.asarray(self._hidden(rows) @ self._weights[-1])

    def _hidden(self, rows: Indices) -> Floats:
        given = self._features[rows]
        return np.tanh(given @ self._weights[0]) if len(self._weights) == 2 else given

    def descend(self, rows: Indices, gradient: Floats) -> None:
        hidden = self._hidden(rows)
        slopes = [hidden.T @ gradient]
        if len(self._weights) == 2:
            inner = np.outer(gradient, self._weights[1]) * (1 - hidden**2)
            slopes.insert(0, self._features[rows].T @ inner)
        self._steps += 1
        for number, slope in enumerate(slopes):
            self._weights[number] = self._weights[number] - self._rate * self._direction(number, slope)

    def _direction(self, number: int, slope: Floats) -> Floats:
        if not self._adam:
            return slope
        first, second = self._moments[number]
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        self._moments[number] = (first, second)
        mean, power = first / (1 - 0.9**self._steps), second / (1 - 0.999**self._steps)
        return np.asarray(mean / (np.sqrt(power) + 1e-12))

    def state(self) -> dict[str, Any]:
        return {
            "steps": self._steps,
            "weights": [w.tolist() for w in self._weights],
            "moments": [[m.tolist() for m in pair] for pair in self._moments],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._steps = state["steps"]
        self._weights = [np.array(w) for w in state["weights"]]
        self._moments = [(np.array(a), np.array(b)) for a, b in state["moments"]]

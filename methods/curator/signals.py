"""What a group of rollouts says about its problem: advantages, learnability, utility.

Shapes: B problems, n rollouts of each. Equations after arXiv 2602.20532; the paper's own equations 5 to 7
could not be read, so their form here is a reconstruction from the released code and from second-hand notes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

STDS = ("sample", "population", "none")
#: what TRL adds to a group's standard deviation
TRL_EPSILON = 1e-4


def advantages(rewards: Floats, std: str = "sample", epsilon: float = 1e-6) -> Floats:
    """GRPO advantages (B, n): the reward less its group's mean, by default over the group's sample standard
    deviation plus `epsilon` (`population`: divided by n and without `epsilon`; `none`: not divided).

    A group of equal rewards has advantages of exactly 0.
    """
    rewards = np.asarray(rewards, np.float64)
    centred: Floats = rewards - rewards.mean(-1, keepdims=True)
    centred[np.ptp(rewards, axis=-1) == 0] = 0.0
    if std == "none":
        return centred
    if std not in STDS:
        raise ValueError(f"std is one of {', '.join(STDS)}, not {std!r}")
    if std == "sample":
        spread = rewards.std(-1, ddof=1, keepdims=True) + epsilon
    else:
        spread = rewards.std(-1, keepdims=True)
    shares = np.zeros_like(centred)
    np.divide(centred, spread, out=shares, where=spread > 0)
    return shares


def sequence_ratio(before: Floats, after: Floats, lengths: Floats) -> Floats:
    """How likely each response has become: the geometric mean of its tokens' probability ratios, as in GSPO
    (arXiv 2507.18071). `before` and `after` are sums of log-probabilities; lengths are at least 1."""
    return np.asarray(np.exp((np.asarray(after, np.float64) - before) / np.maximum(lengths, 1)))


def utility(rewards: Floats, ratios: Floats, std: str = "sample") -> Floats:
    """u_x (B,): the mean of advantage times sequence ratio over a problem's rollouts, signed.

    As advantages sum to zero, this is their covariance with the ratios; it is 0 for a group of equal rewards.
    In units of reward with `std="none"`, else of the group's standard deviation.
    """
    return np.asarray((advantages(rewards, std) * (np.asarray(ratios) - 1.0)).mean(-1))


def learnability(rewards: Floats) -> Floats:
    """p(1 - p) of each group (B,), p its mean reward (arXiv 2502.12272)."""
    rate = np.asarray(rewards, np.float64).mean(-1)
    return np.asarray(rate * (1.0 - rate))


def mixed(rewards: Floats) -> NDArray[np.bool_]:
    """Which groups (B,) have rewards that differ; only these have a gradient."""
    return np.asarray(np.ptp(rewards, axis=-1) > 0)


class Window:
    """The mean of the last `size` values of each problem. Values are counted in visits, not in steps, as in
    the released code, so that a problem seldom visited keeps old values."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._values: dict[int, deque[float]] = {}

    def add(self, problems: Iterable[int], values: Iterable[float]) -> Floats:
        """Records a value a problem and gives the new means."""
        means = []
        for problem, value in zip(problems, values, strict=True):
            kept = self._values.setdefault(int(problem), deque(maxlen=self.size))
            kept.append(float(value))
            means.append(sum(kept) / len(kept))
        return np.array(means)

    def state(self) -> dict[str, list[float]]:
        return {str(problem): list(kept) for problem, kept in self._values.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._values = {int(key): deque(kept, maxlen=self.size) for key, kept in state.items()}

"""The one interface of every curriculum."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.methods.curator.sampling import Selection
from harness.methods.curator.signals import Floats, Indices, sequence_ratio
from harness.methods.curator.training_tasks import ProblemSet

#: rolls out problems under the present policy, at a cost, and gives their rewards (B, n); those of them that
#: are selected afterwards aren't rolled out again
Probe = Callable[[Indices], Floats]


@dataclass
class Round:
    """What a step showed: B selected problems with n rollouts each, before and after the policy's update.

    `rewards` (B, n) are in [0, 1]. `before`, `after` (B, n) are summed log-probabilities of the responses
    under the two policies, by the same kernel; None unless the curriculum asked for the extra pass.
    `lengths` (B, n) are in tokens.
    """

    selection: Selection
    rewards: Floats
    before: Floats | None = None
    after: Floats | None = None
    lengths: Floats | None = None

    @property
    def ratios(self) -> Floats:
        """Length-normalised sequence ratios (B, n)."""
        assert self.before is not None and self.after is not None and self.lengths is not None
        return sequence_ratio(self.before, self.after, self.lengths)


class Curriculum:
    """Chooses the problems of each step and learns from what came of them.

    A training loop calls, once a step and in this order: `select`, `observe`, `update`.
    """

    #: whether `observe` needs log-probabilities under the updated policy
    extra_pass = False

    def __init__(self, bank: ProblemSet, *, seed: int = 0, **settings: Any) -> None:
        self.bank, self.seed = bank, seed
        for name, value in settings.items():
            if not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} has no setting {name!r}")
            setattr(self, name, value)

    def score(self, candidates: Indices) -> Floats:
        """(C,) how much each is wanted now; only the order or the softmax of scores has a meaning."""
        return np.zeros(len(candidates))

    def select(self, k: int, rng: np.random.Generator, probe: Probe) -> Selection:
        """The problems of the next step, `k` of them."""
        raise NotImplementedError

    def observe(self, seen: Round) -> None:
        """Takes in what the step showed."""

    def update(self) -> dict[str, float]:
        """Learns from what was observed since the last update; gives numbers to plot."""
        return {}

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs, in JSON. Called between `update` and `select`."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from `state`."""

"""Curricula that roll out more problems than they train on: learnability, DAPO, VCRL. What they discard is
charged by the probe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.base.errors import UsageError
from harness.methods.curator.curricula.plain import WithoutReplacement, nearest
from harness.methods.curator.curriculum import Probe, Round
from harness.methods.curator.sampling import Selection
from harness.methods.curator.signals import Floats, Indices, learnability, mixed


class Learnability(WithoutReplacement):
    """p(1 - p) by rejection (LILO, arXiv 2502.12272; SFL): a pool of `pool` times the batch is rolled out and
    the problems with the largest reward variance are trained on, with a share of uniform draws from the rest
    of the pool. The sizes of pool and share are reconstruction."""

    pool = 4
    uniform_share = 0.25

    def select(self, k: int, rng: np.random.Generator, probe: Probe) -> Selection:
        drawn = self.draw(self.pool * k)
        k = min(k, len(drawn))
        best = nearest(-learnability(probe(drawn)), k - int(self.uniform_share * k), rng)
        left = np.setdiff1d(np.arange(len(drawn)), best)
        rest = rng.choice(left, k - len(best), replace=False)
        return Selection(drawn[np.concatenate([best, rest])])


class DAPO(WithoutReplacement):
    """Dynamic sampling (arXiv 2503.14476): generation batches of `factor` times the batch; groups whose
    rewards are all equal are dropped, until the batch is full or `most` batches were generated, which is an
    error as in the released recipe."""

    factor = 3
    most = 10

    def select(self, k: int, rng: np.random.Generator, probe: Probe) -> Selection:
        kept: list[int] = []
        seen = 0
        for _ in range(self.most):
            drawn = self.draw(self.factor * k)
            seen += len(drawn)
            kept += drawn[mixed(probe(drawn))].tolist()
            if len(kept) >= k:
                return Selection(np.array(kept[:k]))
        raise UsageError(
            f"curriculum-dapo kept {len(kept)} of {seen} problems in {self.most} generation batches, and a "
            f"step needs {k}: the rollouts of the others were all right or all wrong; take easier problems, "
            "more rollouts, or another curriculum"
        )


class VCRL(WithoutReplacement):
    """Variance-based curriculum (arXiv 2509.19803): problems whose normalised reward variance is below a
    threshold are dropped, and their places filled from a priority memory of earlier problems of high
    variance, rolled out again. Thresholds, momentum and size of the memory are reconstruction."""

    first_threshold = 0.3
    last_threshold = 0.8
    rising_steps = 100
    momentum = 0.9
    memory = 4

    def __init__(self, bank: Any, *, seed: int = 0, **settings: Any) -> None:
        super().__init__(bank, seed=seed, **settings)
        self.priority: dict[int, float] = {}
        self.step = 0
        self._k = 0

    @property
    def threshold(self) -> float:
        share = min(1.0, self.step / max(1, self.rising_steps))
        return self.first_threshold + share * (self.last_threshold - self.first_threshold)

    def score(self, candidates: Indices) -> Floats:
        return np.array([self.priority.get(int(index), 0.0) for index in candidates])

    def select(self, k: int, rng: np.random.Generator, probe: Probe) -> Selection:
        self._k = k
        drawn = self.draw(k)
        keep = normalised_variance(probe(drawn)) >= self.threshold
        chosen = drawn[keep].tolist()
        ranked = sorted(self.priority, key=lambda index: (-self.priority[index], index))
        recalled = [index for index in ranked if index not in set(chosen)][: k - len(chosen)]
        # a memory that can't fill the batch yet leaves the rest to problems that were rolled out
        spare = drawn[~keep][: k - len(chosen) - len(recalled)]
        return Selection(np.array([*chosen, *recalled, *spare.tolist()], np.int64))

    def observe(self, seen: Round) -> None:
        found = normalised_variance(seen.rewards)
        for index, value in zip(seen.selection.indices.tolist(), found.tolist(), strict=True):
            if index in self.priority:
                self.priority[index] = self.momentum * self.priority[index] + (1 - self.momentum) * value
            elif value >= self.threshold:
                self.priority[index] = value
        best = sorted(self.priority, key=lambda index: (-self.priority[index], index))
        self.priority = {index: self.priority[index] for index in best[: self.memory * self._k]}

    def update(self) -> dict[str, float]:
        self.step += 1
        return {"threshold": self.threshold, "memory": float(len(self.priority))}

    def state(self) -> dict[str, Any]:
        kept = {str(index): value for index, value in self.priority.items()}
        return {**super().state(), "priority": kept, "step": self.step}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.priority = {int(index): value for index, value in state["priority"].items()}
        self.step = state["step"]


def normalised_variance(rewards: Floats) -> Floats:
    """The unbiased variance of k right among G over its largest value (B,), in [0, 1]."""
    group = rewards.shape[-1]
    right = rewards.sum(-1)
    variance = right * (group - right) / (group * (group - 1))
    largest = (group // 2) * (group - group // 2) / (group * (group - 1))
    return np.asarray(variance / largest)

"""Whether a training has gone wrong: weights that explode, rewards that collapse."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.engine.rollouts import Diverged

#: a policy whose weights as a whole are so many times as large as before the training has lost what it knew;
#: a learning rate that teaches moves them by a few per cent
GROWTH = 10.0
#: a fall of the reward counts from so many standard errors on, and where at least so much of it is lost
ERRORS, LOST = 3.0, 0.5


class Growth:
    """The size (Euclidean norm) of a network's weights, against what it was when this was made.

    Args:
        whose, setting: for what is said: whose weights they are, and the argument that moves them too far.
    """

    def __init__(self, weights: Iterable[Any], whose: str = "policy", setting: str = "rate") -> None:
        self._weights, self._whose, self._setting = list(weights), whose, setting
        self._first = self._size()

    def check(self) -> None:
        """
        Raises:
            Diverged: a weight is not finite, or they have grown more than `GROWTH` times.
        """
        size = self._size()
        if not math.isfinite(size):
            raise Diverged(f"a weight of the {self._whose} is not finite", self._setting)
        if size > GROWTH * self._first > 0:
            raise Diverged(
                f"the {self._whose}'s weights have grown to {size / self._first:.3g} times their size",
                self._setting,
            )

    def _size(self) -> float:
        import torch

        with torch.no_grad():
            return float(torch.stack([norm.float() for norm in torch._foreach_norm(self._weights)]).norm())


def collapse(
    curve: Sequence[Mapping[str, Any]], groups: int, what: str = "reward", steps: str = "steps"
) -> str:
    """What is to be said of a training whose reward has fallen from the first fifth of its steps to the last;
    empty for others.

    Args:
        curve: rows with `reward`, a mean in [0, 1], or None where there was none.
        what, steps: what is told in `reward`, and what rows are, in words.
        groups: what a step draws independently of each other, such as worlds; its episodes in one are not.
    """
    rewards = [row["reward"] for row in curve if row.get("reward") is not None]
    share = len(rewards) // 5 or 1
    if len(rewards) < 2:
        return ""
    first, last = (sum(part) / share for part in (rewards[:share], rewards[-share:]))
    # no mean in [0, 1] varies more than one of zeros and ones
    error = math.sqrt(sum(max(p * (1 - p), 0.0) for p in (first, last)) / (share * max(groups, 1)))
    if last > (1 - LOST) * first or first - last <= ERRORS * error:
        return ""
    return (
        f"the policy has got worse: its {what} fell from {first:.3f} in the first {share} of {len(rewards)} "
        f"{steps} to {last:.3f} in the last {share}; a lower -M rate may help"
    )

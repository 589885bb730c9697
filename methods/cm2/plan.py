"""How a policy is trained: presets, and the arguments that override them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.base.errors import UsageError
from harness.engine.course import Update
from harness.engine.sizes import check_counts, check_positive, over_preset


@dataclass(frozen=True)
class Plan:
    """The sizes of a training run. `small` is our pilot's, for two CPU cores; `paper` takes the paper's group
    size, learning rate and context; its number of steps is not stated, and its KL term (0.001) is left out.

    Fields:
        steps: updates, each on new episodes.
        prompts, rollouts: worlds of a step, and episodes in each; for `sft` their product is the number of
            demonstrations.
        rate, warm_up, clip: learning rate after a linear rise over so many steps, largest norm of a gradient.
        temperature: of drawing.
        max_tokens: of an action. context: tokens of an episode.
        micro_batch: episodes in one forward pass of an update.
        save_every: steps between checkpoints.
    """

    steps: int = 30
    prompts: int = 12
    rollouts: int = 8
    rate: float = 1e-3
    warm_up: int = 5
    clip: float = 1.0
    temperature: float = 1.0
    max_tokens: int = 16
    context: int = 512
    micro_batch: int = 32
    save_every: int = 10

    @classmethod
    def of(cls, args: Mapping[str, Any]) -> Plan:
        """The preset named in a method's arguments, with every argument that isn't 0 on top.

        Raises:
            UsageError: a number is out of range.
        """
        plan = over_preset(PRESETS[args["preset"]], args)
        check_counts(
            plan, "steps", "prompts", "rollouts", "max_tokens", "context", "micro_batch", "save_every"
        )
        check_positive(plan, "rate", "temperature", "clip")
        if plan.warm_up < 0:
            raise UsageError("-M warm_up is 0 or more")
        return plan

    def update(self) -> Update:
        """As the engine takes it: on-policy, one Adam step a batch, no KL term, mean over tokens."""
        return Update(
            steps=self.steps,
            rollouts=self.prompts * self.rollouts,
            rate=self.rate,
            micro_batch=math.gcd(self.prompts * self.rollouts, self.micro_batch),
            warm_up=self.warm_up,
            betas=(0.9, 0.95),
            clip=self.clip,
            aggregate="token",
            temperature=self.temperature,
            save_every=self.save_every,
        )


PRESETS = {
    "small": Plan(),
    "paper": Plan(
        steps=100,
        prompts=128,
        rollouts=48,
        rate=3e-6,
        warm_up=0,
        max_tokens=4096,
        context=10_000,
        micro_batch=1,
        save_every=10,
    ),
}

"""How a policy is trained: presets, and the arguments that override them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.base.errors import UsageError
from harness.engine.course import Update
from harness.engine.sizes import check_counts, check_positive, over_preset

#: importance ratios and clip range: token-level of GRPO with DAPO's higher ceiling, sequence-level of GSPO
LOSSES = {"gspo": ("sequence", 3e-4, 4e-4), "grpo": ("token", 0.2, 0.28)}


@dataclass(frozen=True)
class Plan:
    """The sizes of a training run. `small` is for two CPU cores, `paper` is the run script of the
    Actor-Curator repository (for a 7B model, said to be the same for 3B), `medium` is ours.

    Fields:
        levels: kinds that the training problems are limited to, in the task's own names; empty takes all.
        steps: generation batches.
        prompts, rollouts: problems of a step, and responses to each.
        candidates: problems that are scored for a step.
        minibatches: policy updates a step; with 1 the update is on-policy and nothing is ever clipped.
        micro_batch: sequences in one forward pass of an update.
        rate: the policy's learning rate, after a warm-up over a twentieth of the steps.
        max_tokens: of a response.
        dormant, warm_up: see `ActorCurator`.
        measure_every: steps between measurements on the dev split, discarded rollouts counted
            in; the last step is always measured.
        save_every: steps between checkpoints.
    """

    levels: str = ""
    steps: int = 600
    prompts: int = 256
    rollouts: int = 8
    candidates: int = 2048
    minibatches: int = 4
    micro_batch: int = 8
    rate: float = 1e-6
    max_tokens: int = 4096
    temperature: float = 1.0
    dormant: int = 20
    warm_up: int = 5
    measure_every: int = 10
    save_every: int = 50

    @classmethod
    def of(cls, args: Mapping[str, Any]) -> Plan:
        """The preset named in a method's arguments, with every argument that isn't 0 or empty on top.

        Raises:
            UsageError: a number is out of range.
        """
        plan = over_preset(PRESETS[args["preset"]], args)
        check_counts(plan, "steps", "prompts", "rollouts", "minibatches", "micro_batch", "candidates")
        check_counts(plan, "max_tokens", "save_every")
        check_positive(plan, "rate", "temperature")
        sequences = plan.prompts * plan.rollouts
        if not args.get("micro_batch"):  # the preset's is for its own sizes
            most = math.gcd(sequences // plan.minibatches, plan.micro_batch)
            plan = replace(plan, micro_batch=most)
        if sequences % plan.minibatches:
            raise UsageError(
                f"-M minibatches={plan.minibatches} doesn't divide the {sequences} rollouts of "
                f"a step ({plan.prompts} prompts x {plan.rollouts})"
            )
        if sequences // plan.minibatches % plan.micro_batch:
            raise UsageError(
                f"-M micro_batch={plan.micro_batch} doesn't divide the "
                f"{sequences // plan.minibatches} rollouts of a mini-batch"
            )
        return plan

    def update(self, loss: str) -> Update:
        """How the rollouts of a step move the policy, under the loss `gspo` or `grpo`."""
        level, low, high = LOSSES[loss]
        return Update(
            steps=self.steps,
            rollouts=self.prompts * self.rollouts,
            rate=self.rate,
            minibatches=self.minibatches,
            micro_batch=self.micro_batch,
            warm_up=math.ceil(self.steps * self.minibatches / 20),
            weight_decay=0.1,
            level=level,
            low=low,
            high=high,
            temperature=self.temperature,
            save_every=self.save_every,
        )


PRESETS = {
    "small": Plan(
        levels="1,2",
        steps=60,
        prompts=16,
        candidates=128,
        minibatches=1,
        micro_batch=32,
        rate=3e-5,
        max_tokens=48,
        dormant=4,
        warm_up=1,
        save_every=10,
    ),
    "medium": Plan(
        steps=200,
        prompts=32,
        candidates=256,
        minibatches=1,
        micro_batch=32,
        rate=3e-5,
        max_tokens=96,
        dormant=10,
        warm_up=2,
        save_every=20,
    ),
    "paper": Plan(),
}

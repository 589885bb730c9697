"""What a training spends: rollouts, tokens, seconds, and floating-point operations by the usual count."""

from __future__ import annotations

from dataclasses import dataclass, fields

from harness.model.ledger import Usage


@dataclass
class Cost:
    """What a run spent. Tokens of prompts count once a rollout, whether or not they shared a pass.

    `trained` are rollouts that the policy was updated on, `discarded` those rolled out and dropped;
    `extra_tokens` were read for log-probabilities before and after the update, `dev_*` to measure.
    """

    trained: int = 0
    discarded: int = 0
    prompt_tokens: int = 0
    response_tokens: int = 0
    discarded_prompt_tokens: int = 0
    discarded_response_tokens: int = 0
    extra_tokens: int = 0
    dev_calls: int = 0
    dev_prompt_tokens: int = 0
    dev_response_tokens: int = 0
    select_s: float = 0.0
    rollout_s: float = 0.0
    verify_s: float = 0.0
    extra_s: float = 0.0
    curator_s: float = 0.0
    dev_s: float = 0.0
    step_s: float = 0.0

    def add(self, other: Cost) -> None:
        for f in fields(self):
            setattr(self, f.name, getattr(self, f.name) + getattr(other, f.name))

    @property
    def rollouts(self) -> int:
        return self.trained + self.discarded

    @property
    def tokens(self) -> int:
        """Read and written by training; measuring on dev is no part of it."""
        return (
            self.prompt_tokens
            + self.response_tokens
            + self.discarded_prompt_tokens
            + self.discarded_response_tokens
            + self.extra_tokens
        )

    def flops(self, parameters: int) -> float:
        """Floating-point operations of training by the usual count, 2 a parameter and token read or written,
        and 6 for a token trained on; measuring on dev is no part of training."""
        trained = self.prompt_tokens + self.response_tokens
        rolled = trained + self.discarded_prompt_tokens + self.discarded_response_tokens
        return 2.0 * parameters * (rolled + 3 * trained + self.extra_tokens)


def usages(cost: Cost) -> dict[str, Usage]:
    """A training's cost as the ledger records it, by purpose."""
    by_purpose = {
        "train": Usage(
            calls=cost.trained,
            input_tokens=cost.prompt_tokens,
            output_tokens=cost.response_tokens,
            seconds=cost.step_s - cost.extra_s - cost.curator_s - cost.dev_s,
        ),
        "train-discarded": Usage(
            calls=cost.discarded,
            input_tokens=cost.discarded_prompt_tokens,
            output_tokens=cost.discarded_response_tokens,
        ),
        "train-curriculum": Usage(input_tokens=cost.extra_tokens, seconds=cost.extra_s + cost.curator_s),
        "train-dev": Usage(
            calls=cost.dev_calls,
            input_tokens=cost.dev_prompt_tokens,
            output_tokens=cost.dev_response_tokens,
            seconds=cost.dev_s,
        ),
    }
    return {purpose: usage for purpose, usage in by_purpose.items() if usage != Usage()}

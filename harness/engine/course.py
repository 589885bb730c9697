"""What a training engine is given: a course of steps, each of them rollouts with advantages.

A course decides what is rolled out and what it was worth (a curriculum of problems, worlds under a checklist,
demonstrations); an engine (`trl.py`, `plain.py`) turns it into updates of the weights, checkpoints and their
resumption. Data flows one way: course -> rollouts -> engine -> weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from harness.engine.rollouts import Decoder, Diverged, Ids, Sampler

__all__ = ["Course", "Diverged", "DrawnCourse", "Ids", "Rollout", "Update"]


@dataclass(slots=True)
class Rollout:
    """One sequence that the policy learns from.

    Fields:
        prompt: tokens that the policy read before its first.
        ids: tokens after it, the policy's own and, in a dialogue, the world's.
        own: which of `ids` are the policy's own; None: all. Only these are learned from.
        advantage: of every own token, as one number or one a token of `ids`.
        logprobs: of every token of `ids`, by the engine that drew them, where that was not the policy itself.

    Raises:
        ValueError: there is no prompt (its last token predicts the first that follows), or `own`,
            `advantage` or `logprobs` are not one a token of `ids`.
    """

    prompt: Ids
    ids: Ids
    advantage: float | Sequence[float]
    own: Sequence[bool] | None = None
    logprobs: Sequence[float] | None = None

    def __post_init__(self) -> None:
        if not len(self.prompt):
            raise ValueError("a rollout needs a prompt of at least one token")
        for name in ("own", "advantage", "logprobs"):
            given = getattr(self, name)
            if hasattr(given, "__len__") and len(given) != len(self.ids):
                raise ValueError(f"{name}: {len(given)} values for the {len(self.ids)} tokens of a rollout")


@dataclass(frozen=True)
class Update:
    """How a step's rollouts move the weights.

    Fields:
        steps: generation batches, each of `rollouts` sequences.
        minibatches: updates a step; with 1 the update is on-policy and nothing is clipped.
        micro_batch: sequences in one forward pass.
        rate: learning rate after `warm_up` updates of a linear rise.
        betas, weight_decay, clip: of AdamW, and the gradient's largest norm.
        level: importance ratios of `token`s or of a `sequence` (GSPO); low, high: their clip range.
        aggregate: `sequence`: mean over a sequence's own tokens, then over sequences (GRPO);
            `token`: sum over all own tokens of an update, by how many the step's updates have on average
            (DAPO; with one minibatch the mean).
        save_every: steps between checkpoints.
    """

    steps: int
    rollouts: int
    rate: float
    minibatches: int = 1
    micro_batch: int = 32
    warm_up: int = 0
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    clip: float = 1.0
    level: str = "token"
    low: float = 0.2
    high: float = 0.28
    aggregate: str = "sequence"
    temperature: float = 1.0
    save_every: int = 10


class Course(Protocol):
    """A training run without its optimiser."""

    model: Any
    tokenizer: Any
    update: Update
    seed: int
    #: one row a finished step; the engine adds loss, grad_norm, entropy, rate
    curve: list[dict[str, Any]]

    @property
    def step(self) -> int:
        """Steps that are done."""
        ...

    @property
    def peak(self) -> int | None:
        """The first step with the best score on dev; None where nothing was measured."""
        ...

    def choose(self) -> Sequence[Rollout]:
        """The rollouts of the next step, drawn from the policy as it now is."""
        ...

    def finish_step(self) -> bool:
        """Called once the policy moved; whether the run goes on."""
        ...

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs beside the weights and the optimiser, in a JSON form."""
        ...

    def restore(self, state: dict[str, Any]) -> None: ...

    def save(self, folder: Path) -> None:
        """Writes what is no JSON (weights of a curator) into a checkpoint."""
        ...

    def load(self, folder: Path) -> None: ...


class DrawnCourse(Course, Protocol):
    """A course whose rollouts come from one sampler, which an engine may replace by vLLM."""

    #: what draws rollouts
    sampler: Sampler
    #: draws with the policy itself: its ends, lengths and temperature are vLLM's too
    decoder: Decoder
    #: tokens of the longest sequence, prompt and response
    longest: int

"""The problems that a policy is trained on, from a task's train split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from harness.base.errors import UsageError
from harness.methods.curator.sampling import Deck
from harness.methods.curator.signals import Floats, Indices
from harness.sample import Sample

#: gold answers tried on a task's own verifier before it is trusted with a training run
TRIED = 16


@dataclass(frozen=True)
class ProblemSet:
    """K problems to train on.

    `prompts` are what the policy reads. `categories` (K,) numbers the kinds of problem that SEC takes for its
    arms; `names` says what they are. `difficulty` (K,) is in [0, 100] and comes from `difficulty_from`;
    None where the task labels no levels.
    """

    samples: Sequence[Sample]
    prompts: Sequence[str]
    categories: Indices
    names: Sequence[str]
    difficulty: Floats | None = None
    difficulty_from: str = "nothing"
    vectors: Floats | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.prompts)

    @property
    def ids(self) -> list[str]:
        return [sample.id for sample in self.samples]

    def shuffled(self, seed: int) -> list[Sample]:
        """The problems in the order in which curricula of that seed first come to them."""
        order = Deck(np.arange(len(self)), seed).draw(len(self))
        return [self.samples[row] for row in order]

    @cached_property
    def features(self) -> Floats:
        """(K, D) what the light curator reads, prompts alone."""
        if self.vectors is not None:
            return self.vectors
        from harness.methods.curator.features import text_features

        return text_features(self.prompts)

    @classmethod
    def of(cls, samples: Sequence[Sample], prompt: Callable[[Sample], str]) -> ProblemSet:
        """The problems of a train split; `prompt` writes a problem as the policy will read it.

        A category is the sample's `type` and `level` as far as its metadata has them, else all are of one.
        Levels are ranked for the difficulty: the lowest is 0, the highest 100.

        Raises:
            UsageError: the split is empty.
        """
        samples = list(samples)
        if not samples:
            raise UsageError("the task's train split is empty, so there are no problems to train on")
        kinds = [_category(sample) for sample in samples]
        names = sorted(set(kinds), key=_natural)
        number = {name: position for position, name in enumerate(names)}
        levels = [sample.question.metadata.get("level") for sample in samples]
        ranked = sorted({level for level in levels if level is not None}, key=_natural)
        difficulty = None
        if len(ranked) > 1 and None not in levels:
            step = 100 / (len(ranked) - 1)
            place = {level: step * position for position, level in enumerate(ranked)}
            difficulty = np.array([place[level] for level in levels])
        return cls(
            samples,
            [prompt(sample) for sample in samples],
            np.array([number[kind] for kind in kinds], np.int64),
            names,
            difficulty,
            "level labels" if difficulty is not None else "nothing",
        )


def _category(sample: Sample) -> str:
    facts = sample.question.metadata
    return " ".join(str(facts[key]) for key in ("type", "level") if facts.get(key) is not None) or "all"


def _natural(value: Any) -> tuple[bool, float, str]:
    try:
        return False, float(value), ""
    except ValueError:
        return True, 0.0, str(value)


def check_verifier(bank: ProblemSet, verify: Callable[[Sample, str], float]) -> None:
    """Tries the task's verifier on gold answers and on nonsense.

    Raises:
        UsageError: it fails, takes no gold answer for right, or takes nonsense for right; says which.
    """
    step = max(1, len(bank) // TRIED)
    tried = list(bank.samples)[::step][:TRIED]
    for sample in tried:
        for text in (sample.demonstration, ""):
            try:
                reward = verify(sample, text)
            except Exception as error:
                raise UsageError(
                    f"the task's verifier fails on {sample.id!r}: {type(error).__name__}: "
                    f"{str(error)[:200]}; nothing was trained"
                ) from error
            if not 0 <= reward <= 1:
                raise UsageError(
                    f"the task's verifier gives {reward!r} for {sample.id!r}, and a reward is "
                    "in [0, 1]; nothing was trained"
                )
    if not any(verify(sample, sample.demonstration) for sample in tried):
        raise UsageError(
            f"the task's verifier takes none of {len(tried)} gold answers for right; nothing was trained"
        )
    if all(verify(sample, "") for sample in tried):
        raise UsageError("the task's verifier takes an empty answer for right; nothing was trained")

"""The runs of the experiment, in the order in which they are worth most: the core claim first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

SEEDS = 5
#: the grade's spread over seeds was the largest in the pilot
HOLISTIC_SEEDS = 7
STEPS = 30
#: what SFT has in place of the drawing of episodes: 8 operations a parameter and token against 6
SFT_STEPS = 40


@dataclass(frozen=True)
class Arm:
    """`reward`: outcome, trajectory, turn, step (levels of the checklist), holistic, sft (demonstrations), or
    start (no training). `flip`: how often the judge is wrong; `shared`: errors shared by a group's episodes.
    `blind`: a kind of item that the checklist lacks."""

    reward: str
    turns: int
    flip: float = 0.0
    shared: bool = False
    blind: str = ""
    seed: int = 0

    @property
    def cell(self) -> str:
        more = [f"flip {self.flip:g}" if self.flip else "", "shared errors" if self.shared else ""]
        more += [f"without {self.blind}" if self.blind else ""]
        return ", ".join([f"{self.reward} at {self.turns} turns", *filter(None, more)])

    @property
    def name(self) -> str:
        return f"{self.cell}, seed {self.seed}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


#: the kind of the item that says that nothing else was changed; without it needless acts cost nothing
BLIND = "rest"


def planned() -> list[Arm]:
    """All runs, each once."""
    return list(dict.fromkeys(_in_order()))


def _in_order() -> Iterator[Arm]:
    core, levels = ("outcome", "trajectory", "turn"), ("outcome", "trajectory", "turn", "step")
    for turns in (6, 4, 9):
        yield Arm("start", turns)
    for seed in range(SEEDS):
        for flip in (0.0, 0.2):
            for reward in core:
                yield Arm(reward, 6, flip, seed=seed)
    for seed in range(HOLISTIC_SEEDS):
        for flip in (0.0, 0.2):
            yield Arm("holistic", 6, flip, seed=seed)
    for seed in range(SEEDS):
        yield Arm("sft", 6, seed=seed)
        yield Arm("trajectory", 6, blind=BLIND, seed=seed)
        for reward in core:
            yield Arm(reward, 6, 0.2, shared=True, seed=seed)
        for reward in core:
            yield Arm(reward, 6, 0.05, seed=seed)
        for flip in (0.0, 0.2):
            yield Arm("step", 6, flip, seed=seed)
    for turns in (9, 4):
        for seed in range(SEEDS):
            for flip in (0.0, 0.2):
                for reward in levels:
                    yield Arm(reward, turns, flip, seed=seed)
    for seed in range(HOLISTIC_SEEDS):
        yield Arm("holistic", 6, 0.05, seed=seed)
    for seed in range(SEEDS):
        yield Arm("step", 6, 0.05, seed=seed)
        for turns in (9, 4):
            for flip in (0.0, 0.2):
                yield Arm("holistic", turns, flip, seed=seed)

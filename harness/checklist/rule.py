"""The switches of the checklist reward and its advantages, with the settings of the paper and of its code."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

from harness.base.errors import UsageError, nearest

Gate = Literal["none", "sticky", "sticky_same", "strict"]
Normaliser = Literal["reference", "reached"]
BrokenTurn = Literal["judge_as_is", "zero_credit"]
Failure = Literal["drop", "zero_reward"]
Level = Literal["trajectory", "turn", "step"]
Baseline = Literal["eligible", "reached", "group"]
StepForm = Literal["sum", "mean"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "gate": get_args(Gate),
    "normaliser": get_args(Normaliser),
    "broken_turn": get_args(BrokenTurn),
    "infra_failure": get_args(Failure),
    "level": get_args(Level),
    "baseline": get_args(Baseline),
    "step_form": get_args(StepForm),
}


@dataclass(frozen=True, slots=True)
class RewardRule:
    """How verdicts become a reward, and the rewards of a group become advantages.

    The defaults are ours: the released rule of rewards without its accidents. Arithmetic is certain (it was
    checked with independent code); which of it the authors' best run used is not stated.

    Attributes:
        gate: when a true verdict is credited. `none`: always (released code, trajectory and turn level);
            `sticky`: at the first step where the verdict is true and every prerequisite was credited at an
            earlier step; `sticky_same`: the same, and prerequisites that stand earlier in the list count
            from the same step on (released code, step level); `strict`: the item turns from false to true
            at a step before which every prerequisite is true (paper, equation 2).
        normaliser: what the sum of turn scores is divided by. `reference`: the turns of the checklist
            (released code), so that an episode that stops early loses what it didn't reach; `reached`: the
            turns of the episode, as equation 4 is written. That is wrong as a reward: stopping costs nothing.
        broken_turn: a turn that a tool error or a limit ended. `judge_as_is`: by its verdicts;
            `zero_credit`: it earns nothing (what a mistake in the released code comes to).
        infra_failure: an episode that the judge or the simulator failed on. `drop`: it takes no part in the
            group; `zero_reward`: it stays with reward 0 (released code), as if the policy had failed.
        level: where advantages differ: `trajectory` (the paper's final choice), `turn` or `step`.
        baseline: over which rollouts an item's rate is taken at the step level: those in which it became
            `eligible` (released code), that `reached` the turn, or the whole `group` (paper, text of
            equation 8).
        step_form: a step's items as a weighted `sum` (released code) or a weighted `mean` (equation 10).
        minimum_holders: at turn and step level, fewer rollouts than this at a position give no advantage;
            5 in the released code, where a group of 4 thus learns nothing.
        std: divide by the group's standard deviation (F_norm); the authors don't. Not defined at the step
            level.
        discount: eta in (0, 1], to the power of the steps until an item is earned; 1 switches it off. That
            an item's rate is discounted likewise is our reconstruction.
    """

    gate: Gate = "none"
    normaliser: Normaliser = "reference"
    broken_turn: BrokenTurn = "judge_as_is"
    infra_failure: Failure = "drop"
    level: Level = "trajectory"
    baseline: Baseline = "eligible"
    step_form: StepForm = "sum"
    minimum_holders: int = 1
    std: bool = False
    discount: float = 1.0

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise UsageError(
                    f"unknown {name.replace('_', ' ')} {value!r}; {nearest(str(value), choices)}"
                )
        if self.minimum_holders < 1:
            raise UsageError(f"minimum_holders must be 1 or more, got {self.minimum_holders}")
        if not 0 < self.discount <= 1:
            raise UsageError(f"discount must lie in (0, 1], got {self.discount}")
        if self.std and self.level == "step":
            raise UsageError("std is not defined at the step level; leave it off, or take level=turn")

    def check_mode(self, mode: str, option: str) -> None:
        """Whether a judge that decides once a turn, or once an episode, tells what the rule asks; `option` is
        how the mode is written by the user.

        Raises:
            UsageError: the rule needs a verdict on every step.
        """
        if mode == "step":
            return
        if self.gate in ("sticky", "strict"):
            raise UsageError(
                f"gate={self.gate} asks what was met before a step, which {option}={mode} doesn't see: no "
                f"item with a prerequisite would ever count; take {option}=step"
            )
        if self.level == "step":
            raise UsageError(f"level=step needs a verdict on every step; take {option}=step")


#: the authors' code at trajectory and turn level, as it runs; its step level has the gate `sticky_same`
RELEASED = RewardRule(broken_turn="zero_credit", infra_failure="zero_reward", minimum_holders=5)
#: the equations as they are written, 2 to 10; what the paper leaves open is as in ours
PAPER = RewardRule(gate="strict", normaliser="reached", baseline="group", step_form="mean")
PRESETS: dict[str, RewardRule] = {"ours": RewardRule(), "released": RELEASED, "paper": PAPER}


def switches() -> dict[str, tuple[str, ...]]:
    """Every switch of `RewardRule` with its choices, in order; none for numbers and truth values."""
    return {each.name: _CHOICES.get(each.name, ()) for each in fields(RewardRule)}

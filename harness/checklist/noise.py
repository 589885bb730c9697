"""Judges that err at a known rate, for experiments: verdicts, success labels and grades with drawn errors.

Whether a verdict is wrong depends on the seed and on where it stands (group, rollout, turn, item), never on
the order of calls: a rollout gets the same errors in every arm, at any concurrency, and after a kill.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from statistics import NormalDist
from typing import Any

from harness.base.digest import seed_of
from harness.base.errors import UsageError
from harness.checklist import Checklist, Item, Trajectory, Verdicts
from harness.checklist.judging import Judge, Judged

#: what one error is shared by: nothing; all rollouts of a group at one item; all items of one kind, for good
SHARED = ("none", "group", "kind")
#: what is flipped: an item's verdict on its turn, or each step's
PER = ("item", "step")


class NoisyJudge:
    """Another judge's verdicts, with errors.

    Args:
        flip: the rate at which a verdict is turned round, 0 to 1; a pair gives (no to yes, yes to no).
        per: `item` flips what the turn comes to, the OR over its steps, once an item and rollout. `step`
            flips every step's verdict by itself: an unmet item of a turn of s steps is then falsely met with
            probability 1 - (1 - flip)**s, and one met at every step almost never falsely unmet.
        correlated: `none`; `group`: one draw for all rollouts of a group, so that they are misjudged alike;
            `kind`: one draw for all items of a kind (`kind_of`), which are then always misjudged.
    """

    def __init__(
        self,
        inner: Judge,
        flip: float | tuple[float, float],
        *,
        per: str = "item",
        correlated: str = "none",
        seed: int = 0,
    ) -> None:
        rates = flip if isinstance(flip, tuple) else (flip, flip)
        if not all(0 <= rate <= 1 for rate in rates):
            raise UsageError(f"a flip rate is from 0 to 1, not {flip}")
        for name, value, known in (("per", per, PER), ("correlated", correlated, SHARED)):
            if value not in known:
                raise UsageError(f"{name}={value!r} is unknown; one of: {', '.join(known)}")
        self.inner, self.rates, self.per, self.correlated, self.seed = inner, rates, per, correlated, seed

    @property
    def identity(self) -> Mapping[str, Any]:
        mine = {"flip": list(self.rates), "per": self.per, "correlated": self.correlated, "seed": self.seed}
        return {"judge": "noisy", **mine, "inner": dict(self.inner.identity)}

    async def verdicts(
        self, checklist: Checklist, trajectory: Trajectory, *, group: str = "", rollout: int = 0
    ) -> Judged:
        judged = await self.inner.verdicts(checklist, trajectory, group=group, rollout=rollout)
        return replace(judged, verdicts=self.flipped(judged.verdicts, checklist, group, rollout))

    def flipped(self, verdicts: Verdicts, checklist: Checklist, group: str, rollout: int) -> Verdicts:
        """The verdicts with their errors, a new list; what has no verdict keeps none."""
        if not any(self.rates):
            return verdicts
        made: Verdicts = []
        for t, (steps, items) in enumerate(zip(verdicts, checklist.turns, strict=False)):
            turn = [list(step) for step in steps]
            for i, item in enumerate(items if turn else ()):
                if self.per == "item":
                    self._flip_item(turn, i, self._name(item, group, rollout, t, i))
                    continue
                for s, step in enumerate(turn):
                    step[i] = self._flip(step[i], (*self._name(item, group, rollout, t, i), s))
            made.append(turn)
        return made

    def _flip_item(self, turn: list[list[bool | None]], i: int, name: tuple[Any, ...]) -> None:
        """Turns round whether an item is met in a turn. An item falsely met is met after a step that is drawn
        too; one falsely unmet is unmet after all."""
        seen = [step[i] for step in turn]
        met = True if True in seen else None if None in seen else False
        now = self._flip(met, name)
        if now is met:
            return
        at = int(_uniform(self.seed, *name, "step") * len(turn)) if now else -1
        for s, step in enumerate(turn):
            step[i] = s == at

    def _flip(self, verdict: bool | None, name: tuple[Any, ...]) -> bool | None:
        if verdict is None:
            return None
        wrong = _uniform(self.seed, *name) < self.rates[verdict]
        return verdict is not wrong

    def _name(self, item: Item, group: str, rollout: int, t: int, i: int) -> tuple[Any, ...]:
        """What the error at an item is drawn by."""
        if self.correlated == "kind":
            return ("kind", kind_of(item))
        return (group, t, i) if self.correlated == "group" else (group, rollout, t, i)


def kind_of(item: Item) -> str:
    """What items that are misjudged together share: the `tag` of their rule, else the part of a message that
    they are about."""
    return str((item.rule or {}).get("tag") or item.focus_on)


def noisy_outcome(success: bool, flip: float, *, group: str, rollout: int, seed: int = 0) -> bool:
    """A success label that is wrong at the rate `flip`."""
    return success is not (_uniform(seed, "outcome", group, rollout) < flip)


def noisy_grade(
    share: float, *, group: str, rollout: int, seed: int = 0, levels: int = 5, sd: float = 1.0
) -> float:
    """One grade of a whole trajectory by a scripted judge, as a reward in [0, 1].

    The share of right turns becomes a level from 1 to `levels`, a normal error of `sd` levels is added, the
    sum is rounded and kept within the scale, and level 1 is reward 0, the highest level 1. (Our pilot used
    5 levels and an SD of one; that it rounds is our choice.)
    """
    error = NormalDist().inv_cdf(_uniform(seed, "grade", group, rollout)) * sd
    level = min(max(round(1 + share * (levels - 1) + error), 1), levels)
    return (level - 1) / (levels - 1)


def _uniform(*name: Any) -> float:
    """A number in (0, 1) that depends on the name alone."""
    return ((seed_of("noise", *name) >> 11) + 0.5) / 2**52

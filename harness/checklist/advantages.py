"""From the rewards of a group of rollouts of one dialogue to the advantage of every step; pure functions.

Rollouts without a reward (`infra_failure=drop`) take no part in any mean and get 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt

from harness.base.errors import DataError
from harness.checklist.reward import Reward
from harness.checklist.rule import RewardRule
from harness.checklist.schema import Checklist, Item

#: [turn][step] of one rollout: for the agent's own tokens of that step
Advantages = list[list[float]]

_EPSILON = 1e-6  # keeps the division by a small spread finite, as GRPO's implementations do


def centred(values: Sequence[float | None], *, std: bool = False, minimum: int = 1) -> list[float]:
    """Every value minus the mean of those that are known; 0 for one that is not.

    Args:
        values: of a group of rollouts; None: takes no part.
        std: divide by the standard deviation (n - 1) of those that are known.
        minimum: with fewer known values than this, all are 0.
    """
    known = [value for value in values if value is not None]
    # nothing is said by equal values, nor by rounding
    if len(known) < max(minimum, 1) or min(known) == max(known):
        return [0.0] * len(values)
    mean = fsum(known) / len(known)
    scale = 1.0
    if std:
        scale = sqrt(fsum((value - mean) ** 2 for value in known) / (len(known) - 1)) + _EPSILON
    return [0.0 if value is None else (value - mean) / scale for value in values]


def group_advantages(
    rewards: Sequence[Reward],
    rule: RewardRule | None = None,
    *,
    checklist: Checklist | None = None,
) -> list[Advantages]:
    """The advantages of a group of rollouts of one dialogue, at the level of the rule (equations 4 to 10).

    Args:
        rewards: one a rollout, by the same rule.
        rule: its switches; None: ours.
        checklist: the dialogue's; wanted at the step level alone.

    Returns:
        [rollout][turn][step]. At trajectory level all are R - mean(R); at turn level all of a turn are its
        score minus the mean over the rollouts that reached it.

    Raises:
        DataError: the step level without its checklist.
    """
    rule = rule or RewardRule()
    if rule.level == "step":
        if checklist is None:
            raise DataError("the step level needs the dialogue's checklist")
        return _step_level(rewards, rule, checklist)
    shape = [[len(turn) for turn in each.verdicts] for each in rewards]
    if rule.level == "trajectory":
        whole = centred([each.R for each in rewards], std=rule.std)
        return [[[value] * n for n in turns] for value, turns in zip(whole, shape, strict=True)]
    by_turn = [
        centred(
            [each.turns[t] if each.R is not None and t < len(each.turns) else None for each in rewards],
            std=rule.std,
            minimum=rule.minimum_holders,
        )
        for t in range(max((len(turns) for turns in shape), default=0))
    ]
    return [[[by_turn[t][i]] * n for t, n in enumerate(turns)] for i, turns in enumerate(shape)]


def _step_level(rewards: Sequence[Reward], rule: RewardRule, checklist: Checklist) -> list[Advantages]:
    kept = [each.R is not None for each in rewards]
    made: list[Advantages] = [[[0.0] * len(turn) for turn in each.verdicts] for each in rewards]
    for t, items in enumerate(checklist.turns):
        worth = {
            i: earned(items, each, t, rule)
            for i, each in enumerate(rewards)
            if kept[i] and t < len(each.verdicts)
        }
        rates = [_rate(list(worth.values()), c, sum(kept), rule) for c in range(len(items))]
        for i, rows in worth.items():
            for s, row in enumerate(rows):
                eligible = [c for c, value in enumerate(row) if value is not None]
                gains = []
                for c in eligible:
                    value, rate = row[c], rates[c]
                    if value is not None and rate is not None:
                        gains.append(items[c].weight * (value - rate))
                made[i][t][s] = fsum(gains)
                if rule.step_form == "mean":
                    weight = fsum(items[c].weight for c in eligible)
                    made[i][t][s] = made[i][t][s] / weight if weight > 0 else 0.0
    return made


def earned(items: Sequence[Item], each: Reward, turn: int, rule: RewardRule) -> list[list[float | None]]:
    """[step][item] of a turn: None where the item is not eligible at that step, else what is earned from it
    on (rb, equation 3): 1, discounted by the steps until then, or 0.

    An item is eligible before the step that satisfies it and once its prerequisites are: by the gate `strict`
    as the verdicts before the step say (paper), by the sticky gates as credited at an earlier step (released
    code, whose gate `sticky_same` credits within a step but opens items after it), by `none` always.
    An unknown verdict is no true one here; where it decides an item, the rollout has no reward anyway.
    """
    verdicts, credits = each.verdicts[turn], each.credits[turn]
    place = {item.id: c for c, item in enumerate(items)}

    def credited(c: int, before: int) -> bool:
        step = credits[c].step
        return step is not None and step < before

    def satisfied(c: int, s: int) -> bool:
        if rule.gate == "strict":
            return s > 0 and verdicts[s - 1][c] is True
        return credited(c, s)

    def at(c: int, s: int) -> int | None:
        if rule.gate == "strict":
            return next((u for u in range(s, len(verdicts)) if verdicts[u][c] is True), None)
        return credits[c].step

    rows: list[list[float | None]] = []
    for s in range(len(verdicts)):
        row: list[float | None] = []
        for c, item in enumerate(items):
            open_ = rule.gate == "none" or all(satisfied(place[d], s) for d in item.dependence)
            if not open_ or satisfied(c, s):
                row.append(None)
            else:
                when = None if each.failed else at(c, s)  # kept with reward 0 (`infra_failure`)
                row.append(0.0 if when is None else rule.discount ** (when - s))
        rows.append(row)
    return rows


def _rate(
    worth: Sequence[Sequence[Sequence[float | None]]], c: int, group: int, rule: RewardRule
) -> float | None:
    """How often rollouts earn an item (b, equation 8); None where too few hold it."""
    firsts = [next((row[c] for row in rows if row[c] is not None), None) for rows in worth]
    values = [value for value in firsts if value is not None]
    holders = {"eligible": len(values), "reached": len(worth), "group": group}[rule.baseline]
    return fsum(values) / holders if holders >= max(rule.minimum_holders, 1) else None

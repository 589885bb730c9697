"""From verdicts to credited items, to scores of turns, to the reward of a trajectory; pure functions.

A verdict that the judge failed to give is unknown, never a no, and an item is unknown only where the missing
verdict would decide it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

from harness.base.errors import DataError
from harness.checklist.rule import Gate, RewardRule
from harness.checklist.schema import Checklist, Item
from harness.checklist.trajectory import Trajectory

#: one turn's verdicts: [step][item]
TurnVerdicts = Sequence[Sequence[bool | None]]

_NO, _UNKNOWN, _YES = 0, 1, 2
_VALUE: dict[bool | None, int] = {False: _NO, None: _UNKNOWN, True: _YES}


@dataclass(frozen=True, slots=True)
class Credit:
    """What became of an item: `met` (None: unknown), and the `step` that earned it, counted in its turn."""

    met: bool | None
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Reward:
    """Every level of a trajectory's reward.

    Attributes:
        R: in [0, 1]; None where the trajectory takes no part in its group (`infra_failure=drop`).
        turns: score in [0, 1] of every turn that was reached; None where it is unknown.
        credits: [turn][item], of the turns that were reached.
        verdicts: [turn][step][item], as they counted: all false in a broken turn that earns nothing.
        unknown: items that the judge left undecided.
        failed: the judge, or whatever else the caller says, failed; R is then no measure of the policy.
        broken: the last turn was ended by an error or a limit.
    """

    R: float | None
    turns: tuple[float | None, ...]
    credits: tuple[tuple[Credit, ...], ...] = ()
    verdicts: tuple[tuple[tuple[bool | None, ...], ...], ...] = ()
    unknown: int = 0
    failed: bool = False
    broken: bool = False


def is_broken(trajectory: Trajectory) -> bool:
    """Whether the last turn that was reached has no closing words of the agent."""
    return bool(trajectory.turns) and not trajectory.turns[-1].closed


def reward(
    checklist: Checklist,
    verdicts: Sequence[TurnVerdicts],
    rule: RewardRule | None = None,
    *,
    broken: bool = False,
    failed: bool = False,
) -> Reward:
    """The reward of one trajectory under one checklist (notes on CM2, 2.8; fixture 6.1).

    Args:
        checklist: a valid one (`validate.parse`).
        verdicts: [turn][step][item], of the turns that were reached. Where turns were judged at their
            end alone, their earlier steps are false: then `sticky` and `strict` credit no item that has a
            prerequisite, so take `none` or `sticky_same`.
        rule: its switches; None: ours.
        broken: the last of these turns was ended by an error or a limit (`is_broken`).
        failed: something other than the judge failed, such as a simulated tool.

    Raises:
        DataError: the verdicts don't have the checklist's shape, or it has no turns.
    """
    rule = rule or RewardRule()
    _check(checklist, verdicts)
    counted: list[tuple[tuple[bool | None, ...], ...]] = [tuple(map(tuple, turn)) for turn in verdicts]
    if broken and counted and rule.broken_turn == "zero_credit":
        counted[-1] = tuple((False,) * len(row) for row in counted[-1])
    credits = tuple(
        credit(items, turn, rule.gate) for items, turn in zip(checklist.turns, counted, strict=False)
    )
    unknown = sum(each.met is None for turn in credits for each in turn)
    failed = failed or unknown > 0
    scores: tuple[float | None, ...] = tuple(
        turn_score(items, turn) for items, turn in zip(checklist.turns, credits, strict=False)
    )
    total: float | None = None
    if failed and rule.infra_failure == "zero_reward":
        total, scores = 0.0, (0.0,) * len(scores)
    elif not failed:
        known = [score for score in scores if score is not None]
        over = len(checklist.turns) if rule.normaliser == "reference" else max(len(counted), 1)
        total = fsum(known) / over
    return Reward(total, scores, credits, tuple(counted), unknown, failed, broken)


def credit(items: Sequence[Item], verdicts: TurnVerdicts, gate: Gate = "none") -> tuple[Credit, ...]:
    """Of every item of a turn, whether it is credited and at which step.

    Args:
        items: of the turn, in order.
        verdicts: [step][item].
        gate: as in `RewardRule`.
    """
    if gate == "strict":
        return _strict(_needs(items), [[_VALUE[each] for each in row] for row in verdicts])
    needs = [[]] * len(items) if gate == "none" else _needs(items)
    columns = list(zip(*verdicts, strict=True)) or [()] * len(items)
    steps = _sticky(needs, columns, gate == "sticky_same")
    if not any(None in column for column in columns):
        return tuple(Credit(step is not None, step) for step in steps)
    # a true verdict more never takes a credit away, so the most favourable case bounds all others
    most = _sticky(
        needs, [[each is not False for each in column] for column in columns], gate == "sticky_same"
    )
    return tuple(
        Credit(True, step) if step is not None else Credit(None if best is not None else False)
        for step, best in zip(steps, most, strict=True)
    )


def turn_score(items: Sequence[Item], credits: Sequence[Credit]) -> float | None:
    """The weights of what is credited, in [0, 1]; None where an item is unknown."""
    if any(each.met is None for each in credits):
        return None
    return min(1.0, fsum(item.weight for item, each in zip(items, credits, strict=True) if each.met))


def mean_of_variants(rewards: Sequence[float | None]) -> float | None:
    """The reward of a trajectory under several checklists of its dialogue: their mean, as in the released
    code; None where one is unknown, or there is none."""
    known = [value for value in rewards if value is not None]
    return fsum(known) / len(known) if known and len(known) == len(rewards) else None


def stop_after(items: Sequence[Item], verdicts: TurnVerdicts) -> bool | None:
    """Whether the dialogue stops after this turn: a required item has no true verdict at any of its steps.
    Gates don't count here, as in the released code. None: a verdict that the judge failed to give decides it.
    """
    met = [
        max((_VALUE[row[place]] for row in verdicts), default=_NO)
        for place, item in enumerate(items)
        if item.required_for_next_turn
    ]
    worst = min(met, default=_YES)
    return None if worst == _UNKNOWN else worst == _NO


def _needs(items: Sequence[Item]) -> list[list[int]]:
    """The places of every item's prerequisites."""
    place = {item.id: n for n, item in enumerate(items)}
    try:
        return [[place[each] for each in item.dependence] for item in items]
    except KeyError as error:
        raise DataError(
            f"the prerequisite {error.args[0]!r} is no item of its turn; check the file with "
            "'harness checklist validate'"
        ) from None


def _sticky(
    needs: Sequence[Sequence[int]], columns: Sequence[Sequence[bool | None]], same: bool
) -> list[int | None]:
    """The step that credits each item: its first true verdict after all its prerequisites are credited.

    `same`: a prerequisite that stands earlier in the list counts from its own step on. Items that wait for
    each other in a ring are never credited.
    """
    steps: list[int | None] = [None] * len(needs)
    waiting, done = list(range(len(needs))), set[int]()
    while waiting:
        ready = [c for c in waiting if all(d in done for d in needs[c])]
        if not ready:
            break
        for c in ready:
            start = 0
            for d in needs[c]:
                at = steps[d]
                if at is None:
                    break
                start = max(start, at if same and d < c else at + 1)
            else:
                if True in columns[c][start:]:
                    steps[c] = columns[c].index(True, start)
        done.update(ready)
        waiting = [c for c in waiting if c not in done]
    return steps


def _strict(needs: Sequence[Sequence[int]], rows: Sequence[Sequence[int]]) -> tuple[Credit, ...]:
    """Equation 2; before the first step nothing is satisfied. An item that logic of three values (Kleene)
    leaves open may be earned whatever the missing verdicts are: unknown and then true, it turns at one of the
    two steps."""
    value = [_NO] * len(needs)
    steps: list[int | None] = [None] * len(needs)
    before: Sequence[int] = value[:]
    for s, row in enumerate(rows):
        for c, verdict in enumerate(row):
            if verdict <= value[c]:
                continue
            found = _lowest(min(verdict, _YES - before[c]), before, needs[c])
            if found > value[c]:
                value[c] = found
                steps[c] = s if found == _YES else None
        before = row
    return tuple(
        Credit(None if met == _UNKNOWN and not _turns(c, needs[c], rows) else met != _NO, step)
        for c, (met, step) in enumerate(zip(value, steps, strict=True))
    )


def _turns(c: int, needs: Sequence[int], rows: Sequence[Sequence[int]]) -> bool:
    """Whether an item turns from false to true behind its prerequisites whatever the unknown verdicts are."""
    held = {_NO}  # what it may be without having turned so far
    ready = not needs  # surely, before the step
    for row in rows:
        held = {
            now
            for now in (_NO, _YES)
            if row[c] in (now, _UNKNOWN) and (now == _NO or not ready or _YES in held)
        }
        if not held:
            return True
        ready = all(row[d] == _YES for d in needs)
    return False


def _lowest(found: int, before: Sequence[int], needs: Sequence[int]) -> int:
    """An item's value and those of its prerequisites joined by and."""
    for d in needs:
        if before[d] < found:
            found = before[d]
    return found


def _check(checklist: Checklist, verdicts: Sequence[TurnVerdicts]) -> None:
    if not checklist.turns:
        raise DataError("the checklist has no turns, so there is no reward; give every user turn its items")
    if len(verdicts) > len(checklist.turns):
        raise DataError(
            f"verdicts of {len(verdicts)} turns, but the checklist has {len(checklist.turns)}; "
            "judge the turns that it speaks of"
        )
    for t, (items, turn) in enumerate(zip(checklist.turns, verdicts, strict=False)):
        for s, row in enumerate(turn):
            if len(row) != len(items):
                raise DataError(
                    f"turn {t}, step {s}: {len(row)} verdicts on {len(items)} items; give one on each"
                )

"""Arguments that contradict each other, said before anything is drawn or asked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.base.errors import UsageError, nearest
from harness.checklist import Checklist
from harness.checklist.noise import kind_of
from harness.checklist.rule import RewardRule


def check(args: Mapping[str, Any], *, asks: bool, rollouts: int | None = None) -> None:
    """
    Args:
        args: of a method; those that it lacks are not looked at.
        asks: whether a model judges.
        rollouts: episodes of a group; None where nothing is trained.

    Raises:
        UsageError: the arguments would give a reward that means something else than it says, or none.
    """
    if not 0 <= args.get("flip", 0) <= 1:
        raise UsageError(f"-M flip={args['flip']} is no rate from 0 to 1")
    if not 0 <= args.get("grade_sd", 0) < math.inf:
        raise UsageError(f"-M grade_sd={args['grade_sd']} is no error of 0 or more levels")
    if args.get("votes", 1) < 1:
        raise UsageError(f"-M votes={args['votes']} is below 1")
    level = args.get("level", "trajectory")
    if asks and "judge_mode" in args:
        RewardRule(gate=args.get("gate", "none"), level=level).check_mode(args["judge_mode"], "judge_mode")
    holders = args.get("minimum_holders", 1)
    if rollouts is not None and level != "trajectory" and holders > rollouts:
        raise UsageError(
            f"-M minimum_holders={holders} is more than the {rollouts} episodes of a group, so that no "
            "action would have an advantage; take more -M rollouts"
        )


def blind_kinds(told: str, checklists: Iterable[Checklist | None]) -> Sequence[str]:
    """The kinds of items named in `-M blind`, each of which some checklist has.

    Raises:
        UsageError: a kind is in none of them.
    """
    wanted = list(dict.fromkeys(filter(None, map(str.strip, told.split(",")))))
    missing, known = set(wanted), set[str]()
    for checklist in checklists if wanted else ():
        for items in checklist.turns if checklist else ():
            known.update(map(kind_of, items))
        missing -= known
        if not missing:
            return wanted
    if missing:
        first = min(missing, key=wanted.index)
        raise UsageError(f"-M blind: no checklist has items of the kind {first!r}; {nearest(first, known)}")
    return wanted

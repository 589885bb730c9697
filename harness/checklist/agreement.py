"""How far judges agree, with themselves and with people, and how well a reward tracks success."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING

from harness.base.errors import DataError

if TYPE_CHECKING:
    from harness.stats.agreement import Agreement
    from harness.stats.estimate import Groups

#: votes on one question; None: the judge failed, which is no vote
Votes = Sequence[bool | None]


@dataclass(frozen=True, slots=True)
class SelfAgreement:
    """Repeated votes of a judge on the same questions.

    Attributes:
        questions: with two votes or more; only these count.
        votes: on them.
        unscored: votes that the judge failed to give, on all questions.
        pairwise: mean over questions of the share of equal pairs of votes; None where no question counts.
        yes: share of yes among the votes; None likewise.
        chance: the agreement of votes drawn at that rate, yes^2 + (1 - yes)^2.
        kappa: (pairwise - chance) / (1 - chance), Fleiss; None where all votes are equal, as nothing tells
            agreement from chance then.
    """

    questions: int
    votes: int
    unscored: int
    pairwise: float | None
    yes: float | None
    chance: float | None
    kappa: float | None


def pairwise(votes: Votes) -> float | None:
    """The share of equal pairs among votes on one question; None with fewer than two."""
    known = [vote for vote in votes if vote is not None]
    n, yes = len(known), sum(known)
    if n < 2:
        return None
    return (yes * (yes - 1) + (n - yes) * (n - yes - 1)) / (n * (n - 1))


def self_agreement(votes: Sequence[Votes]) -> SelfAgreement:
    """Pairwise agreement and Fleiss' kappa of votes, shape [question][vote]; numbers of votes may differ.

    Every question weighs the same in the agreement and every vote in the rate of yes; with equal numbers this
    is Fleiss' kappa (Psychological Bulletin 76, 1971), else its usual extension.
    """
    kept = [[vote for vote in each if vote is not None] for each in votes]
    unscored = sum(len(each) for each in votes) - sum(map(len, kept))
    shares = [(share, each) for each in kept if (share := pairwise(each)) is not None]
    if not shares:
        return SelfAgreement(0, 0, unscored, None, None, None, None)
    count = sum(len(each) for _, each in shares)
    agreed = fsum(share for share, _ in shares) / len(shares)
    yes = sum(sum(each) for _, each in shares) / count
    chance = yes**2 + (1 - yes) ** 2
    kappa = (agreed - chance) / (1 - chance) if 0 < yes < 1 else None
    return SelfAgreement(len(shares), count, unscored, agreed, yes, chance, kappa)


def majority(votes: Votes) -> bool | None:
    """What more than half of the votes that were given say; None where they tie or there are none."""
    known = [vote for vote in votes if vote is not None]
    twice = 2 * sum(known)
    return None if twice == len(known) else twice > len(known)


def with_people(
    judge: Votes, human: Votes, dialogues: Groups | None = None, *, level: float = 0.95
) -> tuple[Agreement | None, int]:
    """Cohen's kappa of a judge with human verdicts on the same items, with an interval over dialogues.

    Args:
        judge: its verdicts.
        human: people's, in the same order.
        dialogues: which one each item belongs to: items of one dialogue are no independent evidence.
        level: of the interval.

    Returns:
        The agreement (its kappa is None where both always said the same one thing), None where no item has
        both verdicts; and how many items lack one, which are left out.

    Raises:
        DataError: other numbers of verdicts.
    """
    if len(judge) != len(human) or (dialogues is not None and len(dialogues) != len(judge)):
        raise DataError(f"{len(judge)} verdicts of the judge and {len(human)} of people; pair them by item")
    from harness.stats.agreement import agreement

    both = [n for n, pair in enumerate(zip(judge, human, strict=True)) if None not in pair]
    if not both:
        return None, len(judge)
    groups = None if dialogues is None else [dialogues[n] for n in both]
    found = agreement([judge[n] for n in both], [human[n] for n in both], groups=groups, level=level)
    return found, len(judge) - len(both)


def auc(rewards: Sequence[float | None], success: Sequence[bool]) -> float | None:
    """The chance that a success has the higher reward than a failure, ties counting one half, in [0, 1].

    Unknown rewards (None) are left out. None where there are no successes, or no failures.

    Raises:
        DataError: other numbers of them.
    """
    if len(rewards) != len(success):
        raise DataError(f"{len(rewards)} rewards and {len(success)} successes; give one of each an episode")
    from bisect import bisect_left, bisect_right

    pairs = [(value, won) for value, won in zip(rewards, success, strict=True) if value is not None]
    high = [value for value, won in pairs if won]
    low = sorted(value for value, won in pairs if not won)
    if not high or not low:
        return None
    placed = fsum(bisect_left(low, value) + bisect_right(low, value) for value in high)
    return placed / (2 * len(high) * len(low))

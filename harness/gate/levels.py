"""The level of a look: what of alpha the looks before it at the same version have left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.gate.ledger import Look
from harness.stats.spending import information, levels, sequence_level, spent

#: a confidence sequence, which needs no horizon
UNLIMITED = "unlimited"


@dataclass(frozen=True)
class Turn:
    """A look's place among the looks at its version.

    Attributes:
        number: from 1.
        level: one-sided, of this look.
        information: of this look, in units of one run's; `horizon` at `runs_most`.
        alpha, spending, runs_most: the plan that holds for the version, which is its first look's.
        stands: an earlier look that decided by the same margin, or this very look if it was made before.
    """

    number: int
    level: float
    information: float
    alpha: float
    spending: str
    runs_most: int
    horizon: float
    stands: Look | None = None

    @property
    def final(self) -> bool:
        """Whether further runs are of no use, as all of alpha is spent."""
        return self.spending != UNLIMITED and self.information >= self.horizon * (1 - 1e-9)


def turn(
    looks: Sequence[Look],
    runs: Mapping[str, str],
    *,
    baseline_runs: int,
    margin: str,
    alpha: float,
    spending: str,
    runs_most: int,
) -> Turn:
    """The turn of a look at `runs` (run id -> result digest), after `looks` at the same version.

    Args:
        looks: as `Ledger.of` orders them.
        margin, alpha, spending, runs_most: the rules now; the last three yield to those of the first look.
    """
    if looks:
        alpha, spending, runs_most = looks[0].alpha, looks[0].spending, looks[0].runs_most
    now = information(len(runs), baseline_runs)
    horizon = information(runs_most, baseline_runs)
    held = set(runs.values())
    earlier: list[Look] = []
    same: Look | None = None
    for look in looks:
        if set(look.runs.values()) == held:
            same = same if same and same.margin == margin else look
        elif not earlier or set(earlier[-1].runs.values()) != set(look.runs.values()):
            earlier.append(look)
    decided = next((look for look in looks if look.decided and look.margin == margin), None)
    seen = [information(len(look.runs), baseline_runs) for look in earlier]
    level = same.level if same else _level(earlier, seen, held, now, horizon, alpha, spending)
    stands = decided or (same if same and same.margin == margin else None)
    return Turn(len(earlier) + 1, level, now, alpha, spending, runs_most, horizon, stands)


def _level(
    earlier: Sequence[Look],
    seen: Sequence[float],
    held: set[str],
    now: float,
    horizon: float,
    alpha: float,
    spending: str,
) -> float:
    if spending == UNLIMITED:
        return sequence_level(now, min([*seen, now]), alpha)
    sets = [*(set(look.runs.values()) for look in earlier), held]
    if all(few < more for few, more in zip(sets, sets[1:], strict=False)):
        return float(levels([*seen, now], horizon, alpha, spending)[-1])
    # Looks on two branches don't contain each other: what each spent is taken off, which holds for any looks.
    return max(0.0, spent(now / horizon, alpha, spending) - sum(look.level for look in earlier))

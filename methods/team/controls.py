"""Policies that stand beside a tested one, so that what it gains can be told from what it merely spends."""

from __future__ import annotations

import random
from collections.abc import Iterable

from harness.methods.team.policy import Move, Step, View


class RandomGate:
    """As many requests as the tested policy made in the same episode, of the same kinds, at random points;
    where the agent is about to end, what is left of them, as questions if there is nothing to propose. Of an
    action with several calls one is proposed.

    Args:
        kinds: the requests that the tested policy made and the human answered, one entry each.
        points: how many decisions the tested policy took, over which they are spread.
    """

    wants_uncertainty = False

    def __init__(self, kinds: Iterable[Move], points: int, rng: random.Random) -> None:
        self._kinds, self._points, self._rng = list(kinds), points, rng
        rng.shuffle(self._kinds)
        self._proposals = 0

    def wants_action(self, view: View) -> bool:
        """Always: that the agent is about to end is when what is left must be spent."""
        return True

    def decide(self, view: View) -> Move:
        made = view.spent.interventions  # a request that could not be put is made again later
        left, points = len(self._kinds) - made, max(self._points, 1)
        self._points -= 1
        if left <= 0 or (not view.speaks and self._rng.random() >= left / points):
            return Move.ACT
        self._proposals = 1
        kind = self._kinds[made]
        return Move.ASK if view.speaks and kind is not Move.HAND_OVER else kind

    def proposes(self, step: Step) -> bool:
        self._proposals -= 1
        return self._proposals >= 0


class OracleGate:
    """Asks for exactly what is needed, once the agent has had a look (one action), and before anything that
    can't be undone: a ceiling of when to ask and about what.

    Args:
        needed: how many facts are needed.
    """

    wants_uncertainty = False

    def __init__(self, needed: int) -> None:
        self._left = needed

    def wants_action(self, view: View) -> bool:
        return True

    def decide(self, view: View) -> Move:
        due = view.spent.actions > 0 or view.irreversible or view.speaks
        if not (self._left > 0 and view.steps and due and view.reachable):
            return Move.ACT
        self._left -= 1
        return Move.ASK

    def proposes(self, step: Step) -> bool:
        return False

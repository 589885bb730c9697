"""The policy interface: before each action of the agent, whether and how its human is involved.

The taxonomy and the levels of autonomy, from A1 (the agent alone) to A5 (the human drives), follow the survey
arXiv 2505.00753 and second-hand notes on it; it has no algorithm, and the policies are our reconstructions.
A policy sees what an agent may see: never who the human is, what the human knows, or how a simulation is set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

#: the name of the step that words are, where an agent has no tools
SAY = "say"


class Move(StrEnum):
    """What happens next."""

    ACT = "act"
    ASK = "ask"
    PROPOSE = "propose"
    PLAN = "plan"
    HAND_OVER = "hand over"


@dataclass(frozen=True)
class Step:
    """A call of a tool that the agent is about to make."""

    name: str
    arguments: dict[str, Any]
    irreversible: bool = False


@dataclass(frozen=True)
class Spent:
    """What the episode took so far: actions of the agent that were carried out, requests that the human
    answered, by kind, and requests that were refused as beyond the budget."""

    actions: int = 0
    asked: int = 0
    proposed: int = 0
    planned: int = 0
    handed_over: int = 0
    refused: int = 0

    @property
    def interventions(self) -> int:
        """Requests that the human answered."""
        return self.asked + self.proposed + self.planned + self.handed_over

    def after(self, move: Move, refused: bool) -> Spent:
        """The same after a move."""
        if refused:
            return replace(self, refused=self.refused + 1)
        names = {Move.ACT: "actions", Move.ASK: "asked", Move.PROPOSE: "proposed", Move.PLAN: "planned"}
        name = names.get(move, "handed_over")
        return replace(self, **{name: getattr(self, name) + 1})


@dataclass(frozen=True)
class View:
    """What a policy sees.

    `steps` are the agent's next calls, none where it only speaks or the action wasn't made yet; where it has
    no tools of its own its words are its action, a step `SAY`. `uncertainty` is from 0, sure, to 1; None
    where the policy doesn't want to know or nobody can say. `limit` is the most actions that the episode may
    have. `new_request` is true before the first plan and whenever somebody has said something new since the
    last. `declined` says that the human has just left a move to the agent, `speaks` that the agent would
    speak, which often ends the episode.
    """

    steps: Sequence[Step] = ()
    uncertainty: float | None = None
    spent: Spent = Spent()
    limit: int = 0
    new_request: bool = False
    declined: bool = False
    speaks: bool = False

    @property
    def irreversible(self) -> bool:
        """Whether one of the calls can't be undone."""
        return any(step.irreversible for step in self.steps)

    @property
    def reachable(self) -> bool:
        """Whether the human may still be asked: nothing was refused yet."""
        return not self.spent.refused


class Policy(Protocol):
    """When the human is involved, and how. One object an episode, so that a policy may remember."""

    #: whether `View.uncertainty` is measured, which costs calls
    wants_uncertainty: bool

    def wants_action(self, view: View) -> bool:
        """Whether the agent's next action is made before the decision, which costs calls."""

    def decide(self, view: View) -> Move:
        """What happens next."""

    def proposes(self, step: Step) -> bool:
        """Whether a call of an action is put to the human where the decision was to propose."""


class _Plain:
    """What the policies have in common."""

    wants_uncertainty = False

    def wants_action(self, view: View) -> bool:
        return True

    def proposes(self, step: Step) -> bool:
        """All of an action's calls are put to the human."""
        return True


class Autonomous(_Plain):
    """A1: never involves the human."""

    def decide(self, view: View) -> Move:
        return Move.ACT


class ConfirmIrreversible(_Plain):
    """A2: asks before what can't be undone, and never does it without a yes, also where nobody may be asked
    any more."""

    def decide(self, view: View) -> Move:
        return Move.PROPOSE if view.irreversible else Move.ACT

    def proposes(self, step: Step) -> bool:
        return step.irreversible


class AskWhenUncertain(_Plain):
    """A2 to A3: a question while the uncertainty of the next action is above `threshold`."""

    wants_uncertainty = True

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def decide(self, view: View) -> Move:
        doubtful = view.uncertainty is not None and view.uncertainty > self.threshold
        return Move.ASK if view.steps and doubtful and view.reachable else Move.ACT


class PlanApproval(_Plain):
    """A3: the plan before the first action, and again when something new was said. Whether the plan has
    changed, and is worth a request, is seen once it is written."""

    def wants_action(self, view: View) -> bool:
        return not (view.new_request and view.reachable)

    def decide(self, view: View) -> Move:
        return Move.ACT if self.wants_action(view) else Move.PLAN


class SuggestThenExecute(_Plain):
    """A3 to A4: every action is proposed, and the human may override it. Once nobody may be asked any more,
    nobody overrides, and it is carried out."""

    def decide(self, view: View) -> Move:
        return Move.PROPOSE if view.steps and view.reachable else Move.ACT


class HumanDriven(_Plain):
    """A5: every move is the human's; where the human declines it, the agent proposes one."""

    def wants_action(self, view: View) -> bool:
        return view.declined or not view.reachable

    def decide(self, view: View) -> Move:
        if not self.wants_action(view):
            return Move.HAND_OVER
        return Move.PROPOSE if view.steps and view.reachable else Move.ACT

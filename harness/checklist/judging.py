"""What a judge is: whoever says, of each step of a trajectory, which items of a checklist it meets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.base.errors import UsageError
from harness.checklist import Checklist, Trajectory, Verdicts

#: turn, step and item of one decision, each from 0
Place = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Judged:
    """A judge's verdicts on one trajectory, and what they took.

    `verdicts[turn][step][item]` has the shape of the trajectory: a turn without a step of the agent is an
    empty list. None is a decision that the judge failed to make. It is neither a yes nor a no.

    Attributes:
        calls: completions asked for, those asked again included.
        failed: decisions without a verdict, for whatever reason.
        malformed: completions that were no answer in the agreed form.
        errors: completions that never came, as the model's server failed for good; `reason`: why the first
            of them did.
        ties: decisions where as many votes said yes as no.
        shortcuts: decisions made by rule without a call, as the step's tool call had failed.
        votes: of each decision that a model made its k votes; None is a vote without an answer.
    """

    verdicts: Verdicts
    calls: int = 0
    failed: int = 0
    malformed: int = 0
    errors: int = 0
    ties: int = 0
    shortcuts: int = 0
    reason: str = ""
    votes: Mapping[Place, tuple[bool | None, ...]] = field(default_factory=dict)


class Judge(Protocol):
    """`group` names what rollouts share (a world, and which visit to it), `rollout` the one among them: a
    judge with drawn errors draws them by these names, so that they don't depend on the order of calls.
    `identity` is all that its verdicts depend on, as data for a record."""

    @property
    def identity(self) -> Mapping[str, Any]: ...

    async def verdicts(
        self, checklist: Checklist, trajectory: Trajectory, *, group: str = "", rollout: int = 0
    ) -> Judged: ...


class RuleJudge:
    """The verdicts of the items' own rules; exact, and without a model.

    Args:
        decide: such as `job.verdicts`.
    """

    identity: Mapping[str, Any] = {"judge": "rule"}

    def __init__(self, decide: Callable[[Checklist, Trajectory], Verdicts | None]) -> None:
        self._decide = decide

    async def verdicts(
        self, checklist: Checklist, trajectory: Trajectory, *, group: str = "", rollout: int = 0
    ) -> Judged:
        """
        Raises:
            UsageError: the task has no rules for these items.
        """
        found = self._decide(checklist, trajectory)
        if found is None:
            raise UsageError(
                "the task can't judge its checklist by rule: name a model with --role judge=MODEL"
            )
        return Judged(found, failed=unscored(found))


def unscored(verdicts: Verdicts) -> int:
    """How many decisions have no verdict."""
    return sum(verdict is None for turn in verdicts for step in turn for verdict in step)

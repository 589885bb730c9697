"""Training of a topology: batches of conversations in lockstep, a reward for each, an update; over real or
simulated agents alike, and resumable.

Rewards are 1 for a right answer of the whole conversation and -1 for a wrong one (the presumed code of arXiv
2602.03688); true adversaries are never told to what is learned, only to the figures of the curve.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness.base.errors import ModelCallError
from harness.engine.sizes import check_counts
from harness.job import policies
from harness.methods.agents.engine import Panel, play
from harness.methods.agents.measures import credit_measures
from harness.methods.agents.topology import Learner, Setting
from harness.methods.agents.training import checkpoint
from harness.model.ledger import Usage

if TYPE_CHECKING:
    from harness.methods.agents.topology import Floats, Ints


@dataclass(frozen=True)
class Plan:
    """`updates` of `batch` conversations each; dev is measured every `measure` updates, and a checkpoint is
    written every `save` of them."""

    updates: int
    batch: int
    measure: int = 10
    save: int = 5


def plan_of(args: Mapping[str, Any], train: int, endless: bool = False) -> Plan:
    """The plan that arguments ask for. `updates` of 0 is one pass over `train` questions, 200 updates at most
    (6,400 questions of the presumed code); 200 where questions are `endless`, as those of a simulation.

    Raises:
        UsageError: a count is below 1.
    """
    most = Learner.updates
    wanted = Plan(int(args["updates"]) or most, int(args["batch"]))
    check_counts(wanted, "updates", "batch")
    if endless:
        return wanted
    batch = min(wanted.batch, train)
    return replace(wanted, batch=batch, updates=int(args["updates"]) or min(most, math.ceil(train / batch)))


@dataclass
class Lesson:
    """A batch of conversations to be played.

    `right` says which answers, by place, are right: (B,) 1 or 0, and NaN where nobody can tell, as all agents
    failed or the answer can't be scored. `flips` (B, N) is the round in which each agent turns, for figures
    alone; `usage` what the conversations took, once they were played, where that isn't booked elsewhere.
    """

    setting: Setting
    panel: Panel
    right: Callable[[Ints], Floats]
    flips: Ints
    usage: Callable[[], Usage] = field(default=Usage)


class Lessons(Protocol):
    """Where the batches come from. All draws of an update hang on the seed and its number alone, so that a
    training that goes on after a kill draws what it would have drawn."""

    def setting(self) -> Setting:
        """One by which the parameters are made."""

    def lesson(self, update: int, batch: int) -> Lesson:
        """The batch of an update, counted from 1."""

    def dev(self) -> list[Lesson]:
        """Questions that nothing is learned from, answered as at the end; empty where there are none."""


class Books(Protocol):
    """Where a training books what it takes."""

    def charge(self, purpose: str, usage: Usage) -> None:
        """Records what was spent past the gateway."""

    def afford(self, usage: Usage) -> None:
        """Raises where what comes next, `usage` at most, doesn't fit below the limits of the run."""

    def asked(self) -> dict[str, Usage]:
        """What models have taken so far, by purpose."""


async def train(
    learner: Learner,
    lessons: Lessons,
    plan: Plan,
    seed: int,
    *,
    workspace: Path | None = None,
    books: Books | None = None,
    after: Callable[[dict[str, Any]], None] = lambda row: None,
    rows: list[dict[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Trains from the newest checkpoint in `workspace`, or from the start.

    Args:
        learner: what learns; its parameters are made by `seed` where there are none.
        lessons: where batches come from.
        plan: how many, of which size.
        workspace: for checkpoints; None keeps none.
        books: what is spent is booked there; that of a process that is gone, too.
        after: called with the row of every update.
        rows: a list of the caller's to be filled, so that it has the rows where training ends early.

    Returns:
        A row an update, the first of them before any: `step`, `reward`, `success`, `loss`, `dev`, `seconds`,
        `rollouts` and `tokens` of the update, `spent` by purpose, and figures of the credits.

    Raises:
        BudgetSpent: a limit of the run is reached; checkpoints stay.
        ModelCallError: a whole batch failed; checkpoints stay.
    """
    rows = [] if rows is None else rows
    learner.expect(plan.updates)
    learner.build(lessons.setting(), seed)
    if workspace is not None:
        rows += checkpoint.read(learner, workspace)
        if books is not None:
            for purpose, usage in (each for row in rows for each in row["spent"].items()):
                books.charge(purpose, policies.spent_before(usage))
    if not rows:
        rows.append(await _row(learner, lessons, plan, 0, books))
        after(rows[-1])
    while (update := int(rows[-1]["step"]) + 1) <= plan.updates:
        await asyncio.sleep(0)  # simulated agents wait for nothing, and Ctrl-C is heard where something waits
        _afford(rows[1:], books)
        rows.append(await _row(learner, lessons, plan, update, books))
        after(rows[-1])
        if workspace is not None and (update % plan.save == 0 or update == plan.updates):
            checkpoint.write(learner, rows, workspace)
    return rows


def _afford(rows: list[dict[str, Any]], books: Books | None) -> None:
    """Whether another update fits, by the dearest so far, where no gateway looks at each of its calls."""
    booked = [Usage.from_dict(row["booked"]) for row in rows if row.get("booked")]
    if booked and books is not None:
        books.afford(max(booked, key=lambda each: each.measured[:2]))


async def _row(
    learner: Learner, lessons: Lessons, plan: Plan, update: int, books: Books | None
) -> dict[str, Any]:
    """One update (0: none yet), measured on dev where it is time."""
    row: dict[str, Any] = {"step": update}
    spent = _Spent(books)
    if update:
        began = time.perf_counter()
        row |= await _update(learner, lessons.lesson(update, plan.batch), spent)
        learner.after(update)
        row["seconds"] = round(time.perf_counter() - began, 4)
    row |= spent.of("rollouts", "tokens")
    if update % plan.measure == 0 or update == plan.updates:
        found = [each for lesson in lessons.dev() for each in await _measured(learner, lesson, spent)]
        if found:
            row["dev"] = sum(found) / len(found)
    if spent.booked.calls:
        row["booked"] = spent.booked.as_dict()
    row["spent"] = {purpose: usage.as_dict() for purpose, usage in spent.all().items()}
    return row


async def _update(learner: Learner, lesson: Lesson, spent: _Spent) -> dict[str, float]:
    import numpy as np

    played = await play(learner, lesson.panel, lesson.setting)
    spent.charge("train", lesson.usage())
    right = lesson.right(played.answers)
    known = np.isfinite(right)
    if not known.any():
        raise ModelCallError(
            f"training stopped: of {len(right)} conversations of a batch none could be scored, as the model "
            "failed in all; see what it answers and run again, which goes on from the last checkpoint"
        )
    # where nobody can tell, the mean of the others: no evidence for or against what was drawn
    success = float(right[known].mean())
    rewards = 2 * np.where(known, right, success) - 1
    told = learner.learn(rewards, played.graphs, played.decision)
    found = {name: float(value) for name, value in told.items()}
    found |= credit_measures(played, lesson.flips)
    unknown = {"unknown": float((~known).sum())} if not known.all() else {}
    return found | unknown | {"reward": float(rewards.mean()), "success": success}


async def _measured(learner: Learner, lesson: Lesson, spent: _Spent) -> list[float]:
    """Which questions of a lesson are answered rightly, without those of which nobody can tell."""
    import numpy as np

    played = await play(learner, lesson.panel, lesson.setting)
    spent.charge("dev", lesson.usage())
    right = lesson.right(played.answers)
    return [float(each) for each in right[np.isfinite(right)]]


class _Spent:
    """What one update took: booked by the gateway, or here where a simulation took it."""

    def __init__(self, books: Books | None) -> None:
        self._books, self._own = books, dict[str, Usage]()
        self._before = books.asked() if books else {}
        self.booked = Usage()  # what no gateway booked

    def charge(self, purpose: str, usage: Usage) -> None:
        if not usage.calls:
            return
        self.booked.add(usage)
        if self._books is None:
            self._own.setdefault(purpose, Usage()).add(usage)
        else:
            self._books.charge(purpose, usage)

    def all(self) -> dict[str, Usage]:
        """By purpose."""
        if self._books is None:
            return self._own
        grown = {
            purpose: usage.since(self._before.get(purpose, Usage()))
            for purpose, usage in self._books.asked().items()
        }
        return {purpose: usage for purpose, usage in grown.items() if usage.calls}

    def of(self, calls: str, tokens: str) -> dict[str, int]:
        """Sums over purposes, under these names."""
        spent = self.all().values()
        return {
            calls: sum(usage.calls for usage in spent),
            tokens: sum(usage.input_tokens + usage.output_tokens for usage in spent),
        }

"""`job.training`: what methods need that train the run's model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.digest import digest
from harness.base.errors import UsageError
from harness.base.plain import Unfit, text
from harness.job.access import Access
from harness.job.models import Models
from harness.job.worlds import world_of
from harness.model.elsewhere import elsewhere
from harness.model.gateway import Model
from harness.model.ledger import Usage
from harness.sample import Outcome, Sample, Score
from harness.task import answer_in

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from random import Random

    from inspect_ai.model import ChatMessage
    from inspect_ai.tool import ToolInfo

    from harness.checklist import Checklist
    from harness.job.job import Job
    from harness.task import Task
    from harness.world import World


class Training:
    """Weights, rewards, costs past the gateway, and the learning curve of `fit`."""

    def __init__(
        self,
        task: Task,
        models: Models,
        access: Access,
        open_task: Callable[[str], Job],
        role: Callable[[str], Model],
        has_role: Callable[[str], bool],
    ) -> None:
        self._task, self._models, self._access, self._open_task = task, models, access, open_task
        self._role, self._has_role = role, has_role
        #: the weights that the method last answered with in place of the model's own
        self.trained: Path | None = None
        #: the learning curve of `fit`, as `curve` took it
        self.learning_curve: list[dict[str, Any]] = []

    @property
    def policy(self) -> Path:
        """The folder of the run's model's weights, as transformers loads it; needs `trainable`.

        Raises:
            UsageError: the model can't be trained, or its weights can't be had.
        """
        self._access.check("trainable")
        model = self._models.model
        if self._models.with_weights is None or "trainable" not in model.provider.abilities:
            raise UsageError(
                f"method {self._access.method.name!r} needs a model whose weights can be trained, and "
                f"{model.name} is none; pocket/NAME, hf/ID and vllm/ID are"
            )
        return model.provider.weights()

    @property
    def policy_here(self) -> Path | None:
        """`policy` if its weights are on this machine, else None; never fetches."""
        self._access.check("trainable")
        return self._models.model.provider.weights_here()

    def with_policy(self, folder: Path) -> Model:
        """The run's model with the weights in `folder`, behind the same gateway: cached under their own
        digest, metered, budgeted; needs `trainable`.

        Raises:
            UsageError: the folder doesn't hold weights of that architecture.
        """
        self._access.check("trainable")
        if self._models.with_weights is None:
            raise UsageError(f"{self._models.model.name} can't be served from other weights")
        model = self._models.with_weights(folder)
        self.trained = folder
        return model

    def reward(self, sample: Sample, text: str) -> float:
        """What the task's own grader makes of a completion for a sample that the method holds with its
        target: where the primary metric lies in its range, from 0, the worst, to 1, the best.

        Raises:
            Exception: whatever a broken grader raises.
        """
        answer = answer_in(self._task, text, sample.question)
        outcome = Outcome(sample.id, sample.question.epoch, text, answer)
        spec = self._task.spec
        value = self._task.score(sample, outcome).metrics[spec.primary]
        return spec.metric_ranges[spec.primary].share(value)

    def world(self, sample: Sample, loop: AbstractEventLoop | None = None) -> World:
        """The world of a sample that the method holds with its target, fresh: one to learn in. Where it is
        played in another thread, `loop` is the run's event loop: models of its roles are asked there.

        Raises:
            UsageError: no model was given for a role that the world asks.
        """
        self._access.check("labelled")
        if loop is None:
            return world_of(self._task, sample, self._role, self._has_role)
        return world_of(self._task, sample, lambda name: elsewhere(self._role(name), loop), self._has_role)

    @property
    def cast(self) -> str:
        """A digest of who plays the roles of the run's worlds, with what their answers depend on: for keys of
        what was learned there. It tells nothing of them."""
        roles = self._models.roles.items()
        return digest({name: [*model.identity, dict(model.decoding)] for name, model in roles})

    def dialogue(
        self, sample: Sample, draw: int = 0
    ) -> tuple[Sequence[ChatMessage], Sequence[ToolInfo]] | None:
        """A dialogue through a sample's world that a policy may imitate, with the tools that were offered;
        None where the task has none. See `Task.dialogue`."""
        self._access.check("labelled")
        return self._task.dialogue(sample, draw)

    def checklist(self, sample: Sample) -> Checklist | None:
        """The checklist made from a sample's wanted actions or reference dialogue; None where the task has
        none."""
        self._access.check("labelled")
        return self._task.checklist(sample)

    def wrong_answer(self, sample: Sample, rng: Random) -> Any | None:
        """An answer that is wrong for a sample held with its target, for adversaries in training; see
        `Task.wrong`."""
        self._access.check("labelled")
        return self._task.wrong(sample, rng)

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        """What the task makes of an outcome for a sample that the method holds with its target.

        Raises:
            Exception: whatever a broken grader raises.
        """
        return self._task.score(sample, outcome)

    def share(self, sample: Sample, outcome: Outcome) -> float | None:
        """Where the task's primary metric of an outcome lies in its range, from 0, the worst, to 1, the best;
        None where it can't be scored.

        Raises:
            Exception: whatever a broken grader raises.
        """
        score = self.score(sample, outcome)
        spec = self._task.spec
        if score.status != "ok":
            return None
        return spec.metric_ranges[spec.primary].share(score.metrics[spec.primary])

    def charge(self, purpose: str, usage: Usage) -> None:
        """Records what was spent past the gateway, such as rollouts and forward passes of training.

        Raises:
            UsageError: a number of it is none, below 0 or not finite.
            BudgetSpent: a limit of the run is reached; what was spent is recorded.
        """
        try:
            purpose, usage = text(purpose, "its purpose"), usage.checked()
        except Unfit as error:
            name = self._access.method.name
            raise UsageError(f"method {name!r} charges what nothing can cost: {error}") from None
        self._models.ledger.charge(purpose, usage, "", 0)
        self._models.budget.check(self._models.ledger.total)

    def afford(self, usage: Usage) -> None:
        """Whether what comes next, `usage` at most, fits below the limits of the run; to be asked before it
        is begun: `charge` alone passes a limit before it raises.

        Raises:
            BudgetSpent: it doesn't fit.
        """
        self._models.budget.check(self._models.ledger.total, more=usage)

    def asked(self) -> dict[str, Usage]:
        """What this run's models have taken so far, by purpose: a copy."""
        return {purpose: replace(usage) for purpose, usage in self._models.ledger.by_purpose.items()}

    def curve(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """The learning curve of `fit`, one row a step in the order of steps: `step` (0 is before training)
        and what is known of `rollouts`, `tokens`, `flops`, `wall_s` (all from the start), `reward`, `dev`
        (a score on the validation split, never on test; more is better), `difficulty` and `entropy`. It is
        sealed beside the record; a second call replaces the first.

        Raises:
            UsageError: a row has another shape, a number isn't finite, or a count falls.
        """
        from harness.learning_curve import checked

        try:
            self.learning_curve = checked(rows)
        except ValueError as error:
            name = self._access.method.name
            raise UsageError(f"the learning curve of method {name!r}: {error}") from None

    def task(self, name: str) -> Job:
        """The same run on another task, for a method that learns on one task and is measured on this one:
        that task's train and dev splits, its prompts, its grader. Never its test split. What is read there
        is counted in this run's record.

        Raises:
            UsageError: no such task.
            AccessError: the method didn't declare `labelled`.
        """
        self._access.check("labelled")
        return self._open_task(name)

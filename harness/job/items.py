"""What a job does with the item behind a question: the target stays in here."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.job.worlds import world_of
from harness.sample import Question, Sample, Splits

if TYPE_CHECKING:
    from harness.checklist import Checklist
    from harness.model.gateway import Model
    from harness.spec import MethodSpec
    from harness.task import Task
    from harness.world import World


class WithoutTargets(Sequence[Sample]):
    """Test items as a method may hold them: questions, each made when it is looked at."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._size = len(samples)
        self._question: Callable[[int], Question] = lambda n: samples[n].question

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(self._size))]
        return Sample(self._question(range(self._size)[index]), None)


def for_method(splits: Splits, method: MethodSpec) -> Splits:
    """The splits without targets of the test, and without what the method didn't declare."""
    declared = {*method.needs, *method.may_use}
    return replace(
        splits,
        test=WithoutTargets(splits.test),
        train=splits.train if "labelled" in declared else (),
        dev=splits.dev if "dev" in declared else (),
        pool=splits.pool if "pool" in declared else (),
        history=None,  # it is had by the question, see `Pasts`
    )


class OfItems:
    """What a task makes of the items of the test for a method that holds their questions. The samples are
    held by its functions alone."""

    __slots__ = ("checklist", "evidence", "facts", "world", "wrong")

    def __init__(self, task: Task, test: Sequence[Sample]) -> None:
        known: dict[str, Sample] = {}

        def sample(question: Question) -> Sample:
            if not known:
                known.update((each.id, each) for each in test)
            return replace(known[question.id], question=question)

        def world(question: Question, role: Callable[[str], Model], has_role: Callable[[str], bool]) -> World:
            return world_of(task, sample(question), role, has_role)

        def wrong(question: Question, rng: random.Random) -> Any | None:
            return task.wrong(sample(question), rng)

        def checklist(question: Question) -> Checklist | None:
            return task.checklist(sample(question))

        def evidence(question: Question) -> list[str]:
            return list(task.evidence(sample(question)))

        def facts(question: Question) -> list[str]:
            brief = task.brief(sample(question))
            return [] if brief is None else [each.name for each in brief.facts if each.name in brief.wanted]

        self.world, self.wrong, self.checklist = world, wrong, checklist
        self.evidence, self.facts = evidence, facts

"""What a job tells of the targets of a test, for ceilings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.job.access import Counts
from harness.job.items import OfItems
from harness.sample import Question

if TYPE_CHECKING:
    from harness.checklist import Checklist


class Ceilings:
    """The part of `Job` that sees targets: the record counts it (`targets_seen`), and a board gives no place
    to a row that saw some."""

    _items: OfItems

    @property
    def access(self) -> Counts:
        """How much was read, by name."""
        raise NotImplementedError

    def oracle_checklist(self, question: Question) -> Checklist | None:
        """The checklist made from the wanted actions of the question's own item."""
        self._saw_target()
        return self._items.checklist(question)

    def oracle_evidence(self, question: Question) -> list[str]:
        """The ids of the documents that the question's answer rests on; empty where the task doesn't know
        them."""
        self._saw_target()
        return self._items.evidence(question)

    def oracle_facts(self, question: Question) -> list[str]:
        """The names of what the human of a team knows and the question's goal needs; empty where there is no
        human."""
        self._saw_target()
        return self._items.facts(question)

    def _saw_target(self) -> None:
        self.access.read("targets_seen", self.access.get("targets_seen", 0) + 1)

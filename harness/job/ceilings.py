"""What a job tells of targets, for ceilings: counted, labelled, and given no rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.checklist import Checklist
    from harness.job.access import Counts
    from harness.job.items import OfItems
    from harness.sample import Question


class Ceilings:
    """The part of `Job` that reads targets of the test."""

    _items: OfItems

    @property
    def access(self) -> Counts:
        """How much the method read of what it declared, by name, for its record; it may add counts."""
        raise NotImplementedError

    def oracle_checklist(self, question: Question) -> Checklist | None:
        """The checklist made from the wanted actions of the question's own item, for a ceiling: the record
        counts it (`targets_seen`), and a board gives no place to a row that saw targets."""
        self.access.read("targets_seen", self.access.get("targets_seen", 0) + 1)
        return self._items.checklist(question)

    def oracle_evidence(self, question: Question) -> list[str]:
        """The ids of the documents that the question's answer rests on, for a ceiling: counted and labelled
        like `oracle_checklist`. Empty where the task doesn't know them."""
        self.access.read("targets_seen", self.access.get("targets_seen", 0) + 1)
        return self._items.evidence(question)

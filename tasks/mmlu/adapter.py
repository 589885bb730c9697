"""MMLU as a whole and by subject, and what its methods may learn from.

Key of `settings`, beside those of the choices: `subject`, for a task of one subject.

`auxiliary_train` (99,842 questions of other sets) is read where the copy of the data has it and `train` asks
for it; else the training questions are MMLU's own, of all subjects: its 285 dev questions and the validation
questions, of which a tenth (of one subject's task: those of the subject) stay the dev split.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

from harness.base.errors import DataError
from harness.sample import LazySamples, Sample, Splits
from harness.tasks.choices.adapter import Questions, by_content, mixed, rank, without
from harness.tasks.choices.rows import Item
from harness.tasks.mmlu.subjects import DOMAINS

if TYPE_CHECKING:
    from harness.data.hub import Data, Rows

LOG = logging.getLogger("harness.tasks.mmlu")
#: the share of the validation questions that is the dev split where the others are trained on
DEV_SHARE = 0.1


class MMLU(Questions):
    """All subjects, or the one of `settings`."""

    @property
    def subject(self) -> str | None:
        """The subject that is asked about, None for all of them."""
        return self.spec.settings.get("subject")

    def load(self, data: Data) -> Splits:
        every = self.items(data, "validation")
        held = self._asked(every)
        if self.args.get("protocol", "whole") == "todycomm":
            test = by_content(held, self.spec.settings["todycomm"]["test"])
        else:
            test = self._asked(self.items(data, "test"))
        if not test:
            raise DataError(f"{self.spec.name}: {self.spec.data['test'].id} has no question of it")
        held = without(held, test)
        if self._from_auxiliary(data):
            train = self._auxiliary(data, [*test, *held])
            return Splits(self.samples(mixed(test)), train, dev=self.samples(held))
        dev = held if self.subject else by_content(held, round(DEV_SHARE * len(held)) or 1)
        return self.splits(test, dev, [*self.items(data, "few"), *every])

    def _asked(self, items: Sequence[Item]) -> list[Item]:
        """The items of the task's subject; those of a subject's own task need no category but that, and
        their rows are those of the subject's own files."""
        if self.subject is None:
            return list(items)
        own = [item for item in items if item.categories[0] == self.subject]
        return [replace(item, categories=(self.subject,), row=row) for row, item in enumerate(own)]

    def _from_auxiliary(self, data: Data) -> bool:
        pin, wanted = self.spec.data["auxiliary"], self.args["train"]
        if wanted == "own":
            return False
        if pin.split in data.splits(pin):
            return True
        if wanted == "auxiliary":
            raise DataError(
                f"{self.spec.name}: this copy of {pin.id} has no {pin.split}; complete it, or take "
                "-T train=own"
            )
        LOG.warning(
            "%s: this copy of %s has no %s, so methods learn from MMLU's own dev and validation questions "
            "(-T train=own)",
            self.spec.name,
            pin.id,
            pin.split,
        )
        return False

    def items(self, data: Data, name: str) -> list[Item]:
        """The questions of one split, named by subject and place in it.

        Raises:
            DataError: a row has another shape.
        """
        seen: Counter[str] = Counter()
        found = []
        for item in super().items(data, name):
            subject = "".join(item.categories)
            if subject not in DOMAINS:
                raise DataError(f"{self.spec.name}: {item.id} is of {subject!r}, which is no subject of MMLU")
            place = f"{subject}-{seen[subject]}"
            own = place if name == "test" else f"{name}-{place}"
            found.append(replace(item, id=own, categories=(subject, DOMAINS[subject])))
            seen[subject] += 1
        return found

    def _auxiliary(self, data: Data, others: Iterable[Item]) -> Sequence[Sample]:
        """The questions of auxiliary_train that aren't among the others; of the smaller protocol as many as
        it takes. They have no subject."""
        rows = data.rows(self.spec.data["auxiliary"], self.columns)
        held = {item.key for item in others}
        keys = ((index, self._trained(index, row).key) for index, row in enumerate(rows))
        ranked = [(rank(key), index) for index, key in keys if key not in held]
        if self.args.get("protocol", "whole") == "todycomm":
            ranked = sorted(ranked)[: self.spec.settings["todycomm"]["train"]]
        places = sorted(index for _, index in ranked)
        return LazySamples(Places(rows, places), lambda _, found: self._trained(*found).sample(self.letters))

    def _trained(self, index: int, row: Mapping[str, Any]) -> Item:
        try:
            return self.item(f"auxiliary-{index}", row, index)
        except DataError as error:
            raise DataError(f"{self.spec.name}: row {index} of auxiliary_train: {error}") from None


class Places(Sequence[tuple[int, Mapping[str, Any]]]):
    """Some rows of a table, each with its place in it; nothing is read before it is looked at."""

    def __init__(self, rows: Rows, places: Sequence[int]) -> None:
        self._rows, self._places = rows, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> tuple[int, Mapping[str, Any]]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[int, Mapping[str, Any]]]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self._places[index], self._rows[self._places[index]]

    def __iter__(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        for place, row in enumerate(self._rows):  # in one pass, which is faster than one by one
            at = bisect_left(self._places, place)
            if at < len(self._places) and self._places[at] == place:
                yield place, row

"""`classify/custom`: classification of the user's own rows, one label each or several."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.answers import Reading
from harness.base.errors import DataError, UsageError
from harness.data.cells import label_text
from harness.sample import Classes, LazySamples, Question, Sample, Splits
from harness.spec import TaskSpec
from harness.tasks.custom import multilabel
from harness.tasks.custom.label_checks import warn_of_labels
from harness.tasks.custom.lists import cell_labels
from harness.tasks.custom.source import (
    Source,
    check_distinct_ids,
    check_groups,
    warn_of_left_out,
)
from harness.tasks.intent.adapter import (
    Classification,
    Row,
    dev_slice,
    in_order,
    label_set,
    one_label,
    without_texts,
)

if TYPE_CHECKING:
    from harness.data.hub import Data, Rows


class CustomClassification(Classification):
    """`classify/custom`. With `labels` a row has several labels, or none: target and answer are JSON lists of
    them, so that equal sets are equal texts."""

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        self.several = bool(args["labels"])
        self.column = args["labels"] or args["label"]
        if self.several:
            self.instruction, self.closing = multilabel.INSTRUCTION, multilabel.CLOSING
        self.instruction = args["instruction"] or self.instruction
        if args["oos"]:
            self.hint = f"The label {args['oos']} means out of scope: none of the other labels fits."

    @property
    def classes(self) -> Classes:
        return Classes(self.several, self.args["oos"] or None)

    def read(self, text: str, question: Question) -> Reading:
        if self.several:
            return multilabel.read_labels(text, question.choices)
        return super().read(text, question)

    def load(self, data: Data) -> Splits:
        self._check_arguments()
        args, source = self.args, Source(self.spec.name, self.args)
        columns = [args["text"], self.column]
        test = self._rows(source, source.test(data, columns), None)
        if not test:
            raise DataError(f"{args['data']} has no row with both {' and '.join(columns)}")
        check_distinct_ids([row.id for row in test], self.spec.name, args["id"])
        check_groups([row.group for row in test], self.spec.name, args["group"])
        labelled: list[Row] = []
        if args["train"]:
            labelled = self._rows(source, source.other(data, "train", columns), "train")
        choices = self._label_set([*test, *labelled])
        check_scope(self.spec.name, args["oos"], choices, {row.label for row in test})
        warn_of_labels(self.spec.name, *([(r.text, self._of(r)) for r in rows] for rows in (test, labelled)))
        left = without_texts(labelled, test)
        if labelled and not left:
            raise UsageError(
                f"{self.spec.name}: every text of train={args['train']} is also in "
                "the test set; give other rows to train on"
            )
        dev = self._dev(left)
        train = without_texts(left, dev)
        pool = [] if self.several else train  # methods that label a pool give a text one label
        if args["pool"] and args["pool"] != args["train"]:
            rows = source.other(data, "pool", columns[:1])
            pool = without_texts(self._rows(source, rows, "pool"), [*test, *dev])
        return Splits(
            test=[self._sample(row, choices) for row in test],
            train=LazySamples(train, lambda _, row: self._sample(row, choices)),
            pool=[row.question(choices) for row in pool],
            dev=[self._sample(row, choices) for row in dev],
        )

    def _check_arguments(self) -> None:
        args, name = self.args, self.spec.name
        if self.several and args["oos"]:
            raise UsageError(f"{name}: oos= is for one label a row; with labels= a row may have none")
        if self.several and args["pool"]:
            raise UsageError(f"{name}: pool= is for one label a row; methods that label a pool give one each")
        if self.several and args["label"] not in ("label", self.column):
            raise UsageError(f"{name}: give label= for one label a row or labels= for several, not both")
        if args["label_separator"] and not self.several:
            raise UsageError(f"{name}: label_separator= needs labels=COLUMN, the column of several labels")

    def _of(self, row: Row) -> tuple[str, ...]:
        """The labels of a row."""
        return tuple(json.loads(row.label)) if self.several else (row.label,)

    def _label_set(self, rows: Sequence[Row]) -> tuple[str, ...]:
        if not self.several:
            return label_set(rows)
        found = in_order({label for row in rows for label in self._of(row)})
        if not found:
            raise DataError(f"no row of {self.args['data']} has a label in the column {self.column!r}")
        return found

    def _dev(self, rows: Sequence[Row]) -> list[Row]:
        """A part of the training rows: of each label's, or of all where rows have several."""
        share, most = self.spec.settings["dev_share"], self.spec.settings["dev_most"]
        if not self.several:
            return dev_slice(rows, share, most)
        chosen = {row.id for row in dev_slice([replace(row, label="") for row in rows], share, most)}
        return [row for row in rows if row.id in chosen]

    def _sample(self, row: Row, choices: tuple[str, ...]) -> Sample:
        made = row.sample(choices)
        return replace(made, shot="; ".join(self._of(row)) or multilabel.EMPTY) if self.several else made

    def _rows(self, source: Source, rows: Rows, part: str | None) -> list[Row]:
        """Rows with a text and, but for the pool, a label. `part` is in the ids of all but test."""
        text = self.args["text"]
        names = rows.features(self.column)
        kept = []
        for index, row in enumerate(rows):
            said = source.text(row, text, index)
            found = "" if part == "pool" else self._label(row[self.column], names)
            if said and (found or part == "pool"):
                name = f"{part}-{index}" if part else source.row_id(row, index)
                group = None if part else source.group(row, index)
                kept.append(Row(name, said, found or "", None if part else index, group))
        warn_of_left_out(self.spec.name, part or "test", len(rows), len(kept))
        return kept

    def _label(self, value: Any, names: Sequence[str] | None) -> str | None:
        if self.several:
            found = cell_labels(value, self.args["label_separator"])
            if found is None:
                raise UsageError(
                    f"{self.spec.name}: the column {self.column!r} holds texts such as {str(value)[:40]!r}; "
                    "say what stands between labels with -T label_separator=';'"
                )
            return multilabel.written(found)
        if isinstance(value, (list, tuple)) and len(value) > 1:
            raise DataError(
                f"the column {self.column!r} holds several labels in a row; "
                f"-T labels={self.column} scores them as a set"
            )
        if isinstance(value, (list, tuple)):
            value = value[0] if value else None
        if names is not None and isinstance(value, int):
            return one_label(value, names)
        return label_text(value) or None


def check_scope(task: str, scope: str, choices: Sequence[str], tested: Collection[str]) -> None:
    """Whether the label for what is out of scope is one of the data's.

    Raises:
        UsageError: it is none of them, or no test row has it.
    """
    if scope and scope not in choices:
        known = ", ".join(choices[:8]) + (", ..." if len(choices) > 8 else "")
        raise UsageError(f"{task}: oos={scope!r} is no label of the data, which has: {known}")
    if scope and scope not in tested:
        raise UsageError(f"{task}: no test row has the label oos={scope!r}, so nothing is out of scope there")

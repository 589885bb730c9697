"""`classify/custom`: classification of the user's own rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.base.errors import DataError, UsageError
from harness.sample import LazySamples, Splits
from harness.spec import TaskSpec
from harness.tasks.custom.source import Source, cell_text, count_left_out, distinct_ids, label_text
from harness.tasks.intent.adapter import (
    Classification,
    Row,
    dev_slice,
    label_set,
    one_label,
    without_texts,
)

if TYPE_CHECKING:
    from harness.data.hub import Data, Rows


class CustomClassification(Classification):
    """`classify/custom`."""

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        self.instruction = args["instruction"] or self.instruction

    def load(self, data: Data) -> Splits:
        args, source = self.args, Source(self.spec.name, self.args)
        columns = [args["text"], args["label"]]
        test = self._rows(source, source.test(data, columns), None)
        if not test:
            raise DataError(f"{args['data']} has no row with both {' and '.join(columns)}")
        distinct_ids([row.id for row in test], self.spec.name, args["id"])
        labelled: list[Row] = []
        if args["train"]:
            labelled = self._rows(source, source.other(data, "train", columns), "train")
        choices = label_set([*test, *labelled])
        left = without_texts(labelled, test)
        if labelled and not left:
            raise UsageError(
                f"{self.spec.name}: every text of train={args['train']} is also in "
                "the test set; give other rows to train on"
            )
        settings = self.spec.settings
        dev = dev_slice(left, settings["dev_share"], settings["dev_most"])
        train = without_texts(left, dev)
        pool = train
        if args["pool"] and args["pool"] != args["train"]:
            rows = source.other(data, "pool", columns[:1])
            pool = without_texts(self._rows(source, rows, "pool"), [*test, *dev])
        return Splits(
            test=[row.sample(choices) for row in test],
            train=LazySamples(train, lambda _, row: row.sample(choices)),
            pool=[row.question(choices) for row in pool],
            dev=[row.sample(choices) for row in dev],
        )

    def _rows(self, source: Source, rows: Rows, part: str | None) -> list[Row]:
        """Rows with a text and, but for the pool, a label. `part` is in the ids of all but test."""
        text, label = self.args["text"], self.args["label"]
        names = rows.features(label)
        kept = []
        for index, row in enumerate(rows):
            said = cell_text(row[text])
            found = "" if part == "pool" else self._label(row[label], names)
            if said and (found or part == "pool"):
                name = f"{part}-{index}" if part else source.row_id(row, index)
                kept.append(Row(name, said, found or "", None if part else index))
        count_left_out(self.spec.name, part or "test", len(rows), len(kept))
        return kept

    def _label(self, value: Any, names: Sequence[str] | None) -> str | None:
        if isinstance(value, (list, tuple)) and len(value) > 1:
            raise DataError(
                f"the column {self.args['label']!r} holds several labels in a row; "
                "classify/custom scores one label a row"
            )
        if isinstance(value, (list, tuple)):
            value = value[0] if value else None
        if names is not None and isinstance(value, int):
            return one_label(value, names)
        return label_text(value) or None
